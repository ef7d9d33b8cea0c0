"""One row in full: all its documented columns, and how many rows point at it."""

from dataclasses import dataclass

from agentflow_tui.schema import RELATIONS, Kind, Relation, Table
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.listings import is_unserved

TEXT_LIMIT = 1_000_000
"""Characters of one value that a detail fetches; what is longer is shown as far as that."""

COUNT_TO = 1_000
"""Rows pointing here are counted up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row by documented column names. Secrets are not fetched: ``secrets`` tells which of them
    are set. ``cut`` names what was too long to fetch whole. ``pointing`` counts the rows of each
    relation that point here, None where counting would scan a large table."""

    table: Table
    values: dict[str, object]
    secrets: frozenset[str]
    cut: frozenset[str]
    pointing: dict[Relation, int | None]

    @property
    def id(self) -> str:
        return str(self.values[self.table.primary_key.name])

    def text(self, column: str) -> str:
        """A column as text, ``""`` when it is NULL or not there."""
        value = self.values.get(column)
        return "" if value is None else str(value)


async def read_record(database: Database, table: Table, id_: str) -> Record | None:
    """The row with this primary key, or None. One statement, served by primary keys.

    Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """
    binding = database.binding
    plain = [c for c in table.columns if not c.secret]
    secret = [c for c in table.columns if c.secret and not c.primary_key]
    relations = [r for r in RELATIONS if r.target == table.name]
    pieces = [
        *(_value(table, c.name, c.kind) for c in plain),
        *(f"{{q.{table.name}.{c.name}}} IS NOT NULL" for c in secret),
        *(_pointing(binding, relation) for relation in relations),
    ]
    key = table.primary_key.name
    statement = Statement(
        as_tuple,
        f"SELECT {', '.join(pieces)} FROM {{{table.name}}} q "
        f"WHERE q.{{{table.name}.{key}}}::text = $1::text"
        if _is_text(binding, table)
        else f"SELECT {', '.join(pieces)} FROM {{{table.name}}} q "
        f"WHERE q.{{{table.name}.{key}}} = $1",
    )
    found = await database.fetch_one(statement, id_)
    if found is None:
        return None
    values = dict(zip((c.name for c in plain), found, strict=False))
    values.setdefault(key, id_)
    is_set = found[len(plain) : len(plain) + len(secret)]
    counts = found[len(plain) + len(secret) :]
    cut = {
        name for name, value in values.items() if isinstance(value, str) and len(value) > TEXT_LIMIT
    }
    return Record(
        table=table,
        values={n: v[:TEXT_LIMIT] if isinstance(v, str) else v for n, v in values.items()},
        secrets=frozenset(c.name for c, there in zip(secret, is_set, strict=True) if there),
        cut=frozenset(cut),
        pointing=dict(zip(relations, counts, strict=True)),
    )


def _is_text(binding: Binding, table: Table) -> bool:
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
        f"WHERE r.{{{relation.table}.{relation.column}}} = "
        f"q.{{{relation.target}.{relation.target_column}}} LIMIT {COUNT_TO + 1}) p)"
    )
