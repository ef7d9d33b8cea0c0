"""One worker process: its roles, each in the same loop, beside a heartbeat."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Sequence
from importlib import import_module
from typing import Any

from agentflow_tui.errors import (
    AgentflowError,
    MissingError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from agentflow_tui.gc_pause import undisturbed
from agentflow_tui.parent_watch import GRACE, STOPS_WITHIN, until_input_ends
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import ConnectionOptions, Database
from agentflow_tui.store.connection.notifications import Notifier
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.connection.write_access import ServerMode
from agentflow_tui.workers import logs, signals
from agentflow_tui.workers.backoff import Backoff, Once
from agentflow_tui.workers.heartbeat import Heartbeat
from agentflow_tui.workers.roles import Crew, Role, Turn

NOISE_LIMIT = 0.1
"""Seconds, at most, that a role which is woken again and again for nothing lets pass in between."""

ROLES: dict[str, str] = {
    "scheduler": "agentflow_tui.workers.scheduler.role:Scheduler",
    "runner": "agentflow_tui.workers.runner.role:Runner",
    "sender": "agentflow_tui.workers.sender.role:Sender",
    "monitor": "agentflow_tui.workers.monitor.role:Monitor",
}
"""Every role by its name, and where its class is; called with the settings. Imported when run."""


def main(
    settings: Settings,
    url: str,
    roles: Sequence[str] = (),
    drain: bool = False,
    log_json: bool | None = None,
    leash: bool = False,
) -> int:
    """Run workers in this process until they are asked to stop. Returns the exit code.

    ``roles`` empty means all. ``drain`` ends once nothing is due. ``leash`` ends with standard
    input, for a parent that starts workers as its child. Says on stderr what happens.
    """
    as_json = settings.workers.log_json if log_json is None else log_json
    logs.configure(as_json=as_json, secrets=logs.secrets_of(url, settings.environ))
    log = logs.Log("supervisor")
    try:
        if settings.context.read_only:
            raise UsageError("Workers change rows, and this context is read-only.")
        with undisturbed(for_good=True):
            made = [make(name, settings) for name in roles or ROLES]
        return asyncio.run(run(settings, url, made, drain=drain, leash=leash))
    except AgentflowError as error:
        log.error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def make(name: str, settings: Settings) -> Role:
    """The role of this name. Raises `UsageError` for one that does not exist."""
    if name not in ROLES:
        raise UsageError(f"There is no worker {name!r}; there are {', '.join(ROLES)}.")
    module, _, attribute = ROLES[name].partition(":")
    role: Role = getattr(import_module(module), attribute)(settings)
    return role


async def run(
    settings: Settings,
    database_url: str,
    roles: Sequence[Role],
    drain: bool = False,
    leash: bool = False,
) -> int:
    """Run these roles until a signal, a bug, or nothing more to drain. Returns the exit code.

    Raises `UnreachableError` when the database cannot be reached at the start, later it is waited
    for; and `RefusedError` when it takes no writes. A bug is logged and gives 1.
    """
    options = ConnectionOptions(
        application="agentflow worker", connections=2 * len(roles) + 2, statement_timeout=30.0
    )
    database = await Database.open(database_url, options)
    try:
        if database.server_mode != ServerMode():
            raise RefusedError(f"Workers change rows. {database.read_only_reason()}.")
        crew = crew_for(database, settings, roles, drain=drain)
        with signals.handled(crew.stop):
            return await supervise(crew, roles, leash=leash)
    finally:
        database.close()


def crew_for(
    database: Database, settings: Settings, roles: Sequence[Role], *, drain: bool = False
) -> Crew:
    """The world for these roles."""
    wakes = {role.name: asyncio.Event() for role in roles}
    return Crew(database=database, settings=settings, drain=drain, wakes=wakes)


async def supervise(crew: Crew, roles: Sequence[Role], *, leash: bool = False) -> int:
    """Run roles on a database that is open, until `Crew.stop`. Returns the exit code."""
    return await _Supervisor(crew, roles).run(leash=leash)


class _Supervisor:
    def __init__(self, crew: Crew, roles: Sequence[Role]) -> None:
        self._crew = crew
        self._roles = roles
        self._log = crew.log.of("supervisor")
        self._heartbeat = Heartbeat(crew)
        self._notifier = Notifier(self._heartbeat.ring)
        self._deadline: float | None = None
        self._quiet: dict[str, str] = {}  # roles with nothing to do, and what they have to leave
        self._spawned: set[asyncio.Task[None]] = set()

    async def run(self, *, leash: bool) -> int:
        crew = self._crew
        self._log.info("started", worker=crew.identity, roles=",".join(crew.wakes))
        for sentence in crew.database.binding.problems():
            self._log.warning(sentence)
        try:
            await self._together(leash=leash)
        except BaseExceptionGroup as group:
            return self._said(group)
        finally:
            await self._heartbeat.end()
        self._log.info("stopped")
        left = {name: why for name, why in self._quiet.items() if why and crew.drain}
        for name, why in left.items():
            crew.log.of(name).error(f"Not everything that is due was done. {why}")
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

    async def _together(self, *, leash: bool) -> None:
        crew = self._crew
        async with asyncio.TaskGroup() as group:
            self._join(group)
            await self._heartbeat.start()
            beside = [
                group.create_task(self._heartbeat.run()),
                group.create_task(self._notifier.run()),
            ]
            if leash:
                beside.append(group.create_task(until_input_ends(crew.stop)))
            loops = [group.create_task(self._tend(role)) for role in self._roles]
            await crew.stopping.wait()
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
        """When everything has to be over, by the loop's time: counted from the first who asks, for
        nobody knows which task hears first that it is time to stop."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + STOPS_WITHIN
        return self._deadline

    def _join(self, group: asyncio.TaskGroup) -> None:
        crew = self._crew

        def start(job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
            task = group.create_task(job)
            self._spawned.add(task)
            task.add_done_callback(self._spawned.discard)
            return task

        crew.start = start
        crew.untied = self._heartbeat.untied
        crew.ring = self._notifier.notify

    async def _tend(self, role: Role) -> None:
        """The loop of every role."""
        crew = self._crew
        weather = _Weather(crew, role.name)
        woken, vain = True, 0
        while not crew.stopping.is_set():
            crew.wakes[role.name].clear()
            self._quiet.pop(role.name, None)
            try:
                turn = await role.step(crew, woken)
            except UsageError:
                raise
            except AgentflowError as error:
                self._give_up_draining(role.name, error)
                await weather.wait_out(error)
                woken = True
                continue
            weather.over()
            vain = vain + 1 if woken and not turn.done else 0
            woken = await self._rest(role.name, turn, vain)
        await crew.stopping.wait()
        await role.stop(crew, self._ends())

    async def _rest(self, name: str, turn: Turn, vain: int) -> bool:
        """Wait for the next step. True when woken before its time."""
        crew = self._crew
        if turn.again == 0:
            await asyncio.sleep(0)
            return False
        if not turn.done and not turn.held:
            self._quiet[name] = turn.left
            self._end_when_drained()
        pause = crew.settings.workers.poll
        pause = pause if turn.again is None else min(pause, turn.again)
        if crew.drain and turn.done and not turn.held:
            pause = 0.0
        if vain > 1:
            noise = min(NOISE_LIMIT, 0.001 * 2.0 ** min(vain, 10), pause)
            await asyncio.sleep(noise)
            pause -= noise
        return await crew.pause(name, pause)

    def _give_up_draining(self, name: str, error: AgentflowError) -> None:
        """Nobody waits at a drain for a table to be made, or for a right to be granted."""
        if self._crew.drain and isinstance(error, MissingError | RefusedError):
            self._quiet[name] = str(error)
            self._end_when_drained()

    def _end_when_drained(self) -> None:
        crew = self._crew
        if (
            crew.drain
            and self._quiet.keys() >= crew.wakes.keys()
            and not any(wake.is_set() for wake in crew.wakes.values())
        ):
            crew.stop()


class _Weather:
    """What a role waits out: said once, tried again with growing pauses, and said when it ends."""

    def __init__(self, crew: Crew, name: str) -> None:
        self._crew = crew
        self._log = crew.log.of(name)
        self._lost = Backoff()
        self._refused = Backoff(first=0.5, limit=crew.settings.workers.poll)
        self._once = Once(self._log.warning)

    async def wait_out(self, error: AgentflowError) -> None:
        self._once.say(str(error))
        backoff = self._lost if isinstance(error, UnreachableError) else self._refused
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(backoff.next()):
                await self._crew.stopping.wait()
        with contextlib.suppress(AgentflowError):
            if isinstance(error, MissingError):
                await self._crew.database.rebind()
            else:
                await self._crew.database.fetch(_ANSWER)

    def over(self) -> None:
        if self._once.over():
            self._lost.reset()
            self._refused.reset()
            self._log.info("goes on")


_ANSWER = Statement(int, "SELECT 1")
"""Reading drops connections that have died, before the next step needs one."""


def leaves(group: BaseExceptionGroup[AgentflowError]) -> Iterator[AgentflowError]:
    """The errors in a group of groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
