"""What the scheduler reads and writes: which schedules are due, and firing them exactly once.

There is no leader. The row is the referee: a fire moves ``nextRun`` from the value that was read,
so of any number of schedulers one wins each slot, and the others find nothing to move. Rows that
another transaction holds are passed over and looked at again a moment later, so that an operator's
open transaction delays one schedule.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import RUN_STATE_KEY
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import assignments


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An active schedule with its next slot. All None but ``now`` where there is no schedule.

    ``now`` is the database's clock, the same for a while."""

    now: datetime
    id: str | None
    cron: str | None
    next_run: datetime | None


UPCOMING = Statement(
    Upcoming,
    """
SELECT clock_timestamp(), s.id, s.cron, s.next_run
  FROM (SELECT) one LEFT JOIN LATERAL (
    SELECT q.{schedules.id}::text AS id, q.{schedules.cron}::text AS cron,
           nullif(q.{schedules.nextRun}, '-infinity') AS next_run
      FROM {schedules} q
     WHERE {q.schedules.active} AND (q.{schedules.nextRun} IS NULL OR q.{schedules.nextRun} <= $1)
       AND (q.{schedules.id}, coalesce(q.{schedules.cron}::text, '')) NOT IN (
             SELECT * FROM unnest($2::{schedules.id:type}[], $3::text[]))
     ORDER BY q.{schedules.nextRun} NULLS FIRST LIMIT $4) s ON true
""",
)
"""Schedules due up to ``$1``, and those that lack a next slot, ``$4`` at most, without those whose
expression (``$2``, ``$3``) is known to be wrong. A slot at minus infinity, which Python cannot
hold, is none. Reads the table unless ``nextRun`` has an index, so it is asked rarely, and far
enough ahead."""


@dataclass(frozen=True, slots=True)
class Timing:
    """An expression and a next run ahead that schedules have together. ``now`` is the database's
    clock."""

    now: datetime
    cron: str
    next_run: datetime


TIMINGS = Statement(
    Timing,
    """
SELECT DISTINCT now(), q.{schedules.cron}::text, q.{schedules.nextRun} FROM {schedules} q
 WHERE {q.schedules.active} AND q.{schedules.nextRun} > now()
   AND q.{schedules.nextRun} < 'infinity' AND q.{schedules.cron} IS NOT NULL
""",
)
"""How active schedules stand whose next slot lies ahead. Reads the table, so it is asked once."""

LOOK_AGAIN = Statement(
    Upcoming,
    """
SELECT clock_timestamp(), q.{schedules.id}::text, q.{schedules.cron}::text, q.{schedules.nextRun}
  FROM {schedules} q
 WHERE q.{schedules.id} = ANY($1::{schedules.id:type}[]) AND {q.schedules.active}
   AND q.{schedules.nextRun} > '-infinity'
""",
)
"""How these schedules stand now. By primary key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One slot to be fired, as it was read and as it shall become.

    ``starts`` is false for a slot that is over: the schedule moves on and nothing starts.
    """

    id: str
    cron: str
    due: datetime
    next_run: datetime | None
    starts: bool = True


class FireOutcome(StrEnum):
    """What a slot came to, as the journal says it."""

    FIRED = "fired"
    MISSED = "missed"
    """Its time was over, and missed slots are skipped."""
    GONE = "gone"
    """There is no such workflow."""
    TWICE = "twice"
    """Another schedule started the workflow at the same moment."""
    BUSY = "busy"
    """The workflow is still pending, running or paused."""
    LOCKED = "locked"
    """The workflow's lock is held."""
    UNKNOWN = "unknown"
    """The workflow's status is a word that we do not know."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A slot that this process won. ``late`` is in seconds; ``status`` was the workflow's."""

    id: str
    outcome: str
    late: float
    workflow_id: str | None
    user_id: str | None
    status: str | None


_WON = """
SELECT wanted.*, s.{schedules.workflowId} AS workflow_id
    FROM {schedules} s JOIN wanted ON s.{schedules.id} = wanted.id
   WHERE CASE WHEN {s.schedules.active} AND s.{schedules.nextRun} = wanted.due
               AND s.{schedules.cron}::text = wanted.cron AND wanted.due <= clock_timestamp()
              THEN true ELSE false END
     FOR NO KEY UPDATE OF s SKIP LOCKED"""
"""The schedules that are still as they were read, locked. ``CASE`` keeps the planner from taking
the batch for one row."""

_TARGETS = """
SELECT w.{workflows.id} AS id, w.{workflows.status}::text AS status,
         {w.workflows.userId}::text AS user_id,
         {w.workflows.locked} AND {w.workflows.lockedAt} > now() - $6 * interval '1 s' AS locked
    FROM {workflows} w WHERE w.{workflows.id} IN (SELECT workflow_id FROM won)
     FOR NO KEY UPDATE OF w SKIP LOCKED"""
"""Their workflows, locked."""

_OUTCOMES = """
SELECT won.*, t.status, t.user_id,
         CASE WHEN NOT won.starts THEN 'missed'
              WHEN t.id IS NULL THEN 'gone'
              WHEN t.status IN ('pending', 'running', 'paused') THEN 'busy'
              WHEN t.status NOT IN ('draft', 'completed', 'failed', 'cancelled') THEN 'unknown'
              WHEN t.locked THEN 'locked'
              WHEN row_number() OVER (PARTITION BY won.workflow_id, won.starts
                                      ORDER BY won.due, won.id) > 1 THEN 'twice'
              ELSE 'fired' END AS outcome
    FROM won LEFT JOIN target t ON t.id = won.workflow_id
   WHERE t.id IS NOT NULL
      OR (SELECT true FROM {workflows} x WHERE x.{workflows.id} = won.workflow_id) IS NULL"""
