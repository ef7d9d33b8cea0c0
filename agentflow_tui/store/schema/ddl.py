"""The documented tables as DDL.

The physical names that let the document's sample queries run verbatim are snake_case tables and
columns created unquoted, so that ``userId`` is stored as ``userid``.
"""

from collections.abc import Callable, Iterator

from agentflow_tui.schema import RELATIONS, TABLES, Column, Table
from agentflow_tui.store.connection.bindings import Binding, quoted
from agentflow_tui.store.connection.database import Database


def documented_table(name: str) -> str:
    """``email_queue`` as it is."""
    return name


def documented_column(name: str) -> str:
    """``userId`` as PostgreSQL stores it when it is written unquoted: ``userid``."""
    return name.lower()


Naming = Callable[[str], str]


def create_table(
    table: Table,
    binding: Binding | None = None,
    *,
    table_name: Naming = documented_table,
    column_name: Naming = documented_column,
) -> str:
    """``CREATE TABLE`` with the documented types, key, unique constraints and foreign keys.

    A foreign key to a table that ``binding`` already has takes that table's own names and type.
    """
    lines = [
        _column(column, binding, table_name=table_name, column_name=column_name)
        for column in table.columns
    ]
    body = ",\n  ".join(lines)
    return f"CREATE TABLE {quoted(table_name(table.name))} (\n  {body}\n)"


_KEY = "gen_random_uuid()"
_DEFAULTS = {
    "createdAt": "timezone('UTC', now())",
    "updatedAt": "timezone('UTC', now())",
    "lastUpdated": "timezone('UTC', now())",
    "active": "true",
    "attempts": "0",
    "locked": "false",
}
"""What makes a row that is inserted by hand whole. Times are UTC, whatever the session's zone."""


def _column(
    column: Column, binding: Binding | None, *, table_name: Naming, column_name: Naming
) -> str:
    words = [quoted(column_name(column.name)), column.type]
    default = _KEY if column.primary_key and column.type == "uuid" else _DEFAULTS.get(column.name)
    if default:
        words.append(f"DEFAULT {default}")
    if column.primary_key:
        words.append("PRIMARY KEY")
    if column.unique:
        words.append("UNIQUE")
    if column.references:
        target, name = column.references.split(".")
        bound = binding.tables[target] if binding else None
        if bound is not None and bound.oid is not None and name in bound.columns:
            words[1] = bound.columns[name].type
            words.append(f"REFERENCES {bound.sql} ({bound.columns[name].sql})")
        else:
            words.append(f"REFERENCES {quoted(table_name(target))} ({quoted(column_name(name))})")
    return " ".join(words)


def in_creation_order() -> Iterator[Table]:
    """The tables, each after those that it references."""
    done: set[str] = set()

    def visit(table: Table) -> Iterator[Table]:
        if table.name in done:
            return
        done.add(table.name)
        for relation in RELATIONS:
            if relation.table == table.name:
                yield from visit(TABLES[relation.target])
        yield table

    for table in TABLES.values():
        yield from visit(table)


async def create_missing_tables(database: Database) -> list[str]:
    """Create the documented tables that are not there, in one transaction.

    Returns their names; touches no existing object. Raises `RefusedError` when the role may not.
    """
    await database.rebind()
    missing = [t for t in in_creation_order() if database.binding.tables[t.name].oid is None]
    async with database.transaction() as session:
        for table in missing:
            await session.execute(create_table(table, database.binding))
    if missing:
        await database.rebind()
    return [table.name for table in missing]
