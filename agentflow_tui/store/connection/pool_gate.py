"""A gate before a pool of connections: as many are used at a time as the server gives."""

import asyncio
from collections import deque
from time import monotonic

WIDENS_AFTER = 60.0
"""Seconds after which one connection more is tried again."""


class PoolGate:
    """Lets so many users at a pool at a time; the others wait. It narrows when the server has no
    further connection, and widens again by one a minute."""

    def __init__(self, most: int) -> None:
        self.limit = most
        self._most = most
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._changed_at = monotonic()

    async def enter(self, within: float) -> None:
        """Take a place; `leave` gives it back. Raises `TimeoutError`."""
        if self.limit < self._most and monotonic() > self._changed_at + WIDENS_AFTER:
            self.limit, self._changed_at = self.limit + 1, monotonic()
        if self._inside >= self.limit:
            async with asyncio.timeout(within):
                await self._turn()
        self._inside += 1

    async def _turn(self) -> None:
        while self._inside >= self.limit:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._let_in()
                raise

    def leave(self) -> None:
        self._inside -= 1
        self._let_in()

    def narrow(self) -> bool:
        """Let in no more than have a connection besides the caller, which got none. False when none
        of them has."""
        others = self._inside - 1
        if others < 1:
            return False
        self.limit, self._changed_at = others, monotonic()
        return True

    def _let_in(self) -> None:
        while self._waiting and self._inside < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
