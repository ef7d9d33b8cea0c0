"""Entries of the journal around some rows: by an index of ours where there is one.

Without it the newest entries of the journal are looked through, in the order that an index serves.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import LARGE, Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.listings import is_unserved
from agentflow_tui.store.schema.accelerators import PREFIX, member, named_ids
from agentflow_tui.store.views.tasks import TASK_LIST, Mention

LOOKED_THROUGH = LARGE
"""Entries, the newest, that are looked through where no index serves."""

EACH = 100
"""Entries about one row that are read on either side of a moment."""

MOST = 300
"""Entries that one statement reads without an index, or about many rows."""

MOST_ABOUT = 3_000
"""Entries about many rows that are read with an index, shared evenly among the rows."""

HEAD = 20_000
"""Characters of what an entry was given, and of what it said, that are read."""

LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""A moment that is later than every entry."""


@dataclass(frozen=True, slots=True)
class JournalLink:
    """Entries of one task type that name a row by a member of what they were given; ``index`` is
    the accelerator that finds them in the order of time."""

    index: str
    task: str
    member: str


FIRES = JournalLink(f"{PREFIX}task_logs_schedule", "schedule.fire", "schedule")
STEPS = JournalLink(f"{PREFIX}task_logs_workflow", "workflow.step", "workflow")
ATTEMPTS = JournalLink(f"{PREFIX}task_logs_queueid", "email.send", "queueId")

_NAMED = f"{PREFIX}task_logs_named"
_TASK = "{q.task_logs.taskType}"
_NEEDED = ("id", "taskType", "input", "output", "createdAt")


def is_served(binding: Binding, index: str) -> bool:
    """Whether an index of ours finds the entries."""
    return index in binding.tables["task_logs"].indexes and binding.has("task_logs", *_NEEDED)


def is_partial(binding: Binding, index: str) -> bool:
    """Whether entries may be missed: there is no index, and more than is looked through."""
    return binding.tables["task_logs"].is_large and not is_served(binding, index)