"""What each slot comes to, but for those whose workflow another transaction holds. The scalar
subquery keeps the planner from reading all workflows."""


def fire(binding: Binding) -> Statement[Fired]:
    """Move schedules on and start their workflows, in one statement. Primary keys serve it.

    Parameters are `fire_values`. A start makes the workflow pending at its first step, with the
    last run's error and lock forgotten, and the runner's state of that run where it finished no
    step: the runner would take it for the same run. What else its context holds stays, for it may
    be input; the runner tells by the state of a finished run that it holds results, and drops them
    itself.
    """
    changes = {
        "lastRun": "CASE WHEN r.outcome = 'fired' THEN now() ELSE {s.schedules.lastRun} END",
        "nextRun": "r.next_run",
        "updatedAt": "now()",
    }
    moved = assignments(binding, "schedules", changes)
    return Statement(
        Fired,
        f"""
WITH wanted AS (
  SELECT * FROM unnest($1::{{schedules.id:type}}[], $2::text[], $3::{{schedules.nextRun:type}}[],
                       $4::{{schedules.nextRun:type}}[], $5::bool[])
    AS wanted (id, cron, due, next_run, starts)
), won AS ({_WON}
), target AS ({_TARGETS}
), r AS ({_OUTCOMES}
), moved AS (
  UPDATE {{schedules}} s SET {moved} FROM r WHERE s.{{schedules.id}} = r.id
), started AS (
  UPDATE {{workflows}} w SET {_start(binding)}
    FROM r WHERE w.{{workflows.id}} = r.workflow_id AND r.outcome = 'fired'
)
SELECT r.id::text, r.outcome, extract(epoch FROM clock_timestamp() - r.due)::float8,
       r.workflow_id::text, r.user_id, r.status
  FROM r
""",
    )


def _start(binding: Binding) -> str:
    context = "{workflows.context}"
    done = f"w.{context} -> '{RUN_STATE_KEY}' -> 'done'"
    kept = (
        f"CASE WHEN jsonb_typeof(w.{context}) IS DISTINCT FROM 'object' THEN w.{context} "
        f"WHEN jsonb_typeof({done}) = 'number' AND {done} <> '0' THEN w.{context} "
        f"ELSE w.{context} - '{RUN_STATE_KEY}' END"
    )
    is_jsonb = (
        binding.has("workflows", "context")
        and binding.tables["workflows"].columns["context"].type == "jsonb"
    )
    return assignments(
        binding,
        "workflows",
        {
            "status": "'pending'",
            "currentStep": "0",
            "context": kept if is_jsonb else f"w.{context}",
            "lastError": "NULL",
            "lastUpdated": "now()",
            "locked": "false",
            "lockedAt": "NULL",
        },
    )


def fire_values(slots: Sequence[Slot], *, lease: float) -> tuple[object, ...]:
    """The parameters of `fire`. ``lease`` in seconds."""
    return (
        [slot.id for slot in slots],
        [slot.cron for slot in slots],
        [slot.due for slot in slots],
        [slot.next_run for slot in slots],
        [slot.starts for slot in slots],
        float(lease),
    )


def set_next(binding: Binding) -> str:
    """Fill in next slots where there are none: ids, expressions as read, slots."""
    changes = {"nextRun": "d.next_run", "updatedAt": "now()"}
    return f"""
UPDATE {{schedules}} s SET {assignments(binding, "schedules", changes)}
  FROM unnest($1::{{schedules.id:type}}[], $2::text[], $3::{{schedules.nextRun:type}}[])
       AS d (id, cron, next_run)
 WHERE s.{{schedules.id}} = d.id AND {{s.schedules.active}}
   AND nullif(s.{{schedules.nextRun}}, '-infinity') IS NULL
   AND s.{{schedules.cron}}::text = d.cron
"""


@dataclass(frozen=True, slots=True)
class MovedOn:
    """A schedule that has another next run than ``due``."""

    id: str
    workflow_id: str | None
    cron: str
    due: datetime
    next_run: datetime | None


def move_on(binding: Binding) -> Statement[MovedOn]:
    """Give active schedules another next run, by how they stand: expressions, next runs, new
    ones."""
    changes = {"nextRun": "d.new_run", "updatedAt": "now()"}
    return Statement(
        MovedOn,
        f"""
UPDATE {{schedules}} s SET {assignments(binding, "schedules", changes)}
  FROM unnest($1::text[], $2::{{schedules.nextRun:type}}[], $3::{{schedules.nextRun:type}}[])
       AS d (cron, next_run, new_run)
 WHERE {{s.schedules.active}}
   AND s.{{schedules.nextRun}} = d.next_run AND s.{{schedules.cron}}::text = d.cron
RETURNING s.{{schedules.id}}::text, {{s.schedules.workflowId}}::text, d.cron, d.next_run, d.new_run
""",
    )


STILL_WRONG = Statement(
    str,
    """
SELECT s.{schedules.id}::text FROM {schedules} s
  JOIN unnest($1::{schedules.id:type}[], $2::text[]) AS d (id, cron) ON s.{schedules.id} = d.id
 WHERE s.{schedules.active} AND coalesce(s.{schedules.cron}::text, '') = d.cron
""",
)
"""Of schedules with an expression that cannot be read (ids, expressions) those that still have
it."""

UNSET_NEXT = """
UPDATE {schedules} s SET {schedules.nextRun} = NULL
  FROM unnest($1::{schedules.id:type}[], $2::text[]) AS d (id, cron)
 WHERE s.{schedules.id} = d.id AND coalesce(s.{schedules.cron}::text, '') = d.cron
   AND s.{schedules.nextRun} IS NOT NULL
"""
"""Take the next slot from schedules whose expression cannot be read: they have none, and are not
in the way of those that have."""
