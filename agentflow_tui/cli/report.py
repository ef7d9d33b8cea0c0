"""``agentflow report import``: files of vendors into the database."""

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentflow_tui.cli.connection import connected, load_writable
from agentflow_tui.cli.forget_personal import add_forget_options
from agentflow_tui.cli.output import put, say
from agentflow_tui.cli.progress import progress
from agentflow_tui.errors import AgentflowError, UnreachableError, UsageError
from agentflow_tui.text import number, plural, safe, size

NAMED = 10
"""Notes on a file that are said one by one; ``--json`` names all of them."""

AN_HOUR = 3600.0


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """The commands below this one, and their options."""
    from agentflow_tui.cli.parser import add_shared

    parser.set_defaults(run=run, parser=parser)
    below: Any = parser.add_subparsers(title="commands", metavar="")
    about = "Read report files and store each once."
    each: argparse.ArgumentParser = below.add_parser("import", help=about, description=about)
    each.set_defaults(run=import_files)
    add_shared(each)
    each.add_argument("files", nargs="+", metavar="FILE", type=Path)
    each.add_argument("--vendor", required=True, help="whose report it is, such as VinSolutions")
    each.add_argument("--type", required=True, help="what it reports, such as lead_source_roi")
    each.add_argument("--date", metavar="YYYY-MM-DD", help="else its titles say it, else today")
    each.add_argument("--json", action="store_true", help="one object a file")
    each.add_argument("--encoding", default="", help="else by byte order mark, UTF-8, cp1252")
    each.add_argument("--separator", default="", metavar="C", help="one character; else found out")
    each.add_argument("--sheet", default="", help="the sheet of a workbook; else the largest")
    each.add_argument("--zone", default="UTC", help="time zone of the file's times (UTC)")
    each.add_argument("--day-first", action="store_true", help="3/4/2026 is in April")
    about = "Remove customers' personal data from old reports."
    removal: argparse.ArgumentParser = below.add_parser(
        "forget-personal", help=about, description=about
    )
    add_shared(removal)
    add_forget_options(removal)


def run(options: argparse.Namespace) -> int:
    """Say which commands there are."""
    options.parser.print_help(sys.stderr)
    return 2


def import_files(options: argparse.Namespace) -> int:
    """Import each file. Returns 1 where one of them could not be."""
    from agentflow_tui.operations.context import OperationContext
    from agentflow_tui.steps.report_imports import ReportOrigin
    from agentflow_tui.store.connection.database import Database

    reading = _reading_options(options)
    origin = ReportOrigin(
        vendor=options.vendor.strip(),
        report_type=options.type.strip(),
        report_date=_day(options.date),
    )
    chosen = load_writable(options)

    async def work(database: Database) -> int:
        context = OperationContext.of(database, chosen)
        done = [
            await _import_one(context, path, origin, reading, as_json=options.json)
            for path in options.files
        ]
        return 0 if all(done) else 1

    return connected(chosen, work, seconds=AN_HOUR)


async def _import_one(
    context: Any, path: Path, origin: Any, reading: Any, *, as_json: bool
) -> bool:
    """Whether the file is in the database now; what came of it has been said."""
    from agentflow_tui.operations.report_import import import_report
    from agentflow_tui.personal_data.shown import marked_in, without_personal

    name = safe(path.name)
    try:
        with progress(lambda done: f"{name}: {size(done)} read") as tell:
            imported = await import_report(context, path, origin, reading, tell)
    except UnreachableError:
        raise
    except AgentflowError as error:
        if as_json:
            put(json.dumps({"file": str(path), "id": None, "stored": False, "error": str(error)}))
        say(f"{safe(str(path))}: {safe(str(error))} Nothing was stored.")
        return False
    metadata = imported.document.metadata
    if as_json:
        said = {"file": str(path), "id": imported.id, "stored": imported.stored, "error": None}
        date_ = imported.report_date.date().isoformat()
        put(json.dumps({**said, "reportDate": date_, "metadata": without_personal(metadata)}))
    else:
        put(imported.id)
    what = "stored" if imported.stored else "was there already"
    columns = plural(len(metadata["types"]), "column")
    say(f"{safe(str(path))}: {what}, {plural(metadata['rows'], 'row')} of {columns}.")
    if personal := marked_in(without_personal(metadata)):
        say(f"  customers' personal data, masked where it is shown: {safe(', '.join(personal))}")
    _say_notes(metadata)
    return True


def _say_notes(metadata: dict[str, Any]) -> None:
    """What a reader of the report should know of its reading."""
    notes = [
        *(f"line {row['line']} is left out: {row['reason']}" for row in metadata["rejected"]),
        *(f"left out: {words}" for words in metadata["leftOut"]),
        *metadata["notes"],
    ]
    for note in notes[:NAMED]:
        say(f"  {safe(note)}")
    if len(notes) > NAMED:
        say(f"  … and {number(len(notes) - NAMED)} more; --json names them all")


def _reading_options(options: argparse.Namespace) -> Any:
    from agentflow_tui.reports.errors import ReadingOptions

    separator = {"\\t": "\t", "tab": "\t"}.get(options.separator, options.separator)
    if len(separator) > 1 or separator in {'"', "\n", "\r", "\0"}:
        raise UsageError("--separator takes one character that is no quote, or 'tab'.")
    try:
        ZoneInfo(options.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"--zone {options.zone!r} is not a zone; try Europe/Berlin or UTC."
        ) from None
    return ReadingOptions(
        encoding=options.encoding,
        separator=separator,
        sheet=options.sheet,
        zone=options.zone,
        day_first=options.day_first,
    )


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--date {text!r} is not a day; it looks like 2026-10-31.") from None
