"""Health checks: claiming the next one, what there is to measure, and writing what was found.

No process is in charge of a check. Its row is the referee: the process that moves ``lastChecked``
on first does it, and the value moved to is the token with which the result is written.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.journal import as_json
from agentflow_tui.store.schema.insertions import assignments, insertion

_TABLE = "health_checks"

Status = Literal["ok", "warning", "error"]

HASTE = 4
"""How many times as often a check is done that was not ok."""

SHARE = 50
"""A check that took a millisecond of the database's time is not repeated within this many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """What a check found. ``message`` is a sentence, ``response`` in seconds."""

    status: Status
    message: str
    response: float | None = None
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A check: ours to do now, with its ``token``, or due ``seconds`` from now for the first
    process that comes."""

    id: str
    token: datetime | None
    seconds: float


def claim(binding: Binding) -> Statement[Due]:
    """Take the checks that are due: ids, names, seconds between two, whether they cost the database
    something. Rows that are not there yet are made. One statement, by primary key."""
    seed = {
        "id": "w.id",
        "name": "w.name",
        "status": "'warning'",
        "message": "'Being checked for the first time.'",
        "lastChecked": "now()",
        "createdAt": "now()",
        "updatedAt": "now()",
    }
    columns, values = insertion(binding, _TABLE, seed)
    waits = (
        "greatest(w.every / CASE WHEN {h.health_checks.status} = 'ok' THEN 1 ELSE "
        f"{HASTE} END, CASE WHEN w.costs THEN {SHARE} * "
        "coalesce({h.health_checks.responseTime}, 0) / 1000.0 ELSE 0 END) * interval '1 s'"
    )
    next_time = f"h.{{health_checks.lastChecked}} + {waits}"
    return Statement(
        Due,
        f"""
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $4::bool[])
    AS w (id, name, every, costs)
), made AS (
  INSERT INTO {{health_checks}} ({columns})
  SELECT {values} FROM wanted w
   WHERE NOT EXISTS (SELECT FROM {{health_checks}} h WHERE h.{{health_checks.id}} = w.id)
  ON CONFLICT DO NOTHING
  RETURNING {{health_checks.id}}::text AS id, {{health_checks.lastChecked}} AS token
), due AS (
  UPDATE {{health_checks}} h SET {{health_checks.lastChecked}} = now()
    FROM wanted w
   WHERE h.{{health_checks.id}} = w.id
     AND (h.{{health_checks.lastChecked}} IS NULL OR {next_time} <= now())
  RETURNING h.{{health_checks.id}}::text AS id, h.{{health_checks.lastChecked}} AS token
), taken AS (SELECT * FROM made UNION ALL SELECT * FROM due)
SELECT w.id, taken.token,
       coalesce(extract(epoch FROM {next_time} - now()), w.every)::float8
  FROM wanted w LEFT JOIN taken ON taken.id = w.id
  LEFT JOIN {{health_checks}} h ON h.{{health_checks.id}} = w.id
""",
    )


IS_AGENTFLOWS_TOO = Statement(
    bool,
    """
SELECT EXISTS (SELECT FROM {health_checks?} h
                WHERE {h.health_checks.name} IN ('Email Service', 'AI Service'))
""",
)
"""Whether AgentFlow's own backend keeps its health here, too: checks by names that ours never
have."""


async def record(database: Database, found: Mapping[str, tuple[datetime, CheckFinding]]) -> int:
    """Write findings by check, each with the token it was taken with. Returns how many were still
    ours to write. One statement. ``updatedAt`` keeps since when the status is what it is."""
    if not found:
        return 0
    changes = {
        "status": "d.status",
        "message": "d.message",
        "responseTime": _answer_time(database.binding),
        "details": "d.details::{health_checks.details:type}",
        "updatedAt": "CASE WHEN h.{health_checks.status} = d.status"
        " THEN {h.health_checks.updatedAt} ELSE now() END",
    }
    template = f"""
