"""``agentflow edit``: one column of rows, or a workflow or a schedule as a file in the editor."""

import argparse
import sys

from agentflow_tui import clock
from agentflow_tui.cli import change
from agentflow_tui.cli.connection import connected, load_settings, load_writable
from agentflow_tui.cli.files import mistake_lines
from agentflow_tui.cli.ids import given_ids, meant_id
from agentflow_tui.cli.outcomes import report
from agentflow_tui.cli.output import say
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import table_called
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.command_lines import database_options, journal_line
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.editing import EditedRow, apply_edit, open_row
from agentflow_tui.operations.editor import EditedText
from agentflow_tui.operations.exporting import KINDS
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.schema import Table
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """What can be said with it."""
    change.add_options(parser, name)
    parser.usage = (
        "agentflow edit TABLE (ID … | --where FILTER | --all) --set COLUMN=VALUE [options]\n"
        "       agentflow edit workflows|schedules ID [--dry-run] [--yes]"
    )


def run(options: argparse.Namespace) -> int:
    """Edit one column of rows, or without ``--set`` a row as a file."""
    table = table_called(options.table)
    if table.name not in KINDS or options.set:
        return change.run(options)
    ids = given_ids(options.ids)
    if len(ids) != 1 or options.where or options.all:
        one = "one id, for one row is edited in the editor at a time"
        raise UsageError(f"edit of {table.name} wants {one}; or --set COLUMN=VALUE.")
    if options.json:
        require_stdout()
    chosen = load_settings(options) if options.dry_run else load_writable(options)
    return connected(chosen, lambda database: _edit(database, chosen, table, ids[0], options))


async def _edit(
    database: Database, chosen: Settings, table: Table, typed: str, options: argparse.Namespace
) -> int:
    context = OperationContext.of(database, chosen)
    id_ = await meant_id(database, table, typed) or typed
    row = await open_row(context, table.name, id_)
    text = EditedText(row.file, f"{row.kind}.yaml", chosen.environ)
    zone = chosen.workers.time_zone
    content = text.edit(lambda data: row.check(data, zone))
    lines = [] if content is None else row.difference(content)
    if content is None or not lines:
        text.discard()
        say("Nothing was changed.")
        return 0
    try:
        outcome = await _apply(context, chosen, row, content, lines, options)
    except BaseException:  # also where one is not asked any more
        say(text.kept)
        raise
    if outcome is None or not outcome.applied:
        say(text.kept)
    else:
        text.discard()
    if outcome is None:
        return 0 if options.dry_run else 1
    back = ""
    if outcome.journal:
        back = journal_line("undo", outcome.journal, **database_options(chosen))
    return report(outcome, as_json=options.json, back=back)


async def _apply(
    context: OperationContext,
    chosen: Settings,
    row: EditedRow,
    content: WorkflowFile | ScheduleFile,
    lines: list[str],
    options: argparse.Namespace,
) -> Outcome | None:
    """What came of the change; None where it was not wanted. Raises `AgentflowError`."""
    for line in lines:
        say(safe(line) if line.strip() else line)
    for line in mistake_lines("", row.check(_written(content), chosen.workers.time_zone).remarks):
        say(f"note: {line.lstrip(':0123456789 ')}")
    if options.dry_run or not _agreed(chosen, options):
        say("Nothing was changed.")
        return None
    return await apply_edit(context, row, content, clock.zone(chosen.workers.time_zone))


def _written(content: WorkflowFile | ScheduleFile) -> bytes:
    from agentflow_tui.workflow_files.writing import written_file

    return written_file(content).encode()


def _agreed(chosen: Settings, options: argparse.Namespace) -> bool:
    """Whether the change shall be made. Raises `UsageError` where nobody can be asked."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("Nothing was changed: nobody can be asked here; say --yes for it.")
    place = f" {chosen.context.name} is in production." if chosen.context.production else ""
    say(f"Change this?{place} Type yes to go on; anything else leaves all as it is.")
    return sys.stdin.readline().strip().lower() in {"yes", "y"}
