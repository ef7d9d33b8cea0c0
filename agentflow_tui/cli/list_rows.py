"""``agentflow list``: a table, a page at a time, whatever its length."""

import argparse
import csv
import json
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.output import STDOUT, put, say
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import ERRORS, table_called
from agentflow_tui.documents import read
from agentflow_tui.errors import UsageError
from agentflow_tui.schema import Column, Kind, Table
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import as_tuple
from agentflow_tui.store.reading.listings import Listing, ListingField, column_field
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import Query, query
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.text import NOTHING, cell_width, defuse, fit, moment, safe

CHUNK = 500
"""Rows that are read at a time."""

ON_A_TERMINAL = 50
"""Rows printed as a table unless --limit says otherwise."""

MASKED = "••••••••"
WIDEST = 40
"""Cells of a column of the printed table."""


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("table", help="email_queue, …, emailQueue is as good; or errors")
    parser.add_argument("filter", nargs="*", help="as in the console: status:failed age:>1h word")
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="one object a line")
    formats.add_argument("--csv", action="store_true", help="comma-separated values")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many rows")
    parser.add_argument("--sort", metavar="COL", help="a column; -column for descending")


def run(options: argparse.Namespace) -> int:
    """List a table, or the kinds of errors."""
    require_stdout()
    if options.limit is not None and options.limit < 0:
        raise UsageError("--limit wants a number of rows, 0 or more.")
    if options.table == ERRORS:
        from agentflow_tui.cli.errors import print_errors

        chosen = load_settings(options)
        return connected(chosen, lambda database: print_errors(database, chosen, options))
    table = table_called(options.table)
    chosen = load_settings(options)
    return connected(chosen, lambda database: print_list(database, chosen, table, options))


async def print_list(
    database: Database, settings: Settings, table: Table, options: argparse.Namespace
) -> int:
    """Print what the filter matches. Returns the exit code."""
    columns = [c for c in table.columns if database.binding.has(table.name, c.name)]
    if not columns:
        database.binding.render(f"{{{table.name}}}")
    wanted = _query(database.binding, settings, table, columns, options)
    limit = options.limit
    if limit is None and not (options.json or options.csv):
        limit = ON_A_TERMINAL
    rows = _rows(database, wanted, len(columns), limit)
    if options.json:
        await _as_json(rows, columns)
    elif options.csv:
        await _as_csv(rows, columns)
    else:
        await _as_table(rows, columns, settings, limit)
    return 0


def _query(
    binding: Binding,
    settings: Settings,
    table: Table,
    columns: Sequence[Column],
    options: argparse.Namespace,
) -> Query[Any]:
    """The console's own listing for filters and sorts, with every documented column fetched."""
    own = LISTINGS[table.name]
    fields = tuple(_shown(table, column) for column in columns)
    rest = tuple(f for f in (*own.fields, *own.further) if f.column is None)
    searched = {f.name for f in own.fields if f.searched}
    fields = tuple(replace(f, searched=f.searched or f.name in searched) for f in fields)
    listing: Listing[Any] = replace(own, row=as_tuple, fields=fields, further=rest)
    sort = options.sort
    if sort:
        name = sort.removeprefix("-")
        why = listing.why_unsorted(binding, name)
        if why:
            raise UsageError(f"Not sorted: {why}.")
        found = listing.field(name)
        sort = ("-" if sort.startswith("-") else "") + (found.name if found else name)
    found_query = query(
        listing,
        binding,
        " ".join(options.filter),
        now=clock.now(),
        zone=clock.zone(settings.console.time_zone),
        sort=sort,
        whole=True,
    )
    for remark in found_query.remarks:
        say(remark)
    return found_query


def _shown(table: Table, column: Column) -> ListingField:
    """A column as it is fetched: secrets never are, but for a key, which pages go by."""
    field = column_field(table, column)
    return replace(field, shown="NULL") if column.secret and not column.primary_key else field


async def _rows(
    database: Database, wanted: Query[Any], width: int, limit: int | None
) -> AsyncIterator[tuple[Any, ...]]:
    names = [field.name for field in wanted.listing.fields]
    places = [names.index(key.field.name) for key in wanted.order]
    anchor: tuple[object, ...] | None = None
    left = limit
    while left is None or left > 0:
        count = CHUNK if left is None else min(left, CHUNK)
        page = await wanted.page(database, Window(limit=count, anchor=anchor))
        for row in page.rows:
            yield row[:width]
        if page.at_end or not page.rows:
            return
        anchor = tuple(page.rows[-1][place] for place in places)
        left = None if left is None else left - len(page.rows)


def json_value(column: Column, value: object) -> object:
    """A value as JSON has it: times in ISO 8601, documents parsed where they parse."""
    if column.secret:
        return MASKED
    if isinstance(value, datetime):
        return value.isoformat()
    if column.kind is Kind.JSON and isinstance(value, str):
        document = read(value, limit=len(value) + 1)
        return value if document.problem else document.value
    return value


async def _as_json(rows: AsyncIterator[tuple[Any, ...]], columns: Sequence[Column]) -> None:
    async for row in rows:
        pairs = {c.name: json_value(c, v) for c, v in zip(columns, row, strict=True)}
        put(json.dumps(pairs, ensure_ascii=True))


async def _as_csv(rows: AsyncIterator[tuple[Any, ...]], columns: Sequence[Column]) -> None:
    writer = csv.writer(STDOUT)
    writer.writerow([column.name for column in columns])
    async for row in rows:
        writer.writerow([_csv_value(c, v) for c, v in zip(columns, row, strict=True)])


def _csv_value(column: Column, value: object) -> object:
    if column.secret:
        return MASKED
    if isinstance(value, datetime):
        return value.isoformat()
    return defuse(value) if isinstance(value, str) else value


async def _as_table(
    rows: AsyncIterator[tuple[Any, ...]],
    columns: Sequence[Column],
    settings: Settings,
    limit: int | None,
) -> None:
    now, zone = clock.now(), clock.zone(settings.console.time_zone)

    def cell(column: Column, value: object) -> str:
        if column.secret:
            return MASKED
        if value is None:
            return NOTHING
        return moment(value, zone, now) if isinstance(value, datetime) else safe(str(value), 200)

    cells = [[cell(c, v) for c, v in zip(columns, row, strict=True)] async for row in rows]
    widths = _widths([c.name for c in columns], cells, shutil.get_terminal_size().columns)
    _line([c.name for c in columns], widths)
    for row in cells:
        _line(row, widths)
    if limit is not None and len(cells) == limit:
        say(f"({limit} rows; --limit N for more)")


def _widths(titles: Sequence[str], cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """As wide as the cells are, the widest columns cut until the line fits; on a pipe nothing."""
    widths = [
        min(WIDEST, max([cell_width(title), *(cell_width(row[i]) for row in cells)]))
        for i, title in enumerate(titles)
    ]
    while sys.stdout.isatty() and sum(widths) + 2 * len(widths) > room and max(widths) > 6:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> None:
    text = "  ".join(fit(cell, width) for cell, width in zip(cells, widths, strict=True))
    put(text.rstrip())
