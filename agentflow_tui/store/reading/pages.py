"""Keyset pages: a list is read a page at a time, and row 1 and row 1,000,000 cost the same.

One statement yields a page. Its `gate` makes looking again free when nothing has changed: the
database's snapshot id is compared first, and if no transaction has ended since the caller's last
look, the rest of the statement is not executed at all.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import KW_ONLY, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.listings import Listing, OrderKey
from agentflow_tui.store.reading.ranges import DirectedKey, ordering_of, ranges

RowT = TypeVar("RowT")

Varying = Callable[["Window", str | None], object]
"""Gives a parameter's value for one window and the snapshot seen last."""

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
class Served:
    """What the indexes of a large table find of a filter: ``where`` rows, of these ``states``, each
    of which has an index in the list's order; any state where there are none."""

    where: Where = field(default_factory=Where)
    states: tuple[str, ...] = ()

    def conditions(self, table: str, further: str) -> list[str]:
        """SQL for the rows of each state that fit ``further``, or for those of any state."""
        if not self.states:
            return [further]
        fits = f" AND {further}" if further else ""
        return [f"{{q.{table}.status}} = '{state}'{fits}" for state in self.states]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which page of a list to read. ``anchor`` holds the order keys' values of a row to start from:
    after it, before it (``backwards``), or with it (``inclusive``). ``scan`` bounds how many rows
    are looked at, from the anchor on; None looks at all. ``search`` has an index find the
    words. The rows that match are counted up to ``count_to``, or among those that are looked at.
    """

    limit: int
    anchor: tuple[object, ...] | None = None
    backwards: bool = False
    inclusive: bool = False
    scan: int | None = None
    search: bool = False
    count_to: int = 0

    @property
    def shape(self) -> Hashable:
        """What decides the statement that reads this page, rather than its parameters."""
        nulls = None if self.anchor is None else tuple(value is None for value in self.anchor)
        kind = self.scan is None, self.search, self.count_to > 0
        return nulls, self.backwards, self.inclusive, *kind


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Rows in list order. ``at_start`` when the list is known to start with the first of them,
    ``at_end`` when it is known to end with the last.

    ``count`` is how many rows match, exact up to the window's ``count_to``; None when it was not
    asked for. Where the window's ``scan`` bounded the look, ``looked`` rows were looked at, among
    which ``count`` match, and ``reached`` is the place from which to look on, None where nothing is
    left to look at, or more rows matched than fit the page. ``snapshot`` and ``now`` are the
    database's at this look; ``unchanged`` pages hold no rows: nothing was committed since the
    snapshot of the last one.
    """

    rows: Sequence[RowT]
    _: KW_ONLY
    at_start: bool = False
    at_end: bool = False
    count: int | None = None
    looked: int = 0
    reached: tuple[object, ...] | None = None
    snapshot: str = ""
    now: datetime | None = None
    unchanged: bool = False

    @property
    def bounded(self) -> bool:
        """Whether not all rows were looked at, so that the list may go on all the same."""
        return self.reached is not None


def anchor_of(row: object, order: Sequence[OrderKey]) -> tuple[object, ...]:
    """The values of a row that a page can start from."""
    return tuple(getattr(row, key.attribute) for key in order)


@dataclass(frozen=True, slots=True)
class PageStatement(Generic[RowT]):
    """The statement for every page of one shape of one list: compiled once, sent at each look.

    Columns: snapshot, now, count, whether there is a row, then the listing's fields; in front of
    these, where only so many rows are looked at, their number and the ``scanned_keys`` order keys
    of the last of them. Served by an index on the order's columns, or by the primary key.
    """

    listing: Listing[RowT]
    text: str
    fixed: tuple[object, ...]
    varying: tuple[Varying, ...]
    scanned_keys: int = 0

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
        rows, fits = self._rows(records, window)
        looked, reached = 0, None
        if window.scan is not None:
            looked = records[0][4]
            if fits and looked >= window.scan:
                reached = tuple(records[0][5 : 5 + self.scanned_keys])
        is_last = fits and reached is None
        from_an_end = window.anchor is None
        return Page(
            tuple(rows),
            at_start=is_last if window.backwards else from_an_end,
            at_end=from_an_end if window.backwards else is_last,
            count=count,
            looked=looked,
            reached=reached,
            snapshot=snapshot,
            now=now,
        )

    def _rows(self, records: Sequence[tuple[Any, ...]], window: Window) -> tuple[list[RowT], bool]:
        """The rows of the window in the order of the list, and whether there are no further
        ones."""
        begin = 5 + self.scanned_keys if self.scanned_keys else 4
        rows = [self.listing.row(*record[begin:]) for record in records if record[3]]
        fits = len(rows) <= window.limit
        del rows[window.limit :]
        if window.backwards:
            rows.reverse()
        return rows, fits


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
    served: Served | None = None,
) -> PageStatement[RowT]:
    """Compile the statement for all windows of the shape of ``window``. The parameters of ``where``
    are numbered after those of ``served``."""
    writer = _StatementWriter(binding, listing, order, served or Served(), where, window)
    text = writer.whole() if window.scan is None else writer.scanning()
    fixed = (*writer.served.where.values, *where.values)
    scanned_keys = 0 if window.scan is None else len(order)
    return PageStatement(listing, text, fixed, tuple(writer.varying), scanned_keys)


