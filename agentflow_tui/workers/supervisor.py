"""One worker process: its roles, each in the same loop, beside a heartbeat."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from agentflow_tui.errors import (
    AgentflowError,
    LockedError,
    MissingError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from agentflow_tui.gc_pause import gc_paused
from agentflow_tui.parent_watch import GRACE, STOPS_WITHIN, watch_parent
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.notifications import Notifier
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.connection.write_access import ServerMode
from agentflow_tui.workers import logs, signals
from agentflow_tui.workers.backoff import Backoff, Once
from agentflow_tui.workers.context import Role, RoleFactory, StepReport, WorkerContext
from agentflow_tui.workers.heartbeat import Heartbeat

BESIDE = 3
"""Connections beside the pool: for the lease, for claims, and for writes."""

NOISE_LIMIT = 0.1
"""Seconds, at most, that a role which is woken again and again for nothing lets pass in between."""

ROLES: dict[str, str] = {
    "scheduler": "agentflow_tui.workers.scheduler.role",
    "runner": "agentflow_tui.workers.runner.role",
    "sender": "agentflow_tui.workers.sender.role",
    "monitor": "agentflow_tui.workers.monitor.role",
}
"""Every role by its name, and its module, imported when it is run. The module's ``prepare`` checks
the settings and returns what builds the role."""


def main(
    settings: Settings,
    url: str,
    roles: Sequence[str] = (),
    drain: bool = False,
    log_json: bool | None = None,
    exit_with_parent: bool = False,
) -> int:
    """Run workers in this process until they are asked to stop. Returns the exit code.

    ``roles`` empty means all. ``drain`` ends once nothing is due. ``exit_with_parent`` ends with
    standard input, for a parent that starts workers as its child. Says on stderr what happens.
    """
    as_json = settings.workers.log_json if log_json is None else log_json
    logs.configure(as_json=as_json, secrets=logs.secrets_of(url, settings.environ))
    log = logs.Log("supervisor")
    try:
        if settings.context.read_only:
            raise UsageError("Workers change rows, and this context is read-only.")
        with gc_paused(for_good=True):
            factories = [prepare(name, settings) for name in roles or ROLES]
        return asyncio.run(
            run(settings, url, factories, drain=drain, exit_with_parent=exit_with_parent)
        )
    except AgentflowError as error:
        log.error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def prepare(name: str, settings: Settings) -> RoleFactory:
    """What builds the role of this name. Raises `UsageError` for one that does not exist, and
    `SettingsError`."""
    if name not in ROLES:
        raise UsageError(f"There is no worker {name!r}; there are {', '.join(ROLES)}.")
    factory: RoleFactory = import_module(ROLES[name]).prepare(settings)
    return factory


async def run(
    settings: Settings,
    database_url: str,
    factories: Sequence[RoleFactory],
    drain: bool = False,
    exit_with_parent: bool = False,
) -> int:
    """Run these roles until a signal, a bug, or nothing more to drain. Returns the exit code.

    Raises `UnreachableError` when the database cannot be reached at the start, later it is waited
    for; and `RefusedError` when it takes no writes, or has keys of another type. A bug is logged
    and gives 1.
    """
    given = settings.workers.database_connections
    options = ConnectionOptions(
        application="agentflow worker",
        connections=max(1, given - (BESIDE if given > BESIDE else 1)),
        dedicated=given > BESIDE,
        statement_timeout=30.0,
        pooler=settings.context.pooler,
    )
    database = await Database.open(database_url, options)
    try:
        if database.server_mode != ServerMode():
            raise RefusedError(f"Workers change rows. {database.read_only_reason()}.")
        unworkable = database.binding.unworkable()
        if unworkable:
            raise RefusedError(
                f"Workers need keys that are uuid or text, and here {', '.join(unworkable)}. "
                "Lists and filters work all the same."
            )
        context = WorkerContext(database=database, settings=settings, drain=drain)
        database.on_shortage = partial(_tell_of_shortage, Once(context.log.warning), given)
        with signals.handled(context.stop):
            return await supervise(context, factories, exit_with_parent=exit_with_parent)
    finally:
        database.close()


def _tell_of_shortage(once: Once, given: int) -> None:
    once.say(
        "The database has no further connection for this worker, which goes on with those that it "
        f"has, more slowly. It wants {given}: see [workers] database_connections."
    )


async def supervise(
    context: WorkerContext, factories: Sequence[RoleFactory], *, exit_with_parent: bool = False
) -> int:
    """Run roles on a database that is open, until `WorkerContext.stop`. Returns the exit code."""
    return await _Supervisor(context, factories).run(exit_with_parent=exit_with_parent)


class _Supervisor:
    def __init__(self, context: WorkerContext, factories: Sequence[RoleFactory]) -> None:
        self._context = context
        self._factories = factories
        self._log = context.log.of("supervisor")
        self._heartbeat = Heartbeat(context)
        self._notifier = Notifier(self._heartbeat.notify)
        self._deadline: float | None = None
        self._quiet: dict[str, str] = {}  # roles with nothing to do, and what they have to leave
        self._spawned: set[asyncio.Task[None]] = set()

    async def run(self, *, exit_with_parent: bool) -> int:
        context = self._context
        for sentence in context.database.binding.problems():
            self._log.warning(sentence)
        try:
            await self._together(exit_with_parent=exit_with_parent)
        except BaseExceptionGroup as group:
            return self._said(group)
        finally:
            await self._heartbeat.end()
        self._log.info("stopped")
        left = {name: why for name, why in self._quiet.items() if why and context.drain}
        for name, why in left.items():
            context.log.of(name).error(f"Not everything that is due was done. {why}")
        return 1 if left else 0

    def _said(self, group: BaseExceptionGroup[BaseException]) -> int:
        foreseen, bugs = group.split(AgentflowError)
        if bugs is not None:
            self._log.bug("A bug ended this process. Its work goes on in the others.", bugs)
            return 1
        assert foreseen is not None, "a group that is split has two parts"
        code = 1
        for error in leaves(foreseen):
            self._log.error(str(error))
            code = error.exit_code
        return code

    async def _together(self, *, exit_with_parent: bool) -> None:
        context = self._context
        async with asyncio.TaskGroup() as group:
            self._join(group)
            roles = [make(context) for make in self._factories]
            context.wakes.update({role.name: asyncio.Event() for role in roles})
            self._log.info("started", worker=context.identity, roles=",".join(context.wakes))
            await self._heartbeat.start()
            beside = [
                group.create_task(self._heartbeat.run()),
                group.create_task(self._notifier.run()),
            ]
            if exit_with_parent:
                beside.append(group.create_task(watch_parent(context.stop)))
            loops = [group.create_task(self._run_role(role)) for role in roles]
            await context.stopping.wait()
            self._ends()
            self._log.info("stopping")
            if loops:
                _, late = await asyncio.wait(loops, timeout=STOPS_WITHIN + GRACE)
                if late:
                    self._log.warning("not everything in hand could be finished", roles=len(late))
                beside.extend(late)
            for task in (*beside, *self._spawned):
                task.cancel()

    def _ends(self) -> float:
        """When everything has to be over, by the loop's time: counted from the first that asks, for
        any task may be the first to hear that it is time to stop."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + STOPS_WITHIN
        return self._deadline

    def _join(self, group: asyncio.TaskGroup) -> None:
        context = self._context

        def start(job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
            task = group.create_task(job)
            self._spawned.add(task)
            task.add_done_callback(self._spawned.discard)
            return task

        context.start = start
        context.notify = self._notifier.notify
        context.report_soon = self._heartbeat.beat_soon

    async def _run_role(self, role: Role) -> None:
        """The loop of every role."""
        context = self._context
        connection = _RoleOutage(context, role.name)
        woken, vain = True, 0
        while not context.stopping.is_set():
            context.wakes[role.name].clear()
            self._quiet.pop(role.name, None)
            try:
                report = await role.step(woken)
            except UsageError:
                raise
            except AgentflowError as error:
                self._give_up_draining(role.name, error)
                await connection.wait_out(error)
                woken = True
                continue
            connection.restored()
            vain = vain + 1 if woken and not report.done else 0
            woken = await self._rest(role.name, report, vain)
        await context.stopping.wait()
        await role.stop(self._ends())

    async def _rest(self, name: str, report: StepReport, vain: int) -> bool:
        """Wait for the next step. True when woken before its time."""
        context = self._context
        if report.again == 0:
            await asyncio.sleep(0)
            return False
        if not report.done and not report.held:
            self._quiet[name] = report.left
            self._end_when_drained()
        pause = context.settings.workers.poll
        pause = pause if report.again is None else min(pause, report.again)
        if context.drain and report.done and not report.held:
            pause = 0.0
        if vain > 1:
            noise = min(NOISE_LIMIT, 0.001 * 2.0 ** min(vain, 10), pause)
            await asyncio.sleep(noise)
            pause -= noise
        return await context.pause(name, pause)

    def _give_up_draining(self, name: str, error: AgentflowError) -> None:
        """A drain does not wait for a table to be made, or for a right to be granted."""
        if self._context.drain and isinstance(error, MissingError | RefusedError):
            self._quiet[name] = str(error)
            self._end_when_drained()

    def _end_when_drained(self) -> None:
        context = self._context
        if (
            context.drain
            and self._quiet.keys() >= context.wakes.keys()
            and not any(wake.is_set() for wake in context.wakes.values())
        ):
            context.stop()


class _RoleOutage:
    """What keeps a role from its work: said once, retried with growing pauses, said when over.

    An unreachable database and a locked table are retried soon, another refusal at the pace of the
    polls.
    """

    def __init__(self, context: WorkerContext, name: str) -> None:
        self._context = context
        self._log = context.log.of(name)
        self._lost = Backoff()
        self._refused = Backoff(first=0.5, limit=context.settings.workers.poll)
        self._once = Once(self._log.warning)

    async def wait_out(self, error: AgentflowError) -> None:
        self._once.say(str(error))
        passes = isinstance(error, UnreachableError | LockedError)
        backoff = self._lost if passes else self._refused
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(backoff.next()):
                await self._context.stopping.wait()
        with contextlib.suppress(AgentflowError):
            if isinstance(error, MissingError):
                await self._context.database.rebind()
            else:
                await self._context.database.fetch(_ANSWER)

    def restored(self) -> None:
        if self._once.over():
            self._lost.reset()
            self._refused.reset()
            self._log.info("its statements succeed again")


_ANSWER = Statement(int, "SELECT 1")
"""Reading drops connections that have died, before the next step needs one."""


def leaves(group: BaseExceptionGroup[AgentflowError]) -> Iterator[AgentflowError]:
    """The errors in a group of groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
