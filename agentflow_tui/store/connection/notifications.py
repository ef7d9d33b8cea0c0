"""Notifications that wake other processes: a hint, never the truth.

One channel, no payload: "something is to do". It is sent after the commit of the work, in a
transaction of its own, because NOTIFY inside the writing transaction makes all writers queue up
for one lock. A process that misses one finds the work when it next polls.
"""

import asyncio
from collections.abc import Awaitable, Callable

from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.connection.database import Database

CHANNEL = "agentflow"
LISTEN = f"LISTEN {CHANNEL}"
NOTIFY = f"NOTIFY {CHANNEL}"


async def notify(database: Database) -> None:
    """Notify all listeners that there is something to do. To be called after the commit."""
    await database.execute(NOTIFY)


class Notifier:
    """Sends a process's notifications; those asked for while one is being sent become one more."""

    def __init__(self, send: Callable[[], Awaitable[None]]) -> None:
        self._send = send
        self._wanted = asyncio.Event()

    def notify(self) -> None:
        """Have a notification sent soon. Costs nothing here and now."""
        self._wanted.set()

    async def run(self) -> None:
        """Send what is asked for, until cancelled. What cannot be sent is dropped: it is a hint."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._send()
            except AgentflowError:
                await asyncio.sleep(0.1)
