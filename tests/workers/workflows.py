"""Workflows in a real database, and a runner that is driven as the supervisor drives it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from agentflow_tui.errors import UnreachableError
from agentflow_tui.schema import (
    LAST_RESULT_KEY,
    RESERVED_KEYS,
    RUN_STATE_KEY,
)
from agentflow_tui.settings import Settings
from agentflow_tui.steps.calls import Call, Handler, Handlers
from agentflow_tui.steps.registry import load
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.runner.role import Runner
from agentflow_tui.workers.runner.run_state import RunLimits
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Row:
    status: str | None
    current_step: int | None
    last_error: str | None
    locked: bool | None
    rests: bool
    text: str | None

    @property
    def context(self) -> dict[str, Any]:
        """The context without what the runner keeps for itself."""
        found: dict[str, Any] = json.loads(self.text or "{}")
        return {name: value for name, value in found.items() if name not in RESERVED_KEYS}

    @property
    def last_result(self) -> Any:
        return json.loads(self.text or "{}")[LAST_RESULT_KEY]

    @property
    def run(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text or "{}")[RUN_STATE_KEY]
        return found


ROW = Statement(
    Row,
    """
SELECT {workflows.status}, {workflows.currentStep}, {workflows.lastError}, {workflows.locked},
       coalesce({workflows.lockedAt} > now(), false), {workflows.context}::text
  FROM {workflows} WHERE {workflows.id} = $1
""",
)


@dataclass(frozen=True, slots=True)
class Logged:
    status: str
    error: str | None
    input: str
    output: str | None

    @property
    def step(self) -> str:
        return str(json.loads(self.input)["step"])

    @property
    def attempt(self) -> int:
        return int(json.loads(self.input)["attempt"])


LOGGED = Statement(
    Logged,
    """
SELECT {task_logs.status}, {task_logs.error}, {task_logs.input}::text, {task_logs.output}::text
  FROM {task_logs}
 WHERE {task_logs.taskType} = 'workflow.step' AND {task_logs.input}::jsonb ->> 'workflow' = $1
 ORDER BY {task_logs.endTime}
""",
)

ADD = """
INSERT INTO {workflows}
  ({workflows.id}, {workflows.steps}, {workflows.context}, {workflows.status},
   {workflows.currentStep}, {workflows.locked}, {workflows.createdAt}, {workflows.lastUpdated})
VALUES ($1, $2::text::{workflows.steps:type}, $3::text::{workflows.context:type}, $4, $5, false,
        now(), now())
"""


async def add(
    database: Database,
    steps: Any,
    context: Any = None,
    *,
    status: str = "pending",
    current_step: int | None = 0,
) -> str:
    """A new workflow. ``steps`` and ``context`` are JSON values, or text to be stored as it is."""
    workflow_id = str(uuid4())
    written = [
        value if isinstance(value, str | None) else json.dumps(value) for value in (steps, context)
    ]
    await database.execute(ADD, workflow_id, *written, status, current_step)
    return workflow_id


async def row(database: Database, workflow_id: str) -> Row:
    found = await database.fetch_one(ROW, workflow_id)
    assert found is not None
    return found


async def resting(database: Database, workflow_id: str) -> Row | None:
    """The workflow, if it rests."""
    found = await row(database, workflow_id)
    return found if found.rests and not found.locked else None


async def log_of(database: Database, workflow_id: str) -> list[Logged]:
    return await database.fetch(LOGGED, workflow_id)


async def in_status(database: Database, workflow_id: str, *statuses: str) -> Row:
    """The workflow, once its status is one of these and nobody holds it."""

    async def look() -> Row | None:
        found = await row(database, workflow_id)
        return found if found.status in statuses and not found.locked else None

    return await until(look, f"{workflow_id} {statuses}", state=lambda: row(database, workflow_id))


def step(step_id: str, step_type: str, **about: Any) -> dict[str, Any]:
    """A step; what is not a field of steps goes into its config."""
    known = {"name", "maxRetries", "backoffFactor", "timeout", "when"}
    config = {name: value for name, value in about.items() if name not in known}
    rest = {name: value for name, value in about.items() if name in known}
    return {"id": step_id, "type": step_type, "config": config, **rest}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyConfig:
    """For handlers of tests that want none or something."""

    value: Any = None


@dataclass(slots=True)
class Recorder:
    """Makes handlers and remembers their calls."""

    calls: list[Call[Any]] = field(default_factory=list)

    def handler(
        self, run: Callable[[Call[Any]], Any], *, apart: bool = False, keyed: bool = True
    ) -> Handler[Any]:
        def recorded(call: Call[Any]) -> Any:
            self.calls.append(call)
            return run(call)

        return Handler(config=AnyConfig, run=recorded, apart=apart, keyed=keyed)

    @property
    def keys(self) -> list[str]:
        return [call.key for call in self.calls]


def built_in(**more: Handler[Any]) -> Handlers:
    return {**load([]).handlers, **more}


def context_for(
    database: Database, *, environ: Mapping[str, str] | None = None, **settings: Any
) -> WorkerContext:
    base = Settings(environ=environ or {})
    workers = replace(base.workers, **{"poll": 0.05} | settings)
    given = replace(base, workers=workers)
    return WorkerContext(database=database, settings=given, wakes={"runner": asyncio.Event()})


@asynccontextmanager
async def running(
    database: Database,
    handlers: Handlers | None = None,
    *,
    limits: RunLimits | None = None,
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Runner]:
    """A runner at work, stopped in order at the end. A bug in one of its tasks fails the test."""
    context = context_for(database, environ=environ, **settings)
    async with asyncio.TaskGroup() as group:
        spawned: list[asyncio.Task[None]] = []

        def start(job: Any) -> "asyncio.Task[None]":
            task = group.create_task(job)
            spawned.append(task)
            return task

        context.start = start
        runner = Runner(context, built_in() if handlers is None else handlers, limits=limits)
        tending = group.create_task(_tend(runner, context))
        try:
            yield runner
        finally:
            context.stop()
            await tending
            await runner.stop(asyncio.get_running_loop().time() + 4)
            for task in spawned:
                task.cancel()


async def _tend(runner: Runner, context: WorkerContext) -> None:
    while not context.stopping.is_set():
        context.wakes[runner.name].clear()
        pause = 0.02
        with contextlib.suppress(UnreachableError):
            turn = await runner.step()
            pause = context.settings.workers.poll if turn.again is None else turn.again
        if pause:
            await context.pause(runner.name, min(pause, context.settings.workers.poll))
        else:
            await asyncio.sleep(0)


async def all_in_status(database: Database, ids: Sequence[str], *statuses: str) -> None:
    for workflow_id in ids:
        await in_status(database, workflow_id, *statuses)


async def count(database: Database, table: str, where: str = "true") -> int:
    found = await database.fetch_one(
        Statement(int, f"SELECT count(*)::int FROM {{{table}}} WHERE {where}")
    )
    return found or 0


async def change(database: Database, workflow_id: str, values: Mapping[str, str]) -> None:
    """Set columns to SQL expressions, as an operator or a thief would."""
    changes = ", ".join(f"{{workflows.{name}}} = {value}" for name, value in values.items())
    await database.execute(
        f"UPDATE {{workflows}} SET {changes} WHERE {{workflows.id}} = $1", workflow_id
    )
