"""Rows as JSON: what a change was shown, what it found, what it left, and the way back.

Values are kept so that they come back exactly: JSON columns as the text they are, everything else
as PostgreSQL's own JSON for its type; in rows that are kept whole, everything as text.
"""

from collections.abc import Iterable, Sequence

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TABLES, Kind
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement


def present(binding: Binding, table: str, names: Iterable[str]) -> list[str]:
    """Those of the columns that this database has, in the document's order."""
    wanted = set(names)
    columns = binding.tables[table].columns
    return [name for name in TABLES[table].by_name if name in wanted and name in columns]


def image(binding: Binding, table: str, alias: str, names: Iterable[str]) -> str:
    """SQL for a jsonb object of these columns of the row ``alias``."""
    pairs = ", ".join(f"'{name}', {_value(binding, table, alias, name)}" for name in names)
    return f"jsonb_build_object({pairs})"


def _value(binding: Binding, table: str, alias: str, name: str) -> str:
    value = f"{{{alias}.{table}.{name}}}"
    return f"{value}::text" if _is_json(binding, table, name) else value


def _is_json(binding: Binding, table: str, name: str) -> bool:
    """Whether a column holds JSON, by the document or in this database."""
    bound = binding.tables[table].columns.get(name)
    physical = bound is not None and bound.type in {"json", "jsonb"}
    return physical or TABLES[table].by_name[name].kind is Kind.JSON


def restored(table: str, name: str, image: str) -> str:
    """SQL for one column's value out of such an object."""
    return f"({image} ->> '{name}')::{{{table}.{name}:type}}"


def stamp(binding: Binding, table: str, alias: str, guard: Iterable[str]) -> str:
    """SQL for a text that is the same exactly while the guarded columns are; short even where
    these are long."""
    names = list(guard)
    if not names:
        return "''::text"
    text = f"{image(binding, table, alias, names)}::text"
    return f"md5({text})" if any(_is_json(binding, table, name) for name in names) else text


@dataclass(frozen=True, slots=True)
class PhysicalColumn:
    """A column of a table that can be written: its name quoted, and as a literal, and its type."""

    sql: str
    literal: str
    type: str


COLUMNS = Statement(
    PhysicalColumn,
    """
SELECT quote_ident(a.attname), quote_literal(a.attname), format_type(a.atttypid, a.atttypmod)
  FROM pg_attribute a
 WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 ORDER BY a.attnum
""",
)
"""The columns of a table that can be written. A row has more than the documented ones."""


def whole(alias: str, columns: Sequence[PhysicalColumn]) -> str:
    """SQL for a jsonb object of every column of the row ``alias`` as PostgreSQL writes it, the one
    form from which values of every type come back exactly."""
    names = ", ".join(column.literal for column in columns)
    values = ", ".join(f"{alias}.{column.sql}::text" for column in columns)
    return f"jsonb_object(ARRAY[{names}]::text[], ARRAY[{values}]::text[])"
