"""The commands and the content by which one envelope is handed to a relay (RFC 5321, 6531)."""

from enum import IntEnum

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.answers import Answer
from agentflow_tui.mail.envelopes import Envelope


class SmtpStep(IntEnum):
    """One thing said to a relay, for which one reply is expected."""

    RESET = 0
    MAIL = 1
    RECIPIENT = 2
    DATA = 3
    FINAL = 4
    """The content and its final dot."""
    NO_CONTENT = 5
    """A final dot without content, where every recipient was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EsmtpFeatures:
    """What the relay said to EHLO that matters here; ``size`` in bytes, 0 for no stated limit."""

    pipelining: bool = False
    size: int = 0
    eight_bit: bool = False
    utf8: bool = False
    has_size: bool = False


def unsendable(envelope: Envelope, features: EsmtpFeatures) -> Answer | None:
    """Why a relay with these features takes no such message, None when it may."""
    size = len(envelope.message)
    if features.size and size > features.size:
        why = f"the message has {size:,} bytes, the relay takes {features.size:,}."
        return Answer(552, f"5.3.4 Not sent: {why}")
    if envelope.needs_utf8 and not features.utf8:
        why = "an address has letters that need SMTPUTF8, which the relay does not offer."
        return Answer(553, f"5.6.7 Not sent: {why}")
    if not (features.eight_bit or envelope.message.isascii()):
        why = "the message is not ASCII, and the relay does not offer 8BITMIME."
        return Answer(554, f"5.6.3 Not sent: {why}")
    return None


def transaction(
    envelope: Envelope, features: EsmtpFeatures, *, reset: bool
) -> list[tuple[SmtpStep, bytes]]:
    """The commands before the content; ``reset`` first takes back an unfinished envelope."""
    script = [(SmtpStep.RESET, b"RSET\r\n")] if reset else []
    script.append((SmtpStep.MAIL, _mail_from(envelope, features)))
    script += [
        (SmtpStep.RECIPIENT, b"RCPT TO:<%b>\r\n" % each.encode()) for each in envelope.recipients
    ]
    script.append((SmtpStep.DATA, b"DATA\r\n"))
    return script


def _mail_from(envelope: Envelope, features: EsmtpFeatures) -> bytes:
    options = b" SIZE=%d" % len(envelope.message) if features.has_size else b""
    if not envelope.message.isascii():
        options += b" BODY=8BITMIME"
    if envelope.needs_utf8:
        options += b" SMTPUTF8"
    return b"MAIL FROM:<%b>%b\r\n" % (envelope.sender.encode(), options)


def content(envelope: Envelope) -> bytes:
    """The message with its dots stuffed (RFC 5321 4.5.2) and the final dot after it."""
    message = envelope.message
    if b"\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message + b".\r\n"
