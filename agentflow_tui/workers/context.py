"""What a worker role is, and what it is given: a step does one batch; the loop is written once.

A role never sleeps, never catches an unreachable database and never looks at signals: the
supervisor does. Its step does what is due now and says when it wants to be called again, so a test
calls steps and never waits.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, Protocol

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.settings import CONNECTIONS, Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import PLANNED_ONCE, DedicatedConnections
from agentflow_tui.store.views.predicates import WORKER_PREFIX
from agentflow_tui.workers.lease_book import LeaseBook
from agentflow_tui.workers.logs import Log


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did.

    ``done`` counts rows moved on. ``again`` is the longest to wait for the next step, in seconds:
    0 at once, because there may be more; None until woken, or the slow look. ``held`` counts what
    is still in hand: tasks in flight, rows claimed, and work that is due but has to wait for its
    turn. ``left`` says why work that is due cannot be done, for a drain that has to end without it.
    """

    done: int = 0
    again: float | None = None
    held: int = 0
    left: str = ""


class Role(Protocol):
    """One kind of background work, built when its database is known. It may keep tasks in flight
    (`WorkerContext.spawn`)."""

    @property
    def name(self) -> str: ...

    async def step(self, woken: bool = True) -> StepReport:
        """Do what is due, one batch of it, and say when to be called next.

        ``woken`` is false when only time has passed since the last step. Raises `UnreachableError`
        and other `AgentflowError` freely: nothing may be half done when it does, and the step is
        called again later. `UsageError` ends the process; what is no `AgentflowError` is a bug and
        ends it loudly.
        """
        ...

    async def stop(self, deadline: float) -> None:
        """Finish or release what is held, before ``deadline`` (the event loop's time).

        Called once, after the last step. Tasks that are left afterwards are cancelled.
        """
        ...


class ServerClock:
    """The database's clock as this process knows it: its own plus a measured offset.

    The best measurement (shortest round trip) of the last minute counts. It runs on the monotonic
    clock, so that setting this machine's time disturbs nothing.
    """

    def __init__(self, now: clock.Clock = clock.now) -> None:
        self.error = float("inf")
        """Seconds by which it may be wrong."""
        self._base = now() - timedelta(seconds=time.monotonic())
        self._measured = float("-inf")

    def now(self) -> datetime:
        """The database's present time, as well as it is known."""
        return self._base + timedelta(seconds=time.monotonic())

    def measured(self, told: datetime, asked: float, answered: float) -> None:
        """Learn from one round trip: the database said ``told`` between ``asked`` and ``answered``
        (`time.monotonic`). What cannot be so is forgotten: the machine slept, or the database's
        clock was set."""
        error = (answered - asked) / 2
        apart = told - self._base - timedelta(seconds=asked + error)
        disproved = abs(apart.total_seconds()) > error + self.error
        if error <= self.error or answered - self._measured > 60 or disproved:
            self.error, self._measured = error, answered
            self._base = told - timedelta(seconds=asked + error)


def new_identity() -> str:
    """``worker:<host>:<pid>:<random>``, the id of this process's row in ``health_checks``."""
    host = socket.gethostname().replace(":", "-")[:100]
    return f"{WORKER_PREFIX}{host}:{os.getpid()}:{secrets.token_hex(4)}"


def _start_task(job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(job)


@dataclass(slots=True, kw_only=True)
class WorkerContext:
    """What the roles of one process share. A test makes one with database and settings."""

    database: Database
    settings: Settings = field(default_factory=Settings)
    log: Log = field(default_factory=Log)
    clock: ServerClock = field(default_factory=ServerClock)
    identity: str = field(default_factory=new_identity)
    drain: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    wakes: dict[str, asyncio.Event] = field(default_factory=dict)
    """What wakes each role of this process, by its name."""
    reports: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each role wants to be seen in the row of this process, by its name."""
    idle: set[str] = field(default_factory=set)
    """Roles of this process that have nothing to work with: a sender without a relay."""
    senders: int = 1
    """Processes that send mail, this one included, as far as is known."""
    notify: Callable[[], None] = lambda: None
    """Wake other processes, soon. Call it after the commit that made work for them."""
    report_soon: Callable[[], None] = lambda: None
    """Write the row of this process soon, because `reports` say something that matters."""
    start: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"] = _start_task
    leases: LeaseBook = field(init=False)
    """What this process holds."""
    writes: DedicatedConnections = field(init=False)
    """The connections by which roles write many rows' results at once."""

    def __post_init__(self) -> None:
        self.leases = LeaseBook(
            self.database,
            self.identity,
            self.log,
            self._notify,
            now=self.now,
            lease=self.settings.workers.lease,
        )
        ample = self.settings.workers.database_connections > CONNECTIONS
        self.writes = DedicatedConnections(self.database, PLANNED_ONCE, limit=2 if ample else 1)

    def now(self) -> datetime:
        """The database's time."""
        return self.clock.now()

    def _notify(self) -> None:
        self.notify()  # it is set when the process has its connection

    def wake(self, *names: str) -> None:
        """Have roles of this process step soon; those that it does not run are no mistake."""
        for name in names:
            if name in self.wakes:
                self.wakes[name].set()

    def wake_all(self) -> None:
        """Have every role of this process step soon."""
        self.wake(*self.wakes)

    def stop(self) -> None:
        """Ask every role to end. May be called from a signal handler of the event loop."""
        self.stopping.set()
        self.wake_all()

    def spawn(self, job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a task beside the loops. A bug in it ends the process, as in a step."""
        return self.start(job)

    async def pause(self, name: str, seconds: float) -> bool:
        """Wait until a role of this process is woken, or so many seconds. True if woken."""
        try:
            async with asyncio.timeout(seconds):
                await self.wakes[name].wait()
        except TimeoutError:
            return False
        return True


RoleFactory = Callable[[WorkerContext], Role]
"""Builds a role once the database that it works on is known."""
