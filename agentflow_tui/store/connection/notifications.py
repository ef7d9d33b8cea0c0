"""Wake-ups: NOTIFY as a hint, never the truth.

One channel, no payload: "something is to do". It is sent after the commit of the work, in a
transaction of its own, because NOTIFY inside the writing transaction makes all writers queue up
for one lock. Whoever misses one finds the work at the next slow look.
"""

import asyncio
from collections.abc import Awaitable, Callable

from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.connection.database import Database

CHANNEL = "agentflow"
LISTEN = f"LISTEN {CHANNEL}"
NOTIFY = f"NOTIFY {CHANNEL}"


async def notify(database: Database) -> None:
    """Tell everybody who listens that there is something to do. Call it after the commit."""
    await database.execute(NOTIFY)


class Notifier:
    """Rings for one process: rings that come while one is under way become one more."""

    def __init__(self, send: Callable[[], Awaitable[None]]) -> None:
        self._send = send
        self._wanted = asyncio.Event()

    def notify(self) -> None:
        """Ring soon. Costs nothing here and now."""
        self._wanted.set()

    async def run(self) -> None:
        """Send what is rung, until cancelled. A ring that cannot be sent is dropped: a hint."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._send()
            except AgentflowError:
                await asyncio.sleep(0.1)
