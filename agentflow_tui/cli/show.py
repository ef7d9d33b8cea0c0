"""``agentflow show``: one row, and what it is related to."""

import argparse
import json
from collections.abc import Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.output import put
from agentflow_tui.cli.personal import journal_asked, require_reports, say_masked
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import table_called
from agentflow_tui.cli.values import MASKED, json_value, line_value
from agentflow_tui.errors import AgentflowError
from agentflow_tui.schema import Column
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.records import COUNT_TO, Record, read_record
from agentflow_tui.store.views.by_id import public_id
from agentflow_tui.text import NOTHING, bounded, safe

if TYPE_CHECKING:
    from agentflow_tui.cli.cron import CronTimetable
    from agentflow_tui.cli.ledger import PrintedLedger


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("table")
    parser.add_argument("id")
    parser.add_argument("--json", action="store_true", help="one object")
    parser.add_argument(
        "--personal", action="store_true", help="show a report's personal data; it is journalled"
    )


def run(options: argparse.Namespace) -> int:
    """Show one row and its relations."""
    require_stdout()
    table, chosen = table_called(options.table), load_settings(options)
    require_reports(table, asked=options.personal)

    async def work(database: Database) -> int:
        id_ = await meant_id(database, table, options.id)
        if options.personal and id_ is not None:
            await journal_asked(database, chosen, {"ids": [id_]})
        record = id_ and await read_record(database, table, id_, personal=options.personal)
        if not record:
            raise AgentflowError(f"{table.name} has no row {options.id}.")
        say_masked(record.personal)
        zone = clock.zone(chosen.console.time_zone)
        workers_zone = chosen.workers.time_zone
        ledger = await _ledger(database, record)
        if options.json:
            put(_json(record, workers_zone, ledger))
        else:
            timetable = _timetable(record, workers_zone)
            put("\n".join([*_lines(record, zone), *(timetable.lines() if timetable else ())]))
            if ledger is not None:
                put("\n".join(ledger.lines(zone)))
        return 0

    return connected(chosen, work)


async def _ledger(database: Database, record: Record) -> "PrintedLedger | None":
    """What became of a schedule's slots."""
    if record.table.name != "schedules":
        return None
    from agentflow_tui.cli.ledger import PrintedLedger  # other tables do not pay for it

    return await PrintedLedger.read(database, record.id)


def _json(record: Record, zone: str, ledger: "PrintedLedger | None" = None) -> str:
    values: dict[str, object] = {}
    for column in record.table.columns:
        if column.primary_key or column.name in record.values:
            values[column.name] = json_value(
                record.table, column, record.values.get(column.name, record.id)
            )
        elif column.shows_part:
            shown = record.parts.get(column.name)
            values[column.name] = shown and json_value(record.table, column, shown)
        elif column.secret:
            values[column.name] = MASKED if column.name in record.secrets else None
    related = {
        f"{relation.table}.{relation.column}": count for relation, count in record.pointing.items()
    }
    said = {**values, "related": related}
    if timetable := _timetable(record, zone):
        said["timetable"] = timetable.as_json()
    if ledger is not None:
        said["fires"] = ledger.as_json()
    return json.dumps(said, ensure_ascii=True)


def _timetable(record: Record, zone: str) -> "CronTimetable | None":
    """What a schedule's expression says, and when it fires, whether or not it is active."""
    if record.table.name != "schedules":
        return None
    from agentflow_tui.cli.cron import CronTimetable  # other tables do not pay for it

    return CronTimetable.of(record.text("cron"), zone)


def _lines(record: Record, zone: tzinfo) -> Iterator[str]:
    for column in record.table.columns:
        value = record.values.get(column.name)
        to = f"  -> {column.references}" if column.references and value is not None else ""
        yield f"{column.name:<20} {_shown(record, column, zone)}{to}"
    id_ = public_id(record.table, record.id)
    for relation, count in record.pointing.items():
        said = "not counted" if count is None else bounded(count, COUNT_TO)
        hint = f"agentflow list {relation.table} {relation.column}:{id_}"
        yield f"{relation.table:<22} {said:>6}   {hint}"


def _shown(record: Record, column: Column, zone: tzinfo) -> str:
    if column.shows_part:
        return safe(record.parts.get(column.name) or NOTHING)
    if column.secret and not column.primary_key:
        return MASKED if column.name in record.secrets else NOTHING
    value = record.values.get(column.name)
    return NOTHING if value is None else line_value(record.table, column, value, zone)
