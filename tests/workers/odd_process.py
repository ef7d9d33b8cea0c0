"""Worker processes with odd roles: ``python -m tests.workers.odd_process ROLE URL``."""

import asyncio
import sys

from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue.leases import holding
from agentflow_tui.workers import logs, supervisor
from agentflow_tui.workers.context import StepReport, WorkerContext

SETTINGS = Settings(workers=WorkerSettings(poll=0.5))


class Quiet:
    name = "quiet"

    def __init__(self, context: WorkerContext) -> None:
        self.context = context

    async def step(self, woken: bool = True) -> StepReport:
        return StepReport()

    async def stop(self, deadline: float) -> None:
        """Nothing is held."""


class Stubborn(Quiet):
    name = "stubborn"

    async def stop(self, deadline: float) -> None:
        self.context.log.info("will not stop")
        await asyncio.Event().wait()


class Buggy(Quiet):
    name = "buggy"

    async def step(self, woken: bool = True) -> StepReport:
        raise ZeroDivisionError(f"while connected to {self.context.database.url}")


class Holder(Quiet):
    """Claims all mail and all workflows there are, and never does anything with them."""

    name = "holder"

    async def step(self, woken: bool = True) -> StepReport:
        if self.context.leases.holds:
            return StepReport(held=1)
        async with self.context.leases.lock, self.context.database.transaction() as session:
            await self._claim(session)
        self.context.log.info("has claimed")
        return StepReport(held=1)

    async def _claim(self, session: Session) -> None:
        for kind, claim, token in (
            (
                "mails",
                """UPDATE {email_queue} SET {email_queue.status} = 'processing',
                     {email_queue.attempts} = {email_queue.attempts} + 1,
                     {email_queue.lastAttempt} = now()
                   RETURNING {email_queue.id} AS id, {email_queue.attempts} AS token""",
                int,
            ),
            (
                "workflows",
                """UPDATE {workflows} SET {workflows.status} = 'running', {workflows.locked} = true,
                     {workflows.lockedAt} = now()
                   RETURNING {workflows.id} AS id, NULL AS token""",
                str,
            ),
        ):
            written = holding(session.binding, kind, "claimed", note=1)
            text = f"WITH claimed AS ({claim}), written AS ({written}) SELECT id::text FROM claimed"
            ids = await session.fetch(Statement(str, text), *self.context.leases.note(kind))
            self.context.leases.taken(kind, dict.fromkeys(ids, token()))


class Clumsy(Holder):
    """Claims everything, and has a bug."""

    name = "clumsy"

    async def step(self, woken: bool = True) -> StepReport:
        await super().step(woken)
        raise ZeroDivisionError


def main(name: str, url: str) -> int:
    logs.configure(as_json=False, secrets=logs.secrets_of(url, {}))
    role = {each.name: each for each in (Quiet, Stubborn, Buggy, Holder, Clumsy)}[name]
    return asyncio.run(supervisor.run(SETTINGS, url, [role]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
