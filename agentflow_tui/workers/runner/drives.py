"""Taking one workflow through its steps, one commit after the other."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from agentflow_tui.errors import MissingError, NotAcceptedError
from agentflow_tui.workers.roles import Crew
from agentflow_tui.workers.runner.attempts import Attempts, Failure, Obstacle, is_wanted
from agentflow_tui.workers.runner.commits import Commits
from agentflow_tui.workers.runner.held_workflow import Move, Taken, Work

RUNNER = "runner"
"""The role that is woken when a workflow has rested."""

WEATHER = 1.0
"""Seconds that a workflow rests when the database went away under one of its steps."""


class Drives:
    """What takes workflows through their steps. The crew's ``stopping`` ends each after a step."""

    def __init__(self, crew: Crew, commits: Commits, attempts: Attempts) -> None:
        self._crew = crew
        self._commits = commits
        self._attempts = attempts
        self._alone = asyncio.Lock()

    async def drive(self, work: Work) -> None:
        """Take steps until the workflow is let go, done or lost. Suspects wait for each other."""
        going = True
        while going:
            if work.is_suspect and work.problem is None:
                async with self._alone:
                    while going and work.is_suspect:
                        going = await self._write(work, await self._next(work))
            else:
                going = await self._write(work, await self._next(work))

    async def _next(self, work: Work) -> Callable[[], Move]:
        """What to write next; it is made only when it is the workflow's turn to be written."""
        if work.problem is not None:
            problem = work.problem
            return lambda: work.rejecting(problem)
        if work.ended:
            return work.completing
        wanted = is_wanted(work)
        if wanted is False:
            return lambda: work.skipping(stopping=self._stopping)
        since = monotonic()
        tried = wanted if isinstance(wanted, Failure) else await self._try(work)
        seconds = monotonic() - since
        if isinstance(tried, Taken):
            until = tried.outcome.wait_until
            if until is not None:
                return lambda: work.waiting(until)
            return lambda: work.taking(tried, seconds, stopping=self._stopping)
        if isinstance(tried, Failure):
            retry, wait = tried.retry, tried.wait
            return lambda: work.failing(tried.message, seconds, retry=retry, wait=wait)
        if isinstance(tried, Obstacle):
            return lambda: work.deferring(WEATHER, tried.reason)
        return work.recording

    @property
    def _stopping(self) -> bool:
        return self._crew.stopping.is_set()

    async def _try(self, work: Work) -> Taken | Failure | Obstacle | None:
        """An attempt at the current step; None when its key has to go on record first."""
        handler = work.step.handler
        assert handler is not None, "a workflow is let go before a step of somebody else"
        if not work.on_record and (handler.keyed or work.account.crashes):
            return None
        if work.is_suspect and not work.account.trying:
            return None
        if handler.keyed and not self._crew.trusted:
            return Obstacle("The worker is making its connection to the database anew.")
        return await self._attempts.make(work, handler)

    async def _write(self, work: Work, make: Callable[[], Move]) -> bool:
        """Commit a move. True when the workflow is still ours afterwards."""
        async with work.lock:
            move = make()
            try:
                advanced = await self._commits.write(move.advance)
            except (NotAcceptedError, MissingError) as error:
                move = work.rejecting(work.named(f"what it gave cannot be stored. {error}"))
                try:
                    advanced = await self._commits.write(move.advance)
                except (NotAcceptedError, MissingError):
                    self._crew.log.error("a workflow cannot be written", id=work.id, error=error)
                    return False
            if advanced is None:
                self._crew.log.info("a workflow was taken over by somebody else", id=work.id)
                return False
            work.settle(move, advanced)
            if move.advance.not_before is not None and not advanced.locked:
                self._wake_at(move.advance.not_before, work)
            return advanced.locked

    def _wake_at(self, moment: datetime, work: Work) -> None:
        """Have the runner look when a workflow's rest is over, if that is before its next look."""
        seconds = (moment - work.now).total_seconds()
        if seconds <= self._crew.settings.workers.poll:
            loop = asyncio.get_running_loop()
            loop.call_later(max(0.0, seconds), self._crew.wake, RUNNER)
