"""The runner: claims workflows and takes their steps.

It holds up to a number of workflows at a time, each in a task of its own (`WorkflowLoop`). What
they finish is written by a `BatchWriter`, many at a time; their leases are renewed by the role's
step while steps run.
"""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from time import monotonic
from typing import Any

from agentflow_tui.errors import UnreachableError
from agentflow_tui.settings import Settings
from agentflow_tui.steps.calls import Handlers, Services
from agentflow_tui.steps.credentials import CredentialReader
from agentflow_tui.steps.names import ELSEWHERE
from agentflow_tui.steps.plans import WorkflowPlan, plan
from agentflow_tui.steps.registry import load
from agentflow_tui.steps.requests import make_client
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import pooled_session
from agentflow_tui.store.queue import workflow_claims as claims
from agentflow_tui.store.queue import workflow_runs as runs
from agentflow_tui.store.queue.check_claims import IS_AGENTFLOWS_TOO
from agentflow_tui.store.queue.workflow_claims import KIND, ClaimedWorkflow
from agentflow_tui.store.queue.workflow_runs import Advanced
from agentflow_tui.store.views.secrets import API_KEY
from agentflow_tui.workers.batch_writer import BatchWriter
from agentflow_tui.workers.context import RoleFactory, StepReport, WorkerContext
from agentflow_tui.workers.runner.attempts import Attempts
from agentflow_tui.workers.runner.foreign import ForeignWorkflows
from agentflow_tui.workers.runner.held_workflow import HeldWorkflow, PendingWrite
from agentflow_tui.workers.runner.run_state import RunLimits
from agentflow_tui.workers.runner.threads import StepThreads
from agentflow_tui.workers.runner.time_limits import TimeLimits
from agentflow_tui.workers.runner.workflow_loop import WorkflowLoop

NAME = "runner"
BATCH = 100
"""Workflows in one claim."""

CACHED = 65_536
"""Characters up to which step definitions are remembered: schedules run the same ones again."""

CROWDED = 0.25
"""Seconds between claims when there is more to do and steps that take long hold most slots."""

AT_LEAST = 1.0
MOMENT = 0.05
"""Seconds that stopping takes at least, if it has to, and that a write gets until the next look."""

LOOK_EVERY = 10.0
"""Seconds between two looks whether AgentFlow's own backend works on the database, too."""

GC_THRESHOLD = 50_000
"""Allocations between two runs of the garbage collector. A step leaves no cycles behind, and with
Python's 700 a quarter of the runner's time goes into looking for some."""


def prepare(_settings: Settings) -> RoleFactory:
    """Load the handlers of steps. Returns what builds the runner."""
    handlers = load().handlers
    return lambda context: Runner(context, handlers)


