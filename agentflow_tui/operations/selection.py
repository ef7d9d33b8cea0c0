"""What a change is aimed at: the row under the cursor, the marked rows, or all that match."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.registry import Verb, verbs
from agentflow_tui.operations.verbs import operations_on
from agentflow_tui.store.reading.queries import Query
from agentflow_tui.text import number

JUDGED = 50
"""Rows by which the key bar tells what a key means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Rows of one table: those with ``ids``, or everything that ``query`` finds.

    ``words`` says which of these it is; ``where`` is the query's filter as the command line takes
    it. ``rows`` are those of the rows that the console has seen, for judging and naming them.
    ``note`` is to be known before, such as that somebody else is at it.
    """

    table: str
    words: str
    ids: tuple[str, ...] = ()
    query: Query[Any] | None = None
    where: str = ""
    rows: tuple[Any, ...] = ()
    note: str = ""

    @property
    def is_one(self) -> bool:
        return self.query is None and len(self.ids) == 1


def one(table: str, row: Any) -> Selection:
    """The row under the cursor."""
    return Selection(table=table, words="this row", ids=(str(row.key),), rows=(row,))


def marked(table: str, rows: Sequence[Any]) -> Selection:
    """The marked rows."""
    ids = tuple(str(row.key) for row in rows)
    return Selection(
        table=table, words=f"the {number(len(ids))} marked rows", ids=ids, rows=tuple(rows)
    )


def matching(table: str, query: Query[Any], where: str, rows: Sequence[Any]) -> Selection:
    """Everything that matches a filter."""
    words = f"everything that matches {where}" if where else f"everything in {table}"
    return Selection(table=table, words=words, query=query, where=where, rows=tuple(rows))


def choices(verb: Verb, table: str) -> tuple[Operation, ...]:
    """What a key can mean on a table."""
    return tuple(o for word in verb.words for o in operations_on(table) if o.verb == word)


def likeliest(operations: Sequence[Operation], rows: Sequence[Any]) -> Operation:
    """The one that applies to most of the rows; the first one where that is none."""
    return max(operations, key=lambda o: sum(not o.why_not(row) for row in rows))


def reason_against(operation: Operation, rows: Sequence[Any]) -> str:
    """Why an operation applies to none of the rows; ``""`` when it applies to one at least, or
    nobody has seen them."""
    reasons = [operation.why_not(row) for row in rows]
    return "" if not reasons or "" in reasons else reasons[0]


def meanings(
    table: str, selection: Selection | None, *, read_only: str
) -> tuple[dict[str, str], dict[str, str]]:
    """What each key of a change means for these rows, by verb id, and why some do not apply.

    ``read_only`` is why nothing can be changed; ``""`` when something can.
    """
    titles: dict[str, str] = {}
    refused: dict[str, str] = {}
    rows = selection.rows[:JUDGED] if selection is not None else ()
    for verb in verbs("row"):
        operations = choices(verb, table)
        if not operations:
            continue
        likely = likeliest(operations, rows)
        titles[verb.id] = likely.verb.capitalize()
        unfit = (
            ""
            if selection is not None and selection.query is not None
            else reason_against(likely, rows)
        )
        why = read_only or ("there is no row" if selection is None else unfit)
        if why:
            refused[verb.id] = why
    return titles, refused
