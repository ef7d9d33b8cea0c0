"""The way from a key to changed rows, and back: choose, take a snapshot, confirm, carry out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from agentflow_tui.console.dialogs.ask_argument import AskArgument
from agentflow_tui.console.dialogs.confirm import (
    Confirm,
    Question,
    change_question,
    undo_question,
)
from agentflow_tui.console.dialogs.dialogs import Choice, Option
from agentflow_tui.console.dialogs.working import Working, while_working
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.view import View
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations import undo as undoing
from agentflow_tui.operations.bulk_follow_up import begin_follow_up
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.consequences import consequences
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import (
    Selection,
    Snapshot,
    fitting,
    offered,
    reason_against,
    take_snapshot,
    why_impossible,
)
from agentflow_tui.store.changes.records import OperationRecord
from agentflow_tui.store.reading.pages import COUNT_TO, Window
from agentflow_tui.text import number

COUNTED_EVERY = 2.0
"""Seconds between two counts of what has come since a dialog was opened."""


def change(shell: Shell, view: View, title: str, verbs: Sequence[str]) -> None:
    """Do to the rows that are meant in a view what a key called ``title`` stands for: whichever
    of these verbs applies to them."""
    _begin(shell, lambda: _change(shell, view, title, verbs))


def undo(shell: Shell, operation: str | None = None) -> None:
    """Take back an operation by its id in the journal, or the last one of this operator."""
    _begin(shell, lambda: _undo(shell, operation, undoing.last_undoable))


def redo(shell: Shell) -> None:
    """Do again what this operator took back last."""
    _begin(shell, lambda: _undo(shell, None, undoing.last_redoable))


def _begin(shell: Shell, work: Callable[[], Awaitable[None]]) -> None:
    """One change at a time: what has begun is never given up halfway."""
    state = shell.state
    if state.is_changing:
        shell.say("One thing at a time: the last change is still being made.")
        return

    async def guarded() -> None:
        try:
            await work()
        except AgentflowError as error:
            shell.fail(error)
        finally:
            state.is_changing = state.is_writing = False
        shell.look_again()

    state.is_changing = True
    shell.run_worker(guarded(), name="change", group="change")


async def _change(shell: Shell, view: View, title: str, verbs: Sequence[str]) -> None:
    selection = await _select(shell, view, title, verbs)
    operation = await _choose(shell, verbs, selection) if selection is not None else None
    if selection is None or operation is None:
        return
    context = await _context(shell)
    if why := why_impossible(context, operation):
        shell.say(f"Cannot {operation.verb}: {why}.")
        return
    if selection.query is None and (why := reason_against(operation, selection.rows)):
        shell.say(f"Cannot {operation.verb}: {'it' if selection.is_one else 'each'} {why}.")
        return
    if operation.in_editor:
        await _edit(shell, view, context, selection)
        return
    argument = await _ask_argument(shell, operation, selection)
    if operation.argument is not None and argument is None:
        return
    snapshot = await _take_snapshot(shell, context, operation, selection, argument)
    if snapshot is None or not _has_changeable(shell, snapshot):
        return
    found = await consequences(context, snapshot)
    question = change_question(selection, snapshot, found, shell.env.settings)
    if not await _confirm(shell, question, selection, snapshot):
        return
    outcome = await _carry_out(shell, context, snapshot)
    view.settle(outcome)
    _tell(shell, outcome)
    if outcome.applied > 1:
        shell.state.follow_up = await begin_follow_up(context, outcome, snapshot)


async def _edit(shell: Shell, view: View, context: OperationContext, selection: Selection) -> None:
    from agentflow_tui.console import editing  # only an editor needs what reads files

    outcome = await editing.edit_row(shell, context, selection)
    if outcome is not None:
        view.settle(outcome)
        _tell(shell, outcome)


def create(shell: Shell, kind: str) -> None:
    """Make a workflow or a schedule in the editor."""
    _begin(shell, lambda: _create(shell, kind))


async def _create(shell: Shell, kind: str) -> None:
    from agentflow_tui.console import editing

    await editing.create(shell, await _context(shell), kind)


def _tell(shell: Shell, outcome: Outcome) -> None:
    shell.say(f"{outcome.sentence}{'; u takes it back' if outcome.can_be_undone else ''}.")


async def _context(shell: Shell) -> OperationContext:
    """The database with the operator. Raises `UnreachableError`."""
    return OperationContext.of(await shell.env.connected(), shell.env.settings)


async def _select(shell: Shell, view: View, title: str, verbs: Sequence[str]) -> Selection | None:
    """The rows that are meant; asks which part of them where they are of several tables."""
    meant = view.selections()
    fit = [selection for selection in meant if fitting(verbs, selection)]
    if len(fit) > 1:
        options = [Option(str(place), selection.words) for place, selection in enumerate(fit)]
        picked = await shell.ask(Choice(f"{title} which of them?", options))
        return None if picked is None else fit[int(picked)]
    if not fit:
        where = f"to {meant[0].table}" if len(meant) == 1 else "here"
        shell.say(f"{title} does not apply {where}.")
    return fit[0] if fit else None


async def _choose(shell: Shell, verbs: Sequence[str], selection: Selection) -> Operation | None:
    """The operation that a key means for these rows; asks where it may mean several."""
    found = offered(fitting(verbs, selection), selection.rows)
    if len(found) == 1:
        return found[0]
    options = [Option(str(n), o.title, o.about) for n, o in enumerate(found)]
    picked = await shell.ask(Choice("What shall be done?", options))
    return None if picked is None else found[int(picked)]


async def _ask_argument(shell: Shell, operation: Operation, selection: Selection) -> str | None:
    argument = operation.argument
    if argument is None:
        return None
    row = selection.rows[0] if selection.is_one and selection.rows else None
    current = argument.current(row) if row is not None else ""
    names = argument.places(row) if row is not None else []
    if names:
        places = [Option(str(place), name) for place, name in enumerate(names)]
        return await shell.ask(Choice(f"{operation.title} to which step?", places, first=current))
    title = f"{operation.title}: {argument.about}"
    return await shell.ask(AskArgument(title, current, argument.parse, argument.effect))


async def _take_snapshot(
    shell: Shell,
    context: OperationContext,
    operation: Operation,
    selection: Selection,
    argument: str | None,
) -> Snapshot | None:
    async def work(working: Working) -> Snapshot:
        def show(found: int) -> None:
            working.tell(f"{number(found)} found")

        return await take_snapshot(context, operation, selection, argument, show)

    return await while_working(shell, "Looking for the rows", work)


def _has_changeable(shell: Shell, snapshot: Snapshot) -> bool:
    """Whether there is something to change; says why not where there is not."""
    if snapshot.changeable:
        return True
    found = snapshot.refusals
    if not found:
        why = "there are no such rows any more"
    elif len(found) == 1 and found[0][1] == 1:
        why = f"it {found[0][0]}"
    else:
        why = "each " + " or ".join(f"{why} ({number(n)})" for why, n in found)
    shell.say(f"Cannot {snapshot.operation.verb}: {why}.")
    return False


async def _confirm(
    shell: Shell, question: Question, selection: Selection, snapshot: Snapshot
) -> bool:
    """Ask, and meanwhile tell how many rows match that are not in the snapshot."""
    confirm = Confirm(question)
    counting = None
    if selection.query is not None and snapshot.matched < COUNT_TO:
        counting = asyncio.create_task(_count_new(shell, confirm, selection, snapshot))
    try:
        going: bool = await shell.ask(confirm)
        return going
    finally:
        if counting is not None:
            counting.cancel()


async def _count_new(
    shell: Shell, confirm: Confirm, selection: Selection, snapshot: Snapshot
) -> None:
    assert selection.query is not None
    while True:
        await asyncio.sleep(COUNTED_EVERY)
        try:
            database = await shell.env.connected()
            page = await selection.query.page(database, Window(limit=1, count_to=COUNT_TO))
        except AgentflowError:
            continue
        more = (page.count or 0) - snapshot.matched
        confirm.tell(f"+{number(more)} since, not touched " if more > 0 else "")


async def _carry_out(shell: Shell, context: OperationContext, snapshot: Snapshot) -> Outcome:
    stop = asyncio.Event()

    async def work(working: Working) -> Outcome:
        def show(done: int) -> None:
            working.tell(f"{number(done)} of {number(len(snapshot.changeable))}")
            if working.stopped:
                stop.set()

        return await carry_out(context, snapshot, progress=show, stop=stop)

    title = f"{snapshot.operation.verb.capitalize()} …"
    shell.state.is_writing = True
    outcome = await while_working(shell, title, work, cancels=False)
    assert outcome is not None
    return outcome


async def _undo(
    shell: Shell,
    id_: str | None,
    find: Callable[[OperationContext], Awaitable[OperationRecord]],
) -> None:
    context = await _context(shell)
    if why := context.database.read_only_reason():
        shell.say(f"Cannot undo: {why}.")
        return
    record = await (find(context) if id_ is None else undoing.find_operation(context, id_))
    if why := undoing.why_final(record):
        shell.say(f"{record.verb.capitalize()} of {record.table} stays: {why}.")
        return
    if not await shell.ask(Confirm(undo_question(record, shell.env.now(), shell.env.settings))):
        return

    async def work(working: Working) -> Outcome:
        def show(done: int) -> None:
            working.tell(f"{number(done)} looked at")

        return await undoing.undo(context, record.id, show)

    shell.state.is_writing = True
    outcome = await while_working(shell, "Taking back …", work, cancels=False)
    assert outcome is not None
    shell.say(f"{outcome.sentence}.")
    shell.state.follow_up = None
