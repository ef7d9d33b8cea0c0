"""A column's value as it is printed: as JSON, as CSV, or on a line for people."""

from datetime import datetime, tzinfo

from agentflow_tui.documents import read
from agentflow_tui.schema import Column, Kind, Table
from agentflow_tui.store.views.by_id import public_id
from agentflow_tui.text import NOTHING, defuse, moment, safe, written_time

MASKED = "••••••••"


def json_value(table: Table, column: Column, value: object) -> object:
    """A value as JSON has it: times in ISO 8601, documents parsed where they parse. A secret id
    stands as its digest, which names the row wherever ids are typed."""
    if column.secret and not column.shows_part:
        return public_id(table, str(value)) if column.primary_key else MASKED
    if isinstance(value, datetime):
        return value.isoformat()
    if column.kind is Kind.JSON and isinstance(value, str):
        document = read(value, limit=len(value) + 1)
        return value if document.problem else document.value
    return value


def csv_value(table: Table, column: Column, value: object) -> object:
    """A value as a spreadsheet takes it."""
    if column.secret or isinstance(value, datetime):
        return json_value(table, column, value)
    return defuse(value) if isinstance(value, str) else value


def cell(table: Table, column: Column, value: object, zone: tzinfo, now: datetime) -> str:
    """A value in a table of the terminal."""
    if column.secret and not column.shows_part:
        return str(json_value(table, column, value))
    if value is None:
        return NOTHING
    return moment(value, zone, now) if isinstance(value, datetime) else safe(str(value), 200)


def line_value(table: Table, column: Column, value: object, zone: tzinfo) -> str:
    """A value on a line of its own: whole, and times as the clock of the zone shows them."""
    if isinstance(value, datetime):
        return written_time(value, zone)
    if isinstance(value, str) and not column.secret:
        return safe(value)
    return safe(str(json_value(table, column, value)))


def iso_time(at: datetime | None) -> str | None:
    """A time in ISO 8601, as JSON has it; None stays None."""
    return None if at is None else at.isoformat()
