"""A preview of a mail, read from the very bytes that will be sent."""

from collections.abc import Mapping
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import Parser
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Attachment
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import attachments
from agentflow_tui.mail.message.attachments import AttachedFile
from agentflow_tui.mail.message.messages import OutgoingMail, SenderIdentity, draft


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedAttachment:
    """One attachment; ``size`` in bytes as the recipient saves it."""

    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Headers decoded, in their order; ``html`` is empty for a text mail.

    ``problems`` say what keeps it, or some of it, from leaving; what they are about is left out.
    Nothing in here is safe for a terminal yet: it is what the database holds.
    """

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[PreviewedAttachment, ...]
    size: int
    problems: tuple[str, ...] = ()


def preview(
    mail: OutgoingMail,
    identity: SenderIdentity,
    *,
    folder: Path | None = None,
    reports: Mapping[str, AttachedFile] | None = None,
) -> Preview:
    """What the recipients of ``mail`` will see. Reads files, as `messages.compose` does."""
    problems: list[str] = []
    try:
        message, wrong = draft(mail, identity, folder=folder, reports=reports)
    except MessageError as error:
        problems.append(str(error))
        usable = [each for each in mail.attachments if _loads(each, folder, reports, problems)]
        if len(usable) == len(mail.attachments):  # each by itself, but not all together
            usable = []
        without = replace(mail, attachments=usable)
        message, wrong = draft(without, identity, folder=folder, reports=reports)
    found = told(message)
    return replace(found, problems=tuple(dict.fromkeys([*problems, *wrong])))


def _loads(
    entry: Attachment,
    folder: Path | None,
    reports: Mapping[str, AttachedFile] | None,
    problems: list[str],
) -> bool:
    try:
        attachments.load(entry, folder, reports or {})
    except MessageError as error:
        problems.append(str(error))
        return False
    return True


def told(message: bytes) -> Preview:
    """A finished message as its reader sees it."""
    text = message.decode("utf-8", "replace")  # as text, for headers that are UTF-8
    parsed = Parser(EmailMessage, policy=policy.default).parsestr(text)
    return Preview(
        headers=tuple((name, str(value)) for name, value in parsed.items()),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
        attachments=tuple(_attached(part) for part in _files(parsed)),
        size=len(message),
    )


def _files(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.walk() if part.get_content_disposition()]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""


def _attached(part: EmailMessage) -> PreviewedAttachment:
    content = part.get_payload(decode=True)
    return PreviewedAttachment(
        filename=part.get_filename(""),
        content_type=part.get_content_type(),
        size=len(content) if isinstance(content, bytes) else 0,
    )
