"""``agentflow undo`` and ``agentflow redo``: take back what was done, or do it again."""

import argparse
import asyncio

from agentflow_tui import clock
from agentflow_tui.cli import INTERRUPTED
from agentflow_tui.cli.connection import connected, load_writable
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.outcomes import report
from agentflow_tui.cli.output import say
from agentflow_tui.cli.progress import progress
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.operations import undo
from agentflow_tui.operations.command_lines import database_options, journal_line
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.schema import TABLES
from agentflow_tui.settings import Settings
from agentflow_tui.store.changes.records import OperationRecord
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.journal import TABLE as JOURNAL
from agentflow_tui.text import age, number, plural, safe


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """What can be said with it."""
    if name == undo.UNDO:
        parser.add_argument("journal", nargs="?", help="the operation's id in the journal")
    parser.add_argument("--yes", action="store_true", help="do not ask; nothing is asked")
    parser.add_argument("--json", action="store_true", help="print the outcome as one object")


def run(options: argparse.Namespace) -> int:
    """Take a change back, or do it again."""
    if options.json:
        require_stdout()
    chosen = load_writable(options)

    async def work(database: Database) -> int:
        if options.name == undo.REDO:
            return await do_again(database, chosen, as_json=options.json)
        return await take_back(database, chosen, options.journal, as_json=options.json)

    return connected(chosen, work)


async def take_back(
    database: Database, settings: Settings, journal: str | None, *, as_json: bool
) -> int:
    """Take the caller's last change back, or the one named. Returns the exit code.

    Raises `UsageError` for one that is not there, `NothingToUndoError`.
    """
    context = OperationContext.of(database, settings)
    if journal is None:
        found = await undo.last_undoable(context)
    else:
        whole = await meant_id(database, TABLES[JOURNAL], journal)
        found = await undo.find_operation(context, whole or journal)
    return await _undo(context, settings, found, as_json=as_json)


async def do_again(database: Database, settings: Settings, *, as_json: bool) -> int:
    """Do again what the caller took back last. Returns the exit code.

    Raises `NothingToUndoError`.
    """
    context = OperationContext.of(database, settings)
    return await _undo(context, settings, await undo.last_redoable(context), as_json=as_json)


async def _undo(
    context: OperationContext, settings: Settings, operation: OperationRecord, *, as_json: bool
) -> int:
    address = database_options(settings)
    say(_about(operation))
    say(safe(f"{operation.table}: {undo.what_comes_back(operation)}."))
    try:
        with progress(lambda done: f"{number(done)} of {number(operation.applied)} …") as told:
            outcome = await undo.undo(context, operation.id, told)
    except asyncio.CancelledError:
        say(f"Broken off. To go on: {journal_line('undo', operation.id, **address)}")
        return INTERRUPTED
    back = journal_line("undo", outcome.journal, **address) if outcome.applied else ""
    return report(outcome, as_json=as_json, back=back)


def _about(operation: OperationRecord) -> str:
    """What is about to be taken back: whose, and from when."""
    when = "" if operation.at is None else f", {age(clock.now() - operation.at)} ago"
    known = "" if operation.complete else " or more, broken off,"
    rows = f"{plural(operation.applied, 'row')}{known} of {operation.table}"
    if operation.verb == undo.UNDO:
        return safe(f"Doing again: {rows}, taken back by {operation.by}{when}.")
    return safe(f"Taking back: {operation.verb} of {rows} by {operation.by}{when}.")
