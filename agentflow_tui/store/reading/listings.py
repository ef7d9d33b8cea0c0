"""Listings: typed rows over one table, with fields that filters and sorts can name.

A row has its primary key as ``key`` and, as ``title``, what it is called in a sentence or a dialog;
``""`` where nothing but its id tells it from others.

A listing is derived from its row class and the description of the table: a field of the row that is
a documented column reads that column, any other field has its SQL given. Aliases: ``q`` is the
listed table; what ``joins`` adds is named there.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import fields, replace
from typing import Generic, TypeVar

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import MissingError
from agentflow_tui.schema import TABLES, Column, Kind, Table, snake
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.accelerators import following

RowT = TypeVar("RowT")


Lookup = Callable[
    [Database, Collection[str], str | None], Awaitable[tuple[str, tuple[str, ...]] | None]
]
"""Finds rows that no SQL can tell: a database, the values asked for and the snapshot of the last
time give the present snapshot and the rows' keys; None where nothing was committed in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingField:
    """A field of a listed row. ``value`` is its SQL in documented names: what filters compare.

    ``shown`` is what is fetched where that is less, such as the head of a long text; a filter is
    never about what a list has room for. ``column`` is the column of the listed table that it is,
    ``stored`` the ``table.column`` of any table that it is. ``needs_index`` names a
    ``table.column`` without whose index the value would cost a scan per row; on a large table it
    is then left out (NULL). A field with a ``lookup`` has no SQL: the rows that fit are found
    first, see `agentflow_tui.store.reading.queries.Query.looked_up`.
    """

    name: str
    kind: Kind
    value: str
    shown: str = ""
    column: Column | None = None
    stored: str = ""
    joined: bool = False
    searched: bool = False
    secret: bool = False
    words: tuple[str, ...] = ()
    needs_index: str | None = None
    lower_case: bool = False
    lacking: tuple[str, str] | None = None
    lookup: Lookup | None = None

    def compared(self, binding: Binding) -> str:
        """The SQL of what conditions compare."""
        if self.lacking and not binding.has(*self.lacking[0].split(".")):
            return self.lacking[1]
        if self.needs_index and is_unserved(binding, self.needs_index):
            return "NULL"
        return self.value

    def fetched(self, binding: Binding) -> str:
        """The SQL of what a page fetches."""
        return self.shown or self.compared(binding)


def is_unserved(binding: Binding, column: str) -> bool:
    """Whether looking rows up by ``table.column`` would scan a large table."""
    table, name = column.split(".")
    bound = binding.tables[table]
    return bound.is_large and not (name in bound.columns and bound.columns[name].indexed)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKey:
    """One part of a sort: a field that is a documented column, and the direction."""

    field: ListingField
    descending: bool = False

    @property
    def attribute(self) -> str:
        """The attribute of a row that holds this key."""
        return snake(self.field.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[RowT]):
    """A table as a list of ``row``. ``fields`` stand in the order of the row's constructor;
    ``further`` can be filtered by but is not fetched. ``lookups`` are the ``joins`` in a form in
    which each row looks its own up, whatever the planner thinks. The ids of all its rows begin with
    ``ids_begin`` and go on with the time; with it a large table needs no other index."""

    table: Table
    row: Callable[..., RowT]
    fields: tuple[ListingField, ...]
    further: tuple[ListingField, ...] = ()
    joins: str = ""
    lookups: str = ""
    ids_begin: str = ""

    def field(self, name: str) -> ListingField | None:
        wanted = snake(name)
        every = (*self.fields, *self.further)
        return next((f for f in every if snake(f.name) == wanted), None)

    @property
    def whole(self) -> "Listing[RowT]":
        """The same list with nothing cut to what a screen has room for."""
        return replace(self, fields=tuple(replace(field, shown="") for field in self.fields))

    @property
    def key(self) -> ListingField:
        return self._own(self.table.primary_key.name)

    def _own(self, name: str) -> ListingField:
        found = self.field(name)
        if found is None:
            raise MissingError(f"{self.table.name} has no column {name} in this database.")
        return found

    def order(self, binding: Binding, sort: str | None = None) -> tuple[OrderKey, ...]:
        """The sort keys for ``sort`` (a field name, ``-`` in front for descending), or for the
        order the table opens in; by the primary key alone where no index can serve the opening
        order of a large table, or the database lacks its columns. Always ends with the key."""
        names = self._sorted_by(binding, sort) if sort else self.table.order
        keys = [
            OrderKey(field=self._own(name.removeprefix("-")), descending=name.startswith("-"))
            for name in names
            if binding.has(self.table.name, name.removeprefix("-"))
        ]
        by_id = bool(self.ids_begin) and binding.tables[self.table.name].is_large
        if not sort and keys and (by_id or self.why_unsorted(binding, keys[0].field.name)):
            keys = []
        # Keys that are made in the order of time put the newest on top where nothing else can.
        newest = self.table.order[0].startswith("-") and not sort
        last = OrderKey(field=self.key, descending=keys[-1].descending if keys else newest)
        return (*(k for k in keys if k.field is not self.key), last)

    def _sorted_by(self, binding: Binding, sort: str) -> tuple[str, ...]:
        """The names of the sort keys, in one direction; where an index of ours orders the rows of
        one value, as it does."""
        sign, name = ("-" if sort.startswith("-") else ""), sort.removeprefix("-")
        return (sort, *(sign + next_ for next_ in following(binding, self.table.name, name)))

    def why_unsorted(self, binding: Binding, name: str) -> str | None:
        """Why the list cannot be sorted by this field, or None when it can."""
        found = self.field(name)
        if found is None or found.column is None or found.shown or found not in self.fields:
            return f"{name} is computed, and only columns of {self.table.name} can be sorted by"
        bound = binding.tables[self.table.name]
        if found.column.name not in bound.columns:
            return f"this database has no column {found.column.name}"
        if bound.is_large and not bound.columns[found.column.name].indexed:
            return (
                f"sorting {bound.rows:,.0f} rows by {name} needs an index; "
                "'agentflow db accelerate' lists what it would add"
            )
        return None


