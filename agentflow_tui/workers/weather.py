"""Waiting out what passes by itself: a database that restarts, fails over or is full."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agentflow_tui.errors import UnreachableError

ResultT = TypeVar("ResultT")


class Backoff:
    """Seconds to wait before each further try: doubling, capped, with jitter so that a fleet does
    not come back in step."""

    def __init__(self, first: float = 0.05, limit: float = 2.0) -> None:
        self.tries = 0
        self._first = first
        self._limit = limit

    def next(self) -> float:
        """The next wait. The first is short: most trouble is one cut connection."""
        longest = min(self._limit, self._first * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return longest * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self.tries = 0


async def persistently(call: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """What the call returns, once the database can be reached."""
    backoff = Backoff()
    while True:
        try:
            return await call()
        except UnreachableError:
            await asyncio.sleep(backoff.next())
