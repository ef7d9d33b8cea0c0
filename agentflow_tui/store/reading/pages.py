"""Keyset pages: a list is read a page at a time, and row 1 and row 1,000,000 cost the same.

One statement yields a page. Its `gate` makes looking again free when nothing has changed: the
database's snapshot id is compared first, and if no transaction has ended since the caller's last
look, the rest of the statement is not executed at all.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.listings import Listing, OrderKey

RowT = TypeVar("RowT")

Varying = Callable[["Window", str | None], object]
"""Gives a parameter's value for one window and the snapshot seen last."""

Parameter = Callable[[Varying], str]
"""Adds a parameter to a statement and returns its placeholder."""

COUNT_TO = 10_000
"""Counts of lists are exact up to here, and ``10k+`` beyond."""

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
    """Which page of a list to read. ``anchor`` holds the order keys' values of a row to start from:
    after it, before it (``backwards``), or with it (``inclusive``). ``scan`` bounds how many rows
    the filter may look at; None looks at all. The rows that match are counted up to ``count_to``.
    """

    limit: int
    anchor: tuple[object, ...] | None = None
    backwards: bool = False
    inclusive: bool = False
    scan: int | None = None
    count_to: int = 0

    @property
    def shape(self) -> Hashable:
        """What decides the statement that reads this page, rather than its parameters."""
        nulls = None if self.anchor is None else tuple(value is None for value in self.anchor)
        return nulls, self.backwards, self.inclusive, self.scan is None, self.count_to > 0


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Rows in list order. ``at_start`` when the list is known to start with the first of them,
    ``at_end`` when it is known to end with the last.

    ``count`` is how many rows match, exact up to the window's ``count_to``; None when it was not
    asked for. ``bounded`` tells that the filter looked at no more than the window's ``scan`` rows,
    so the list may go on all the same. ``snapshot`` and ``now`` are the database's at this look;
    ``unchanged`` pages hold no rows: nothing was committed since the snapshot of the last one.
    """

    rows: Sequence[RowT]
    _: KW_ONLY
    at_start: bool = False
    at_end: bool = False
    count: int | None = None
    bounded: bool = False
    snapshot: str = ""
    now: datetime | None = None
    unchanged: bool = False


def anchor_of(row: object, order: Sequence[OrderKey]) -> tuple[object, ...]:
    """The values of a row that a page can start from."""
    return tuple(getattr(row, key.attribute) for key in order)


@dataclass(frozen=True, slots=True)
class PageStatement(Generic[RowT]):
    """The statement for every page of one shape of one list: compiled once, sent at each look.

    Columns: snapshot, now, count, whether there is a row, then the listing's fields. Served by an
    index on the order's columns, or by the primary key.
    """

    listing: Listing[RowT]
    text: str
    fixed: tuple[object, ...]
    varying: tuple[Varying, ...]

    def values(self, window: Window, seen: str | None) -> list[object]:
        """The parameters: the filter's values, then what differs from page to page."""
        return [*self.fixed, *(value(window, seen) for value in self.varying)]

    async def read(self, database: Database, window: Window, seen: str | None = None) -> Page[RowT]:
        """One page, of a window of this statement's shape; see `read_page`."""
        statement: Statement[tuple[Any, ...]] = Statement(as_tuple, self.text)
        records = await database.fetch(statement, *self.values(window, seen))
        snapshot, now, count, _ = records[0][:4]
        if seen is not None and snapshot == seen:
            return Page((), snapshot=snapshot, now=now, unchanged=True)
        rows = [self.listing.row(*record[4:]) for record in records if record[3]]
        is_last = len(rows) <= window.limit
        del rows[window.limit :]
        if window.backwards:
            rows.reverse()
        from_an_end = window.anchor is None
        return Page(
            tuple(rows),
            at_start=is_last if window.backwards else from_an_end,
            at_end=from_an_end if window.backwards else is_last,
            count=count,
            bounded=window.scan is not None,
            snapshot=snapshot,
            now=now,
        )


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
    statement = page_statement(database.binding, listing, order, where, window)
    return await statement.read(database, window, seen)


def page_statement(
    binding: Binding,
    listing: Listing[RowT],
    order: Sequence[OrderKey],
    where: Where,
    window: Window,
) -> PageStatement[RowT]:
    """Compile the statement for all windows of the shape of ``window``."""
    varying: list[Varying] = []

    def parameter(value: Varying) -> str:
        varying.append(value)
        return f"${len(where.values) + len(varying)}"

    keys = [_DirectedKey.of(key, listing, window.backwards) for key in order]
    table = f"{{{listing.table.name}}} q"
    limit = f"LIMIT {parameter(lambda window, _: window.limit + 1)}::int"
    gate = f"s.snapshot IS DISTINCT FROM {parameter(lambda _, seen: seen)}::text"
    matching = _matching(table, listing, keys, where, window, limit, parameter)
    count = _count(table, listing, keys, where, window, parameter)
    fields = ", ".join(f"{f.fetched(binding)} AS f{i}" for i, f in enumerate(listing.fields))
    names = ", ".join(f"p.f{i}" for i in range(len(listing.fields)))
    ordering = _ordering(keys)
    text = f"""
SELECT s.snapshot, now(), CASE WHEN {gate} THEN {count} END, p.there IS NOT NULL, {names}
  FROM (SELECT {SNAPSHOT} AS snapshot) s
  LEFT JOIN LATERAL (
       SELECT true AS there, row_number() OVER (ORDER BY {ordering}) AS place, {fields}
         FROM (SELECT * FROM ({matching}) u WHERE {gate} {limit}) q {listing.joins}
  ) p ON true
 ORDER BY p.place"""
    return PageStatement(listing, text, where.values, tuple(varying))