class Runner:
    """The role that advances workflows by the steps that it has handlers for.

    ``checks_json``: the server can say whether a text is JSON; looked up when it is not given.
    """

    name = NAME

    def __init__(
        self,
        context: WorkerContext,
        handlers: Handlers,
        *,
        limits: RunLimits | None = None,
        checks_json: bool | None = None,
    ) -> None:
        log = context.log.of(NAME)
        self.held: dict[str, HeldWorkflow] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        """What takes each held workflow through its steps, by the workflow's id."""
        self.foreign = ForeignWorkflows()
        self.threads = StepThreads()
        self._writes = runs.WorkflowWrites[PendingWrite](
            context.database,
            context.writes,
            self._mail_queued,
            clock=context.clock,
            lease=context.settings.workers.lease,
        )
        self.writer: BatchWriter[PendingWrite, Advanced | None] = BatchWriter(
            hooks=self._writes,
            rebind=context.database.rebind,
            what="What became of a step",
            warn=log.warning,
            concurrency=context.writes.limit,
        )
        self._context = context
        self._handlers = handlers
        self._limits = limits or RunLimits()
        self._checks_json = checks_json
        self._plan = _planner(handlers)
        self._client: list[Any] = []
        services = Services(
            api_key=self._api_key,
            http=self._http,
            credential=CredentialReader(
                lambda: context.database, context.settings.environ, self._http
            ),
            database=lambda: context.database,
            settings=context.settings,
            mail_queued=self._mail_queued,
        )
        attempts = Attempts(services, self.threads, TimeLimits(), log)
        self._loop = WorkflowLoop(context, self.writer, attempts)
        self._writing = context.spawn(self.writer.serve())
        self._backlog = False
        self._hands_over = "running"
        self._looked_at = float("-inf")
        self._reported = 0
        gc.set_threshold(GC_THRESHOLD, 20, 100)

    async def step(self, woken: bool = True) -> StepReport:
        """Renew leases that are getting old, and claim what is due while there are slots."""
        context = self._context
        await self._renew()
        await self._look_for_agentflow()
        claimed = 0
        if not context.leases.trusted:  # whether more is due is not known, so a drain must not end
            return StepReport(again=0.25, held=len(self.held) + 1)
        if not context.stopping.is_set():
            claimed = await self._claim()
        done, self._reported = self.writer.items - self._reported, self.writer.items
        context.reports[NAME] = {
            "workflows": len(self.held),
            "steps": self.writer.items,
            "stuck": self.threads.stuck,
        }
        again = await self._until_next(context.database)
        return StepReport(done=claimed + done, again=again, held=len(self.held))

    async def _look_for_agentflow(self) -> None:
        """Learn how to leave a workflow before a step of AgentFlow's own backend: where that is at
        work it is ``paused``, as between two of its own steps; those that were left before, too."""
        if monotonic() - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = monotonic()
        database = self._context.database
        async with pooled_session(database) as session:
            shared = await session.fetch_one(IS_AGENTFLOWS_TOO)
            self._hands_over = "paused" if shared else "running"
            if shared:
                statement = database.binding.cached(
                    claims.hand_over, checks_json=await self._reads_json()
                )
                theirs = sorted(ELSEWHERE.keys() - self._handlers.keys())
                await session.execute(statement, theirs)

    async def _reads_json(self) -> bool:
        """Whether the server can say if a text is JSON."""
        if self._checks_json is None:
            self._checks_json = await _checks_json(self._context.database)
        return self._checks_json

    async def _until_next(self, database: Database) -> float | None:
        """Seconds to the next step."""
        workers = self._context.settings.workers
        if self._backlog:
            return 0.0 if len(self.held) < workers.runner_slots else CROWDED
        async with pooled_session(database) as session:
            due = await session.fetch_one(claims.NEXT_DUE)
        waits = [workers.lease / 3] if self.held else []
        if due is not None and due.seconds is not None:
            waits.append(max(0.0, due.seconds))
        return min(waits, default=None)

    # What handlers may reach.

    def _http(self) -> Any:
        if not self._client:
            self._client.append(make_client())
        return self._client[0]

    async def _api_key(self, name: str) -> str | None:
        async with pooled_session(self._context.database) as session:
            return await session.fetch_one(API_KEY, name)

    def _mail_queued(self) -> None:
        self._context.wake("sender")
        self._context.notify()

    # Claims.

    async def _claim(self) -> int:
        context, workers = self._context, self._context.settings.workers
        ask = min(workers.runner_slots - len(self.held), BATCH)
        if ask <= 0:
            return 0
        statement = context.database.binding.cached(
            claims.claim, checks_json=await self._reads_json()
        )
        leave_alone = [*self.foreign.ids(), *self.held]
        judged_at = context.leases.judged_at(KIND)
        values = sorted(self._handlers), float(workers.lease), ask, leave_alone, judged_at
        claimed = await context.leases.claim(
            KIND, statement, *values, tokens=lambda rows: {row.id: row.token for row in rows}
        )
        self._backlog = len(claimed) == ask
        merges = runs.merges_context(context.database.binding)
        foreign = [row for row in claimed if not self._begin(row, merges=merges)]
        if foreign:
            await self._hand_back(foreign)
        return len(claimed) - len(foreign)

    def _begin(self, claimed: ClaimedWorkflow, *, merges: bool) -> bool:
        """Start on a workflow; False when on a closer look it is another program's."""
        held = HeldWorkflow.take(
            claimed,
            self._plan(claimed.steps),
            merges=merges,
            limits=self._limits,
            hands_over=self._hands_over,
        )
        if held.is_foreign:
            return False
        self.held[held.id] = held
        task = self._context.spawn(self._loop.run(held))
        self.tasks[held.id] = task
        task.add_done_callback(lambda done: self._ended(held, done))
        return True

    def _ended(self, held: HeldWorkflow, task: "asyncio.Task[None]") -> None:
        context = self._context
        if self.tasks.get(held.id) is task:
            del self.tasks[held.id], self.held[held.id]
            if not task.cancelled() and task.exception() is None:
                # Else its lock may be held still, and the process that finds our row gives it back.
                context.leases.released(KIND, [held.id])
        slots = context.settings.workers.runner_slots
        if (self._backlog and len(self.held) * 4 <= slots * 3) or (context.drain and not self.held):
            context.wake(NAME)

    async def _hand_back(self, foreign: Sequence[ClaimedWorkflow]) -> None:
        self.foreign.add(claimed.id for claimed in foreign)
        self._context.leases.released(KIND, [claimed.id for claimed in foreign])
        async with pooled_session(self._context.database) as session:
            await session.execute(
                claims.RELEASE,
                [claimed.id for claimed in foreign],
                [claimed.token for claimed in foreign],
                [claimed.status for claimed in foreign],
            )

    async def _renew(self) -> None:
        """Renew the lease of every workflow whose step has been running for a while."""
        context = self._context
        lease = min(context.settings.workers.lease, claims.AGENTFLOWS_LEASE)
        old, doubts = monotonic() - lease / 4, context.leases.doubts
        held = [
            w
            for w in self.held.values()
            if (w.renewed_at < old or doubts(w.renewed_at)) and not w.is_writing
        ]
        if not held:
            return

        async def send(now: datetime) -> dict[str, datetime]:
            ids, tokens = [each.id for each in held], [each.token for each in held]
            async with pooled_session(context.database) as session:
                renewed = await session.fetch(claims.RENEW, ids, tokens, now)
            return {row.id: row.token for row in renewed}

        async with self.writer.paused():
            held = [w for w in held if self.held.get(w.id) is w and not w.is_writing]
            for lost in await context.leases.renew(held, send) if held else ():
                if self.held.get(lost.id) is lost:
                    context.log.info("a workflow was taken over by another worker", id=lost.id)
                    context.leases.released(KIND, [lost.id])
                    self.tasks[lost.id].cancel()

    # The end.

    async def stop(self, deadline: float) -> None:
        """Let running steps end before the deadline; let go of the rest, to be run again."""
        loop = asyncio.get_running_loop()
        deadline = max(deadline, loop.time() + AT_LEAST)
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=(deadline - loop.time()) / 2)
        while self.tasks and loop.time() < deadline:
            await self._let_go()
        self._writing.cancel()
        self.threads.close()
        for client in self._client:
            await client.aclose()

    async def _let_go(self) -> None:
        """Cut off the steps that still run. What is being written gets a moment to be written."""
        running = [held for held in self.held.values() if not held.is_writing]
        tasks = [self.tasks[held.id] for held in running]
        for task in tasks:
            task.cancel()
        if running:
            await asyncio.wait(tasks)
            with contextlib.suppress(UnreachableError):
                async with pooled_session(self._context.database) as session:
                    await session.execute(
                        claims.RELEASE,
                        [held.id for held in running],
                        [held.token for held in running],
                        ["running"] * len(running),
                    )
                self._context.leases.released(KIND, [held.id for held in running])
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=MOMENT)


async def _checks_json(database: Database) -> bool:
    async with pooled_session(database) as session:
        return bool(session.connection.get_server_version().major >= 16)


def _planner(handlers: Handlers) -> Callable[[str | None], WorkflowPlan]:
    remembered = lru_cache(maxsize=256)(lambda text: plan(text, handlers))

    def planned(text: str | None) -> WorkflowPlan:
        return plan(text, handlers) if text and len(text) > CACHED else remembered(text)

    return planned
