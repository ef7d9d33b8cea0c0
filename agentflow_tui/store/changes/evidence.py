"""What speaks for and against a change: how fast mail leaves, who holds a lock, what has been
delivered already. Each is one bounded statement."""

from collections.abc import Sequence
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue.mail_results import keeps_receipts, receipt_id
from agentflow_tui.store.reading.counts import CAP, has_state_index, is_large
from agentflow_tui.store.reading.listings import is_unserved
from agentflow_tui.store.views.predicates import SILENT_AFTER, WORKER_PREFIX

LATEST = 5_000
"""Mails, sent last, by which it is judged how fast senders can send."""

BUSIEST = 10
"""Seconds, those in which most mails were sent, over which that is averaged."""

MOST_RECEIPTS = 1_000
"""Mails whose receipts are looked up."""


@dataclass(frozen=True, slots=True)
class SendingRate:
    """How mail leaves: how many waited, up to `CAP`; how many a second the senders have managed
    while they had work, None where none has left within a week; and whether a sender runs."""

    waiting: int
    per_second: float | None
    sends: bool


_SENDS = f"""
EXISTS (SELECT FROM {{health_checks?}} h
         WHERE {{h.health_checks.id}} LIKE '{WORKER_PREFIX}%'
           AND {{h.health_checks.details}}::text ~ '"roles": ?\\[[^]]*"sender"'
           AND NOT {{h.health_checks.details}}::text ~ '"sends": ?false'
           AND {{h.health_checks.lastChecked}} > now() - interval '{SILENT_AFTER} seconds')
"""

_PACE = Statement(
    SendingRate,
    f"""
SELECT (SELECT count(*)::int FROM (SELECT FROM {{email_queue?}} q
         WHERE {{q.email_queue.status}} = 'pending' LIMIT {CAP + 1}) w),
       (SELECT avg(mails)::float8 FROM (
          SELECT count(*) AS mails FROM (
            SELECT {{e.emails.sentAt}} AS at FROM {{emails?}} e
             WHERE {{e.emails.sentAt}} > now() - interval '7 days'
             ORDER BY {{e.emails.sentAt}} DESC LIMIT {LATEST}) l
           GROUP BY date_trunc('second', at) ORDER BY 1 DESC LIMIT {BUSIEST}) b),
       {_SENDS}
""",
)
"""Served by the indexes ``email_queue_pending`` and ``emails_sentat``; asked where they are there
or the tables are small."""


async def sending_rate(database: Database) -> SendingRate | None:
    """How mail leaves; None where only scans of large tables would tell."""
    binding = database.binding
    unknown = is_unserved(binding, "emails.sentAt") or (
        is_large(binding, "email_queue") and not has_state_index(binding, "email_queue", "pending")
    )
    if unknown:
        return None
    found: SendingRate | None = await database.fetch_one(_PACE)
    return found


_RECEIVED = Statement(
    str,
    """
SELECT t.{task_logs.id}::text FROM {task_logs} t
 WHERE t.{task_logs.id} = ANY($1::{task_logs.id:type}[])
""",
)
"""Those of these ids that the journal has, by the primary key."""


async def partly_delivered(database: Database, ids: Sequence[str]) -> int:
    """How many of these queued mails have reached some of their recipients already, among the
    first `MOST_RECEIPTS`."""
    if not keeps_receipts(database.binding):
        return 0
    return len(await database.fetch(_RECEIVED, [receipt_id(id_, 0) for id_ in ids[:MOST_RECEIPTS]]))


@dataclass(frozen=True, slots=True)
class WorkflowLock:
    """A workflow's lock: since when, at which step, and the worker whose row lists it, with the
    time that the worker last reported."""

    id: str
    steps: str | None
    step: int | None
    locked_at: datetime | None
    now: datetime
    holder: str | None
    reported: datetime | None


LOCKS = Statement(
    WorkflowLock,
    f"""
SELECT q.{{workflows.id}}::text, left({{q.workflows.steps}}::text, 16000),
       {{q.workflows.currentStep}}::int, {{q.workflows.lockedAt}}, now(), h.id, h.reported
  FROM {{workflows}} q LEFT JOIN LATERAL (
    SELECT {{w.health_checks.id}}::text AS id, {{w.health_checks.lastChecked}} AS reported
      FROM {{health_checks?}} w
     WHERE starts_with({{w.health_checks.id}}::text, '{WORKER_PREFIX}')
       AND strpos({{w.health_checks.details}}::text, q.{{workflows.id}}::text) > 0
     ORDER BY {{w.health_checks.lastChecked}} DESC LIMIT 1) h ON true
 WHERE q.{{workflows.id}} = ANY($1::{{workflows.id:type}}[])
""",
)
"""The locks of these workflows, by the primary key, and a scan of some dozen checks for each."""


@dataclass(frozen=True, slots=True)
class StepsAhead:
    """The steps of a workflow, and where it stands."""

    id: str
    steps: str | None
    current_step: int | None


STEPS_AHEAD = Statement(
    StepsAhead,
    """
SELECT q.{workflows.id}::text, left({q.workflows.steps}::text, 16000),
       {q.workflows.currentStep}::int
  FROM {workflows} q WHERE q.{workflows.id} = ANY($1::{workflows.id:type}[])
""",
)
"""What these workflows have before them, by the primary key."""