@dataclass(frozen=True, slots=True)
class Computed:
    """The SQL of a row's field that is not simply a column of the listed table.

    The attributes are those of `ListingField`.
    """

    value: str
    kind: Kind = Kind.TEXT
    shown: str = ""
    stored: str = ""
    joined: bool = False
    searched: bool = False
    secret: bool = False
    needs_index: str | None = None
    lower_case: bool = False
    lacking: tuple[str, str] | None = None
    lookup: Lookup | None = None


def stored(
    column: str, alias: str = "q", *, cut: int | None = None, searched: bool = False
) -> Computed:
    """A ``table.column`` as a field: of the listed table, or of a joined one under its ``alias``.

    A list fetches no more than ``cut`` characters of it.
    """
    table, name = column.split(".")
    value = f"{{{alias}.{column}}}"
    return Computed(
        value,
        TABLES[table].by_name[name].kind,
        shown="" if cut is None else f"left({value}::text, {cut})",
        stored=column,
        joined=alias != "q",
        searched=searched,
    )


def listing(
    row: type[RowT],
    table: Table,
    computed: dict[str, Computed] | None = None,
    *,
    joins: str = "",
    lookups: str = "",
    ids_begin: str = "",
    further: dict[str, Computed] | None = None,
) -> Listing[RowT]:
    """Derive the listing of ``row`` (a dataclass) over ``table``."""
    own = computed or {}
    names = [f.name for f in fields(row)]  # type: ignore[arg-type]
    shown = tuple(
        _own_field(table, name, own[name]) if name in own else _column_field(table, name)
        for name in names
    )
    seen = {f.column.name for f in shown if f.column}
    rest = (
        *(computed_field(name, value) for name, value in (further or {}).items()),
        *(column_field(table, c) for c in table.columns if c.name not in seen),
    )
    return Listing(
        table=table,
        row=row,
        fields=shown,
        further=rest,
        joins=joins,
        lookups=lookups or joins,
        ids_begin=ids_begin,
    )


def _own_field(table: Table, name: str, value: Computed) -> ListingField:
    """A field whose SQL is given; one that is a column of the table stays that column."""
    column = table.column(name)
    if column is None or value.stored != f"{table.name}.{column.name}":
        return computed_field(name, value)
    field = column_field(table, column)
    return replace(field, shown=value.shown, searched=field.searched or value.searched)


def _column_field(table: Table, name: str) -> ListingField:
    column = table.column(name)
    if column is None:
        raise KeyError(f"{table.name} documents no column {name}, and no SQL is given for it")
    return column_field(table, column)


def column_field(table: Table, column: Column) -> ListingField:
    """A documented column as a field."""
    return ListingField(
        name=column.name,
        kind=column.kind,
        value=f"{{q.{table.name}.{column.name}}}",
        column=column,
        stored=f"{table.name}.{column.name}",
        secret=column.secret,
        searched=(column.primary_key or column.kind is Kind.TEXT) and not column.secret,
        words=table.statuses if column.name == "status" else (),
    )


def joined(*parts: str | None) -> str:
    """The parts of a row's title that are there, side by side."""
    return "  ".join(part for part in parts if part)


def computed_field(name: str, value: Computed) -> ListingField:
    """A computed value as a field."""
    return ListingField(
        name=name,
        kind=value.kind,
        value=value.value,
        shown=value.shown,
        stored=value.stored,
        joined=value.joined,
        searched=value.searched,
        secret=value.secret,
        needs_index=value.needs_index,
        lower_case=value.lower_case,
        lacking=value.lacking,
        lookup=value.lookup,
    )
