"""What a worker is: a role whose step does one batch; the loop around it is written once.

A role never sleeps, never catches an unreachable database and never looks at signals: the
supervisor does. Its step does what is due now and says when it wants to be called again, so a test
calls steps and never waits.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from agentflow_tui import clock
from agentflow_tui.errors import AgentflowError, MissingError, RefusedError, UnreachableError
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import PLANNED_EACH_TIME, DedicatedConnections
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.journal import as_json
from agentflow_tui.store.queue import lost_claims
from agentflow_tui.store.views.checks import WORKER_PREFIX
from agentflow_tui.workers.backoff import Backoff
from agentflow_tui.workers.logs import Log

RowT = TypeVar("RowT")

TELL_EVERY = 5.0
"""Seconds between two hints to the other processes that this one holds something, so that they look
often whether it lives."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one step did.

    ``done`` counts rows moved on. ``again`` is the longest to wait for the next step, in seconds:
    0 at once, because there may be more; None until woken, or the slow look. ``held`` counts what
    is still in hand: tasks in flight, rows claimed, and work that is due but has to wait for its
    turn. ``left`` says why work that is due cannot be done, for who wants to leave when nothing is
    due.
    """

    done: int = 0
    again: float | None = None
    held: int = 0
    left: str = ""


class Role(Protocol):
    """One kind of background work. It may keep tasks in flight (`Crew.spawn`)."""

    @property
    def name(self) -> str: ...

    async def step(self, crew: "Crew", woken: bool = True) -> Turn:
        """Do what is due, one batch of it, and say when to be called next.

        ``woken`` is false when only time has passed since the last step. Raises `UnreachableError`
        and other `AgentflowError` freely: nothing may be half done when it does, and the step is
        called again later. `UsageError` ends the process; what is no `AgentflowError` is a bug and
        ends it loudly.
        """
        ...

    async def stop(self, crew: "Crew", deadline: float) -> None:
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
        (`time.monotonic`)."""
        error = (answered - asked) / 2
        if error <= self.error or answered - self._measured > 60:
            self.error, self._measured = error, answered
            self._base = told - timedelta(seconds=asked + error)


def new_identity() -> str:
    """``worker:<host>:<pid>:<random>``, the id of this process's row in ``health_checks``."""
    host = socket.gethostname().replace(":", "-")[:100]
    return f"{WORKER_PREFIX}{host}:{os.getpid()}:{secrets.token_hex(4)}"


