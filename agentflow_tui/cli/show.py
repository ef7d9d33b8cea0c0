"""``agentflow show``: one row, and what it is related to."""

import argparse
import json

from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.list_rows import MASKED, json_value
from agentflow_tui.cli.output import put
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import table_called
from agentflow_tui.errors import AgentflowError
from agentflow_tui.schema import Table
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.records import COUNT_TO, Record, read_record
from agentflow_tui.text import NOTHING, bounded, safe


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("table")
    parser.add_argument("id")
    parser.add_argument("--json", action="store_true", help="one object")


def run(options: argparse.Namespace) -> int:
    """Show one row and its relations."""
    require_stdout()
    table = table_called(options.table)
    return connected(
        load_settings(options),
        lambda database: print_row(database, table, options.id, as_json=options.json),
    )


async def print_row(database: Database, table: Table, id_: str, *, as_json: bool) -> int:
    """Print the row. Raises `AgentflowError` when there is none."""
    record = await read_record(database, table, await meant_id(database, table, id_))
    if record is None:
        raise AgentflowError(f"{table.name} has no row {id_}.")
    put(_json(record) if as_json else _text(record))
    return 0


def _json(record: Record) -> str:
    values: dict[str, object] = {}
    for column in record.table.columns:
        if column.secret:
            values[column.name] = MASKED if column.name in record.secrets else None
        elif column.name in record.values:
            values[column.name] = json_value(column, record.values[column.name])
    related = {
        f"{relation.table}.{relation.column}": count for relation, count in record.pointing.items()
    }
    return json.dumps({**values, "related": related}, ensure_ascii=True)


def _text(record: Record) -> str:
    lines = []
    for column in record.table.columns:
        value = record.values.get(column.name)
        if column.secret:
            shown = MASKED if column.primary_key or column.name in record.secrets else NOTHING
        elif value is None:
            shown = NOTHING
        else:
            shown = safe(str(json_value(column, value)) if not isinstance(value, str) else value)
        to = f"  -> {column.references}" if column.references and value is not None else ""
        lines.append(f"{column.name:<20} {shown}{to}")
    for relation, count in record.pointing.items():
        said = "not counted" if count is None else bounded(count, COUNT_TO)
        hint = f"agentflow list {relation.table} {relation.column}:{record.id}"
        lines.append(f"{relation.table:<22} {said:>6}   {hint}")
    return "\n".join(lines)
