"""What became of the slots of schedules lately, counted from the journal."""

from collections.abc import Sequence
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.accelerators import member
from agentflow_tui.store.views.story_journal import FIRES, is_served, newest

COUNTED = 1_000
"""Entries of one schedule that are counted, the newest."""

LATE = 60
"""Seconds after its slot from which on a fire is late."""


@dataclass(frozen=True, slots=True)
class FireCount:
    """How many entries about a schedule have one outcome; ``missed`` slots are told of in them."""

    schedule_id: str
    outcome: str | None
    late: bool
    entries: int
    missed: int


async def read_fire_counts(
    database: Database, schedules: Sequence[str], since: datetime
) -> list[FireCount]:
    """The outcomes of the slots of these schedules, counted. Raises `UnreachableError`,
    `RefusedError`."""
    if not schedules or not database.binding.has("task_logs", "taskType", "input", "createdAt"):
        return []
    return await database.fetch(database.binding.cached(_counts), list(schedules), since)


def _counts(binding: Binding) -> Statement[FireCount]:
    """By the index of fires, `COUNTED` a schedule; without it the newest of the journal are looked
    through (`story_journal.newest`)."""
    said = "{q.task_logs.output}::text"
    is_recent = "{q.task_logs.createdAt} > $2::{task_logs.createdAt:type}"
    columns = f"""substring({said} from '"outcome": ?"([a-z]+)"') AS outcome,
    coalesce(substring({said} from '"late_ms": ?([0-9]+)')::numeric, 0) >= {LATE * 1000} AS late,
    coalesce(substring({said} from '"missed": ?([0-9]+)')::numeric, 0)::int AS missed"""
    is_fire = f"{{q.task_logs.taskType}} = '{FIRES.task}' AND {is_recent}"
    if is_served(binding, FIRES.index):
        schedule = member("{q.task_logs.input}", FIRES.member)
        entries = f"""unnest($1::text[]) AS g (id) CROSS JOIN LATERAL (
  SELECT {columns} FROM {{task_logs}} q WHERE {is_fire} AND {schedule} = g.id
   ORDER BY {{q.task_logs.createdAt}} DESC LIMIT {COUNTED}) x"""
    else:
        schedule = """substring({q.task_logs.input}::text from '"schedule": ?"([^"]+)"')"""
        entries = f"""(SELECT {schedule} AS id, {columns}
   FROM {newest(binding)} q WHERE {is_fire}) x JOIN unnest($1::text[]) AS g (id) USING (id)"""
    return Statement(
        FireCount,
        f"""
SELECT id, x.outcome, x.late, count(*)::int, sum(x.missed)::int FROM {entries}
 GROUP BY 1, 2, 3""",
    )
