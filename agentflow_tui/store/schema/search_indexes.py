"""Optional trigram indexes, by which words are found in large tables.

They are asked for by themselves (``db accelerate --search``): they need the extension ``pg_trgm``,
they are as large as the texts, and every row that is written pays for them.
"""

from agentflow_tui.schema import TABLES, Kind
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.accelerators import PREFIX, Accelerator, build

SEARCHED = {
    "workflows": ("steps",),
    "emails": ("recipients",),
    "email_queue": (),
    "task_logs": ("input",),
}
"""The tables, and the documents in which words are looked for besides all plain texts."""

_BYTES = {"workflows": 400, "emails": 400, "email_queue": 60, "task_logs": 200}


def name_of(table: str) -> str:
    return f"{PREFIX}{table}_search"


def is_searchable(binding: Binding, table: str) -> bool:
    """Whether words in this table are found by an index of ours."""
    return name_of(table) in binding.tables[table].indexes


def search_index(binding: Binding, table: str) -> Accelerator | None:
    """The index of a table, over the columns that this database has; None without a table."""
    bound = binding.tables[table]
    names = [c.name for c in TABLES[table].columns if c.kind is Kind.TEXT and not c.secret]
    there = [name for name in (*names, *SEARCHED[table]) if name in bound.columns]
    if bound.oid is None or not there:
        return None
    columns = ", ".join(f"(({{{table}.{name}}})::text) gin_trgm_ops" for name in there)
    return Accelerator(
        name=f"{table}_search",
        table=table,
        on=f"USING gin ({columns})",
        purpose=f"words in {', '.join(there)}",
        bytes_per_row=_BYTES[table],
    )


def buildable_searches(binding: Binding) -> list[Accelerator]:
    """The indexes that could still be built."""
    found = (
        search_index(binding, table) for table in SEARCHED if not is_searchable(binding, table)
    )
    return [index for index in found if index is not None]


async def build_search(database: Database, index: Accelerator) -> None:
    """Build one, and create the extension if it is not there. Raises `RefusedError`."""
    await database.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    await build(database, index)
