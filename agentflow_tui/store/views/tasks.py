"""The journal: every schedule fire, workflow step, mail attempt and operator action."""

from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TASK_LOGS
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.listings import listing, stored
from agentflow_tui.store.views.failures import error_group


@dataclass(frozen=True, slots=True)
class Task:
    """One entry of the journal. ``input`` is the head of what it was given, as JSON text."""

    id: str
    user_id: str | None
    task_type: str | None
    status: str | None
    error: str | None
    start_time: datetime | None
    end_time: datetime | None
    created_at: datetime | None
    input: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return self.task_type or ""

    @property
    def duration(self) -> timedelta | None:
        if self.start_time is None or self.end_time is None:
            return None
        return self.end_time - self.start_time


TASK_LIST = listing(
    Task,
    TASK_LOGS,
    {"input": stored("task_logs.input", cut=600, searched=True)},
    further={"errorGroup": error_group("task_logs")},
)


LOOK_AT = 20_000
"""Journal entries, newest first, among which the ones that name a row are looked for."""

MENTIONS = 200
"""Entries about one row that are fetched."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Mention:
    """A journal entry that names some row; ``input`` and ``output`` are JSON text, their heads or
    without what is long."""

    id: str
    task_type: str | None
    status: str | None
    error: str | None
    start_time: datetime | None
    end_time: datetime | None
    created_at: datetime | None
    input: str | None
    output: str | None


@dataclass(frozen=True, slots=True)
class Mentions:
    """What was found, newest first, and whether the whole journal was looked at."""

    entries: list[Mention]
    looked_at: int
    complete: bool


async def mentions(database: Database, id_: str, kind: str = "") -> Mentions:
    """The journal's entries whose input or output names ``id_``, of task types that begin with
    ``kind``. Looks at the newest `LOOK_AT` entries, in the order an index serves.

    Raises `UnreachableError`, `RefusedError`.
    """
    order = ", ".join(
        f"q.{{task_logs.{key.field.name}}} {'DESC' if key.descending else 'ASC'}"
        for key in TASK_LIST.order(database.binding)
    )
    statement = Statement(
        Mention,
        f"""
SELECT {{q.task_logs.id}}, {{q.task_logs.taskType}}, {{q.task_logs.status}}, {{q.task_logs.error}},
       {{q.task_logs.startTime}}, {{q.task_logs.endTime}}, {{q.task_logs.createdAt}},
       left({{q.task_logs.input}}::text, 4000), left({{q.task_logs.output}}::text, 2000)
  FROM (SELECT q.* FROM {{task_logs?}} q ORDER BY {order} LIMIT {LOOK_AT}) q
 WHERE strpos(concat({{q.task_logs.input}}::text, {{q.task_logs.output}}::text), $1::text) > 0
   AND starts_with({{q.task_logs.taskType}}::text, $2::text)
 ORDER BY {{q.task_logs.createdAt}} DESC LIMIT {MENTIONS}""",
    )
    entries = await database.fetch(statement, id_, kind)
    rows = database.binding.tables["task_logs"].rows
    return Mentions(entries, LOOK_AT, rows <= LOOK_AT)
