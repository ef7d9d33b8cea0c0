"""The rows picked for a change, what can be done to them, and their snapshot.

Keys and command line ask the same functions.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.verbs import operations_on
from agentflow_tui.store.changes.snapshot import RowSnapshot, SnapshotReader
from agentflow_tui.store.reading.queries import Query
from agentflow_tui.text import number

JUDGED = 50
"""Rows by which the key bar tells what a key means."""

Progress = Callable[[int], None]
"""Is told how many rows are done so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Rows of one table: those with ``ids``, or everything that ``query`` finds.

    ``words`` says which of these it is; ``where`` is the query's filter as the command line takes
    it. ``rows`` are those of the rows that the console has seen, for judging and naming them.
    ``note`` is to be known before, such as that another operator is looking at it. ``unfit`` are
    verbs that are known to apply to none of them.
    """

    table: str
    words: str = ""
    ids: tuple[str, ...] = ()
    query: Query[Any] | None = None
    where: str = ""
    rows: tuple[Any, ...] = ()
    note: str = ""
    unfit: frozenset[str] = frozenset()

    @property
    def is_one(self) -> bool:
        return self.query is None and len(self.ids) == 1


def one(table: str, row: Any) -> Selection:
    """The row under the cursor."""
    return Selection(table=table, words="this row", ids=(str(row.key),), rows=(row,))


def marked(table: str, rows: Sequence[Any]) -> Selection:
    """The marked rows."""
    ids = tuple(str(row.key) for row in rows)
    words = f"the {number(len(ids))} marked rows"
    return Selection(table=table, words=words, ids=ids, rows=tuple(rows))


def matching(table: str, query: Query[Any], where: str, rows: Sequence[Any] = ()) -> Selection:
    """Everything that matches a filter."""
    words = f"everything that matches {where}" if where else f"everything in {table}"
    return Selection(table=table, words=words, query=query, where=where, rows=tuple(rows))


# What can be done to them


def fitting(verbs: Sequence[str], selection: Selection) -> tuple[Operation, ...]:
    """What a key that stands for these verbs can mean for these rows."""
    return choices([verb for verb in verbs if verb not in selection.unfit], selection.table)


def choices(verbs: Sequence[str], table: str) -> tuple[Operation, ...]:
    """What a key that stands for these verbs can mean on a table."""
    return tuple(o for verb in verbs for o in operations_on(table) if o.verb == verb)


def likeliest(operations: Sequence[Operation], rows: Sequence[Any]) -> Operation:
    """The operation that applies to most of the rows; the first one where that is none."""
    return max(operations, key=lambda o: sum(not o.why_not(row) for row in rows))


def reason_against(operation: Operation, rows: Sequence[Any]) -> str:
    """Why an operation applies to none of the rows; ``""`` when it applies to one at least, or
    none of them has been seen."""
    reasons = [operation.why_not(row) for row in rows]
    return "" if not reasons or "" in reasons else reasons[0]


def offered(operations: Sequence[Operation], rows: Sequence[Any]) -> tuple[Operation, ...]:
    """Those of the operations that a key can mean here: one, or several to choose from."""
    applying = tuple(o for o in operations if not reason_against(o, rows))
    verbs = {operation.verb for operation in operations}
    if len(verbs) == len(operations) and len(applying) < 2:
        return applying or (likeliest(operations, rows),)
    return applying or tuple(operations)


def why_impossible(
    context: OperationContext, operation: Operation, selection: Selection | None = None
) -> str:
    """Why an operation cannot be done in this database, or to none of these rows; ``""`` when it
    can."""
    database = context.database
    return (
        database.read_only_reason(operation.table)
        or operation.change.missing(database.binding)
        or (
            reason_against(operation, selection.rows)
            if selection is not None and selection.query is None
            else ""
        )
    )


def meanings(
    keys: Mapping[str, tuple[str, ...]], table: str, selection: Selection | None, *, read_only: str
) -> tuple[dict[str, str], dict[str, str]]:
    """What each key of a change means for these rows, by the key's id, and why some do not apply.

    ``keys`` are the verbs that each key stands for, ``read_only`` is why nothing can be changed;
    ``""`` when something can.
    """
    titles: dict[str, str] = {}
    refused: dict[str, str] = {}
    rows = selection.rows[:JUDGED] if selection is not None else ()
    is_query = selection is not None and selection.query is not None
    for id_, verbs in keys.items():
        operations = choices(verbs, table)
        if not operations:
            continue
        likely = likeliest(operations, rows)
        titles[id_] = likely.verb.capitalize()
        unfit = "" if is_query else reason_against(likely, rows)
        why = read_only or ("there is no row" if selection is None else unfit)
        if why:
            refused[id_] = why
    return titles, refused


# Their snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The selected rows as they were when the operation was asked for, and those of the wanted
    ids that no row has. What comes later is not touched."""

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
        found = [(row.id, row.refusal) for row in self.rows if row.refusal is not None]
        return (*found, *((id_, "is not there") for id_ in self.missing))

    @property
    def refusals(self) -> list[tuple[str, int]]:
        """Why rows will be left alone, most frequent first."""
        return Counter(reason for _, reason in self.refused).most_common()


async def take_snapshot(
    context: OperationContext,
    operation: Operation,
    selection: Selection,
    argument: str | None = None,
    progress: Progress | None = None,
) -> Snapshot:
    """The rows of a selection as they are now. Can be cancelled at any time.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    reader = SnapshotReader(context.database, operation.change, context.settings, argument)
    if selection.query is not None:
        rows = await _gather(reader.matching(selection.query), progress)
        return Snapshot(operation=operation, argument=argument, rows=rows)
    rows = await _gather(reader.rows(selection.ids), progress)
    known = {row.id for row in rows}
    missing = tuple(dict.fromkeys(id_ for id_ in selection.ids if id_ not in known))
    return Snapshot(operation=operation, argument=argument, rows=rows, missing=missing)


async def _gather(
    pages: AsyncIterator[list[RowSnapshot]], progress: Progress | None
) -> tuple[RowSnapshot, ...]:
    rows: list[RowSnapshot] = []
    async for page in pages:
        rows += (replace(row, id=str(row.id)) for row in page)  # numbers, in some databases
        if progress is not None:
            progress(len(rows))
    return tuple(rows)
