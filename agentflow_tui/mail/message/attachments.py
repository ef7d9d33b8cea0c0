"""Files that go with a message: from the configured folder, from the row itself, from a report."""

import binascii
import mimetypes
import os
import re
import stat
from base64 import b64decode, encodebytes
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from urllib.parse import unquote

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Attachment
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import headers
from agentflow_tui.mail.message.addresses import shown
from agentflow_tui.text import size

LARGEST = 25_000_000
"""Bytes of all attachments of one mail, before base64 adds a third; relays take little more."""

_PARAMETER = re.compile(
    r"(?<![A-Za-z0-9-])(?!(?:file)?name\b)[A-Za-z0-9-]{1,40}="
    r"(?:[A-Za-z0-9._+-]{1,60}|\"[ !#-\[\]-~]{1,60}\")"
)
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFile:
    """Content ready to be attached."""

    filename: str
    content: bytes = field(repr=False)
    content_type: str = ""
    content_id: str = ""
    inline: bool = False
    alternative: bool = False

    @property
    def is_shown(self) -> bool:
        """Whether HTML shows it by its content id."""
        return self.inline and bool(self.content_id)


def load(
    entry: Attachment, folder: Path | None, reports: Mapping[str, AttachedFile]
) -> AttachedFile:
    """The bytes of one entry of ``emails.attachments``. Reads the disk. Raises `MessageError`.

    A path counts inside ``folder`` only; ``reports`` holds the files of the reports that entries
    name, by the report's id, loaded by the caller (`from_folder` for ``reports.filePath``).
    """
    if entry.problem:
        raise MessageError(f"{_called(entry.filename)} cannot be sent: {entry.problem}.")
    if entry.report_id:
        if entry.report_id not in reports:
            raise MessageError(f"The report {shown(entry.report_id)} has no file to attach.")
        found = reports[entry.report_id]
    elif entry.content is not None:
        found = AttachedFile(filename=entry.filename, content=_decoded(entry))
    else:
        found = from_folder(entry.path, folder)
    return AttachedFile(
        filename=entry.filename or found.filename,
        content=found.content,
        content_type=entry.content_type or found.content_type,
        content_id=entry.content_id,
        inline=entry.inline or bool(entry.content_id),
        alternative=entry.alternative,
    )


def from_folder(path: str, folder: Path | None) -> AttachedFile:
    """A file inside ``folder``, whichever way links lead. Raises `MessageError`."""
    if folder is None:
        raise MessageError(
            f"The attachment {shown(path)} cannot be read: no folder for attachments is set."
        )
    try:
        root = folder.resolve(strict=True)
        real = (root / path).resolve(strict=True)
        if not real.is_relative_to(root):
            raise MessageError(f"The attachment {shown(path)} is outside the attachments folder.")
        return AttachedFile(filename=Path(path).name, content=_content(real, path))
    except (OSError, ValueError, RuntimeError) as error:  # ValueError: NUL; RuntimeError: a loop
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such path"
        raise MessageError(f"The attachment {shown(path)} cannot be read: {reason}.") from None


def _content(real: Path, path: str) -> bytes:
    # Not blocking: opening a named pipe would wait for its writer for ever.
    with os.fdopen(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as opened:
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise MessageError(f"The attachment {shown(path)} is not a file.")
        if about.st_size > LARGEST:
            raise too_large(about.st_size)
        return opened.read(LARGEST + 1)


def _decoded(entry: Attachment) -> bytes:
    content = entry.content
    if isinstance(content, bytes):
        return content
    assert content is not None
    if content.startswith("data:"):
        return _data_url(entry, content)
    try:
        match entry.encoding.lower().replace("-", ""):
            case "base64":
                return _from_base64(content)
            case "hex":
                return bytes.fromhex(content)
            case "utf8" | "text" | "ascii" | "plain":
                return content.encode("utf-8", "replace")
            case "latin1" | "binary":
                return content.encode("latin-1", "replace")
    except ValueError:  # binascii.Error is one
        pass
    else:
        raise MessageError(
            f"{_called(entry.filename)} cannot be sent: unknown encoding {shown(entry.encoding)}."
        )
    raise MessageError(f"{_called(entry.filename)} cannot be sent: bad {entry.encoding}.")


def _from_base64(content: str) -> bytes:
    compact = "".join(content.split()).replace("-", "+").replace("_", "/")
    return b64decode(compact + "=" * (-len(compact) % 4), validate=True)


def _data_url(entry: Attachment, content: str) -> bytes:
    head, comma, data = content.partition(",")
    try:
        if comma:
            return _from_base64(data) if head.endswith(";base64") else unquote(data).encode()
    except binascii.Error:
        pass
    raise MessageError(f"{_called(entry.filename)} cannot be sent: bad data URL.")


def _called(filename: str) -> str:
    return f"The attachment {shown(filename)}" if filename else "An attachment"


def too_large(total: int) -> MessageError:
    return MessageError(f"The attachments have {size(total)}; at most {size(LARGEST)} can be sent.")


def part(file: AttachedFile) -> bytes:
    """A whole part of a message: headers, an empty line, base64. Ends with a line break."""
    name = _filename(file.filename)
    kind = _content_type(file.content_type, name)
    disposition = "inline" if file.inline else "attachment"
    content_id = re.sub(r"[^!-;=?-~]", "", file.content_id.strip("<>"))[:200]
    head = (
        f"Content-Type: {kind}\r\n"
        + (f"Content-ID: <{content_id}>\r\n" if content_id else "")
        + f"Content-Disposition: {disposition}{headers.parameter('filename', name)}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + encodebytes(file.content).replace(b"\n", b"\r\n")


def _filename(name: str) -> str:
    """The last part of a path, as one harmless line that no reader takes for a path."""
    name = headers.one_line(re.split(r"[/\\]", name)[-1])
    if len(name) > 150:
        stem, dot, ending = name.rpartition(".")
        short = dot and len(ending) <= 10
        name = f"{stem[: 149 - len(ending)]}.{ending}" if short else name[:150]
    return name.strip(". ") or "attachment"


def _content_type(wanted: str, filename: str) -> str:
    """Type and parameters; never ``message/…`` or ``multipart/…``, which RFC 2046 forbids to encode
    as base64."""
    kind, _, parameters = wanted.partition(";")
    kind = kind.strip().lower()
    if not _TYPE.fullmatch(kind):
        kind = mimetypes.guess_type(filename, strict=False)[0] or ""
    if not kind or kind.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    kept = [found[0] for found in _PARAMETER.finditer(headers.one_line(parameters))]
    return ";\r\n ".join([kind, *kept[:10]])
