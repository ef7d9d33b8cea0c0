"""Retries with growing pauses: for a database that restarts, fails over or is full."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agentflow_tui.errors import UnreachableError

ResultT = TypeVar("ResultT")


class Once:
    """Says a sentence once, until it is another one or all was well in between."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = ""

    def say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            self._say(sentence)

    def over(self) -> bool:
        """All is well. Whether something had been said."""
        said, self._said = self._said, ""
        return bool(said)


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


async def retry_until_reachable(call: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Retries while the database is unreachable; never raises `UnreachableError`."""
    backoff = Backoff()
    while True:
        try:
            return await call()
        except UnreachableError:
            await asyncio.sleep(backoff.next())