def _matching(
    table: str,
    listing: Listing[Any],
    keys: Sequence["_DirectedKey"],
    where: Where,
    window: Window,
    limit: str,
    parameter: Parameter,
) -> str:
    """The rows of the page: matched while reading the ranges, or, where the filter may only look
    at so many rows, matched among the first of them."""
    if window.scan is None:
        source = f"{table} {listing.joins}" if where.joined else table
        return _ranges(source, keys, where.sql, window, limit, parameter)
    scan = f"LIMIT {parameter(_scan)}::int"
    first = _ranges(table, keys, "", window, scan, parameter)
    return (
        f"SELECT q.* FROM (SELECT * FROM ({first}) u {scan}) q {listing.joins} "
        f"WHERE {where.sql or 'true'} ORDER BY {_ordering(keys)} {limit}"
    )


def _count(
    table: str,
    listing: Listing[Any],
    keys: Sequence["_DirectedKey"],
    where: Where,
    window: Window,
    parameter: Parameter,
) -> str:
    if not window.count_to:
        return "NULL::int"
    if window.scan is not None:
        scan = f"LIMIT {parameter(_scan)}::int"
        table = f"(SELECT q.* FROM {table} ORDER BY {_ordering(keys)} {scan}) q"
    joins = listing.joins if where.joined else ""
    cap = f"LIMIT {parameter(lambda window, _: window.count_to + 1)}::int"
    matching = f"SELECT FROM {table} {joins} WHERE {where.sql or 'true'} {cap}"
    return f"(SELECT count(*)::int FROM ({matching}) c)"


@dataclass(frozen=True, slots=True)
class _DirectedKey:
    """An order key in the direction a page is read. PostgreSQL's own NULL order is kept, so that
    one index serves both directions: last when ascending, first when descending."""

    sql: str
    descending: bool
    nullable: bool

    @classmethod
    def of(cls, key: OrderKey, listing: Listing[Any], backwards: bool) -> "_DirectedKey":
        column = key.field.column
        if column is None:
            raise KeyError(f"{key.field.name} is no column and cannot be sorted by")
        name = f"q.{{{listing.table.name}.{column.name}}}"
        return cls(name, key.descending != backwards, not column.primary_key)

    @property
    def ordering(self) -> str:
        return f"{self.sql} {'DESC' if self.descending else 'ASC'}"

    def after(self, placeholder: str | None, *, or_equal: bool) -> list[str]:
        """Conditions, in order, for the rows that come later than the anchor, whose value of this
        key ``placeholder`` stands for; None where it is NULL."""
        if placeholder is None:
            return [f"{self.sql} IS NOT NULL"] if self.descending else []
        sign = ("<" if self.descending else ">") + ("=" if or_equal else "")
        later = [f"{self.sql} {sign} {placeholder}"]
        if self.nullable and not self.descending:
            later.append(f"{self.sql} IS NULL")
        return later

    def same(self, placeholder: str | None) -> str:
        """The condition for the rows with the anchor's value of this key."""
        return f"{self.sql} IS NULL" if placeholder is None else f"{self.sql} = {placeholder}"


def _ordering(keys: Sequence[_DirectedKey]) -> str:
    return ", ".join(key.ordering for key in keys)


def _ranges(
    source: str,
    keys: Sequence[_DirectedKey],
    condition: str,
    window: Window,
    limit: str,
    parameter: Parameter,
) -> str:
    """The rows from the window's anchor on, as a concatenation of index ranges.

    After the row (a, b, id) come, in this order: the rows with the same a and b and a later id,
    those with the same a and a later b, those with a later a. Each is one contiguous range of an
    index on (a, b, id), which one comparison of tuples would not be for mixed directions or NULLs.
    """
    ranges: Iterable[tuple[tuple[str, ...], str]] = [((), _ordering(keys))]
    if window.anchor is not None:
        anchor = [
            None if value is None else parameter(_anchor_value(depth))
            for depth, value in enumerate(window.anchor)
        ]
        ranges = _ranges_after(keys, anchor, inclusive=window.inclusive)
    return " UNION ALL ".join(
        f"(SELECT q.* FROM {source} WHERE {' AND '.join([*terms, condition or 'true'])} "
        f"ORDER BY {ordering} {limit})"
        for terms, ordering in ranges
    )


def _anchor_value(depth: int) -> Varying:
    def value(window: Window, _: str | None) -> object:
        assert window.anchor is not None, "a statement serves windows of its own shape"
        return window.anchor[depth]

    return value


def _scan(window: Window, _: str | None) -> object:
    return window.scan


def _ranges_after(
    keys: Sequence[_DirectedKey], anchor: Sequence[str | None], *, inclusive: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    for depth in reversed(range(len(keys))):
        key, last = keys[depth], depth == len(keys) - 1
        ahead = key.after(anchor[depth], or_equal=inclusive and last)
        same = tuple(
            earlier.same(value) for earlier, value in zip(keys[:depth], anchor[:depth], strict=True)
        )
        for later in ahead:
            constant = later.endswith("IS NULL")
            yield (*same, later), _ordering(keys[depth + 1 if constant else depth :])
