"""The files that a message brings: attached, in forwarded messages, in zip archives."""

import re
from collections.abc import Iterator
from dataclasses import field
from email import message_from_bytes
from email.message import Message
from pathlib import PurePosixPath

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mailbox import archives
from agentflow_tui.mailbox.headers import AnyMessage, decoded, header_text
from agentflow_tui.mailbox.limits import AttachmentLimits
from agentflow_tui.text import plural

UNNAMED = {
    "text/csv": "attachment.csv",
    "application/csv": "attachment.csv",
    "application/vnd.ms-excel": "attachment.xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "attachment.xlsx",
    "application/zip": "attachment.zip",
    "application/x-zip-compressed": "attachment.zip",
}
"""What a file is called that comes without a name, by its type; others are no files."""

LONGEST_NAME = 60
"""Characters of a file's name that are kept, its ending among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file in a message. ``within`` are the messages and archives that it is in, the outermost
    first."""

    name: str
    content: bytes = field(repr=False)
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutFile:
    """A file, or a part of a message, that cannot be taken, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class AttachmentReader:
    """Goes through one message, and keeps count of what it has brought."""

    limits: AttachmentLimits
    parts: int = 0
    files: int = 0
    size: int = 0

    def files_in(self, message: AnyMessage) -> Iterator[FoundFile | LeftOutFile]:
        """Every file of a message, in its order. Ends at the limits, with a note."""
        stack: list[tuple[AnyMessage, tuple[str, ...], int]] = [(message, (), 0)]
        while stack:
            part, within, depth = stack.pop()
            self.parts += 1
            if depth > self.limits.depth or self.parts > self.limits.parts:
                yield LeftOutFile(name="", reason="the message has too many parts in each other")
                return
            if inner := _inner_parts(part):
                if part.get_content_type() == "message/rfc822":
                    within = (*within, header_text(inner[0], "Subject") or "forwarded message")
                stack += [(each, within, depth + 1) for each in reversed(inner)]
                continue
            name, content = _name_of(part), _content_of(part)
            if name is None:
                continue
            if name.lower().endswith(".eml"):
                stack.append((message_from_bytes(content), (*within, name), depth + 1))
                continue
            for found in self._unpacked(name, content, within):
                yield found
                if self.files > self.limits.files or self.size > self.limits.total:
                    return

    def _unpacked(
        self, name: str, content: bytes, within: tuple[str, ...]
    ) -> Iterator[FoundFile | LeftOutFile]:
        """The file, or the files in it where it is an archive."""
        if not archives.is_archive(name, content):
            yield self._taken(FoundFile(name=name, content=content, within=within))
            return
        try:
            for entry in archives.entries(content, self.limits):
                left = min(self.limits.file, self.limits.total - self.size)
                yield self._entry(entry, left, (*within, name))
        except archives.BadArchiveError as error:
            yield LeftOutFile(name=name, reason=str(error))

    def _entry(
        self, entry: archives.ArchiveEntry, most: int, within: tuple[str, ...]
    ) -> FoundFile | LeftOutFile:
        name = file_name(entry.name)
        try:
            content = entry.read(most)
        except archives.BadArchiveError as error:
            return LeftOutFile(name=name, reason=str(error))
        if archives.is_archive(name, content):
            return LeftOutFile(name=name, reason="it is an archive inside an archive")
        return self._taken(FoundFile(name=name, content=content, within=within))

    def _taken(self, file: FoundFile) -> FoundFile | LeftOutFile:
        self.files += 1
        self.size += len(file.content)
        if self.files > self.limits.files:
            most = plural(self.limits.files, "file")
            return LeftOutFile(name=file.name, reason=f"a message may bring {most} at most")
        if self.size > self.limits.total:
            return LeftOutFile(name=file.name, reason="the message brings too much")
        return file


def _inner_parts(part: AnyMessage) -> list[AnyMessage]:
    """The parts or the message in a part; none of a file."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    inner: list[AnyMessage] = [each for each in payload if isinstance(each, Message)]
    is_message = part.get_content_type() == "message/rfc822"
    encoding = str(part.get("Content-Transfer-Encoding") or "").strip().lower()
    if is_message and len(inner) == 1 and encoding in ("base64", "quoted-printable"):
        # not allowed, and done: the parser takes the encoded text for the message
        wrapped: AnyMessage = inner[0]
        if not wrapped.keys():
            wrapped["Content-Transfer-Encoding"] = encoding
            return [message_from_bytes(_content_of(wrapped))]
    return inner


def _content_of(part: AnyMessage) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError):  # an encoding that is none
        content = None
    return content if isinstance(content, bytes) else b""


def _name_of(part: AnyMessage) -> str | None:
    """What a part is called as a file; None where it is no file but the message's own text."""
    try:
        given = part.get_filename()
    except (ValueError, LookupError, TypeError, AttributeError):
        given = None
    if given:
        return file_name(decoded(str(given)))
    if unnamed := UNNAMED.get(part.get_content_type()):
        return unnamed
    is_attached = str(part.get("Content-Disposition") or "").lower().startswith("attachment")
    return "attachment" if is_attached else None


def file_name(text: str) -> str:
    """A name that is safe for files: no folder, no control character, not too long."""
    last = re.split(r"[/\\]", text)[-1]
    name = re.sub(r"[^\w .,()&+@#=-]", "_", last).strip(" .")
    if len(name) <= LONGEST_NAME:
        return name or "attachment"
    suffix = PurePosixPath(name).suffix[:10]
    return name[: LONGEST_NAME - len(suffix)] + suffix
