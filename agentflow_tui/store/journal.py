"""The journal: one row of ``task_logs`` for everything that happened.

There is one way to write it, inside the transaction of what it records, so that neither exists
without the other. A row may be read by anyone, so no secret goes into it.
"""

import json
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.text import storable

TABLE = "task_logs"

OPERATION_IDS = "0a9e0f10"
"""What the ids of operators' entries begin with (see `store.changes.records.operation_id`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A row of the journal: one thing that happened.

    ``input`` and ``output`` are anything JSON can say; what it cannot is written as its ``str``.
    Times are aware; None is the database's time of the transaction. An entry with an ``id`` of its
    own is written once, however often and by however many processes it is tried.
    """

    task_type: str
    status: Literal["pending", "running", "completed", "failed"] = "completed"
    input: Any = None
    output: Any = None
    error: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    user_id: str | None = None
    id: str | None = None


_COLUMNS: Mapping[str, str] = {
    "id": "x.id::{task_logs.id:type}",
    "userId": "x.user_id::{task_logs.userId:type}",
    "taskType": "x.task_type::{task_logs.taskType:type}",
    "input": "x.input::{task_logs.input:type}",
    "output": "x.output::{task_logs.output:type}",
    "status": "x.status::{task_logs.status:type}",
    "error": "x.error::{task_logs.error:type}",
    "startTime": "coalesce(x.started, now())::{task_logs.startTime:type}",
    "endTime": "coalesce(x.ended, now())::{task_logs.endTime:type}",
    "createdAt": "now()::{task_logs.createdAt:type}",
}

_ROWS = """unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::timestamptz[], $9::timestamptz[])
       AS x(id, user_id, task_type, input, output, status, error, started, ended)"""


def insertion(binding: Binding, *, once: bool = False) -> str:
    """The INSERT of many entries, with `parameters` as its values.

    Columns that this database lacks are left out, unknown ones that must have a value get a
    neutral one; an id is made by the database where ours would not fit. ``once`` lets an entry
    whose id is there already be.
    """
    bound = binding.tables[TABLE]
    names = [name for name in _COLUMNS if name in bound.columns]
    if "id" in names and not bound.columns["id"].type.startswith(("uuid", "text", "char")):
        names.remove("id")
    neutral = binding.neutral_values(TABLE, names)
    targets = [f"{{{TABLE}.{name}}}" for name in names] + [name for name, _ in neutral]
    values = [bound.columns[name].value(f"({_COLUMNS[name]})") for name in names]
    values += [value for _, value in neutral]
    return (
        f"INSERT INTO {{{TABLE}}} ({', '.join(targets)})\n"
        f"SELECT {', '.join(values)}\n  FROM {_ROWS}"
    ) + ("\nON CONFLICT DO NOTHING" if once else "")


def parameters(entries: Sequence[JournalEntry]) -> tuple[list[Any], ...]:
    """The values of `insertion`, one array a column."""
    rows = [
        (
            entry.id or ordered_id(),
            entry.user_id,
            entry.task_type,
            None if entry.input is None else as_json(entry.input),
            None if entry.output is None else as_json(entry.output),
            entry.status,
            None if entry.error is None else storable(entry.error),
            entry.started,
            entry.ended,
        )
        for entry in entries
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


async def write(session: Session, entries: Sequence[JournalEntry]) -> int:
    """Write entries in one statement, in the transaction that ``session`` is in, if any.

    Returns how many rows were written: fewer than given only for entries with an id of their own
    that were there before, and none in a database without a journal, where the work goes on all
    the same. Raises `UnreachableError`, `RefusedError`.
    """
    if not entries or session.binding.tables[TABLE].oid is None:
        return 0
    once = any(entry.id for entry in entries)
    return await session.execute(insertion(session.binding, once=once), *parameters(entries))


def as_json(value: Any) -> str:
    """JSON that every ``jsonb`` column takes: no NUL, no half characters, no infinite numbers."""
    try:
        text = _ENCODER.encode(value)
        if not text.isascii():
            text.encode()
    except (TypeError, ValueError):
        pass
    else:
        if "\\u0000" not in text:
            return text
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """The value with everything that JSON or PostgreSQL cannot hold replaced."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if value - value == 0 else str(value)
        case str():
            return storable(value)
        case Mapping():
            return {storable(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case datetime():
            return value.isoformat()
    return storable(str(value))


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
)


class _Ticks:
    """Time in 4096ths of a millisecond, as long as a version 7 UUID has room for, and never the
    same twice."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, time.time_ns() * 4096 // 1_000_000)
        return self._last


_ticks = _Ticks()
_random = random.Random(secrets.randbits(256))
"""Ids are no secrets; asking the system for each would be a call to it a row."""


def ordered_id() -> str:
    """A UUID of version 7: those of one process sort in the order they were made, those of several
    nearly so. The primary key's index grows at one end instead of being written all over."""
    millisecond, fraction = divmod(_ticks.next(), 4096)
    number = (millisecond & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62
    digits = f"{number | _random.getrandbits(62):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
