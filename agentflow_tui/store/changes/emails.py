"""Changes of mail: the queue, and the messages' recipients."""

from dataclasses import replace

from agentflow_tui.store.changes.change import Change, LinkedChange, Rule, among, rule
from agentflow_tui.store.views.emails import QueuedMail

_UPDATED = {"updatedAt": "now()"}
_STATE = ("status", "attempts")

NOT_DELIVERED = rule(
    "NOT EXISTS (SELECT FROM {emails} e WHERE e.{emails.id} = {q.email_queue.emailId} "
    "AND {e.emails.status} = 'sent')",
    "has been delivered already",
    needs=("emails",),
)
"""A recipient is not mailed twice: the message may have left by another entry of the queue."""


def _waits_for_retry(mail: QueuedMail) -> str:
    if mail.status == "pending" and not mail.attempts:
        return "waits already"
    if mail.status in {"failed", "cancelled", "pending"}:
        return ""
    return f"is {mail.status or 'without a status'}"


RETRY = Change(
    table="email_queue",
    sets={
        "status": "'pending'",
        "attempts": "0",
        "error": "NULL",
        "lastAttempt": "now() + :hold",
        "processAfter": "NULL",
        **_UPDATED,
    },
    rules=(
        Rule(
            sql="{q.email_queue.status} IN ('failed', 'cancelled') "
            "OR {q.email_queue.status} = 'pending' AND {q.email_queue.attempts} > 0",
            reason="CASE WHEN {q.email_queue.status} = 'pending' THEN 'waits already' "
            "ELSE 'is ' || coalesce({q.email_queue.status}::text, 'without a status') END",
            why_not=_waits_for_retry,
        ),
        NOT_DELIVERED,
    ),
    guard=_STATE,
    linked=(
        LinkedChange(
            table="emails",
            by="emailId",
            sets={"status": "'queued'"},
            among=("failed", "cancelled"),
            once="is another entry for a message that is requeued already",
        ),
    ),
)

CANCEL = Change(
    table="email_queue",
    sets={"status": "'cancelled'", **_UPDATED},
    rules=(among("email_queue", "pending", "failed", "held"),),
    guard=_STATE,
    linked=(
        LinkedChange(
            table="emails",
            by="emailId",
            sets={"status": "'cancelled'"},
            among=("draft", "queued", "failed"),
        ),
    ),
)

HOLD = Change(
    table="email_queue",
    sets={"status": "'held'", **_UPDATED},
    rules=(among("email_queue", "pending"),),
    guard=_STATE,
)

RELEASE = Change(
    table="email_queue",
    sets={"status": "'pending'", **_UPDATED},
    rules=(among("email_queue", "held"),),
    guard=_STATE,
)

PRIORITY = Change(
    table="email_queue",
    sets={"priority": ":argument::int", **_UPDATED},
    rules=(
        among("email_queue", "pending", "held", "failed"),
        rule("{q.email_queue.priority} IS DISTINCT FROM :argument::int", "has that priority"),
    ),
    guard=("status", "priority"),
)

UNLOCK = Change(
    table="email_queue",
    sets={"status": "'pending'", **_UPDATED},
    rules=(
        among("email_queue", "processing"),
        rule(
            "coalesce({q.email_queue.lastAttempt} < now() - :lease, true)",
            "is held by a worker whose lease goes on",
        ),
    ),
    guard=(*_STATE, "lastAttempt"),
)

DELETE = Change(
    table="email_queue",
    sets={},
    rules=(among("email_queue", "pending", "failed", "held", "cancelled", "completed"),),
    guard=_STATE,
    deletes=True,
)

_NOT_LEAVING = among("email_queue", "pending", "held", "failed", "cancelled")


def _said(column: str) -> Change:
    """A change of what a queued mail says."""
    return Change(
        table="email_queue",
        sets=_UPDATED,
        rules=(_NOT_LEAVING, NOT_DELIVERED),
        guard=_STATE,
        linked=(
            LinkedChange(
                table="emails",
                by="emailId",
                sets={column: f":argument::{{emails.{column}:type}}"},
            ),
        ),
    )


QUEUED_RECIPIENTS = _said("recipients")
QUEUED_SUBJECT = _said("subject")

RECIPIENTS = Change(
    table="emails",
    sets={"recipients": ":argument::{emails.recipients:type}"},
    rules=(
        among("emails", "draft", "queued", "failed", "cancelled"),
        rule(
            "NOT EXISTS (SELECT FROM {email_queue} k WHERE {k.email_queue.emailId} = "
            "{q.emails.id} AND {k.email_queue.status} IN ('processing', 'completed'))",
            "is leaving, or has left",
            needs=("email_queue",),
        ),
    ),
    guard=("status", "recipients"),
)

SUBJECT = replace(
    RECIPIENTS,
    sets={"subject": ":argument::{emails.subject:type}"},
    guard=("status", "subject"),
)
