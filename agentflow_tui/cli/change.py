"""``agentflow VERB``: take a snapshot of the rows, say what will be done, ask where it matters, do
it."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from agentflow_tui import clock
from agentflow_tui.cli import INTERRUPTED, verbs
from agentflow_tui.cli.connection import connected, load_settings, load_writable
from agentflow_tui.cli.ids import given_ids, meant_id, meant_ids, titles
from agentflow_tui.cli.outcomes import capital, put_outcome, report
from agentflow_tui.cli.output import say
from agentflow_tui.cli.progress import progress
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import table_called
from agentflow_tui.cli.verbs import ChangeRequest
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.carry_out import BrokenOffError, carry_out
from agentflow_tui.operations.command_lines import database_options, journal_line
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Harm, Operation
from agentflow_tui.operations.outcomes import Outcome, reasons
from agentflow_tui.operations.selection import Selection, Snapshot, matching, take_snapshot
from agentflow_tui.schema import TABLES
from agentflow_tui.settings import Settings
from agentflow_tui.store.changes import records
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.text import number, plural, safe

SECONDS = 600.0
"""Time for one statement: a filter may have to look at every row of a large table."""

NAMED = 20
"""Rows that a dry run names one by one."""

MANY = 50
"""Rows beyond which one is asked."""


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """What can be said with a verb."""
    verbs.add_options(parser, name)


def run(options: argparse.Namespace) -> int:
    """Do to rows what a verb says."""
    request = verbs.request(options, table_called(options.table))
    request = replace(request, ids=given_ids(request.ids))
    if request.operation.in_editor:
        from agentflow_tui.cli.edit import edit_in_editor  # other verbs do not pay for it

        return edit_in_editor(request, options)
    if options.json:
        require_stdout()
    chosen = load_settings(options) if request.dry_run else load_writable(options)
    return connected(chosen, lambda database: change(database, chosen, request), seconds=SECONDS)


async def change(database: Database, settings: Settings, request: ChangeRequest) -> int:
    """Carry out what was asked for. Returns the exit code.

    Raises `AgentflowError`, `UsageError` for a filter that cannot be understood and where the
    operator would have to be asked and cannot be.
    """
    lacking = request.operation.change.missing(database.binding)
    if lacking:
        raise AgentflowError(f"{request.operation.title} cannot be done here: {lacking}.")
    request = await _with_whole_ids(database, request)
    context = OperationContext.of(database, settings)
    snapshot = await _take_snapshot(context, settings, request)
    asking = Confirmation(settings, request, snapshot, records.keeps_operations(database.binding))
    if request.expect is not None and request.expect != snapshot.matched:
        say(f"{plural(snapshot.matched, 'row')} matched, not {number(request.expect)}.")
        return asking.leave()
    asking.explain()
    if request.dry_run:
        await _name_rows(database, request.operation, snapshot)
    if request.dry_run or not snapshot.changeable or not await asking.agreed():
        return asking.leave()
    return await _carry_out(context, settings, request, snapshot)


async def _with_whole_ids(database: Database, request: ChangeRequest) -> ChangeRequest:
    """The same with the whole id of the row that the argument names, where it names one."""
    operation, argument = request.operation, request.argument
    column = operation.change.described.by_name.get(operation.field)
    if argument is None or column is None or not column.references:
        return request
    table = TABLES[column.references.partition(".")[0]]
    return replace(request, argument=await meant_id(database, table, argument) or argument)


async def _name_rows(database: Database, operation: Operation, snapshot: Snapshot) -> None:
    """Say which rows would be changed, a line each: the id, and what the row is called."""
    ids = [row.id for row in snapshot.changeable]
    called = await titles(database, operation.change.described, ids[:NAMED])
    for id_ in ids[:NAMED]:
        say(f"  {safe(operation.change.public_id(id_))}  {called.get(id_, '')}".rstrip())
    if len(ids) > NAMED:
        say(f"  … and {number(len(ids) - NAMED)} more")


async def _take_snapshot(
    context: OperationContext, settings: Settings, request: ChangeRequest
) -> Snapshot:
    with progress(lambda count: f"{plural(count, 'row')} found …") as told:
        selection = await _selection(context.database, settings, request)
        return await take_snapshot(
            context, request.operation, selection, request.argument, progress=told
        )


async def _selection(database: Database, settings: Settings, request: ChangeRequest) -> Selection:
    table = request.operation.table
    if request.ids:
        ids = await meant_ids(database, request.operation.change.described, request.ids)
        return Selection(table=table, ids=ids)
    found = query(
        LISTINGS[table],
        database.binding,
        request.where,
        now=clock.now(),
        zone=clock.zone(settings.console.time_zone),
        whole=True,
    )
    for remark in found.remarks:
        say(remark)
    return matching(table, found, request.where)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is said, and asked, before anything is done."""

    settings: Settings
    request: ChangeRequest
    snapshot: Snapshot
    journalled: bool

    def explain(self) -> None:
        """Say what will be done to how many rows, and what that means."""
        operation, snapshot = self.request.operation, self.snapshot
        say(f"{operation.table}: {self._counts()}.")
        if not snapshot.changeable:
            return
        if operation.argument is not None and snapshot.argument is not None:
            for line in operation.argument.effect(snapshot.argument):
                say(f"  {safe(line)}")
        for line in (operation.warning, self._final()):
            if line:
                say(line)

    def _counts(self) -> str:
        past, fit, refused = (
            self.request.operation.past,
            self.snapshot.changeable,
            self.snapshot.refused,
        )
        if not self.snapshot.matched:
            return "no row matches"
        why = safe(reasons(refused))
        if len(refused) == 1 and not fit:
            return f"the row will not be {past}: {why}"
        if not fit:
            return f"none of the {number(len(refused))} rows will be {past}: {why}"
        skipped = f", {number(len(refused))} will be skipped: {why}" if refused else ""
        return f"{plural(len(fit), 'row')} will be {past}{skipped}"

    def _final(self) -> str:
        """Why it cannot be taken back; ``""`` when it can."""
        if self.request.operation.irrevocable:
            return f"This cannot be taken back: {self.request.operation.irrevocable}."
        if not self.journalled:
            return "This cannot be taken back: this database has no journal that could hold it."
        return ""

    def _why_ask(self) -> str:
        """Why this is not done without asking; ``""`` when it is."""
        operation, context = self.request.operation, self.settings.context
        final = operation.harm is Harm.IRREVERSIBLE or operation.change.deletes
        if final and self._final():
            return "it cannot be taken back"
        if context.production:
            return f"{context.name} is in production"
        if len(self.snapshot.changeable) > MANY:
            return f"it is more than {MANY} rows"
        return ""

    async def agreed(self) -> bool:
        """Whether it shall be done: asked where that is called for. Raises `UsageError`."""
        why = self._why_ask()
        if not why or self.request.agreed:
            return True
        if not sys.stdin.isatty():
            raise UsageError(
                f"Nothing was changed: {why}, and nobody can be asked here; say --yes for it."
            )
        return await self._typed(capital(why))

    async def _typed(self, why: str) -> bool:
        fit = self.snapshot.changeable
        id_ = fit[0].id
        name = self.request.operation.change.public_id(id_)
        wanted = number(len(fit)) if len(fit) > 1 else safe(name)
        say(f"{why}. Type {wanted} to go on; anything else leaves all as it is.")
        typed = (await _line()).strip()
        if len(fit) == 1:
            return typed in {id_, name}
        return typed.replace(",", "") == str(len(fit))

    def leave(self) -> int:
        """Leave everything as it is, and say so. Returns the exit code."""
        say("Nothing was changed.")
        operation, snapshot, dry = self.request.operation, self.snapshot, self.request.dry_run
        untouched = Outcome(
            verb=operation.verb,
            table=operation.table,
            past=operation.past,
            matched=snapshot.matched,
            applied=0,
            skipped=tuple((operation.change.public_id(id_), why) for id_, why in snapshot.refused),
        )
        if self.request.as_json:
            put_outcome(untouched, **({"dry_run": True} if dry else {}))
        expected = self.request.expect in {None, snapshot.matched}
        return 0 if dry and expected and snapshot.matched and not snapshot.refused else 1


