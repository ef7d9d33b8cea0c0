"""Queries: a listing with its filters and its sort, compiled once for each binding."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Generic, TypeVar

from agentflow_tui.filters import Condition, Filter, Match, Text, Vocabulary, parse
from agentflow_tui.filters import Field as Word
from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.bindings import Binding, BoundTable
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.conditions import compile_filter
from agentflow_tui.store.reading.listings import Listing, ListingField, OrderKey
from agentflow_tui.store.reading.pages import (
    Page,
    PageStatement,
    Where,
    Window,
    anchor_of,
    page_statement,
)

RowT = TypeVar("RowT")

SCAN = 200_000
"""Rows of a large table that a filter without an index looks at before it says so."""

_COMPUTED_TYPES = {"number": "integer", "flag": "boolean"}


def vocabulary(listing: Listing[Any], binding: Binding) -> Vocabulary:
    """The fields that a filter on this listing may name: the table's columns, and computed ones."""
    computed = (
        Word(
            name=f.name,
            kind=f.kind,
            words=f.words,
            searched=f.searched,
            secret=f.secret,
            also=f.column.also if f.column else (),
        )
        for f in (*listing.fields, *listing.further)
        if f.column is None or f.searched
    )
    missing = binding.tables[listing.table.name].missing_columns
    return Vocabulary.of(listing.table).adding(*computed).without(missing)


@dataclass(frozen=True, slots=True)
class Query(Generic[RowT]):
    """A listing in an order and under two filters: ``base`` always holds, ``wanted`` is the user's.

    ``scan`` bounds how many rows a filter may look at; None looks at all. ``words_as_written``
    leaves out rows whose status is a known word in another case, which no index would find.
    """

    listing: Listing[RowT]
    order: tuple[OrderKey, ...]
    base: Filter
    wanted: Filter
    scan: int | None = None
    words_as_written: bool = False
    _compiled: dict[Hashable, tuple[Binding, PageStatement[RowT]]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know about the filter: odd words, and what it does not look at."""
        said = [notice.message for notice in self.wanted.notices]
        if self.words_as_written and any(
            value.match is Match.WORD
            for term in self.wanted.terms
            if isinstance(term, Condition) and not term.negated
            for value in term.values
            if isinstance(value, Text)
        ):
            said.append("status words as written only")
        return tuple(said)

    def where(self, binding: Binding) -> Where:
        """Both filters as SQL."""
        terms = (*self.base.terms, *self.wanted.terms)
        if not terms:
            return Where()
        every = {f.name: f for f in (*self.listing.fields, *self.listing.further)}
        searched = self.wanted.searched or self.base.searched
        both = Filter(terms=terms, searched=searched)
        sql, values = compile_filter(
            both,
            {name: listed.compared(binding) for name, listed in every.items()},
            1,
            type_of=lambda name: _type_of(every[name], binding),
            server_version=binding.server_version,
            words_as_written=self.words_as_written,
        )
        joined = any(every[name].joined for name in both.names if name in every)
        return Where(sql=sql, values=tuple(values), joined=joined)

    async def page(
        self, database: Database, window: Window, *, seen: str | None = None
    ) -> Page[RowT]:
        """One page, in one statement; see `agentflow_tui.store.reading.pages.read_page`."""
        return await self.statement(database.binding, window).read(database, window, seen)

    def statement(self, binding: Binding, window: Window) -> PageStatement[RowT]:
        """The statement for windows of this shape, compiled once for each binding."""
        bound_to, statement = self._compiled.get(window.shape, (None, None))
        if statement is None or bound_to is not binding:
            where = self.where(binding)
            statement = page_statement(binding, self.listing, self.order, where, window)
            self._compiled[window.shape] = binding, statement
        return statement

    def anchor(self, row: object) -> tuple[object, ...]:
        """The place of a row in this order."""
        return anchor_of(row, self.order)


def _type_of(listed: ListingField, binding: Binding) -> str:
    if listed.stored:
        table, name = listed.stored.split(".")
        bound = binding.tables[table].columns.get(name)
        return bound.type if bound else TABLES[table].by_name[name].type
    return _COMPUTED_TYPES.get(listed.kind, "text")


def query(
    listing: Listing[RowT],
    binding: Binding,
    text: str = "",
    *,
    now: datetime,
    zone: tzinfo,
    base: str = "",
    sort: str | None = None,
    scan: int | None = None,
    whole: bool = False,
) -> Query[RowT]:
    """Read a filter as the user wrote it. Raises `FilterError`.

    On a large table a filter looks at the first `SCAN` rows unless ``scan`` says otherwise or an
    index serves it, and finds known words as AgentFlow writes them. ``whole`` looks at every row
    and finds everything, whatever it costs: for commands, which have the time.
    """
    words = vocabulary(listing, binding)
    wanted = parse(text, words, now=now, tz=zone)
    held = parse(base, words, now=now, tz=zone)
    if scan is None and not whole and _costs_a_scan((held, wanted), listing, binding):
        scan = SCAN
    is_large = binding.tables[listing.table.name].is_large
    return Query(
        listing,
        listing.order(binding, sort),
        held,
        wanted,
        scan,
        words_as_written=is_large and not whole,
    )


def _costs_a_scan(filters: Sequence[Filter], listing: Listing[Any], binding: Binding) -> bool:
    bound = binding.tables[listing.table.name]
    if bound.rows <= SCAN:
        return False
    return any(
        not (isinstance(term, Condition) and _is_indexed(bound, term.field))
        for each in filters
        for term in each.terms
    )


def _is_indexed(bound: BoundTable, name: str) -> bool:
    return name in bound.columns and bound.columns[name].indexed
