"""Loading many given rows into a database that holds none.

`load_rows` refuses to add to rows that are there; `delete_all_rows` is for commands that have asked
first.
"""

import json
from collections.abc import Mapping, Sequence

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, RefusedError
from agentflow_tui.schema import TABLES, Kind, Table
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.ddl import in_creation_order
from agentflow_tui.store.schema.insertions import insertion

Rows = Sequence[Mapping[str, object]]

_ARRAYS = {"integer": "int8[]", "boolean": "bool[]", "timestamp": "timestamptz[]"}


class NotEmptyError(AgentflowError):
    """The database already holds rows."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Whether a table holds any row."""

    table: str
    any: bool


async def tables_with_rows(database: Database) -> list[str]:
    """The documented tables that hold at least one row. One statement, one row looked at each."""
    there = [name for name in TABLES if database.binding.tables[name].oid is not None]
    if not there:
        return []
    parts = [f"SELECT '{name}', EXISTS (SELECT FROM {{{name}}})" for name in there]
    found = await database.fetch(Statement(_Held, "\nUNION ALL ".join(parts)))
    return [held.table for held in found if held.any]


async def delete_all_rows(database: Database) -> None:
    """Take every row out of the documented tables. Other tables are never touched.

    Raises `RefusedError` when other tables point at these, or the role may not.
    """
    bound = [table for table in database.binding.tables.values() if table.oid is not None]
    if not bound:
        return
    pointing = await database.fetch(_POINTING, [table.oid for table in bound])
    if pointing:
        raise RefusedError(
            f"Rows of {', '.join(pointing)} point at AgentFlow's rows, so these are not deleted. "
            "Nothing was changed. Drop those foreign keys first, or use another database."
        )
    await database.execute(f"TRUNCATE {', '.join(table.sql for table in bound)}")


_POINTING = Statement(
    str,
    """
SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
 WHERE contype = 'f' AND confrelid = ANY($1::oid[]) AND conrelid <> ALL($1::oid[])
""",
)
"""Tables of others with foreign keys to these. Served by the catalogue's own indexes."""


async def load_rows(database: Database, tables: Mapping[str, Rows]) -> dict[str, int]:
    """Insert rows in documented column names, all of them or none, and return how many per table.

    Values are text, numbers, truth values, aware times, and anything JSON can say for JSON columns.
    Tables and columns that the database lacks are left out. Raises `NotEmptyError`.
    """
    held = await tables_with_rows(database)
    if held:
        raise NotEmptyError(
            f"This database already holds rows, in {', '.join(held)}. "
            "Nothing was changed. '--reset' deletes them all and begins anew."
        )
    written = {}
    async with database.transaction() as session:
        for table in in_creation_order():
            rows = tables.get(table.name, ())
            if rows and session.binding.tables[table.name].oid is not None:
                written[table.name] = await _insert(session, table, rows)
    return written


async def _insert(session: Session, table: Table, rows: Rows) -> int:
    names = [column.name for column in table.columns]
    arrays = [f"${at}::{_array(table, name)}" for at, name in enumerate(names, start=1)]
    places = ", ".join(f"c{at}" for at in range(len(names)))
    columns, values = insertion(
        session.binding, table.name, {name: f"c{at}" for at, name in enumerate(names)}
    )
    return await session.execute(
        f"INSERT INTO {{{table.name}}} ({columns})\n"
        f"SELECT {values} FROM unnest({', '.join(arrays)}) AS given ({places})",
        *([_plain(table, name, row.get(name)) for row in rows] for name in names),
    )


def _array(table: Table, name: str) -> str:
    return _ARRAYS.get(table.by_name[name].type, "text[]")


def _plain(table: Table, name: str, value: object) -> object:
    if value is not None and table.by_name[name].kind is Kind.JSON:
        return json.dumps(value, ensure_ascii=False)
    return value
