"""Reading a list a page at a time, by key: row 1 and row 1,000,000 cost the same.

One statement yields a page. Its `gate` makes looking again free when nothing has changed: the
database's snapshot id is compared first, and if no transaction has ended since the caller's last
look, the rest of the statement is not executed at all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.listings import Listing, OrderKey

RowT = TypeVar("RowT")

Parameter = Callable[[object], str]
"""Adds a value to a statement's parameters and returns its placeholder."""

SNAPSHOT = "pg_current_snapshot()::text"
"""Changes whenever a transaction that wrote anything ends; reading it touches no table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A compiled filter: SQL in documented names whose parameters are numbered from ``$1``.
    ``joined`` when it names the listing's joins."""

    sql: str = ""
    values: tuple[object, ...] = ()
    joined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which page of a list. ``anchor`` holds the order keys' values of a row to start from:
    after it, before it (``backwards``), or with it (``inclusive``). ``scan`` bounds how many rows
    the filter may look at; None looks at all."""

    limit: int
    anchor: tuple[object, ...] | None = None
    backwards: bool = False
    inclusive: bool = False
    scan: int | None = None
    count_to: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[RowT]):
    """Rows in list order. ``more`` tells whether the list goes on in the direction read.

    ``count`` is how many rows match, exact below ``count_to``; None when it was not asked for.
    ``bounded`` tells that the filter looked at no more than the window's ``scan`` rows, so there
    may be more than ``more`` says. ``unchanged`` pages hold no rows: nothing has been committed
    since ``snapshot``.
    """

    rows: tuple[RowT, ...]
    more: bool
    snapshot: str
    now: datetime
    count: int | None = None
    bounded: bool = False
    unchanged: bool = False


def anchor_of(row: object, order: Sequence[OrderKey]) -> tuple[object, ...]:
    """The values of a row that a page can start from."""
    return tuple(getattr(row, key.attribute) for key in order)


async def read_page(
    database: Database,
    listing: Listing[RowT],
    order: Sequence[OrderKey],
    where: Where,
    window: Window,
    *,
    seen: str | None = None,
) -> Page[RowT]:
    """One page in one statement. ``seen`` is the snapshot of the last look: when nothing was
    committed since, the answer is an unchanged page that cost next to nothing.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    text, values = page_sql(database.binding, listing, order, where, window, seen)
    statement: Statement[tuple[Any, ...]] = Statement(as_tuple, text)
    records = await database.fetch(statement, *values)
    snapshot, now, count, _ = records[0][:4]
    if seen is not None and snapshot == seen:
        return Page(rows=(), more=False, snapshot=snapshot, now=now, unchanged=True)
    rows = [listing.row(*record[4:]) for record in records if record[3]]
    more = len(rows) > window.limit
    del rows[window.limit :]
    if window.backwards:
        rows.reverse()
    return Page(
        rows=tuple(rows),
        more=more,
        snapshot=snapshot,
        now=now,
        count=count,
        bounded=window.scan is not None,
    )