class _StatementWriter:
    """Writes the SQL of a page. ``varying`` are the parameters that differ from page to page."""

    def __init__(
        self,
        binding: Binding,
        listing: Listing[Any],
        order: Sequence[OrderKey],
        served: Served,
        where: Where,
        window: Window,
    ) -> None:
        self.varying: list[Varying] = []
        self.served = served
        self._binding = binding
        self._listing = listing
        self._where = where
        self._window = window
        self._keys = [DirectedKey.of(key, listing, window.backwards) for key in order]
        self._table = f"{{{listing.table.name}}} q"
        self._limit = f"LIMIT {self._parameter(lambda window, _: window.limit + 1)}::int"
        self._seen = f"{self._parameter(lambda _, seen: seen)}::text"

    def _parameter(self, value: Varying) -> str:
        self.varying.append(value)
        fixed = len(self.served.where.values) + len(self._where.values)
        return f"${fixed + len(self.varying)}"

    def whole(self) -> str:
        """The statement of a page that looks at all rows: matched while the ranges are read."""
        joins = self._listing.joins if self._where.joined or self.served.where.joined else ""
        gate = f"s.snapshot IS DISTINCT FROM {self._seen}"
        conditions = self.served.conditions(self._listing.table.name, self._both())
        source = f"{self._table} {joins}"
        matching = self._ranges(source, conditions, self._limit)
        count = "NULL::int"
        if self._window.count_to:
            cap = f"LIMIT {self._parameter(lambda window, _: window.count_to + 1)}::int"
            counted = " UNION ALL ".join(
                f"SELECT FROM {source} WHERE {condition or 'true'}" for condition in conditions
            )
            count = f"(SELECT count(*)::int FROM ({counted} {cap}) c)"
        return f"""
SELECT s.snapshot, now(), CASE WHEN {gate} THEN {count} END, p.there IS NOT NULL, {self._names}
  FROM (SELECT {SNAPSHOT} AS snapshot) s
  LEFT JOIN LATERAL (
       SELECT true AS there, row_number() OVER (ORDER BY {ordering_of(self._keys)}) AS place,
              {self._fields}
         FROM (SELECT * FROM ({matching}) u WHERE {gate} {self._limit}) q {self._listing.joins}
  ) p ON true
 ORDER BY p.place"""

    def scanning(self) -> str:
        """The statement of a page that looks at so many rows: only their keys are kept, and whether
        they match; the rows of the page are then read by their primary key."""
        scan = f"{self._parameter(lambda window, _: window.scan)}::int"
        served = self.served.conditions(self._listing.table.name, self.served.where.sql)
        first = self._ranges(self._table, served, f"LIMIT {scan}")
        joins = self._listing.lookups if self._where.joined else ""
        keys = ", ".join(f"{key.sql} AS k{at}" for at, key in enumerate(self._keys))
        names = ", ".join(f"r.k{at}" for at in range(len(self._keys)))
        id_ = f"q.{{{self._listing.table.name}.{self._listing.table.primary_key.name}}}"
        return f"""
  WITH looked AS MATERIALIZED (
       SELECT q.place, {keys}, {id_} AS id, ({self._where.sql or "true"}) IS TRUE AS fits
         FROM (SELECT u.*, row_number() OVER () AS place FROM ({first}) u LIMIT {scan}) q {joins}
        WHERE {SNAPSHOT} IS DISTINCT FROM {self._seen})
SELECT {SNAPSHOT}, now(), a.fitting, p.there IS NOT NULL, a.looked, {names}, {self._names}
  FROM (SELECT count(*)::int AS looked, count(*) FILTER (WHERE fits)::int AS fitting FROM looked) a
  LEFT JOIN looked r ON r.place = {scan}
  LEFT JOIN (
       SELECT true AS there, f.place, {self._fields}
         FROM (SELECT place, id FROM looked WHERE fits ORDER BY place {self._limit}) f
         JOIN {self._table} ON {id_} = f.id {self._listing.joins}
  ) p ON true
 ORDER BY p.place"""

    def _both(self) -> str:
        return " AND ".join(sql for sql in (self.served.where.sql, self._where.sql) if sql)

    def _ranges(self, source: str, conditions: Sequence[str], limit: str) -> str:
        window, anchor = self._window, None
        if window.anchor is not None:
            anchor = [
                None if value is None else self._parameter(_anchor_value(depth))
                for depth, value in enumerate(window.anchor)
            ]
        return ranges(source, self._keys, conditions, anchor, limit, inclusive=window.inclusive)

    @property
    def _fields(self) -> str:
        fetched = (field.fetched(self._binding) for field in self._listing.fields)
        return ", ".join(f"{sql} AS f{at}" for at, sql in enumerate(fetched))

    @property
    def _names(self) -> str:
        return ", ".join(f"p.f{at}" for at in range(len(self._listing.fields)))


def _anchor_value(depth: int) -> Varying:
    def value(window: Window, _: str | None) -> object:
        assert window.anchor is not None, "a statement serves windows of its own shape"
        return window.anchor[depth]

    return value
