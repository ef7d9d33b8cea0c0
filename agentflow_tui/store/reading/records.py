"""Records: one row in full, with all its documented columns and how many rows point at it."""

import asyncio
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import RELATIONS, Column, Kind, Relation, Table
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.listings import is_unserved
from agentflow_tui.store.reading.parts import part

TEXT_LIMIT = 1_000_000
"""Characters of one value that a detail fetches; what is longer is shown as far as that."""

COUNT_TO = 1_000
"""Rows pointing here are counted up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row by documented column names. Secrets are not fetched: ``secrets`` tells which of them
    are set, ``parts`` what is shown of those of which a part is. ``cut`` names what was too long to
    fetch whole. ``pointing`` counts the rows of each relation that point here, None where counting
    would scan a large table. ``personal`` names the columns of a report's table whose values are
    customers' personal data, and dots here."""

    table: Table
    values: dict[str, object]
    secrets: frozenset[str]
    parts: dict[str, str]
    cut: frozenset[str]
    pointing: dict[Relation, int | None]
    personal: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return str(self.values[self.table.primary_key.name])

    def text(self, column: str) -> str:
        """A column as text, ``""`` when it is NULL or not there."""
        value = self.values.get(column)
        return "" if value is None else str(value)


async def read_record(
    database: Database, table: Table, id_: str, *, personal: bool = False
) -> Record | None:
    """The row with this primary key, or None. One statement, served by primary keys. Customers'
    ``personal`` data in a report are dots unless they are asked for.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    found = await database.fetch_one(_statement(table, database.binding), id_)
    if found is None:
        return None
    fetched = iter(found)
    values = {column.name: next(fetched) for column in _plain(table)}
    values.setdefault(table.primary_key.name, id_)
    set_ones = {column.name: found for column in _secret(table) if (found := next(fetched))}
    pointing = {relation: next(fetched) for relation in _relations(table)}
    values, cut = _cut(values)
    masked: tuple[str, ...] = ()
    if table.name == "reports" and not personal:
        values, masked = await asyncio.to_thread(_without_personal, values)
    return Record(
        table=table,
        secrets=frozenset(set_ones),
        parts={name: found for name, found in set_ones.items() if isinstance(found, str)},
        pointing=pointing,
        cut=cut,
        values=values,
        personal=masked,
    )


def _without_personal(values: dict[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    from agentflow_tui.personal_data.shown import masked  # rows of other tables do not pay for it

    shown = masked(values)
    return shown.values, shown.personal


def _plain(table: Table) -> list[Column]:
    return [column for column in table.columns if not column.secret]


def _secret(table: Table) -> list[Column]:
    return [column for column in table.columns if column.secret and not column.primary_key]


def _relations(table: Table) -> list[Relation]:
    return [relation for relation in RELATIONS if relation.target == table.name]


def _cut(values: dict[str, object]) -> tuple[dict[str, object], frozenset[str]]:
    """Texts no longer than `TEXT_LIMIT`, and the names of those that were."""
    long = {
        name: value[:TEXT_LIMIT]
        for name, value in values.items()
        if isinstance(value, str) and len(value) > TEXT_LIMIT
    }
    return {**values, **long}, frozenset(long)


def _statement(table: Table, binding: Binding) -> Statement[tuple[Any, ...]]:
    """The plain columns, whether each secret is set, and the counts of what points here."""
    pieces = [
        *(_value(table, column.name, column.kind) for column in _plain(table)),
        *(_secret_value(table, column) for column in _secret(table)),
        *(_pointing(binding, relation) for relation in _relations(table)),
    ]
    key = f"q.{{{table.name}.{table.primary_key.name}}}"
    condition = f"{key}::text = $1::text" if _needs_cast(binding, table) else f"{key} = $1"
    return Statement(
        as_tuple, f"SELECT {', '.join(pieces)} FROM {{{table.name}}} q WHERE {condition}"
    )


def _secret_value(table: Table, column: Column) -> str:
    """Whether a secret is set, or the part of it that is shown."""
    if column.shows_part:
        return part(table, column)
    return f"{{q.{table.name}.{column.name}}} IS NOT NULL"


def _needs_cast(binding: Binding, table: Table) -> bool:
    """Whether the key is of a type whose values we do not write as texts."""
    bound = binding.tables[table.name].columns.get(table.primary_key.name)
    return bound is not None and bound.type not in {"uuid", "text", "character varying"}


def _value(table: Table, name: str, kind: Kind) -> str:
    value = f"{{q.{table.name}.{name}}}"
    if kind in {Kind.TEXT, Kind.JSON}:
        return f"left({value}::text, {TEXT_LIMIT + 1})"
    return value


def _pointing(binding: Binding, relation: Relation) -> str:
    if is_unserved(binding, f"{relation.table}.{relation.column}"):
        return "NULL::int"
    return (
        f"(SELECT count(*)::int FROM (SELECT FROM {{{relation.table}?}} r "
        f"WHERE {{r.{relation.table}.{relation.column}}} = "
        f"{{q.{relation.target}.{relation.target_column}}} LIMIT {COUNT_TO + 1}) p)"
    )
