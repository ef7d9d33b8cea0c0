"""The runner: claims workflows and takes their steps.

It holds up to a number of workflows at a time, each in a task of its own. What they finish is
written by a `BatchWriter`, many at a time; their leases are renewed by the role's step.
"""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from time import monotonic
from typing import Any

from agentflow_tui.errors import UnreachableError
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.steps.calls import Handlers, Services
from agentflow_tui.steps.plans import WorkflowPlan, plan
from agentflow_tui.steps.registry import load
from agentflow_tui.steps.requests import make_client
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import pooled_session
from agentflow_tui.store.queue import workflow_claims as claims
from agentflow_tui.store.queue import workflow_runs as runs
from agentflow_tui.store.queue.workflow_claims import KIND, ClaimedWorkflow
from agentflow_tui.store.queue.workflow_runs import Advanced
from agentflow_tui.workers.batch_writer import BatchWriter
from agentflow_tui.workers.context import StepReport, WorkerContext
from agentflow_tui.workers.runner.attempts import Attempts
from agentflow_tui.workers.runner.held_workflow import HeldWorkflow, PendingWrite
from agentflow_tui.workers.runner.run_state import RunLimits
from agentflow_tui.workers.runner.step_writes import StepWrites
from agentflow_tui.workers.runner.threads import StepThreads
from agentflow_tui.workers.runner.time_limits import TimeLimits
from agentflow_tui.workers.runner.workflow_loop import WorkflowLoop

NAME = "runner"
BATCH = 100
"""Workflows in one claim."""

CACHED = 65_536
"""Characters up to which step definitions are remembered: schedules run the same ones again."""

FOREIGN = 10_000
FOREIGN_SECONDS = 600.0
"""How many workflows are remembered as somebody else's, and for how long, where only a look at the
row could tell (see `claims.claim`); the others are never claimed at all."""

CROWDED = 0.25
"""Seconds between claims when there is more to do and steps that take long hold most slots."""


AT_LEAST = 1.0
MOMENT = 0.05
"""Seconds that stopping takes at least, if it has to, and that a write gets until the next look."""

GARBAGE = 50_000
"""Allocations between two looks for garbage. A step leaves none that needs looking for, and with
Python's 700 a quarter of the runner's time goes into looking."""


@dataclass(slots=True)
class _Open:
    """What a runner has once it knows its database."""

    writer: BatchWriter[PendingWrite, Advanced | None]
    loop: WorkflowLoop
    threads: StepThreads
    writing: "asyncio.Task[None]"
    checks_json: bool
    client: list[Any]


