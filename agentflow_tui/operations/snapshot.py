"""The rows an operation is for, frozen when it is asked for: later arrivals are not touched."""

import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.store.changes.snapshot import RowSnapshot, SnapshotReader
from agentflow_tui.store.reading.queries import Query

Progress = Callable[[int], None]
"""Is told how many rows are done so far."""

_DIGEST = re.compile("sha256:[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Rows as they were when they were frozen, and those of the wanted ids that no row has."""

    operation: Operation
    argument: str | None
    rows: tuple[RowSnapshot, ...]
    missing: tuple[str, ...] = ()

    @property
    def matched(self) -> int:
        return len(self.rows) + len(self.missing)

    @property
    def changeable(self) -> tuple[RowSnapshot, ...]:
        """The rows that will be changed, unless they move on before."""
        return tuple(row for row in self.rows if row.refusal is None)

    @property
    def refused(self) -> tuple[tuple[str, str], ...]:
        """(id, reason) of the rows that will be left alone."""
        found = [(str(row.id), row.refusal) for row in self.rows if row.refusal is not None]
        return (*found, *((id_, "is not there") for id_ in self.missing))

    @property
    def refusals(self) -> list[tuple[str, int]]:
        """Why rows will be left alone, most frequent first."""
        return Counter(reason for _, reason in self.refused).most_common()


async def snapshot_rows(
    context: OperationContext, operation: Operation, ids: Sequence[str], argument: str | None = None
) -> Snapshot:
    """Freeze the rows with these ids.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    rows = await _gather(_reader(context, operation, argument).rows(ids), None)
    known = {str(row.id) for row in rows}
    missing = tuple(dict.fromkeys(id_ for id_ in ids if id_ not in known))
    return Snapshot(operation=operation, argument=argument, rows=rows, missing=missing)


async def snapshot_matching(
    context: OperationContext,
    operation: Operation,
    query: Query[Any],
    argument: str | None = None,
    progress: Progress | None = None,
) -> Snapshot:
    """Freeze everything that a filter matches. Can be cancelled at any time.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    rows = await _gather(_reader(context, operation, argument).matching(query), progress)
    return Snapshot(operation=operation, argument=argument, rows=rows)


def _reader(
    context: OperationContext, operation: Operation, argument: str | None
) -> SnapshotReader:
    return SnapshotReader(context.database, operation.change, context.settings, argument)


async def _gather(
    pages: AsyncIterator[list[RowSnapshot]], progress: Progress | None
) -> tuple[RowSnapshot, ...]:
    rows: list[RowSnapshot] = []
    async for page in pages:
        rows += page
        if progress is not None:
            progress(len(rows))
    return tuple(rows)


def named(operation: Operation, id_: str) -> str:
    """What a row is called where everybody reads it: its id, or for a secret one a digest of it."""
    if not operation.change.described.primary_key.secret or _DIGEST.fullmatch(id_):
        return id_
    return f"sha256:{hashlib.sha256(id_.encode()).hexdigest()[:16]}"
