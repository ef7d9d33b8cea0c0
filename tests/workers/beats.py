"""Beats of a process, written by hand."""

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue import leases
from agentflow_tui.workers.context import WorkerContext


async def beat(context: WorkerContext) -> None:
    """Write what is held, as a claim does."""
    await Beat(context).arrive(context.database)


class Beat:
    """A beat that is sent now, with what is held now, and arrives when it is told to."""

    def __init__(self, context: WorkerContext):
        self._identity, self._revision = context.identity, context.leases.next_revision()
        self._details = leases.details(
            roles=[],
            host="",
            pid=0,
            started=context.now(),
            lock=True,
            sends=False,
            revision=self._revision,
            holds=context.leases.holds,
            reports={},
        )

    async def arrive(self, database: Database) -> None:
        template = leases.beat(database.binding)
        await database.execute(template, self._identity, "", "", self._details, self._revision)
