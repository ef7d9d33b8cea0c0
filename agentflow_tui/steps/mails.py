"""``email``: a mail into the queue, in the transaction that commits the step."""

from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import (
    Document,
    Entries,
    Recipient,
    as_attachments,
    as_recipients,
)
from agentflow_tui.steps.calls import Call, StepMail, StepOutcome, mail_ids
from agentflow_tui.steps.configs import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailConfig:
    """Addresses are texts (``Bob <bob@example.com>``), lists of them, or ``{email, name}``.

    ``body`` is text or HTML; ``format`` says which, ``text`` or ``html``, else it is told by the
    body. ``attachments`` are what ``emails.attachments`` may hold. A higher
    ``priority`` leaves first.
    """

    to: str | list[Any]
    subject: str
    body: str
    cc: str | list[Any] | None = None
    bcc: str | list[Any] | None = None
    reply_to: str | list[Any] | None = None
    attachments: list[Any] | None = None
    priority: int = 0
    format: str | None = None

    def __post_init__(self) -> None:
        if self.format not in (None, "text", "html"):
            raise ValueError("format must be text or html")
        if not -(2**31) <= self.priority < 2**31:
            raise ValueError("priority must fit into an integer column")


async def email(call: Call[EmailConfig]) -> StepOutcome:
    """Queue one mail to everyone named. Its ids come from the step's key, so it is queued once."""
    config = call.config
    recipients = [
        {"email": found.address, **({"name": found.name} if found.name else {}), "type": kind}
        for kind, entry in (
            ("to", config.to),
            ("cc", config.cc),
            ("bcc", config.bcc),
            ("reply-to", config.reply_to),
        )
        for found in _addresses(kind, entry)
    ]
    if not recipients:
        raise ConfigError("config.to names nobody")
    mail = StepMail(
        subject=config.subject,
        body=config.body,
        recipients=tuple(recipients),
        attachments=_attachments(config.attachments),
        priority=config.priority,
        format=config.format or "",
    )
    email_id, queue_id = mail_ids(call.key, 0)
    result = {"emailId": email_id, "queueId": queue_id, "recipients": len(recipients)}
    return StepOutcome(result=result, mails=(mail,))


def _addresses(kind: str, entry: Any) -> Entries[Recipient]:
    found = as_recipients(Document(value=entry))
    if found.problem:
        raise ConfigError(f"config.{kind}: {found.problem}")
    return found


def _attachments(entries: list[Any] | None) -> tuple[Any, ...]:
    found = as_attachments(Document(value=entries or []))
    problem = found.problem or next((each.problem for each in found if each.problem), None)
    if problem:
        raise ConfigError(f"config.attachments: {problem}")
    return tuple(entries or ())