UPDATE {{health_checks}} h SET {assignments(database.binding, _TABLE, changes)}
  FROM unnest($1::text[], $2::{{health_checks.lastChecked:type}}[], $3::text[], $4::text[],
              $5::int[], $6::text[]) AS d (id, token, status, message, response, details)
 WHERE h.{{health_checks.id}} = d.id AND h.{{health_checks.lastChecked}} = d.token
"""
    findings = [finding for _, finding in found.values()]
    return await database.execute(
        template,
        list(found),
        [token for token, _ in found.values()],
        [finding.status for finding in findings],
        [finding.message for finding in findings],
        [None if f.response is None else round(f.response * 1000) for f in findings],
        [None if f.details is None else as_json(f.details) for f in findings],
    )


def _answer_time(binding: Binding) -> str:
    column = binding.tables[_TABLE].columns.get("responseTime")
    return column.value("d.response") if column else "d.response"


@dataclass(frozen=True, slots=True)
class ConnectionLoad:
    """The server's connections, and how far its replicas lag: None without one that tells."""

    connections: int
    allowed: int
    replicas: int
    lag: float | None


LOAD = Statement(
    ConnectionLoad,
    """
SELECT (SELECT sum(numbackends) FROM pg_stat_database)::int,
       current_setting('max_connections')::int,
       (SELECT count(*) FROM pg_stat_replication)::int,
       (SELECT extract(epoch FROM max(replay_lag)) FROM pg_stat_replication)::float8
""",
)


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The mail queue: mails waiting, the age of the oldest in seconds, and what became of those of
    the last hour."""

    waiting: int
    oldest: float | None
    failed: int
    completed: int


QUEUE = Statement(
    QueueFigures,
    """
SELECT count(*) FILTER (WHERE q.{email_queue.status} = 'pending')::int,
       extract(epoch FROM now() - min({q.email_queue.createdAt})
                 FILTER (WHERE q.{email_queue.status} = 'pending'))::float8,
       count(*) FILTER (WHERE q.{email_queue.status} = 'failed'
                          AND {q.email_queue.lastAttempt} > now() - interval '1 hour')::int,
       count(*) FILTER (WHERE q.{email_queue.status} = 'completed')::int
  FROM {email_queue} q
 WHERE q.{email_queue.status} = 'pending'
    OR q.{email_queue.status} IN ('failed', 'completed')
       AND {q.email_queue.lastAttempt} > now() - interval '1 hour'
""",
)
"""Reads the whole queue where no index helps, so it is asked within a time limit, and the less
often the longer it takes."""


@dataclass(frozen=True, slots=True)
class SchedulePunctuality:
    """Active schedules whose slot is over, how long the latest is, and the rows of the workers."""

    overdue: int
    latest: float | None
    workers: Sequence[str]


@dataclass(frozen=True, slots=True)
class StandingSchedule:
    """An active schedule: its expression, its next slot, and the status of its workflow."""

    cron: str | None
    next_run: datetime | None
    workflow_status: str | None
    now: datetime


STANDING = Statement(
    StandingSchedule,
    """
SELECT {q.schedules.cron}::text, nullif({q.schedules.nextRun}, '-infinity'),
       {w.workflows.status}::text, now()
  FROM {schedules?} q LEFT JOIN {workflows?} w ON w.{workflows.id} = q.{schedules.workflowId}
 WHERE q.{schedules.active} LIMIT 5000
""",
)
"""Up to 5,000 active schedules, for a look at what they will do."""

PUNCTUALITY = Statement(
    SchedulePunctuality,
    """
SELECT s.overdue::int, s.latest::float8, w.details
  FROM (SELECT count(*) AS overdue, extract(epoch FROM now() - min({q.schedules.nextRun})) AS latest
          FROM {schedules?} q
         WHERE {q.schedules.active} AND q.{schedules.nextRun} < now() - interval '5 s'
           AND q.{schedules.nextRun} > '-infinity') s,
       (SELECT array_agg(h.{health_checks.details}::text) AS details FROM {health_checks} h
         WHERE h.{health_checks.id} LIKE 'worker:%'
           AND h.{health_checks.lastChecked} > now() - $1 * interval '1 s') w
""",
)
"""``$1`` is how long ago, in seconds, a worker's last sign of life may be."""
