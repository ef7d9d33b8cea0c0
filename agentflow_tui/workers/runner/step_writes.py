"""How the results of steps are written: the runner's hooks for its `BatchWriter`."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import (
    PLANNED_ONCE,
    DedicatedConnections,
    pooled_session,
)
from agentflow_tui.store.queue import workflow_runs as runs
from agentflow_tui.store.queue.workflow_runs import Advanced
from agentflow_tui.workers.runner.held_workflow import PendingWrite


class StepWrites:
    """Writes what becomes of workflows; the result is how each stands, None for one that was lost.

    ``on_mail`` is called when a commit has queued mail.
    """

    def __init__(self, database: Database, on_mail: Callable[[], None]) -> None:
        self._database = database
        self._on_mail = on_mail
        self._lines = DedicatedConnections(database, PLANNED_ONCE)

    async def write(
        self, batch: Sequence[PendingWrite], *, again: bool
    ) -> Sequence[Advanced | None]:
        """Write all of these in one statement."""
        mails = any(write.advance.mails for write in batch)
        statement = self._database.binding.cached(runs.advance, mails=mails)
        values = runs.advance_values(
            [write.advance for write in batch], [write.held.token for write in batch], mails=mails
        )
        found = {row.id: row for row in await self._lines.fetch(statement, *values)}
        self._tell_of_mail(write for write in batch if write.held.id in found)
        return [found.get(write.held.id) for write in batch]

    async def look_up(
        self, batch: Sequence[PendingWrite]
    ) -> Mapping[PendingWrite, Advanced | None]:
        """Look whether the writes took place, by the journal's rows that are part of them."""
        ids = [write.held.id for write in batch]
        entries = [write.advance.entry and write.advance.entry.id for write in batch]
        async with pooled_session(self._database) as session:
            found = {row.id: row for row in await session.fetch(runs.LOOK_UP, ids, entries)}
        known: dict[PendingWrite, Advanced | None] = {}
        for write in batch:
            row = found.get(write.held.id)
            if row is not None and row.written:
                known[write] = Advanced(row.id, row.status, row.locked, row.token)
                self._tell_of_mail([write])
            elif row is None or not row.locked or row.token != write.held.token:
                known[write] = None
        return known

    async def refused(self, item: PendingWrite, error: AgentflowError) -> Advanced | None:
        """Leave it to the workflow, which then fails with this error."""
        raise error

    def _tell_of_mail(self, writes: Iterable[PendingWrite]) -> None:
        if any(write.advance.mails for write in writes):
            self._on_mail()

    def close(self) -> None:
        """Close the connections."""
        self._lines.close()
