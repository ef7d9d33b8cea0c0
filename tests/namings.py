"""The documented tables under each kind of names that is met in the field."""

from collections.abc import Callable

from agentflow_tui.schema import TABLES, snake
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import (
    create_table,
    documented_column,
    documented_table,
    in_creation_order,
)

NAMINGS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "documented": (documented_table, documented_column),
    "snake_case": (documented_table, snake),
    "camelCase": (lambda name: TABLES[name].document_name, lambda name: name),
}


async def make_tables(url: str, naming: str) -> Database:
    """A database whose names are of one kind."""
    table_name, column_name = NAMINGS[naming]
    database = await Database.open(url)
    for table in in_creation_order():
        await database.execute(create_table(table, table_name=table_name, column_name=column_name))
    await database.rebind()
    return database