def page_sql(
    binding: Binding,
    listing: Listing[Any],
    order: Sequence[OrderKey],
    where: Where,
    window: Window,
    seen: str | None,
) -> tuple[str, list[object]]:
    """The statement of `read_page` and its parameters.

    Columns: snapshot, now, count, whether there is a row, then the listing's fields. Served by an
    index on the order's columns, or by the primary key.
    """
    values: list[object] = [*where.values]

    def parameter(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    effective = [_Effective.of(key, binding, listing, window.backwards) for key in order]
    table = f"{{{listing.table.name}}} q"
    limit = f"LIMIT {parameter(window.limit + 1)}::int"
    gate = f"s.snapshot IS DISTINCT FROM {parameter(seen)}::text"
    matching = _matching(table, listing, effective, where, window, limit, parameter)
    count = _count(table, listing, effective, where, window, parameter)
    fields = ", ".join(f"{f.sql(binding)} AS f{i}" for i, f in enumerate(listing.fields))
    names = ", ".join(f"p.f{i}" for i in range(len(listing.fields)))
    ordering = _ordering(effective)
    text = f"""
SELECT s.snapshot, now(), CASE WHEN {gate} THEN {count} END, p.there IS NOT NULL, {names}
  FROM (SELECT {SNAPSHOT} AS snapshot) s
  LEFT JOIN LATERAL (
       SELECT true AS there, row_number() OVER (ORDER BY {ordering}) AS place, {fields}
         FROM (SELECT * FROM ({matching}) u WHERE {gate} {limit}) q {listing.joins}
  ) p ON true
 ORDER BY p.place"""
    return text, values


def _matching(
    table: str,
    listing: Listing[Any],
    effective: Sequence["_Effective"],
    where: Where,
    window: Window,
    limit: str,
    parameter: Parameter,
) -> str:
    """The rows of the page: matched while reading the ranges, or, where the filter may only look
    at so many rows, matched among the first of them."""
    if window.scan is None:
        source = f"{table} {listing.joins}" if where.joined else table
        return _ranges(
            source, effective, where.sql, window.anchor, window.inclusive, limit, parameter
        )
    scan = f"LIMIT {parameter(window.scan)}::int"
    first = _ranges(table, effective, "", window.anchor, window.inclusive, scan, parameter)
    return (
        f"SELECT q.* FROM (SELECT * FROM ({first}) u {scan}) q {listing.joins} "
        f"WHERE {where.sql or 'true'} ORDER BY {_ordering(effective)} {limit}"
    )


def _count(
    table: str,
    listing: Listing[Any],
    effective: Sequence["_Effective"],
    where: Where,
    window: Window,
    parameter: Parameter,
) -> str:
    if not window.count_to:
        return "NULL::int"
    if window.scan is not None:
        scan = f"LIMIT {parameter(window.scan)}::int"
        table = f"(SELECT q.* FROM {table} ORDER BY {_ordering(effective)} {scan}) q"
    joins = listing.joins if where.joined else ""
    cap = f"LIMIT {parameter(window.count_to + 1)}::int"
    matching = f"SELECT FROM {table} {joins} WHERE {where.sql or 'true'} {cap}"
    return f"(SELECT count(*)::int FROM ({matching}) c)"


@dataclass(frozen=True, slots=True)
class _Effective:
    """An order key in the direction a page is read. PostgreSQL's own NULL order is kept, so that
    one index serves both directions: last when ascending, first when descending."""

    sql: str
    descending: bool
    nullable: bool

    @classmethod
    def of(
        cls, key: OrderKey, binding: Binding, listing: Listing[Any], backwards: bool
    ) -> "_Effective":
        column = key.field.column
        if column is None:
            raise KeyError(f"{key.field.name} is no column and cannot be sorted by")
        name = binding.render(f"{{{listing.table.name}.{column.name}}}")
        return cls(f"q.{name}", key.descending != backwards, not column.primary_key)

    @property
    def ordering(self) -> str:
        return f"{self.sql} {'DESC' if self.descending else 'ASC'}"

    def after(self, value: object, parameter: Parameter, *, or_equal: bool) -> list[str]:
        """Conditions, in order, for the rows that come later than ``value``."""
        if value is None:
            return [f"{self.sql} IS NOT NULL"] if self.descending else []
        sign = ("<" if self.descending else ">") + ("=" if or_equal else "")
        later = [f"{self.sql} {sign} {parameter(value)}"]
        if self.nullable and not self.descending:
            later.append(f"{self.sql} IS NULL")
        return later


def _ordering(effective: Sequence[_Effective]) -> str:
    return ", ".join(key.ordering for key in effective)


def _ranges(
    source: str,
    effective: Sequence[_Effective],
    condition: str,
    anchor: tuple[object, ...] | None,
    inclusive: bool,
    limit: str,
    parameter: Parameter,
) -> str:
    """The rows from ``anchor`` on, as a concatenation of index ranges.

    After the row (a, b, id) come, in this order: the rows with the same a and b and a later id,
    those with the same a and a later b, those with a later a. Each is one contiguous range of an
    index on (a, b, id), which one comparison of tuples would not be for mixed directions or NULLs.
    """
    ranges: Iterable[tuple[tuple[str, ...], str]] = [((), _ordering(effective))]
    if anchor is not None:
        ranges = _ranges_after(effective, anchor, inclusive, parameter)
    return " UNION ALL ".join(
        f"(SELECT q.* FROM {source} WHERE {' AND '.join([*terms, condition or 'true'])} "
        f"ORDER BY {ordering} {limit})"
        for terms, ordering in ranges
    )


def _ranges_after(
    effective: Sequence[_Effective],
    anchor: tuple[object, ...],
    inclusive: bool,
    parameter: Parameter,
) -> Iterator[tuple[tuple[str, ...], str]]:
    for depth in reversed(range(len(effective))):
        key, last = effective[depth], depth == len(effective) - 1
        ahead = key.after(anchor[depth], parameter, or_equal=inclusive and last)
        if not ahead:
            continue
        same = tuple(
            f"{earlier.sql} IS NULL" if value is None else f"{earlier.sql} = {parameter(value)}"
            for earlier, value in zip(effective[:depth], anchor[:depth], strict=True)
        )
        for later in ahead:
            constant = later.endswith("IS NULL")
            yield (*same, later), _ordering(effective[depth + 1 if constant else depth :])
