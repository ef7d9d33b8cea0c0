"""Mails to build and parse in tests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import Parser

from agentflow_tui.documents import Attachment, Recipient
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.message import addresses
from agentflow_tui.mail.message.messages import OutgoingMail, SenderIdentity, compose

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LETTERHEAD = SenderIdentity(sender=addresses.parse("AgentFlow <reports@acme.test>"))


def mail(
    *recipients: str | Recipient,
    subject: str = "Weekly report",
    body: str = "Hello Bob,\n\nall is well.\n",
    attachments: Sequence[Attachment] = (),
    id: str = "5f0c9f5e-6a0e-4d1c-9b51-2f4f4f0a7c11",  # noqa: A002 - the field's name
) -> OutgoingMail:
    to = [Recipient(address=each) if isinstance(each, str) else each for each in recipients]
    return OutgoingMail(
        id=id, subject=subject, body=body, recipients=to, date=MOMENT, attachments=attachments
    )


def envelope(*recipients: str, number: int = 0, body: str = "Hello\n") -> Envelope:
    who = recipients or ("bob@acme.test",)
    return compose(mail(*who, body=body, id=f"mail-{number}"), LETTERHEAD)


def parsed(message: bytes) -> EmailMessage:
    return Parser(EmailMessage, policy=policy.default).parsestr(message.decode())


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")
