"""A message as its row holds it: the one way in for what is sent and for what is shown of it."""

from datetime import datetime

from agentflow_tui.documents import (
    Entries,
    Recipient,
    as_attachments,
    as_recipients,
    read,
    text_format,
)
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message.messages import OutgoingMail

LONGEST_DOCUMENT = 120_000_000
"""Characters read of recipients, attachments and receipts. As numbers in a list, the 25 MB that a
mail may carry take 100 MB."""


def stored_recipients(raw: str | None) -> Entries[Recipient]:
    """All recipients of the column's text."""
    return as_recipients(read(raw, limit=LONGEST_DOCUMENT), most=None)


def stored_mail(
    mail_id: str,
    *,
    subject: str | None,
    body: str | None,
    recipients: Entries[Recipient],
    raw_recipients: str | None,
    raw_attachments: str | None,
    date: datetime,
    html: str | None = None,
) -> OutgoingMail:
    """The mail that the columns of ``emails`` make; ``recipients`` are `stored_recipients`.
    ``html`` is the body as HTML where there is a column for it, ``body`` then its text.

    Raises `MessageError`.
    """
    says_format = raw_recipients is not None and "ormat" in raw_recipients
    attached = as_attachments(
        read(None if has_no_attachments(raw_attachments) else raw_attachments, LONGEST_DOCUMENT)
    )
    if attached.problem:
        raise MessageError(f"The attachments cannot be used: {attached.problem}.")
    return OutgoingMail(
        id=mail_id,
        subject=subject or "",
        body=html or body or "",
        text=(body or "") if html else "",
        recipients=recipients,
        date=date,
        format="html"
        if html
        else text_format(read(raw_recipients, LONGEST_DOCUMENT))
        if says_format
        else "",
        attachments=attached,
    )


def has_no_attachments(raw: str | None) -> bool:
    """Whether the column's text holds none, as can be told without parsing it."""
    return not raw or raw == "[]"