async def _line() -> str:
    """A line from the terminal. Waits in the loop, so that Ctrl+C is heard."""
    loop = asyncio.get_running_loop()
    typed = asyncio.Event()
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()


async def _carry_out(
    context: OperationContext, settings: Settings, request: ChangeRequest, snapshot: Snapshot
) -> int:
    total = number(len(snapshot.changeable))
    try:
        with (
            _stopping() as stop,
            progress(lambda done: f"{number(done)} of {total} {request.operation.past} …") as told,
        ):
            outcome = await carry_out(context, snapshot, progress=told, stop=stop)
    except BrokenOffError as error:
        if request.as_json:
            put_outcome(error.outcome)
        raise
    except asyncio.CancelledError:
        say("Broken off; 'agentflow list task_logs taskType~operator' shows what was done.")
        return INTERRUPTED
    back = ""
    if outcome.journal and not request.operation.irrevocable:
        back = journal_line("undo", outcome.journal, **database_options(settings))
    return report(outcome, as_json=request.as_json, back=back)


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """Yields what is set by Ctrl+C. The second Ctrl+C breaks off at once."""
    loop, task, stop = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def interrupt() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        elif not stop.is_set():
            stop.set()
            say("Stopping after the rows that are being written …")

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {s: signal.getsignal(s) for s in signals if signal.getsignal(s) != signal.SIG_IGN}
    for each in before:
        loop.add_signal_handler(each, interrupt)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            loop.remove_signal_handler(each)
            signal.signal(each, handler)