@dataclass(slots=True)
class Runner:
    """The role that advances workflows by the steps that it has handlers for."""

    settings: Settings = field(default_factory=Settings)
    handlers: Handlers = field(default_factory=lambda: load().handlers)
    limits: RunLimits = field(default_factory=RunLimits)
    name: str = NAME
    held: dict[str, HeldWorkflow] = field(default_factory=dict)
    _tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _foreign: dict[str, float] = field(default_factory=dict)
    _backlog: bool = False
    _reported: int = 0
    _open: _Open | None = None
    _plan: Callable[[str | None], WorkflowPlan] = field(init=False)

    def __post_init__(self) -> None:
        self._plan = _planner(self.handlers)

    async def step(self, context: WorkerContext, woken: bool = True) -> StepReport:
        """Renew leases that are getting old, and claim what is due while there are slots."""
        opened = self._open or await self._start(context)
        settings = context.settings.workers
        await self._renew(context, opened)
        claimed = 0
        if not context.stopping.is_set():
            claimed = await self._claim(context, opened)
        done = opened.writer.items - self._reported
        self._reported += done
        context.reports[NAME] = {
            "workflows": len(self.held),
            "steps": opened.writer.items,
            "stuck": opened.threads.stuck,
        }
        again = await self._rest(context.database, settings)
        return StepReport(done=claimed + done, again=again, held=len(self.held))

    async def _rest(self, database: Database, settings: WorkerSettings) -> float | None:
        """Seconds to the next step."""
        if self._backlog:
            return 0.0 if len(self.held) < settings.runner_slots else CROWDED
        async with pooled_session(database) as session:
            due = await session.fetch_one(claims.NEXT_DUE)
        waits = [settings.lease / 3] if self.held else []
        if due is not None and due.seconds is not None:
            waits.append(max(0.0, due.seconds))
        return min(waits, default=None)

    async def _start(self, context: WorkerContext) -> _Open:
        client: list[Any] = []

        def http() -> Any:
            if not client:
                client.append(make_client())
            return client[0]

        async def api_key(name: str) -> str | None:
            async with pooled_session(context.database) as session:
                return await session.fetch_one(runs.API_KEY, name)

        def mail_queued() -> None:
            context.wake("sender")
            context.notify()

        async with pooled_session(context.database) as session:
            checks_json = session.connection.get_server_version().major >= 16
        gc.set_threshold(GARBAGE, 20, 100)
        threads = StepThreads()
        writer = BatchWriter(
            hooks=StepWrites(context.database, mail_queued),
            rebind=context.database.rebind,
            what="What became of a step",
            warn=context.log.of(NAME).warning,
            concurrency=2,
        )
        attempts = Attempts(
            Services(api_key=api_key, http=http), threads, TimeLimits(), context.log.of(NAME)
        )
        self._open = _Open(
            writer=writer,
            loop=WorkflowLoop(context, writer, attempts),
            threads=threads,
            writing=context.spawn(writer.serve()),
            checks_json=checks_json,
            client=client,
        )
        return self._open

    async def _claim(self, context: WorkerContext, opened: _Open) -> int:
        settings = context.settings.workers
        ask = min(settings.runner_slots - len(self.held), BATCH)
        if ask <= 0:
            return 0
        self._forget_foreign()
        statement = context.database.binding.cached(claims.claim, checks_json=opened.checks_json)
        values = sorted(self.handlers), float(settings.lease), ask, list(self._foreign)
        claimed = await context.leases.claim(
            KIND, statement, *values, tokens=lambda rows: {row.id: row.token for row in rows}
        )
        self._backlog = len(claimed) == ask
        merges = runs.merges_context(context.database.binding)
        foreign = [row for row in claimed if not self._begin(context, opened, row, merges=merges)]
        if foreign:
            await self._hand_back(context, foreign)
        return len(claimed) - len(foreign)

    def _begin(
        self, context: WorkerContext, opened: _Open, claimed: ClaimedWorkflow, *, merges: bool
    ) -> bool:
        """Start on a workflow; False when on a closer look it is somebody else's."""
        held = HeldWorkflow.take(
            claimed, self._plan(claimed.steps), merges=merges, limits=self.limits
        )
        if held.is_foreign:
            return False
        overtaken = self._tasks.get(held.id)
        if overtaken is not None:  # this process stood still for longer than its own lease
            overtaken.cancel()
        self.held[held.id] = held
        task = context.spawn(opened.loop.run(held))
        self._tasks[held.id] = task
        task.add_done_callback(lambda done: self._ended(context, held, done))
        return True

    def _ended(
        self, context: WorkerContext, held: HeldWorkflow, task: "asyncio.Task[None]"
    ) -> None:
        if self._tasks.get(held.id) is task:
            del self._tasks[held.id], self.held[held.id]
            if not task.cancelled() and task.exception() is None:
                # Else its lock may be held still, and whoever finds our row gives it back.
                context.leases.released(KIND, [held.id])
        slots = context.settings.workers.runner_slots
        if (self._backlog and len(self.held) * 4 <= slots * 3) or (context.drain and not self.held):
            context.wake(NAME)

    async def _hand_back(self, context: WorkerContext, foreign: Sequence[ClaimedWorkflow]) -> None:
        now = monotonic()
        self._foreign |= {claimed.id: now for claimed in foreign}
        context.leases.released(KIND, [claimed.id for claimed in foreign])
        async with pooled_session(context.database) as session:
            await session.execute(
                claims.RELEASE,
                [claimed.id for claimed in foreign],
                [claimed.token for claimed in foreign],
                [claimed.status for claimed in foreign],
            )

    def _forget_foreign(self) -> None:
        oldest = monotonic() - FOREIGN_SECONDS
        while self._foreign:
            name, since = next(iter(self._foreign.items()))
            if since > oldest and len(self._foreign) <= FOREIGN:
                return
            del self._foreign[name]

    async def _renew(self, context: WorkerContext, opened: _Open) -> None:
        """Renew the lease of every workflow whose step has been running for a while."""
        old = monotonic() - context.settings.workers.lease / 4
        held = [w for w in self.held.values() if w.renewed_at < old and not w.is_writing]
        if not held:
            return

        async def send(now: datetime) -> dict[str, datetime]:
            ids, tokens = [each.id for each in held], [each.token for each in held]
            async with pooled_session(context.database) as session:
                renewed = await session.fetch(claims.RENEW, ids, tokens, now)
            return {row.id: row.token for row in renewed}

        async with opened.writer.paused():
            for lost in await context.leases.renew(held, send):
                if self.held.get(lost.id) is lost:
                    context.log.info("a workflow was taken over by another worker", id=lost.id)
                    context.leases.released(KIND, [lost.id])
                    self._tasks[lost.id].cancel()

    async def stop(self, context: WorkerContext, deadline: float) -> None:
        """Let running steps end before the deadline; let go of the rest, to be run again."""
        opened = self._open
        if opened is None:
            return
        loop = asyncio.get_running_loop()
        deadline = max(deadline, loop.time() + AT_LEAST)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=(deadline - loop.time()) / 2)
        while self._tasks and loop.time() < deadline:
            await self._let_go(context)
        opened.writing.cancel()
        opened.threads.close()
        for client in opened.client:
            await client.aclose()

    async def _let_go(self, context: WorkerContext) -> None:
        """Cut off the steps that still run. What is being written gets a moment to be written."""
        running = [held for held in self.held.values() if not held.is_writing]
        tasks = [self._tasks[held.id] for held in running]
        for task in tasks:
            task.cancel()
        if running:
            await asyncio.wait(tasks)
            with contextlib.suppress(UnreachableError):
                async with pooled_session(context.database) as session:
                    await session.execute(
                        claims.RELEASE,
                        [held.id for held in running],
                        [held.token for held in running],
                        ["running"] * len(running),
                    )
                context.leases.released(KIND, [held.id for held in running])
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=MOMENT)


def _planner(handlers: Handlers) -> Callable[[str | None], WorkflowPlan]:
    remembered = lru_cache(maxsize=256)(lambda text: plan(text, handlers))

    def planned(text: str | None) -> WorkflowPlan:
        return plan(text, handlers) if text and len(text) > CACHED else remembered(text)

    return planned
