"""The processes that `benchmarks.waking` starts: ``python -m benchmarks.waking_processes NAME URL
LEASE``."""

import asyncio
import sys

import asyncpg

from agentflow_tui.mail.message import addresses
from agentflow_tui.mail.message.messages import SenderIdentity
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue.leases import holding
from agentflow_tui.store.queue.mail_claims import KIND
from agentflow_tui.workers import logs, supervisor
from agentflow_tui.workers.context import Role, StepReport, WorkerContext
from agentflow_tui.workers.sender.role import Sender
from benchmarks.mail import BARE_CLAIM
from benchmarks.mail_peers import SENDER
from benchmarks.queue import Nowhere

BARE_CHANNEL = "bare"
CLAIMS_HELD = """
UPDATE {email_queue} SET {email_queue.status} = 'processing',
  {email_queue.attempts} = {email_queue.attempts} + 1, {email_queue.lastAttempt} = now()
 WHERE {email_queue.status} = 'held'
RETURNING {email_queue.id} AS id, {email_queue.attempts} AS token
"""


class Victim:
    """Claims held mail, which nobody else wants, and keeps it."""

    name = "victim"

    def __init__(self, context: WorkerContext) -> None:
        self._context = context

    async def step(self, woken: bool = True) -> StepReport:
        context = self._context
        if context.leases.holds:
            return StepReport(held=1)
        async with context.leases.lock, context.database.transaction() as session:
            written = holding(session.binding, KIND, "claimed", note=1)
            text = f"WITH claimed AS ({CLAIMS_HELD}), w AS ({written}) SELECT id::text FROM claimed"
            ids = await session.fetch(Statement(str, text), *context.leases.note(KIND))
        context.leases.taken(KIND, dict.fromkeys(ids, 1))
        return StepReport(held=len(ids))

    async def stop(self, deadline: float) -> None:
        """It never lets go."""


async def bare(url: str) -> None:
    """A loop that does nothing but LISTEN and claim."""
    connection, claiming = await asyncpg.connect(url), await asyncpg.connect(url)
    rung = asyncio.Event()
    await connection.add_listener(BARE_CHANNEL, lambda *_: rung.set())
    while True:
        await rung.wait()
        rung.clear()
        await claiming.fetch(BARE_CLAIM, 100)


async def worker(name: str, url: str, lease: float) -> None:
    settings = Settings(workers=WorkerSettings(lease=lease))
    letterhead = SenderIdentity(sender=addresses.parse(SENDER))

    def sender(context: WorkerContext) -> Role:
        return Sender(context, Nowhere(), letterhead)

    await supervisor.run(settings, url, [Victim if name == "victim" else sender])


def main(name: str, url: str, lease: str) -> None:
    logs.configure(as_json=False, secrets=())
    asyncio.run(bare(url) if name == "bare" else worker(name, url, float(lease)))


if __name__ == "__main__":
    main(*sys.argv[1:])
