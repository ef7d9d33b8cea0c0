"""A list as a file: for people as CSV that no spreadsheet takes for a formula, or raw.

For people there are names in place of ids, times by the clock of their zone, recipients as text,
and a last line that says what this is. Raw files have the fields as the list reads them, times in
ISO 8601: CSV, or JSON by line.
"""

import asyncio
import csv
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, TextIO

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import as_recipients, headline, read
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.schema import Kind, snake
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.listings import ListingField
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import Query
from agentflow_tui.store.views.by_id import read_rows
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.text import defuse, plural, safe, written_time

CHUNK = 1_000
"""Rows that are read at a time."""

LOOKED_AT = 20_000
"""Rows that are looked at at a time where no index serves the filter; all are, in the end."""

_LONGEST = 2_000
"""Characters of one value in a file for people."""

_DAYS = {"reportDate"}
"""Times that are days, kept as their midnights in UTC."""

_LEFT_OUT = {
    "email_queue": {"emailId", "own_recipient"},
    "workflows": {"between_steps"},
}
"""Fields that say nothing to people, or say again what another one says."""

Names = Mapping[tuple[str, str], str]
"""What rows are called, by table and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """How a list is written. ``raw`` is for programs; ``zone`` is that of the times for people,
    ``filter`` what the last line says of the rows, and ``now`` when they were read."""

    zone: tzinfo
    now: datetime
    filter: str = ""
    raw: bool = False


async def write(database: Database, wanted: Query[Any], target: Path, format_: ExportFormat) -> int:
    """Write every matching row to a new file whose ending says the format: ``.json`` is always
    raw, and so is ``.raw.csv``.

    Returns how many. Raises `AgentflowError` when the file is there already, cannot be written, or
    the database cannot be read; what was written until then is removed.
    """
    if target.suffix not in {".csv", ".json"}:
        raise UsageError(f"{target.name}: the name has to end in .csv or .json.")
    raw = format_.raw or target.suffix == ".json" or target.name.endswith(".raw.csv")
    partial = target.with_name(target.name + ".part")
    try:
        await asyncio.to_thread(_refuse_existing, target)
        # spreadsheets know by the mark that a file is UTF-8
        with partial.open("w", newline="", encoding="utf-8" if raw else "utf-8-sig") as file:
            put = _raw_rows if raw else _people_rows
            written = await put(database, wanted, file, format_)
        await asyncio.to_thread(os.replace, partial, target)
    except OSError as error:
        raise AgentflowError(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return written


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise AgentflowError(f"{target} is there already; choose another name.")


async def _chunks(database: Database, wanted: Query[Any]) -> AsyncIterator[Sequence[Any]]:
    wanted = replace(wanted, listing=wanted.listing.whole)
    anchor = None
    while True:
        window = Window(limit=CHUNK, anchor=anchor, scan=wanted.scan and LOOKED_AT)
        page = await wanted.page(database, window)
        yield page.rows
        if page.at_end:
            return
        anchor = page.reached or wanted.anchor(page.rows[-1])


# For programs


async def _raw_rows(
    database: Database, wanted: Query[Any], file: TextIO, _format: ExportFormat
) -> int:
    fields = [field.name for field in wanted.listing.fields if not field.secret]
    is_csv = file.name.removesuffix(".part").endswith(".csv")
    put = _csv(file, fields) if is_csv else _json(file, fields)
    written = 0
    async for rows in _chunks(database, wanted):
        for row in rows:
            put([getattr(row, snake(name)) for name in fields])
        written += len(rows)
    return written


def plain_value(value: object) -> object:
    """A value as raw exports have it: times in ISO 8601, everything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


def _csv(file: TextIO, names: Sequence[str]) -> Callable[[Sequence[Any]], None]:
    writer = csv.writer(file)
    writer.writerow(names)

    def put(values: Sequence[Any]) -> None:
        writer.writerow([defuse(v) if isinstance(v, str) else plain_value(v) for v in values])

    return put


