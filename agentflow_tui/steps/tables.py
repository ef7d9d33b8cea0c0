"""``dataProcessing``: rows of earlier results filtered, reshaped, joined, summed up, sorted.

Each operation takes rows and gives rows; what is said about a row is said in JMESPath. Nothing is
ever evaluated as code.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, Literal

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import kind_of
from agentflow_tui.steps.calls import Call, StepError
from agentflow_tui.steps.expressions import Expression, ExpressionError

Rows = list[Any]

ROWS = 1_000_000
"""Rows that one operation may give; a join whose keys hardly differ gives their product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Rows of this side beside the rows of ``rows`` whose ``theirs`` equals their ``ours``.

    The row of the other side is put under the name ``into``. ``left`` keeps rows without a match,
    with null there; rows whose key is null match nothing.
    """

    rows: Expression
    ours: Expression
    theirs: Expression
    into: str
    kind: Literal["inner", "left"] = "inner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One figure of a group: what ``of`` finds in its rows, put together by ``how``.

    Nulls are left out, as in SQL; without ``of``, ``count`` counts rows.
    """

    how: Literal["count", "sum", "min", "max", "avg", "first", "last", "list", "distinct"]
    of: Expression | None = None

    def __post_init__(self) -> None:
        if self.of is None and self.how != "count":
            raise ValueError(f"of is missing: what is the {self.how} of?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One row for each distinct combination of ``by``, with ``values``; without ``by``, one row."""

    values: dict[str, Value]
    by: dict[str, Expression] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Rows in the order of what ``by`` finds: numbers, then texts, then the rest; null last."""

    by: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOperation:
    """One operation; exactly one of these is given.

    ``filter`` keeps rows for which the expression is true, ``map`` replaces each row by what it
    finds, ``apply`` replaces all rows at once (for anything else JMESPath can).
    """

    filter: Expression | None = None
    map: Expression | None = None
    apply: Expression | None = None
    join: Join | None = None
    aggregate: Aggregate | None = None
    sort: Sort | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        given = [f.name for f in fields(self) if getattr(self, f.name) is not None]
        if len(given) != 1:
            names = ", ".join(f.name for f in fields(self))
            raise ValueError(f"exactly one of {names} must be given, not {len(given)}")
        if self.limit is not None and self.limit < 0:
            raise ValueError("limit must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableConfig:
    """``source`` finds the rows in ``steps`` and ``context``; the operations follow in order.

    The result is ``{"rows": […], "count": n}``, or only the first row when ``single`` is true.
    """

    source: Expression
    operations: list[TableOperation]
    single: bool = False


async def process(call: Call[TableConfig]) -> Any:
    """Run the operations over the rows that the source finds."""
    roots = call.results.roots()
    try:
        rows = _rows(call.config.source.search(roots), "config.source")
        for index, operation in enumerate(call.config.operations):
            rows = _rows(_run(operation, rows, roots), f"config.operations[{index}]")
    except ExpressionError as error:
        raise StepError(f"The expression {error}.", retry=False) from None
    if call.config.single:
        return rows[0] if rows else None
    return {"rows": rows, "count": len(rows)}


def _rows(found: Any, where: str) -> Rows:
    if found is None:
        raise StepError(f"{where} finds nothing; it should find a list.", retry=False)
    rows = found if isinstance(found, list) else [found]
    if len(rows) > ROWS:
        raise StepError(
            f"{where} gives {len(rows):,} rows; at most {ROWS:,} are kept.", retry=False
        )
    return rows


def _run(operation: TableOperation, rows: Rows, roots: dict[str, Any]) -> Any:
    match operation:
        case TableOperation(filter=Expression() as keep):
            return [row for row in rows if keep.is_true(row)]
        case TableOperation(map=Expression() as shape):
            return [shape.search(row) for row in rows]
        case TableOperation(apply=Expression() as whole):
            return whole.search(rows)
        case TableOperation(join=Join() as join):
            return _join(rows, _rows(join.rows.search(roots), "join.rows"), join)
        case TableOperation(aggregate=Aggregate() as aggregate):
            return _aggregate(rows, aggregate)
        case TableOperation(sort=Sort() as sort):
            return _sort(rows, sort)
        case _:
            return rows[: operation.limit]


def _key(value: Any) -> Any:
    """Something hashable that is equal when two JSON values are, ``1`` and ``true`` apart."""
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True)
    return (isinstance(value, bool), value)


def _join(rows: Rows, others: Rows, join: Join) -> Rows:
    index: dict[Any, Rows] = {}
    for other in others:
        index.setdefault(_key(join.theirs.search(other)), []).append(other)
    index.pop(_key(None), None)
    unmatched: Rows = [None] if join.kind == "left" else []
    joined: Rows = []
    for row in rows:
        if not isinstance(row, dict):
            wrong = f"A join needs rows that are objects, and found {kind_of(row)}."
            raise StepError(wrong, retry=False)
        for other in index.get(_key(join.ours.search(row)), unmatched):
            joined.append({**row, join.into: other})
        if len(joined) > ROWS:
            break
    return joined


def _aggregate(rows: Rows, aggregate: Aggregate) -> Rows:
    names = aggregate.by or {}
    groups: dict[Any, tuple[dict[str, Any], Rows]] = {}
    if not names:
        groups[()] = ({}, [])
    for row in rows:
        by = {name: expression.search(row) for name, expression in names.items()}
        groups.setdefault(tuple(map(_key, by.values())), (by, []))[1].append(row)
    return [
        {**by, **{name: _figure(value, found) for name, value in aggregate.values.items()}}
        for by, found in groups.values()
    ]


def _figure(value: Value, rows: Rows) -> Any:
    if value.of is None:
        return len(rows)
    found = [each for each in map(value.of.search, rows) if each is not None]
    return _FIGURES[value.how](found)


def _numbers(found: Rows) -> list[float]:
    for each in found:
        if isinstance(each, bool) or not isinstance(each, int | float):
            raise StepError(f"Only numbers can be added up, not {kind_of(each)}.", retry=False)
    return found


def _average(found: Rows) -> float | None:
    return sum(_numbers(found)) / len(found) if found else None


def _distinct(found: Rows) -> Rows:
    return list({_key(each): each for each in found}.values())


_FIGURES: dict[str, Callable[[Rows], Any]] = {
    "count": len,
    "sum": lambda found: sum(_numbers(found)),
    "min": lambda found: min(found, key=_rank, default=None),
    "max": lambda found: max(found, key=_rank, default=None),
    "avg": _average,
    "first": lambda found: found[0] if found else None,
    "last": lambda found: found[-1] if found else None,
    "list": lambda found: found,
    "distinct": lambda found: len(_distinct(found)),
}


def _rank(value: Any) -> tuple[int, float, str]:
    """An order for values of any kind: numbers, texts, everything else."""
    if isinstance(value, str):
        return (1, 0.0, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (0, value, "")
    return (2, 0.0, json.dumps(value, sort_keys=True))


def _sort(rows: Rows, sort: Sort) -> Rows:
    found = [(sort.by.search(row), row) for row in rows]
    present = sorted(
        (pair for pair in found if pair[0] is not None),
        key=lambda pair: _rank(pair[0]),
        reverse=sort.descending,
    )
    return [*_second(present), *_second(pair for pair in found if pair[0] is None)]


def _second(pairs: Iterable[tuple[Any, Any]]) -> Rows:
    return [row for _, row in pairs]
