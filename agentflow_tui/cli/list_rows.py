"""``agentflow list``: a table, a page at a time, whatever its length."""

import argparse
import csv
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.output import STDOUT, put, say
from agentflow_tui.cli.personal import journal_asked, require_reports, without_personal
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.table import print_table
from agentflow_tui.cli.tables import ERRORS, table_called
from agentflow_tui.cli.values import cell, csv_value, json_value
from agentflow_tui.errors import UsageError
from agentflow_tui.filters.parsing import did_you_mean
from agentflow_tui.schema import Column, Table, spelling
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import as_tuple
from agentflow_tui.store.reading.listings import Listing, ListingField, OrderKey, column_field
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.parts import part
from agentflow_tui.store.reading.queries import Query, query
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.text import plural

CHUNK = 500
"""Rows that are read at a time."""

ON_A_TERMINAL = 50
"""Rows printed as a table unless --limit says otherwise."""

EVERY = 2**31 - 2
"""Rows that are counted at most."""


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("table", help="email_queue, …, emailQueue is as good; or errors")
    parser.add_argument(
        "filter", nargs="*", default=[], help="as in the console: status:failed age:>1h word"
    )
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="one object a line")
    formats.add_argument("--csv", action="store_true", help="comma-separated values")
    formats.add_argument(
        "--export",
        metavar="FILE",
        type=Path,
        help="a new .csv file for people: names, times of the zone, a line that says what it is",
    )
    parser.add_argument(
        "--raw", action="store_true", help="with --export: as programs want it; FILE may be .json"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many rows")
    parser.add_argument(
        "--sort",
        metavar="COL",
        action="append",
        default=[],
        help="a column; -column for descending; again for those that are equal",
    )
    parser.add_argument("--columns", metavar="COL,…", help="these columns only, in this order")
    parser.add_argument(
        "--personal", action="store_true", help="show reports' personal data; it is journalled"
    )
    parser.add_argument("--count", action="store_true", help="how many rows match, only")


def run(options: argparse.Namespace) -> int:
    """List a table, or the kinds of errors."""
    require_stdout()
    if options.limit is not None and options.limit < 0:
        raise UsageError("--limit wants a number of rows, 0 or more.")
    if options.raw and options.export is None:
        raise UsageError("--raw goes with --export FILE; --json and --csv are raw as they are.")
    if options.export is not None:
        return _run_export(options)
    if options.table == ERRORS:
        from agentflow_tui.cli.errors import print_errors

        chosen = load_settings(options)
        return connected(chosen, lambda database: print_errors(database, chosen, options))
    table = table_called(options.table)
    require_reports(table, asked=options.personal)
    chosen = load_settings(options)
    return connected(chosen, lambda database: print_list(database, chosen, table, options))


def _run_export(options: argparse.Namespace) -> int:
    """Write a list to a file, and say where it is."""
    fixed = (options.table == ERRORS, options.columns, options.limit, options.count)
    if any(fixed):
        raise UsageError("--export writes all columns of all rows of a table that match.")
    table, chosen = table_called(options.table), load_settings(options)

    async def work(database: Database) -> int:
        from agentflow_tui.operations import list_export  # what only prints needs no operation

        listing, now = LISTINGS[table.name], clock.now()
        zone, text = clock.zone(chosen.console.time_zone), " ".join(options.filter)
        found = query(listing, database.binding, text, now=now, zone=zone, whole=True)
        order = _order(listing, database.binding, options.sort)
        for remark in found.remarks:
            say(remark)
        target = options.export.expanduser().absolute()
        format_ = list_export.ExportFormat(zone=zone, now=now, filter=text, raw=options.raw)
        wanted = replace(found, order=order)
        written = await list_export.write(database, wanted, target, format_)
        say(f"{plural(written, 'row')} written to {target}.")
        return 0

    return connected(chosen, work)


async def print_list(
    database: Database, settings: Settings, table: Table, options: argparse.Namespace
) -> int:
    """Print what the filter matches. Returns the exit code."""
    there = [c for c in table.columns if database.binding.has(table.name, c.name)]
    if not there:
        database.binding.render(f"{{{table.name}}}")
    if database.binding.tables[table.name].hidden:
        say(f"Row level security hides every row of {table.name} from this role.")
    columns = _chosen(table, there, options.columns)
    wanted = _query(database.binding, settings, table, columns, options)
    if options.count:
        return await _print_count(database, wanted, as_json=options.json)
    limit = options.limit
    if limit is None and not (options.json or options.csv):
        limit = ON_A_TERMINAL
    rows = _rows(database, wanted, len(columns), limit)
    if options.personal:
        about = {"filter": " ".join(options.filter), "columns": [c.name for c in columns]}
        await journal_asked(database, settings, {**about, "limit": limit})
    elif table.name == "reports":
        rows = without_personal(rows, [column.name for column in columns])
    if options.json:
        await _as_json(rows, table, columns)
    elif options.csv:
        await _as_csv(rows, table, columns)
    else:
        await _as_table(rows, table, columns, settings, limit)
    return 0


def _chosen(table: Table, there: Sequence[Column], names: str | None) -> list[Column]:
    """The columns that are printed. Raises `UsageError` for one that there is not."""
    if names is None:
        return list(there)
    by_spelling = {spelling(column.name): column for column in there}
    chosen = []
    for name in names.split(","):
        found = by_spelling.get(spelling(name.strip()))
        if found is None:
            raise UsageError(_no_column(table, name.strip(), [c.name for c in there]))
        chosen.append(found)
    return chosen


def _no_column(table: Table, name: str, there: Sequence[str]) -> str:
    hint = did_you_mean(name, there) or f"There are {', '.join(there)}."
    return f"{table.name} has no column {name!r}. {hint}"


def _query(
    binding: Binding,
    settings: Settings,
    table: Table,
    columns: Sequence[Column],
    options: argparse.Namespace,
) -> Query[Any]:
    """The console's own listing for filters and sorts, with the columns fetched that are printed,
    and behind them those that pages go by."""
    listing = _listing(binding, table)
    order = _order(listing, binding, options.sort)
    names = {column.name for column in columns}
    printed = [field for column in columns if (field := listing.field(column.name)) is not None]
    keys = [key.field for key in order if key.field.name not in names]
    names |= {field.name for field in keys}
    rest = [field for field in listing.fields if field.name not in names]
    found = query(
        replace(listing, fields=(*printed, *keys), further=(*rest, *listing.further)),
        binding,
        " ".join(options.filter),
        now=clock.now(),
        zone=clock.zone(settings.console.time_zone),
        whole=True,
    )
    for remark in found.remarks:
        say(remark)
    return replace(found, order=order)


def _listing(binding: Binding, table: Table) -> Listing[Any]:
    """The console's listing with every documented column in place of the console's own fields."""
    own = LISTINGS[table.name]
    searched = {field.name for field in own.fields if field.searched}
    fields = (_shown(table, c) for c in table.columns if binding.has(table.name, c.name))
    return replace(
        own,
        row=as_tuple,
        fields=tuple(replace(f, searched=f.searched or f.name in searched) for f in fields),
        further=tuple(f for f in (*own.fields, *own.further) if f.column is None),
    )


def _order(listing: Listing[Any], binding: Binding, sorts: Sequence[str]) -> tuple[OrderKey, ...]:
    """The order that was asked for, column by column; it always ends with the key.

    Raises `UsageError` for a column that the table cannot be sorted by.
    """
    if not sorts:
        return listing.order(binding)
    keys: list[OrderKey] = []
    for sort in sorts:
        *first, last = _order_by(listing, binding, sort)
        if not first:  # the key itself: no two rows are equal in it
            return (*keys, last)
        if first[0].field not in [key.field for key in keys]:
            keys += first
    return (*keys, last)


def _order_by(listing: Listing[Any], binding: Binding, sort: str) -> tuple[OrderKey, ...]:
    name = sort.removeprefix("-")
    found = listing.field(name)
    if found is None:
        there = [field.name for field in listing.fields]
        raise UsageError(f"Not sorted: {_no_column(listing.table, name, there)}")
    if found.secret and found.name != listing.key.name:
        raise UsageError(f"Not sorted: {found.name} is a secret.")
    if why := listing.why_unsorted(binding, found.name):
        raise UsageError(f"Not sorted: {why}.")
    return listing.order(binding, f"-{found.name}" if sort.startswith("-") else found.name)


async def _print_count(database: Database, wanted: Query[Any], *, as_json: bool) -> int:
    page = await wanted.page(database, Window(limit=1, count_to=EVERY))
    put(json.dumps({"count": page.count}) if as_json else str(page.count))
    return 0


def _shown(table: Table, column: Column) -> ListingField:
    """A column as it is fetched: secrets never are, but for a key, which pages go by."""
    field = column_field(table, column)
    if column.shows_part:
        return replace(field, shown=part(table, column))
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


async def _as_json(
    rows: AsyncIterator[tuple[Any, ...]], table: Table, columns: Sequence[Column]
) -> None:
    async for row in rows:
        pairs = {c.name: json_value(table, c, v) for c, v in zip(columns, row, strict=True)}
        put(json.dumps(pairs, ensure_ascii=True))


async def _as_csv(
    rows: AsyncIterator[tuple[Any, ...]], table: Table, columns: Sequence[Column]
) -> None:
    writer = csv.writer(STDOUT)
    writer.writerow([column.name for column in columns])
    async for row in rows:
        writer.writerow([csv_value(table, c, v) for c, v in zip(columns, row, strict=True)])


async def _as_table(
    rows: AsyncIterator[tuple[Any, ...]],
    table: Table,
    columns: Sequence[Column],
    settings: Settings,
    limit: int | None,
) -> None:
    now, zone = clock.now(), clock.zone(settings.console.time_zone)
    cells = [
        [cell(table, c, v, zone, now) for c, v in zip(columns, row, strict=True)]
        async for row in rows
    ]
    print_table([c.name for c in columns], cells)
    if limit is not None and len(cells) == limit:
        say(f"({limit} rows; --limit N for more)")
