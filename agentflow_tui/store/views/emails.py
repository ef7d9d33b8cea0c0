"""Mail: the queue and the messages."""

from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern
from agentflow_tui.retries import next_try
from agentflow_tui.schema import EMAIL_QUEUE, EMAILS, Kind
from agentflow_tui.store.reading.listings import Computed, joined, listing, stored
from agentflow_tui.store.schema.accelerators import domain_of
from agentflow_tui.store.views.failures import error_group
from agentflow_tui.store.views.people import join_owner, owner

_ADDRESS = pattern(r"[^\s\"'<>,;:\[\]{}()\\]+@[^\s\"'<>,;:\[\]{}()\\]+")
_HEAD = 500
"""Characters of a JSON column that a list fetches."""


def first_address(recipients: str | None) -> str:
    """The first address in a recipients column of any shape, or ``""``."""
    found = _ADDRESS.search(recipients or "")
    return found.group() if found else ""


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """A mail in the queue, with what its message says; ``own_recipient`` where it has none, as in
    databases whose queue holds recipient, subject and body itself."""

    id: str
    email_id: str | None
    priority: int | None
    attempts: int | None
    last_attempt: datetime | None
    status: str | None
    error: str | None
    created_at: datetime | None
    updated_at: datetime | None
    subject: str | None
    recipients: str | None
    email_status: str | None
    own_recipient: str | None = None
    process_after: datetime | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return joined(self.recipient, self.subject)

    @property
    def recipient(self) -> str:
        return first_address(self.recipients) or self.own_recipient or ""

    @property
    def domain(self) -> str:
        return self.recipient.rpartition("@")[2].lower()

    @property
    def is_waiting(self) -> bool:
        return self.status == "pending"

    def is_abandoned(self, now: datetime, lease: timedelta) -> bool:
        """Whether the worker that claimed it has not come back within the lease."""
        return (
            self.status == "processing"
            and self.last_attempt is not None
            and now - self.last_attempt > lease
        )

    def next_try(self, base: float, limit: float) -> datetime | None:
        """When it is due (see `agentflow_tui.retries`), and not before ``process_after``; None when
        it does not wait, or for nothing."""
        if not self.is_waiting:
            return None
        due = next_try(self.id, self.attempts or 0, self.last_attempt, base, limit)
        known = [moment for moment in (due, self.process_after) if moment is not None]
        return max(known, default=None)


QUEUE = listing(
    QueuedMail,
    EMAIL_QUEUE,
    {
        "subject": Computed(
            "coalesce({e.emails.subject}, {q.email_queue.subject})",
            shown=f"left(coalesce({{e.emails.subject}}, {{q.email_queue.subject}}), {_HEAD})",
            joined=True,
            searched=True,
            lacking=("email_queue.subject", "{e.emails.subject}"),
        ),
        "recipients": stored("emails.recipients", "e", cut=_HEAD, searched=True),
        "email_status": stored("emails.status", "e"),
        "own_recipient": Computed("{q.email_queue.recipient}", searched=True),
        "process_after": Computed("{q.email_queue.processAfter}", Kind.TIME),
    },
    joins="LEFT JOIN {emails?} e ON {e.emails.id} = {q.email_queue.emailId}",
    lookups="LEFT JOIN LATERAL (SELECT e.* FROM {emails?} e"
    " WHERE {e.emails.id} = {q.email_queue.emailId} OFFSET 0) e ON true",
    further={
        "recipient": Computed(
            "coalesce(substring({e.emails.recipients}::text"
            " from '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+'), {q.email_queue.recipient})",
            joined=True,
        ),
        "domain": Computed(
            domain_of("coalesce({e.emails.recipients}::text, {q.email_queue.recipient})"),
            joined=True,
            lower_case=True,
            lacking=("email_queue.recipient", domain_of("{e.emails.recipients}")),
        ),
        "body": Computed("coalesce({e.emails.body}, {q.email_queue.body})", joined=True),
        "userId": stored("emails.userId", "e"),
        "errorGroup": error_group("email_queue"),
    },
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message, queued or not."""

    id: str
    user_id: str | None
    subject: str | None
    status: str | None
    sent_at: datetime | None
    created_at: datetime | None
    recipients: str | None
    owner: str | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return joined(self.recipient, self.subject)

    @property
    def recipient(self) -> str:
        return first_address(self.recipients)


MESSAGES = listing(
    Message,
    EMAILS,
    {
        "recipients": stored("emails.recipients", cut=_HEAD, searched=True),
        "owner": owner(),
    },
    joins=join_owner("emails"),
)