async def entries_about(
    database: Database, link: JournalLink, around: Sequence[tuple[str, datetime]], each: int = EACH
) -> list[Mention]:
    """The entries of a link that name one of these ids: ``each`` until the moment that stands
    beside the id, and as many after it; fewer where there are so many ids that it would be more
    than `MOST_ABOUT`.

    Raises `UnreachableError`, `RefusedError`.
    """
    if not around or not database.binding.has("task_logs"):
        return []
    statement = database.binding.cached(_about, link=link)
    ids = [id_ for id_, _ in around]
    if is_served(database.binding, link.index):
        share = max(1, min(each, MOST_ABOUT // len(ids)))
        return await database.fetch(statement, ids, [at for _, at in around], share)
    return await database.fetch(statement, ids)


def _about(binding: Binding, *, link: JournalLink) -> Statement[Mention]:
    is_of_task = f"{_TASK} = '{link.task}'"
    if not is_served(binding, link.index):
        return _looked_through(
            binding, f"{is_of_task} AND {has_one_of('{q.task_logs.input}::text')}"
        )
    names = member("{q.task_logs.input}", link.member)
    at = "{q.task_logs.createdAt}"
    found = f"SELECT q.* FROM {{task_logs}} q WHERE {is_of_task} AND {names} = g.id AND {at}"
    return Statement(
        Mention,
        f"""
SELECT {_columns(binding)}
  FROM unnest($1::text[], $2::{{task_logs.createdAt:type}}[]) AS g (id, at) CROSS JOIN LATERAL (
  ({found} <= g.at ORDER BY {at} DESC LIMIT $3)
  UNION ALL
  ({found} > g.at ORDER BY {at} LIMIT $3)) q
 LIMIT {MOST_ABOUT}""",
    )


def has_one_of(text: str) -> str:
    """SQL for whether one of the texts ``$1`` stands between quotes in JSON text, encoded once or
    twice. Each row is split once and its parts are looked up in a hash: there may be a thousand
    texts and 50,000 rows."""
    parts = f"unnest(string_to_array(replace({text}, '\\', ''), '\"'))"
    return (
        f"EXISTS (SELECT FROM (SELECT {parts} AS part OFFSET 0) p"
        " WHERE (p.part IN (SELECT unnest($1::text[]))) IS TRUE)"
    )


async def entries_naming(database: Database, ids: Sequence[str]) -> list[Mention]:
    """Entries that name one of ``ids`` anywhere, newest first, but for fires and attempts and, of
    steps, only those that gave it. Raises `UnreachableError`, `RefusedError`."""
    if not ids or not database.binding.has("task_logs"):
        return []
    return await database.fetch(database.binding.cached(_naming), list(ids))


def _naming(binding: Binding) -> Statement[Mention]:
    others = f"{_TASK} NOT IN ('email.send', 'schedule.fire')"
    if not is_served(binding, _NAMED):
        text = (
            f"CASE WHEN {_TASK} = 'workflow.step' THEN {{q.task_logs.output}}::text "
            "ELSE concat({q.task_logs.input}::text, {q.task_logs.output}::text) END"
        )
        return _looked_through(binding, f"{others} AND {has_one_of(text)}")
    ids = named_ids(_TASK, "{q.task_logs.input}", "{q.task_logs.output}")
    return Statement(
        Mention,
        f"""
WITH found AS MATERIALIZED (
  SELECT {_columns(binding)} FROM {{task_logs}} q WHERE {others} AND {ids} ?| $1::text[]
)
SELECT * FROM found ORDER BY 7 DESC NULLS LAST LIMIT {MOST}""",
    )


def is_naming_partial(binding: Binding) -> bool:
    """Whether entries that name a row may be missed."""
    return is_partial(binding, _NAMED)


async def entries_of_user(database: Database, user_id: str) -> list[Mention]:
    """A user's newest entries. Raises `UnreachableError`, `RefusedError`."""
    if not database.binding.has("task_logs", "userId"):
        return []
    return await database.fetch(database.binding.cached(_of_user), user_id)


def _of_user(binding: Binding) -> Statement[Mention]:
    if is_unserved(binding, "task_logs.userId"):
        return _looked_through(binding, "{q.task_logs.userId}::text = $1::text")
    return Statement(
        Mention,
        f"SELECT {_columns(binding)} FROM {{task_logs}} q "
        "WHERE q.{task_logs.userId} = $1::{task_logs.userId:type} "
        f"ORDER BY {{q.task_logs.createdAt}} DESC NULLS LAST LIMIT {EACH}",
    )


async def entry_whole(database: Database, id_: str) -> Mention | None:
    """One entry with all that it was given and said. Raises `UnreachableError`, `RefusedError`."""
    return await database.fetch_one(_WHOLE, id_)


_HEADS = """{q.task_logs.id}::text, {q.task_logs.taskType}::text, {q.task_logs.status}::text,
       {q.task_logs.error}::text, {q.task_logs.startTime}, {q.task_logs.endTime},
       {q.task_logs.createdAt}"""

_WHOLE = Statement(
    Mention,
    f"""
SELECT {_HEADS}, {{q.task_logs.input}}::text, {{q.task_logs.output}}::text
  FROM {{task_logs?}} q WHERE q.{{task_logs.id}} = $1::{{task_logs.id:type}}""",
)


def _columns(binding: Binding) -> str:
    return ", ".join(
        (
            _HEADS,
            _without(binding, "input", "ids", "config"),
            _without(binding, "output", "before", "after", "linked", "skipped"),
        )
    )


def _without(binding: Binding, column: str, *members: str) -> str:
    """The head of a document, as text, without what is long in it."""
    value = f"{{q.task_logs.{column}}}"
    found = binding.tables["task_logs"].columns.get(column)
    if found is None or found.type != "jsonb":
        return f"left({value}::text, {HEAD})"
    names = ", ".join(f"'{name}'" for name in members)
    return (
        f"left((CASE WHEN jsonb_typeof({value}) = 'object' THEN {value} - ARRAY[{names}] "
        f"ELSE {value} END)::text, {HEAD})"
    )


def newest(binding: Binding) -> str:
    """SQL for the newest entries, in the order of time or of the primary key."""
    order = ", ".join(
        f"q.{{task_logs.{key.field.name}}} {'DESC' if key.descending else 'ASC'}"
        for key in TASK_LIST.order(binding)
    )
    return f"(SELECT q.* FROM {{task_logs?}} q ORDER BY {order} LIMIT {LOOKED_THROUGH})"


def _looked_through(binding: Binding, condition: str) -> Statement[Mention]:
    return Statement(
        Mention,
        f"""
SELECT {_columns(binding)}
  FROM {newest(binding)} q
 WHERE {condition} ORDER BY {{q.task_logs.createdAt}} DESC NULLS LAST LIMIT {MOST}""",
    )
