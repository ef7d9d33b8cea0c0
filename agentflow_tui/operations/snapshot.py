"""The rows an operation is for, frozen when it is asked for: later arrivals are not touched."""

import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow_tui.operations.context import World
from agentflow_tui.operations.operation import Operation
from agentflow_tui.store.changes.snapshot import Pinned, Pinning
from agentflow_tui.store.reading.queries import Query

Progress = Callable[[int], None]
"""Is told how many rows are done so far."""

_DIGEST = re.compile("sha256:[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Rows as they were when they were frozen, and those of the wanted ids that no row has."""

    operation: Operation
    argument: str | None
    rows: tuple[Pinned, ...]
    missing: tuple[str, ...] = ()

    @property
    def matched(self) -> int:
        return len(self.rows) + len(self.missing)

    @property
    def fit(self) -> tuple[Pinned, ...]:
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


async def freeze_rows(
    world: World, operation: Operation, ids: Sequence[str], argument: str | None = None
) -> Targets:
    """Freeze the rows with these ids.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    rows = await _gather(_pinning(world, operation, argument).rows(ids), None)
    known = {str(row.id) for row in rows}
    missing = tuple(dict.fromkeys(id_ for id_ in ids if id_ not in known))
    return Targets(operation=operation, argument=argument, rows=rows, missing=missing)


async def freeze_matching(
    world: World,
    operation: Operation,
    query: Query[Any],
    argument: str | None = None,
    progress: Progress | None = None,
) -> Targets:
    """Freeze everything that a filter matches. Can be cancelled at any time.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    rows = await _gather(_pinning(world, operation, argument).matching(query), progress)
    return Targets(operation=operation, argument=argument, rows=rows)


def _pinning(world: World, operation: Operation, argument: str | None) -> Pinning:
    return Pinning(world.database, operation.change, world.terms, argument)


async def _gather(
    pages: AsyncIterator[list[Pinned]], progress: Progress | None
) -> tuple[Pinned, ...]:
    rows: list[Pinned] = []
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
