"""A finished message told back for people, read from the very bytes that will be sent."""

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import Parser

from agentflow_tui.mail.envelopes import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedAttachment:
    """One attachment; ``size`` in bytes as the recipient saves it."""

    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Headers decoded, in their order; ``html`` is empty for a text mail.

    Nothing in here is safe for a terminal yet: it is what the database holds.
    """

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[PreviewedAttachment, ...]
    size: int


def headers_and_body(envelope: Envelope) -> Preview:
    """What the recipients of ``envelope`` will see."""
    text = envelope.message.decode("utf-8", "replace")  # as text, for headers that are UTF-8
    message = Parser(EmailMessage, policy=policy.default).parsestr(text)
    return Preview(
        headers=tuple((name, str(value)) for name, value in message.items()),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=tuple(_attached(part) for part in message.iter_attachments()),
        size=len(envelope.message),
    )


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