def _json(file: TextIO, names: Sequence[str]) -> Callable[[Sequence[Any]], None]:
    def put(values: Sequence[Any]) -> None:
        row = {name: plain_value(value) for name, value in zip(names, values, strict=True)}
        file.write(json.dumps(row, ensure_ascii=False) + "\n")

    return put


# For people


async def _people_rows(
    database: Database, wanted: Query[Any], file: TextIO, format_: ExportFormat
) -> int:
    table, writer = wanted.listing.table, csv.writer(file)
    fields = people_fields(wanted.listing.fields, table.name)
    writer.writerow([people_title(field) for field in fields])
    names: dict[tuple[str, str], str] = {}
    written = 0
    async for rows in _chunks(database, wanted):
        await _learn_names(database, fields, rows, names)
        for row in rows:
            writer.writerow([people_value(field, row, names, format_.zone) for field in fields])
        written += len(rows)
    counted = plural(written, table.one)
    which = f", {format_.filter}" if format_.filter else ""
    writer.writerow([])
    at = written_time(format_.now, format_.zone)
    writer.writerow([defuse(safe(f"{counted}{which}, as of {at}", _LONGEST))])
    return written


def people_fields(fields: Iterable[ListingField], table: str) -> list[ListingField]:
    """The fields that a file for people has, in the order of the list, and the id last."""
    left_out = _LEFT_OUT.get(table, set())
    shown = [f for f in fields if not f.secret and f.name not in left_out]
    if any(field.name == "owner" for field in shown):
        shown = [field for field in shown if field.name != "userId"]
    return sorted(shown, key=lambda field: field.column is not None and field.column.primary_key)


def people_title(field: ListingField) -> str:
    """``Last attempt`` for ``lastAttempt``; ``Workflow`` for ``workflowId``, whose name it is."""
    name = field.name.removesuffix("Id") if _referred(field) else field.name
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).replace("_", " ").lower()
    return words[:1].upper() + words[1:]


def _referred(field: ListingField) -> str:
    """The table whose rows a field names by their ids; ``""`` for any other field."""
    column = field.column
    return column.references.split(".")[0] if column is not None and column.references else ""


async def _learn_names(
    database: Database,
    fields: Iterable[ListingField],
    rows: Sequence[Any],
    names: dict[tuple[str, str], str],
) -> None:
    """Have ``names`` hold what the rows are called that these rows name by their ids."""
    for field in fields:
        table = _referred(field)
        if not table or database.binding.tables[table].oid is None:
            continue
        ids = {str(id_) for row in rows if (id_ := getattr(row, snake(field.name))) is not None}
        unknown = sorted(id_ for id_ in ids if (table, id_) not in names)
        names.update({(table, id_): "" for id_ in unknown})
        if unknown:
            async for found in read_rows(database, LISTINGS[table], unknown):
                names.update({(table, row.key): row.title for row in found})


def people_value(field: ListingField, row: Any, names: Names, zone: tzinfo) -> object:
    """A value as people read it, and as no spreadsheet takes for a formula."""
    value = getattr(row, snake(field.name))
    if field.name == "recipients":
        value = recipients_text(value) or getattr(row, "own_recipient", None)
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if field.name in _DAYS else written_time(value, zone)
    elif value is not None and (table := _referred(field)):
        value = names.get((table, str(value))) or str(value)
    elif field.kind is Kind.JSON and isinstance(value, str):
        value = headline(read(value), _LONGEST)
    return defuse(safe(value, _LONGEST)) if isinstance(value, str) else value


def recipients_text(stored: str | None) -> str:
    """``Dora <dora@acme.test>, bob@acme.test``; as stored where no address can be read in it."""
    found = list(as_recipients(read(stored))) if stored else []
    return ", ".join(
        f"{each.name} <{each.address}>" if each.name else each.address for each in found
    ) or (stored or "")
