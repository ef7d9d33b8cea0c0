"""The way from a key to changed rows: select, ask, snapshot, confirm, change, tell, undo."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from textual.worker import Worker

from agentflow_tui.console.dialogs.ask_argument import AskArgument
from agentflow_tui.console.dialogs.change_question import change_question
from agentflow_tui.console.dialogs.confirm import Confirm, Effort, Question, Working
from agentflow_tui.console.dialogs.dialogs import Choice, Option
from agentflow_tui.console.shell import Settle, Shell
from agentflow_tui.console.widgets.pane import text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations import bulk_follow_up, undo
from agentflow_tui.operations.bulk_follow_up import BulkFollowUp
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.command_lines import database_options, journal_line
from agentflow_tui.operations.consequences import consequences
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import (
    Selection,
    Snapshot,
    offered,
    take_snapshot,
    why_impossible,
)
from agentflow_tui.operators import operator
from agentflow_tui.schema import TABLES
from agentflow_tui.store.changes.records import OperationRecord
from agentflow_tui.text import age, number, plural

ResultT = TypeVar("ResultT")

NEWS_EVERY = 2.0
"""Seconds between two looks at what has come since a dialog was opened."""


class ChangeFlow:
    """What the console does to rows, one thing at a time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._worker: Worker[None] | None = None
        self.follow_up: BulkFollowUp | None = None

    async def context(self) -> OperationContext:
        """The database with the operator. Raises `UnreachableError`."""
        return OperationContext.of(await self._shell.env.connected(), self._shell.env.settings)

    def start(self, operations: Sequence[Operation], selection: Selection, settle: Settle) -> None:
        """Do what one of these operations means to the rows selected."""
        self._run(lambda: self._change(operations, selection, settle))

    def undo(self, record: str | None = None) -> None:
        """Take back an operation, or the last one of this operator."""
        self._run(lambda: self._take_back(record, undo.last_undoable))

    def redo(self) -> None:
        """Do again what this operator took back last."""
        self._run(lambda: self._take_back(None, undo.last_redoable))

    def _run(self, act: Callable[[], Awaitable[None]]) -> None:
        """Act, unless something is under way: what has begun is never given up halfway."""
        if self._worker is not None and not self._worker.is_finished:
            self._shell.say("One thing at a time: the last change is still being made.")
            return

        async def guarded() -> None:
            try:
                await act()
            except AgentflowError as error:
                self._shell.fail(error)
            self._shell.look_again()

        self._worker = self._shell.run_worker(guarded(), name="acting", group="acting")

    # A change

    async def _change(
        self, operations: Sequence[Operation], selection: Selection, settle: Settle
    ) -> None:
        operation = await self._choose(operations, selection)
        if operation is None:
            return
        context = await self.context()
        why = why_impossible(context, operation, selection)
        if why:
            self._shell.say(f"{operation.verb.capitalize()}: {why}.")
            return
        argument = await self._ask(operation, selection)
        if operation.argument is not None and argument is None:
            return
        snapshot = await self._take_snapshot(context, operation, selection, argument)
        if snapshot is None:
            return
        if not snapshot.changeable:
            reasons = ", ".join(f"{why} ({number(n)})" for why, n in snapshot.refusals) or "no rows"
            self._shell.say(f"Nothing to {operation.verb}: {reasons}.")
            return
        told = await consequences(context, snapshot)
        question = change_question(selection, snapshot, told, self._shell.env.settings)
        if not await self._confirmed(question, selection, snapshot):
            return
        outcome = await self._carry_out(context, snapshot)
        settle(outcome)
        self._tell(outcome)
        if outcome.applied > 1:
            self.follow_up = await bulk_follow_up.begin_follow_up(context, outcome, snapshot)

    async def _choose(
        self, operations: Sequence[Operation], selection: Selection
    ) -> Operation | None:
        """The operation that a key means here; asks where it may mean several."""
        found = offered(operations, selection.rows)
        if len(found) == 1:
            return found[0]
        options = [Option(str(n), o.title, o.about) for n, o in enumerate(found)]
        picked = await self._shell.ask(Choice("What shall be done?", options))
        return None if picked is None else found[int(picked)]

    async def _ask(self, operation: Operation, selection: Selection) -> str | None:
        argument = operation.argument
        if argument is None:
            return None
        current = argument.current(selection.rows[0]) if selection.is_one and selection.rows else ""
        names = argument.places(selection.rows[0]) if selection.is_one and selection.rows else []
        if names:
            places = [Option(str(place), name) for place, name in enumerate(names)]
            return await self._shell.ask(
                Choice(f"{operation.title} to which step?", places, first=current)
            )
        title = f"{operation.title}: {argument.about}"
        return await self._shell.ask(AskArgument(title, current, argument.parse, argument.effect))

    async def _take_snapshot(
        self,
        context: OperationContext,
        operation: Operation,
        selection: Selection,
        argument: str | None,
    ) -> Snapshot | None:
        async def work(working: Working) -> Snapshot:
            def told(found: int) -> None:
                working.tell(f"{number(found)} found")

            return await take_snapshot(context, operation, selection, argument, told)

        return await self._while_working("Looking for the rows", work)

    async def _confirmed(
        self, question: Question, selection: Selection, snapshot: Snapshot
    ) -> bool:
        """Ask, and meanwhile tell what matches since the rows were frozen."""
        confirm = Confirm(question)
        watching = None
        if selection.query is not None:
            watching = asyncio.create_task(self._watch(confirm, selection, snapshot))
        try:
            going = await self._shell.ask(confirm)
            return bool(going)
        finally:
            if watching is not None:
                watching.cancel()

    async def _watch(self, confirm: Confirm, selection: Selection, snapshot: Snapshot) -> None:
        from agentflow_tui.console.list.reading import COUNT_TO
        from agentflow_tui.store.reading.pages import Window

        if selection.query is None or snapshot.matched >= COUNT_TO:
            return
        while True:
            await asyncio.sleep(NEWS_EVERY)
            try:
                page = await selection.query.page(
                    await self._shell.env.connected(), Window(limit=1, count_to=COUNT_TO)
                )
            except AgentflowError:
                continue
            more = (page.count or 0) - snapshot.matched
            confirm.tell(f"+{number(more)} since, not touched " if more > 0 else "")

    async def _carry_out(self, context: OperationContext, snapshot: Snapshot) -> Outcome:
        stop = asyncio.Event()

        async def work(working: Working) -> Outcome:
            def told(done: int) -> None:
                working.tell(f"{number(done)} of {number(len(snapshot.changeable))}")
                if working.stopped:
                    stop.set()

            return await carry_out(context, snapshot, progress=told, stop=stop)

        done = await self._while_working(
            f"{snapshot.operation.verb.capitalize()} …", work, cancels=False
        )
        assert done is not None
        return done

    async def _while_working(
        self,
        title: str,
        work: Callable[[Working], Awaitable[ResultT]],
        *,
        cancels: bool = True,
    ) -> ResultT | None:
        """Do something that may take long: after a moment it is shown, and escape stops it, at
        once where ``cancels``, else when the work itself comes to it. None when it was cancelled.
        """
        working = Working(title)
        task = asyncio.ensure_future(work(working))
        done, _ = await asyncio.wait([task], timeout=self._shell.env.pace.patience)
        if not done:
            await self._shell.open_dialog(working)
            try:
                while not task.done():
                    await asyncio.wait([task], timeout=0.1)
                    if working.stopped and cancels:
                        task.cancel()
                        await asyncio.wait([task])
                        return None
            finally:
                task.cancel()
                working.dismiss(None)
        return task.result()

    def _tell(self, outcome: Outcome) -> None:
        take_back = "; u takes it back" if outcome.journal and outcome.applied else ""
        self._shell.say(f"{outcome.sentence}{take_back}.")

    # Taking back

    async def _take_back(
        self, id_: str | None, find: Callable[[OperationContext], Awaitable[OperationRecord]]
    ) -> None:
        context = await self.context()
        if why := context.database.read_only_reason():
            self._shell.say(f"Undo: {why}.")
            return
        record = await (find(context) if id_ is None else undo.find_operation(context, id_))
        why = undo.why_final(record)
        if why:
            self._shell.say(f"{record.verb.capitalize()} of {record.table} stays: {why}.")
            return
        if not await self._shell.ask(Confirm(self._question(record))):
            return

        async def work(working: Working) -> Outcome:
            return await undo.undo(
                context, record.id, lambda done: working.tell(f"{number(done)} looked at")
            )

        outcome = await self._while_working("Taking back …", work, cancels=False)
        assert outcome is not None
        self._shell.say(f"{outcome.sentence}.")
        self.follow_up = None

    def _question(self, record: OperationRecord) -> Question:
        now = self._shell.env.now()
        ago = f", {age(now - record.at)} ago" if record.at else ""
        again = record.verb == undo.UNDO
        noun = TABLES[record.table].one if record.table in TABLES else "row"
        lines = [
            text_line(f"{record.verb} of {plural(record.applied, noun)}{ago}"),
            text_line(f"by {record.by}", "dim"),
            text_line("Rows that have moved on since stay as they are, and are named.", "dim"),
        ]
        mine = record.by == str(operator(self._shell.env.settings.environ))
        return Question(
            title="Do it again?" if again else "Take it back?",
            lines=lines,
            go="Redo" if again else "Undo",
            effort=Effort.ENTER if mine and record.applied == 1 else Effort.CHOOSE,
            alarm="PRODUCTION" if self._shell.env.settings.context.production else "",
            command=journal_line("undo", record.id, **database_options(self._shell.env.settings)),
        )

    # What has become of it

    async def look(self) -> None:
        """See how the rows of the last change in bulk are doing. Raises `AgentflowError`."""
        follow_up = self.follow_up
        if follow_up is None or follow_up.is_settled:
            return
        seen = await bulk_follow_up.look(await self.context(), follow_up)
        if self.follow_up is follow_up:  # else another one is followed by now
            self.follow_up = seen
