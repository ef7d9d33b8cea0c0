"""Queries: a listing with its filters and its sort, compiled once for each binding."""

from collections.abc import Hashable, Iterator
from dataclasses import field, replace
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, Generic, TypeVar

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import FilterError
from agentflow_tui.filters import Comparison, Condition, Filter, Match, Text, Vocabulary, parse
from agentflow_tui.filters import Field as Word
from agentflow_tui.filters.terms import Term
from agentflow_tui.schema import TABLES, Kind
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.conditions import compile_filter
from agentflow_tui.store.reading.conditions.texts import SHORTEST_ID, is_beginning
from agentflow_tui.store.reading.listings import Listing, ListingField, OrderKey
from agentflow_tui.store.reading.pages import (
    Page,
    PageStatement,
    Served,
    Where,
    Window,
    anchor_of,
    page_statement,
)
from agentflow_tui.store.reading.searching import found_words, search_sql
from agentflow_tui.store.reading.serving import is_looked_up, is_served, served_states

RowT = TypeVar("RowT")

SCAN = 200_000
"""Rows of a large table that a filter looks at in vain before it says so."""

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

    ``scan`` bounds how many rows a filter may look at in vain; None looks at all. Where it does,
    indexes find the rows of ``states``, which is what the terms ``by_state`` ask for, and those
    that fit the ``served`` terms; the words in ``search`` are found by an index, which is asked
    where looking row by row has found too little.
    ``words_as_written`` leaves out rows whose status is a known word in another case, which no
    index would find.
    """

    listing: Listing[RowT]
    order: tuple[OrderKey, ...]
    base: Filter
    wanted: Filter
    scan: int | None = None
    words_as_written: bool = False
    states: tuple[str, ...] = ()
    by_state: tuple[Term, ...] = ()
    served: tuple[Term, ...] = ()
    search: tuple[Term, ...] = ()
    _compiled: dict[Hashable, tuple[Binding, PageStatement[RowT]]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _found: dict[Term, tuple[str, Term]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """The snapshot at which a term was looked up, and what it then asked for."""
    _looked_up: "list[Query[RowT]]" = field(
        default_factory=list, init=False, compare=False, repr=False
    )
    """This query with what was found last."""

    @property
    def is_found_by_search(self) -> bool:
        """Whether indexes find everything, once the words are searched for."""
        terms = {*self.base.terms, *self.wanted.terms}
        return not terms - {*self.by_state, *self.served, *self.search}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know about the filter: odd words, and what it does not look at."""
        said = [notice.message for notice in self.wanted.notices]
        if self.words_as_written:
            said += self._limits()
        return tuple(said)

    def _limits(self) -> Iterator[str]:
        """What a large table is not searched for, as far as it was asked for."""
        asked = [
            (term.field, value)
            for term in self.wanted.terms
            if isinstance(term, Condition) and not term.negated
            for value in term.values
            if isinstance(value, Text)
        ]
        if any(value.match is Match.WORD for _, value in asked):
            yield "status words as written only"
        key = self.listing.table.primary_key.name
        ids = {field.name for field in self.listing.table.columns if field.kind is Kind.ID} - {key}
        if any(_is_too_short(value) for name, value in asked if name in ids):
            yield f"ids of fewer than {SHORTEST_ID} characters whole only"

    def where(self, binding: Binding) -> Where:
        """Both filters as SQL."""
        return self._where(binding, (*self.base.terms, *self.wanted.terms), 1)

    def _where(self, binding: Binding, terms: tuple[Term, ...], first_parameter: int) -> Where:
        if not terms:
            return Where()
        wanted = self._filter(terms)
        sql, values = self._compile(binding, wanted, first_parameter)
        every = {f.name: f for f in (*self.listing.fields, *self.listing.further)}
        joined = any(every[name].joined for name in wanted.names if name in every)
        return Where(sql=sql, values=tuple(values), joined=joined)

    def _filter(self, terms: tuple[Term, ...]) -> Filter:
        return Filter(terms=terms, searched=self.wanted.searched or self.base.searched)

    def _compile(
        self, binding: Binding, wanted: Filter, first_parameter: int
    ) -> tuple[str, list[object]]:
        every = {f.name: f for f in (*self.listing.fields, *self.listing.further)}
        return compile_filter(
            wanted,
            {name: listed.compared(binding) for name, listed in every.items()},
            first_parameter,
            type_of=lambda name: _type_of(every[name], binding),
            server_version=binding.server_version,
            words_as_written=self.words_as_written,
            lower_case=[name for name, listed in every.items() if listed.lower_case],
        )

    def _served(self, binding: Binding, *, searching: bool) -> Served:
        """What indexes find: the served terms, and the words where they are searched for."""
        found = self._where(binding, self.served, 1)
        if searching:
            sql, values = search_sql(
                self._filter(self.search),
                self.listing,
                partial(self._compile, binding),
                1 + len(found.values),
            )
            both = f"{found.sql} AND {sql}" if found.sql else sql
            found = Where(sql=both, values=(*found.values, *values), joined=found.joined)
        return Served(where=found, states=self.states)

    async def looked_up(self, database: Database) -> "Query[RowT]":
        """The same with the keys of rows in place of what has to be looked up first; itself where
        nothing has to. Raises `UnreachableError`, `RefusedError`, `FilterError`."""
        changed = False
        for term in {*self.base.terms, *self.wanted.terms}:
            changed |= isinstance(term, Condition) and await self._look_up(database, term)
        if changed:
            found = replace(
                self,
                base=replace(self.base, terms=self._with_keys(self.base.terms)),
                wanted=replace(self.wanted, terms=self._with_keys(self.wanted.terms)),
                served=self._with_keys(self.served),
            )
            self._looked_up[:] = [found]
        return self._looked_up[0] if self._looked_up else self

    async def _look_up(self, database: Database, term: Condition) -> bool:
        """Find the keys that a term asks for; whether they are others than before."""
        named = self.listing.field(term.field)
        if named is None or named.lookup is None:
            return False
        seen, before = self._found.get(term, (None, None))
        answer = await named.lookup(database, _keys(term), seen)
        if answer is None:
            return False
        snapshot, keys = answer
        found = Condition(
            field=self.listing.key.name,
            kind=self.listing.key.kind,
            operator=Comparison.IS,
            values=tuple(Text(key, Match.EXACT) for key in keys),
            negated=term.negated,
        )
        self._found[term] = snapshot, found
        return found != before

    def _with_keys(self, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(self._found[term][1] if term in self._found else term for term in terms)

    async def page(
        self, database: Database, window: Window, *, seen: str | None = None
    ) -> Page[RowT]:
        """One page, in one statement; see `agentflow_tui.store.reading.pages.read_page`."""
        asked = await self.looked_up(database)
        return await asked.statement(database.binding, window).read(database, window, seen)

    def statement(self, binding: Binding, window: Window) -> PageStatement[RowT]:
        """The statement for windows of this shape, compiled once for each binding."""
        bound_to, statement = self._compiled.get(window.shape, (None, None))
        if statement is None or bound_to is not binding:
            terms = (*self.base.terms, *self.wanted.terms)
            found = self._served(binding, searching=window.search)
            done = (*self.served, *self.by_state, *(self.search if window.search else ()))
            rest = tuple(term for term in terms if term not in done)
            where = self._where(binding, rest, 1 + len(found.where.values))
            statement = page_statement(binding, self.listing, self.order, where, window, found)
            self._compiled[window.shape] = binding, statement
        return statement

    def anchor(self, row: object) -> tuple[object, ...]:
        """The place of a row in this order."""
        return anchor_of(row, self.order)


def _keys(term: Condition) -> list[str]:
    """The texts that a condition names whole. Raises `FilterError` for any other condition."""
    keys = [value.value for value in term.values if isinstance(value, Text)]
    if term.operator is not Comparison.IS or len(keys) != len(term.values):
        raise FilterError(
            f"{term.field} is asked for by whole keys, as 'agentflow list errors' shows them."
        )
    return keys


def _is_too_short(value: Text) -> bool:
    """Whether it is the beginning of an id that no index finds."""
    return is_beginning(value, as_written=False) and not is_beginning(value, as_written=True)


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

    On a large table a filter looks at `SCAN` rows in vain unless ``scan`` says otherwise or indexes
    serve it (see `serving`), and finds known words as AgentFlow writes them. ``whole`` looks at
    every row and finds everything, whatever it costs: for commands, which have the time.
    """
    words = vocabulary(listing, binding)
    wanted = parse(text, words, now=now, tz=zone)
    is_large = binding.tables[listing.table.name].is_large
    if is_large and listing.ids_begin:
        base = f"{listing.key.name}:{listing.ids_begin}"  # which says the same
    held = parse(base, words, now=now, tz=zone)
    order = listing.order(binding, sort)
    if whole or not is_large:
        return Query(listing, order, held, wanted, scan)
    terms = (*held.terms, *wanted.terms)
    in_states = {term: served_states(term, listing, order, binding) for term in terms}
    states = next(filter(None, in_states.values()), ())
    by_state = tuple(term for term in terms if states and in_states[term] == states)
    served = tuple(t for t in terms if is_served(t, listing, binding) or is_looked_up(t, listing))
    left = set(terms) - {*by_state, *served}
    return Query(
        listing,
        order,
        held,
        wanted,
        (scan or SCAN) if left else None,
        words_as_written=True,
        states=states,
        by_state=by_state,
        served=served,
        search=found_words(terms, listing, binding),
    )
