"""One refresh loop for the whole console: load, show, rest or be woken.

Only the visible screen is loaded, never two loads at once, and a slow load is waited for rather
than cancelled by the next tick. What went wrong is kept as a state that the title bar shows, and
the loop goes on by itself.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agentflow_tui.errors import AgentflowError, UnreachableError

IDLE_AFTER = 180.0
"""Seconds without a key after which the console looks less often."""

SILENT = 3.0
"""Seconds without an answer after which that is said, though it is waited for."""

RETRY = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts while the database cannot be reached."""


class Refreshable(Protocol):
    """A screen that can be looked at anew."""

    async def refresh_data(self) -> None:
        """Load and show. Raises `AgentflowError` when that is not possible now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How the conversation with the database goes. ``since`` is when it broke off."""

    problem: str = ""
    since: datetime | None = None
    unreachable: bool = False


@dataclass(slots=True)
class Poller:
    """Refreshes what is visible.

    ``interval`` gives the seconds to rest, asked anew each time; ``changed`` is told when the
    weather changes.
    """

    visible: Callable[[], Refreshable | None]
    interval: Callable[[], float]
    now: Callable[[], datetime]
    changed: Callable[[Weather], None]
    weather: Weather = Weather()
    frozen: bool = False
    looks: int = 0
    _wake: asyncio.Event | None = None
    _failures: int = 0

    def wake(self) -> None:
        """Look now: a key asked for it, another screen came up, or the database said so."""
        if self._wake is not None:
            self._wake.set()

    def start_over(self) -> None:
        """Forget how it went so far: another database is looked at from now on."""
        self.weather, self.frozen, self._failures = Weather(), False, 0

    async def run(self) -> None:
        """Go on for ever; the owner cancels it."""
        self._wake = asyncio.Event()
        while True:
            self._wake.clear()
            if not self.frozen:
                await self._look()
            rest = RETRY[min(self._failures, len(RETRY)) - 1] if self._failures else self.interval()
            try:
                async with asyncio.timeout(rest):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        screen = self.visible()
        if screen is None:
            return
        self.looks += 1
        silence = asyncio.get_running_loop().call_later(SILENT, self._say_silent)
        try:
            await screen.refresh_data()
        except AgentflowError as error:
            self._failures += isinstance(error, UnreachableError)
            self._set(
                Weather(
                    problem=str(error),
                    since=self.weather.since or self.now(),
                    unreachable=isinstance(error, UnreachableError),
                )
            )
        else:
            self._failures = 0
            self._set(Weather())
        finally:
            silence.cancel()

    def _say_silent(self) -> None:
        if not self.weather.problem:
            words = "The database has not answered yet; it is still being waited for."
            self._set(Weather(problem=words, since=self.now()))

    def _set(self, weather: Weather) -> None:
        if weather != self.weather:
            self.weather = weather
            self.changed(self.weather)