def _start_task(job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(job)


@dataclass(slots=True, kw_only=True)
class Crew:
    """The world as the roles of one process see it. A test makes one with database and settings."""

    database: Database
    settings: Settings = field(default_factory=Settings)
    log: Log = field(default_factory=Log)
    clock: ServerClock = field(default_factory=ServerClock)
    identity: str = field(default_factory=new_identity)
    drain: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    wakes: dict[str, asyncio.Event] = field(default_factory=dict)
    """What wakes each role of this process, by its name."""
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while claiming: a claim writes what it takes into the row of this process, and no two
    writers of that row may pass each other. See `claim`."""
    holds: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What this process has claimed: kind, id, fencing token."""
    unheard: dict[str, int] = field(default_factory=dict)
    """Kinds of which a claim's answer was lost, and the server process that was asked."""
    reports: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each role wants to be seen in the row of this process, by its name."""
    idle: set[str] = field(default_factory=set)
    """Roles of this process that have nothing to work with: a sender without a relay."""
    senders: int = 1
    """Processes that send mail, this one included, as far as is known."""
    untied: Callable[[], float] = lambda: 0.0
    """Seconds since the connection that proves this process alive was lost; 0 while it holds."""
    ring: Callable[[], None] = lambda: None
    """Wake other processes, soon. Call it after the commit that made work for them."""
    start: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"] = _start_task
    _told: float = float("-inf")
    _lines: DedicatedConnections = field(init=False)

    def __post_init__(self) -> None:
        self._lines = DedicatedConnections(self.database, PLANNED_EACH_TIME)

    def now(self) -> datetime:
        """The database's time."""
        return self.clock.now()

    def wake(self, *names: str) -> None:
        """Have roles of this process step soon; those that it does not run are no mistake."""
        for name in names:
            if name in self.wakes:
                self.wakes[name].set()

    def wake_all(self) -> None:
        self.wake(*self.wakes)

    def stop(self) -> None:
        """Ask every role to end. May be called from a signal handler of the event loop."""
        self.stopping.set()
        self.wake_all()

    @property
    def trusted(self) -> bool:
        """Whether others still take this process for alive, so that nobody else takes over what it
        holds. Begin nothing that cannot be undone, such as sending a mail, while it is false."""
        return self.untied() < 0.25

    def spawn(self, job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a task beside the loops. A bug in it ends the process, as in a step."""
        return self.start(job)

    def held(self, kind: str) -> str:
        """What is held of one kind, as the JSON object that a claim adds to."""
        return as_json(self.holds.get(kind, {}))

    async def claim(
        self,
        kind: str,
        statement: Statement[RowT],
        *values: object,
        tokens: Callable[[Sequence[RowT]], Mapping[str, Any]],
    ) -> list[RowT]:
        """Claim rows, and note what was taken: id and fencing token, by ``tokens``.

        The statement's last two parameters are those of `liveness.holding`. Raises
        `UnreachableError` and whatever a statement raises.
        """
        async with self.claiming:
            if not await self.hear():
                raise UnreachableError("A claim that was cut off is not over yet.")
            rows = await self._claim(kind, statement, values)
            self.taken(kind, tokens(rows))
        return rows

    async def _claim(
        self, kind: str, statement: Statement[RowT], values: tuple[object, ...]
    ) -> list[RowT]:
        backends: list[int] = []
        parameters = (*values, self.identity, self.held(kind))
        try:
            return await self._lines.fetch(statement, *parameters, asked=backends.append)
        except (RefusedError, MissingError):
            raise
        except BaseException:  # when cut off, too: the claim may have happened
            if backends:
                self.unheard[kind] = backends[0]
            raise

    async def hear(self) -> bool:
        """Give back what was claimed by claims whose answer was lost. Under `claiming`, before
        anything else writes the row of this process. False when it cannot be told yet."""
        for kind, backend in list(self.unheard.items()):
            held = self.held(kind)
            try:
                freed = await lost_claims.give_back(
                    self.database, kind, worker=self.identity, held=held, backend=backend
                )
            except UnreachableError:
                return False
            except AgentflowError as error:
                self.log.warning(f"{kind} of a claim that was cut off wait for the lease: {error}")
                freed = 0
            if freed is None:
                return False
            if freed:
                self.log.info(f"gave back {kind} of a claim that was cut off", count=freed)
            del self.unheard[kind]
        return True

    def taken(self, kind: str, tokens: Mapping[str, Any]) -> None:
        """Note what a claim took. Under `claiming`, as the claim itself."""
        if not tokens:
            return
        self.holds.setdefault(kind, {}).update(tokens)
        if time.monotonic() > self._told + TELL_EVERY:
            self._told = time.monotonic()
            self.ring()

    def released(self, kind: str, ids: Iterable[str]) -> None:
        """Note what is not held any more. Nothing is written: its token tells others as much."""
        held = self.holds.get(kind, {})
        for row_id in ids:
            held.pop(row_id, None)

    async def pause(self, name: str, seconds: float) -> bool:
        """Wait until a role of this process is woken, or so many seconds. True if woken."""
        try:
            async with asyncio.timeout(seconds):
                await self.wakes[name].wait()
        except TimeoutError:
            return False
        return True

    async def through_weather(self, what: str, attempt: Callable[[], Awaitable[None]]) -> bool:
        """Do ``attempt`` until the database lets it: for a task in flight that has something to
        write. False when the process stops before that."""
        backoff = Backoff()
        while not self.stopping.is_set():
            try:
                await attempt()
            except UnreachableError as error:
                self.log.warning(f"{what} waits: {error}")
            except MissingError:
                await self.database.rebind()
            else:
                return True
            await asyncio.sleep(backoff.next())
        return False
