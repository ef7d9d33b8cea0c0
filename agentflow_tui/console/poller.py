"""One refresh loop for the whole console: load, show, rest or be woken.

Only the visible view is loaded, never two loads at once, and a slow load is waited for rather than
cancelled by the next tick. What went wrong is kept as a state that the title bar shows, and the
loop goes on by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import field
from datetime import datetime
from typing import Protocol

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.state import ConnectionState, ConsoleState
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.store.views.shared_status import read_shared_status

IDLE_AFTER = 180.0
"""Seconds without a key after which the console looks less often."""

SILENT = 3.0
"""Seconds without an answer after which that is said, though it is waited for."""

DEAR, CALMEST = 0.1, 60.0
"""Seconds from which on a look is dear, so that the next one comes later; and how much at most."""

RETRY = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts while the database cannot be reached."""


class Refreshable(Protocol):
    """A view that can be looked at anew."""

    read_at: datetime | None

    async def refresh_data(self) -> None:
        """Load and show. Raises `AgentflowError` when that is not possible now."""
        ...


@dataclass(slots=True)
class Poller:
    """Refreshes the view that it is handed, and now and then the state shared by all views.

    ``interval`` gives the seconds to rest, asked anew each time; ``beside`` is looked at along
    with the view; ``shown`` is told after each look and whenever the connection's state changes.
    """

    env: Environment
    state: ConsoleState
    interval: Callable[[], float]
    beside: Callable[[], Awaitable[None]]
    shown: Callable[[], None]
    view: Refreshable | None = None
    _looked_at: Refreshable | None = None
    _shared_at: datetime | None = None
    _bound_at: datetime | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _is_answering: bool = False
    _failures: int = 0
    _took: tuple[float, float] = (0.0, 0.0)
    """Seconds that the last two looks took."""

    def show(self, view: Refreshable | None) -> None:
        """Refresh this view from now on, and at once."""
        self.view = view
        self.wake()

    def wake(self) -> None:
        """Look now: a key asked for it, another view came up, or the database said so."""
        self._wake.set()

    @property
    def is_settled(self) -> bool:
        """Every look that was asked for has been had, as far as the database answers."""
        return not (self._wake.is_set() or self._is_answering) or bool(
            self.state.connection.problem
        )

    async def run(self) -> None:
        """Go on for ever; the owner cancels it."""
        while True:
            self._is_answering = self._wake.is_set()
            self._wake.clear()
            if not self.state.is_frozen:
                await self._look()
            self._is_answering = False
            rest = RETRY[min(self._failures, len(RETRY)) - 1] if self._failures else self._rest()
            try:
                async with asyncio.timeout(rest):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _rest(self) -> float:
        """Seconds until the next look, more after dear ones: looking must not be felt."""
        dear = min(self._took)  # one that happened to be slow is not dear
        calm = self.env.pace.calm * dear if dear > DEAR else 0.0
        return max(self.interval(), min(calm, CALMEST))

    async def _look(self) -> None:
        view = self.view
        if view is None:
            return
        self.state.looks += 1
        loop = asyncio.get_running_loop()
        silence, began = loop.call_later(SILENT, self._say_silent), loop.time()
        try:
            await self._load(view)
        except AgentflowError as error:
            unreachable = isinstance(error, UnreachableError)
            self._failures += unreachable
            since = self.state.connection.since or self.env.now()
            self._set(ConnectionState(problem=str(error), since=since, unreachable=unreachable))
        else:
            self._failures = 0
            self._set(ConnectionState())
        finally:
            silence.cancel()
            self._took = (self._took[1], loop.time() - began)

    async def _load(self, view: Refreshable) -> None:
        """Look at the view or, now and then in its place, at the status shared by all views."""
        settled = view is self._looked_at and not self.state.connection.problem
        if settled and _is_past(self._shared_at, self.env.clock(), self.env.pace.shared_status):
            await self.look_at_shared_status()
        else:
            await view.refresh_data()
            self._looked_at, view.read_at = view, self.env.now()
            await self.beside()
        self.shown()

    async def look_at_shared_status(self) -> None:
        """Look at health and consoles; less often also at the names that the database has.

        Raises `AgentflowError`.
        """
        now = self._shared_at = self.env.clock()
        self._bound_at = self._bound_at or now  # they were bound on connecting
        database = await self.env.connected()
        seen = await read_shared_status(database)
        self.state.health, self.state.consoles = seen.health, seen.consoles
        if _is_past(self._bound_at, now, self.env.pace.binding):
            self._bound_at = now
            await database.rebind()

    def _say_silent(self) -> None:
        if not self.state.connection.problem:
            words = "The database has not answered yet; it is still being waited for."
            self._set(ConnectionState(problem=words, since=self.env.now()))

    def _set(self, connection: ConnectionState) -> None:
        if connection != self.state.connection:
            self.state.connection = connection
            self.shown()


def _is_past(before: datetime | None, now: datetime, seconds: float) -> bool:
    return before is None or (now - before).total_seconds() > seconds
