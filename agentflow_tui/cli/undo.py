"""``agentflow undo`` and ``agentflow redo``: take back what was done, or do it again."""

import asyncio

from agentflow_tui import clock
from agentflow_tui.cli import INTERRUPTED
from agentflow_tui.cli.outcomes import report, say
from agentflow_tui.cli.progress import progress
from agentflow_tui.operations import undo
from agentflow_tui.operations.command_lines import addressing, journal_line
from agentflow_tui.operations.context import World
from agentflow_tui.settings import Settings
from agentflow_tui.store.changes.records import Operation
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import age, number, plural, safe


async def take_back(
    database: Database, settings: Settings, journal: str | None, *, as_json: bool
) -> int:
    """Take the caller's last change back, or the one named. Returns the exit code.

    Raises `UsageError` for one that is not there, `NothingToUndoError`.
    """
    world = World.of(database, settings)
    found = (
        await undo.find_operation(world, journal) if journal else await undo.last_undoable(world)
    )
    return await _undo(world, settings, found, as_json=as_json)


async def do_again(database: Database, settings: Settings, *, as_json: bool) -> int:
    """Do again what the caller took back last. Returns the exit code.

    Raises `NothingToUndoError`.
    """
    world = World.of(database, settings)
    return await _undo(world, settings, await undo.last_redoable(world), as_json=as_json)


async def _undo(world: World, settings: Settings, operation: Operation, *, as_json: bool) -> int:
    address = addressing(settings)
    say(_about(operation))
    try:
        with progress(lambda done: f"{number(done)} of {number(operation.applied)} …") as told:
            outcome = await undo.undo(world, operation.id, told)
    except asyncio.CancelledError:
        say(f"Broken off. To go on: {journal_line('undo', operation.id, **address)}")
        return INTERRUPTED
    back = journal_line("undo", outcome.journal, **address) if outcome.applied else ""
    return report(outcome, as_json=as_json, back=back)


def _about(operation: Operation) -> str:
    """What is about to be taken back: whose, and from when."""
    when = "" if operation.at is None else f", {age(clock.now() - operation.at)} ago"
    known = "" if operation.complete else " or more, broken off,"
    rows = f"{plural(operation.applied, 'row')}{known} of {operation.table}"
    if operation.verb == undo.UNDO:
        return safe(f"Doing again: {rows}, taken back by {operation.by}{when}.")
    return safe(f"Taking back: {operation.verb} of {rows} by {operation.by}{when}.")
