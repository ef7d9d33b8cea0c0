"""Rows as JSON: what a change was shown, what it found, what it left, and the way back.

Values are kept so that they come back exactly: JSON columns as the text they are, everything else
as PostgreSQL's own JSON for its type.
"""

from collections.abc import Iterable

from agentflow_tui.schema import TABLES, Kind
from agentflow_tui.store.naming import Binding


def present(binding: Binding, table: str, names: Iterable[str]) -> list[str]:
    """Those of the documented columns that this database has, in the document's order."""
    wanted = set(names)
    columns = binding.tables[table].columns
    return [c.name for c in TABLES[table].columns if c.name in wanted and c.name in columns]


def image(table: str, alias: str, names: Iterable[str]) -> str:
    """SQL for a jsonb object of these columns of the row ``alias``."""
    pairs = ", ".join(f"'{name}', {_value(table, alias, name)}" for name in names)
    return f"jsonb_build_object({pairs})"


def _value(table: str, alias: str, name: str) -> str:
    value = f"{{{alias}.{table}.{name}}}"
    return f"{value}::text" if TABLES[table].by_name[name].kind is Kind.JSON else value


def restored(table: str, name: str, image: str) -> str:
    """SQL for one column's value out of such an object."""
    return f"({image} ->> '{name}')::{{{table}.{name}:type}}"


def stamp(table: str, alias: str, guard: Iterable[str]) -> str:
    """SQL for a text that is the same exactly while the guarded columns are."""
    names = list(guard)
    return f"{image(table, alias, names)}::text" if names else "''::text"
