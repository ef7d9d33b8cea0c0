"""What operators did, as the journal keeps it: the audit trail and the way back in one.

An operation is one row of ``task_logs`` (``operator.<verb>``); its ``input`` says who did it to
which rows, its ``output`` what became of them, with the rows before and after. What goes beyond
`PART` rows follows in rows of `PART_TASK`, whose ids follow from the first row's. The ids of
operations begin alike and go on with the time, so that the primary key finds the latest ones in a
journal of any size.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store import journal
from agentflow_tui.store.changes.change import MODIFICATION_TIMES
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import assignments

PART = 1_000
"""Rows of one operation that are changed, and written down, in one transaction."""

TASK = "operator."
"""``task_logs.taskType`` of an operation is this and its verb."""

PART_TASK = "operation.part"
"""``task_logs.taskType`` of the rows that follow an operation's own."""

_HEAD = int(journal.OPERATION_IDS, 16)
_PARTS = UUID("8b0f6a52-02a6-4d4b-9a06-0a9e0f10aa01")


def operation_id(at_ms: int | None = None, *, low: int | None = None) -> str:
    """A UUID (version 8) that begins with a mark of its own and then holds the time, so that
    operations stand together in an index, in the order they were made."""
    millisecond = (time.time_ns() // 1_000_000 if at_ms is None else at_ms) & (1 << 48) - 1
    tail = (time.time_ns() % 1_000_000 >> 8) << 30 | secrets.randbits(30) if low is None else low
    number = (
        _HEAD << 96
        | (millisecond >> 32) << 80
        | 0x8 << 76
        | (millisecond >> 20 & 0xFFF) << 64
        | 0b10 << 62
        | (millisecond & 0xFFFFF) << 42
        | tail
    )
    return str(UUID(int=number))


FIRST_ID = str(UUID(int=_HEAD << 96))
LAST_ID = str(UUID(int=((_HEAD + 1) << 96) - 1))
"""The range that the ids of operations lie in."""


def part_id(operation: str, number: int) -> str:
    """The id of the ``number``-th row that follows an operation's own, from 1."""
    return str(uuid5(_PARTS, f"{operation} {number}"))


def keeps_operations(binding: Binding) -> bool:
    """Whether this database's journal takes ids of ours, without which nothing can be undone."""
    if not binding.has(journal.TABLE, "id", "input", "output", "taskType", "status"):
        return False
    return binding.tables[journal.TABLE].columns["id"].type.startswith(("uuid", "text", "char"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """What an operation did to one row: it was not there ``before``, or is gone ``after``, where
    that is None. ``linked`` is ``{table: (id, before, after)}``."""

    id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    linked: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def is_deletion(self) -> bool:
        return self.after is None and self.before is not None

    @property
    def is_insertion(self) -> bool:
        return self.before is None and self.after is not None

    @property
    def is_update(self) -> bool:
        return self.before is not None and self.after is not None

    @property
    def is_of_linked(self) -> bool:
        """Whether the row was only said to be changed, because what is linked to it was."""
        own = any(name not in MODIFICATION_TIMES for name in self.after or {})
        return bool(self.linked) and not own


@dataclass(slots=True)
class RowResults:
    """What became of some rows; ``skipped`` are (id, reason)."""

    row_changes: list[RowChange] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Every row once; one may have been changed and named all the same."""
        changed = (row_change.id for row_change in self.row_changes)
        return list(dict.fromkeys([*changed, *(id_ for id_, _ in self.skipped)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """One operation, as it stands in the journal.

    ``irrevocable`` says why it cannot be taken back, ``""`` when it can; ``undoes`` is the id of
    the operation that this one takes back. ``complete`` is false while it runs, and for one whose
    process died.
    """

    id: str
    verb: str
    table: str
    operator: str
    host: str
    at: datetime | None
    matched: int = 0
    applied: int = 0
    parts: int = 0
    argument: str | None = None
    irrevocable: str = ""
    undoes: str | None = None
    undone_by: str | None = None
    complete: bool = True
    ends: bool = False
    """This row is no part: it keeps further ones from being written, for the operation is over."""
    row_changes: tuple[RowChange, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def by(self) -> str:
        return f"{self.operator}@{self.host}" if self.host else self.operator


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    task_type: str | None
    status: str | None
    input: str | None
    output: str | None
    created_at: datetime | None


_COLUMNS = """{t.task_logs.id}::text, {t.task_logs.taskType}::text, {t.task_logs.status}::text,
       {input}::text, {output}::text, {t.task_logs.createdAt}"""
_WHOLE = _COLUMNS.replace("{input}", "{t.task_logs.input}").replace(
    "{output}", "{t.task_logs.output}"
)
_HEADS = _COLUMNS.replace("{input}", "({t.task_logs.input}::jsonb - 'ids')").replace(
    "{output}",
    "({t.task_logs.output}::jsonb - '{before,after,linked,skipped}'::text[])",
)

BY_ID = Statement(
    _Row,
    f"""
SELECT {_WHOLE} FROM {{task_logs}} t
 WHERE t.{{task_logs.id}} = ANY($1::{{task_logs.id:type}}[])
""",
)
"""The journal's rows with these ids, by the primary key."""

LATEST = Statement(
    _Row,
    f"""
SELECT {_HEADS} FROM {{task_logs}} t
 WHERE t.{{task_logs.id}} >= $1::{{task_logs.id:type}}
   AND t.{{task_logs.id}} < $2::{{task_logs.id:type}}
 ORDER BY t.{{task_logs.id}} DESC LIMIT $3
""",
)
"""Operations without their rows, latest first: a range of the primary key."""


def _operation(row: _Row) -> OperationRecord:
    given, said = _object(row.input), _object(row.output)
    return OperationRecord(
        id=row.id,
        verb=str(given.get("verb") or (row.task_type or "").removeprefix(TASK)),
        table=str(given.get("table") or ""),
        operator=str(given.get("operator") or "somebody"),
        host=str(given.get("host") or ""),
        at=row.created_at,
        matched=_count(said.get("matched")),
        applied=_count(said.get("applied")),
        parts=_count(said.get("parts")),
        argument=_text(given.get("argument")),
        irrevocable=str(said.get("irrevocable") or ""),
        undoes=_text(given.get("undoes")),
        undone_by=_text(said.get("undone_by")),
        complete=row.status != "running",
        ends="ended_by" in given,
        row_changes=_row_changes(said),
        skipped=tuple(
            (str(each.get("id")), str(each.get("reason"))) for each in _objects(said.get("skipped"))
        ),
    )


def _row_changes(said: Mapping[str, Any]) -> tuple[RowChange, ...]:
    before, after = _images(said.get("before")), _images(said.get("after"))
    moved = said.get("linked")
    linked = moved if isinstance(moved, dict) else {}
    return tuple(
        RowChange(id=id_, before=before.get(id_), after=after.get(id_), linked=linked.get(id_, {}))
        for id_ in dict.fromkeys([*before, *after])
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _images(value: object) -> dict[str, dict[str, Any]]:
    """Rows' images by their ids; a whole row stands apart from the id that it is filed under."""
    found = {}
    for image in _objects(value):
        row = image.get("row")
        rest = row if isinstance(row, dict) else {n: v for n, v in image.items() if n != "id"}
        found[str(image.get("id"))] = rest
    return found


def _object(text: str | None) -> dict[str, Any]:
    """What a column says, however much: rows may be large, and are needed to the last byte."""
    try:
        value = json.loads(text or "{}")
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


async def find(database: Database, id_: str) -> OperationRecord | None:
    """The operation with this id. Raises `UnreachableError`, `RefusedError`, `MissingError`."""
    if not keeps_operations(database.binding):
        return None
    try:
        UUID(id_)
    except ValueError:
        return None
    row = await database.fetch_one(BY_ID, [id_])
    if row is None or not (row.task_type or "").startswith(TASK):
        return None
    return _operation(row)


async def latest(database: Database, count: int, *, before: str = LAST_ID) -> list[OperationRecord]:
    """The latest operations, newest first."""
    if not keeps_operations(database.binding):
        return []
    return [_operation(row) for row in await database.fetch(LATEST, FIRST_ID, before, count)]


async def find_part(database: Database, key: str) -> OperationRecord | None:
    """What one row of an operation says, its own or a part's, by the row's id."""
    row = await database.fetch_one(BY_ID, [key])
    return None if row is None else _operation(row)


def _image(row_change: RowChange, values: Mapping[str, Any]) -> dict[str, Any]:
    """A row's image as the journal keeps it: rows that come or go whole stand apart, for their
    names are the database's own and not the document's."""
    if row_change.before is None or row_change.after is None:
        return {"id": row_change.id, "row": dict(values)}
    return {"id": row_change.id, **values}


def outcome(row_changes: Sequence[RowChange], skipped: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The ``output`` of one transaction's rows."""
    said: dict[str, Any] = {
        "applied": len(row_changes),
        "skipped": [{"id": id_, "reason": reason} for id_, reason in skipped],
        "before": [
            _image(row_change, row_change.before)
            for row_change in row_changes
            if row_change.before is not None
        ],
        "after": [
            _image(row_change, row_change.after)
            for row_change in row_changes
            if row_change.after is not None
        ],
    }
    linked = {row_change.id: row_change.linked for row_change in row_changes if row_change.linked}
    if linked:
        said["linked"] = linked
    return said


def mark(binding: Binding, *, takes_back: bool = False) -> str:
    """Add to what an operation's row says: its id, the addition (a JSON object), its status.

    ``takes_back``: only where it has not been taken back yet, for nothing is taken back twice.
    """
    changes = {
        "output": "(t.{task_logs.output}::jsonb || $2::jsonb)::{task_logs.output:type}",
        "status": "$3::text::{task_logs.status:type}",
        "endTime": "now()",
    }
    untaken = "AND (t.{task_logs.output}::jsonb ->> 'undone_by') IS NULL" if takes_back else ""
    return (
        f"UPDATE {{task_logs}} t SET {assignments(binding, 'task_logs', changes)}\n"
        f" WHERE t.{{task_logs.id}} = $1::{{task_logs.id:type}} {untaken}"
    )


def addition(values: Mapping[str, object]) -> str:
    """The second parameter of `mark`."""
    return json.dumps(values)
