"""Takes one workflow through its steps, one commit after the other."""

import asyncio
from datetime import datetime
from time import monotonic

from agentflow_tui.errors import MissingError, NotAcceptedError
from agentflow_tui.store.queue.workflow_runs import Advanced
from agentflow_tui.workers.batch_writer import BatchWriter
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.runner.attempts import AttemptFailure, Attempts, Postponed, is_wanted
from agentflow_tui.workers.runner.held_workflow import HeldWorkflow, PendingWrite, StepResult

RUNNER = "runner"
"""The role that is woken when a workflow has rested."""

POSTPONED = 1.0
"""Seconds that a workflow rests when the database went away under one of its steps."""


class WorkflowLoop:
    """Takes workflows through their steps. The context's ``stopping`` ends each after a step."""

    def __init__(
        self,
        context: WorkerContext,
        writer: BatchWriter[PendingWrite, Advanced | None],
        attempts: Attempts,
    ) -> None:
        self._context = context
        self._writer = writer
        self._attempts = attempts
        self._alone = asyncio.Lock()

    async def run(self, held: HeldWorkflow) -> None:
        """Take steps until the workflow is let go, done or lost. Suspects wait for each other."""
        going = True
        while going:
            if held.is_suspect and held.problem is None:
                async with self._alone:
                    while going and held.is_suspect:
                        going = await self._write(await self._next(held))
            else:
                going = await self._write(await self._next(held))

    async def _next(self, held: HeldWorkflow) -> PendingWrite:
        """Do what comes next. Returns what is to be written about it."""
        if held.problem is not None:
            return held.rejecting(held.problem)
        if held.ended:
            return held.completing()
        wanted = is_wanted(held)
        if wanted is False:
            return held.skipping(stopping=self._stopping)
        since = monotonic()
        tried = wanted if isinstance(wanted, AttemptFailure) else await self._try(held)
        seconds = monotonic() - since
        match tried:
            case None:
                return held.recording()
            case Postponed(reason):
                return held.deferring(POSTPONED, reason)
            case AttemptFailure():
                return held.failing(tried.message, seconds, retry=tried.retry, wait=tried.wait)
            case StepResult():
                until = tried.outcome.wait_until
                if until is not None:
                    return held.waiting(until)
                return held.taking(tried, seconds, stopping=self._stopping)

    @property
    def _stopping(self) -> bool:
        return self._context.stopping.is_set()

    async def _try(self, held: HeldWorkflow) -> StepResult | AttemptFailure | Postponed | None:
        """An attempt at the current step; None when its key has to go on record first."""
        handler = held.step.handler
        assert handler is not None, "a workflow is let go before a step of another program"
        if not held.on_record and (handler.keyed or held.state.crashes):
            return None
        if held.is_suspect and not held.state.trying:
            return None
        if handler.keyed and not self._context.leases.may_act_on(held.renewed_at):
            return Postponed("The worker is making its connection to the database anew.")
        return await self._attempts.make(held, handler)

    async def _write(self, write: PendingWrite) -> bool:
        """Commit a write. True when the workflow is still ours afterwards."""
        held = write.held
        held.is_writing, asked = True, monotonic()
        try:
            advanced = await self._writer.write(write)
        except (NotAcceptedError, MissingError) as error:
            write = held.rejecting(held.named(f"what it gave cannot be stored. {error}"))
            try:
                advanced = await self._writer.write(write)
            except (NotAcceptedError, MissingError):
                self._context.log.error("a workflow cannot be written", id=held.id, error=error)
                return False
        finally:
            held.is_writing = False
        if advanced is None:
            self._context.log.info("a workflow was taken over by another worker", id=held.id)
            return False
        held.settle(write, advanced)
        held.renewed_at = asked
        if write.advance.not_before is not None and not advanced.locked:
            self._wake_at(write.advance.not_before, held)
        return advanced.locked

    def _wake_at(self, moment: datetime, held: HeldWorkflow) -> None:
        """Have the runner look when a workflow's rest is over, if that is before its next look."""
        seconds = (moment - held.now).total_seconds()
        if seconds <= self._context.settings.workers.poll:
            loop = asyncio.get_running_loop()
            loop.call_later(max(0.0, seconds), self._context.wake, RUNNER)
