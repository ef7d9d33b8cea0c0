"""What a batch of finished mails writes: results and journal rows, and claims given back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentflow_tui.errors import AgentflowError, NotAcceptedError
from agentflow_tui.mail.answers import SendResult
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import DedicatedConnections
from agentflow_tui.store.queue import mail_claims, mail_results
from agentflow_tui.store.queue.mail_results import MailResult
from agentflow_tui.workers.logs import Log
from agentflow_tui.workers.sender.held_mail import HeldMail
from agentflow_tui.workers.sender.outcomes import without_user


@dataclass(frozen=True, slots=True, eq=False)
class FinishedMail:
    """A held mail and what is to be written about it.

    ``result`` None gives it back as if it had not been claimed; ``sent`` is what the transport
    reported, where it was asked.
    """

    held: HeldMail
    result: MailResult | None
    sent: SendResult | None = None


class ResultWrites:
    """The hooks of the sender's `BatchWriter`.

    A write that is sent again after a lost answer does no harm: the fencing token and the journal
    row's id make the second one change nothing.
    """

    def __init__(self, database: Database, connections: DedicatedConnections, log: Log) -> None:
        self._database = database
        self._connections = connections
        self._log = log

    async def write(self, batch: Sequence[FinishedMail], *, again: bool) -> list[None]:
        await self._give_back([each.held for each in batch if each.result is None])
        finished = [(each.result, each.held) for each in batch if each.result is not None]
        # Only a mail that is tried alone or was not delivered may have its journal row already.
        once = again or len(batch) == 1 or any(r.status != "completed" for r, _ in finished)
        if finished:
            await self._write([r for r, _ in finished], [held for _, held in finished], once=once)
        return [None] * len(batch)

    async def look_up(self, batch: Sequence[FinishedMail]) -> Mapping[FinishedMail, None]:
        return {}

    async def refused(self, item: FinishedMail, error: AgentflowError) -> None:
        """Leave out of one mail what the database does not accept."""
        if item.result is None:
            self._log.error(f"mail {item.held.row.id} could not be given back: {error}")
            return
        try:
            await self._write([without_user(item.result)], [item.held], once=True)
        except NotAcceptedError as final:
            self._log.error(f"mail {item.result.id} cannot be written: {final}")

    async def _write(
        self, results: Sequence[MailResult], mails: Sequence[HeldMail], *, once: bool
    ) -> None:
        binding = self._database.binding
        carries = any(each.distributions for each in results) and binding.has(
            "insight_distributions", "id", "status"
        )
        statement = binding.cached(mail_results.write_results, once=once, distributions=carries)
        claimed_at = [held.claimed_at for held in mails]
        values = mail_results.result_values(results, claimed_at, distributions=carries)
        moved = await self._connections.fetch(statement, *values)
        if len(moved) < len(results):
            await self._tell_of_lost(set(moved), results, mails)

    async def _tell_of_lost(
        self, moved: set[str], results: Sequence[MailResult], mails: Sequence[HeldMail]
    ) -> None:
        """Say how many were another worker's. What was sent before, and its answer lost, is not."""
        left = [(r, held) for r, held in zip(results, mails, strict=True) if r.id not in moved]
        written = await self._database.fetch(
            mail_results.AS_WRITTEN,
            [each.id for each, _ in left],
            [each.attempts for each, _ in left],
            [held.claimed_at for _, held in left],
            [each.status for each, _ in left],
        )
        if count := len(left) - len(written):
            self._log.info("mails were claimed by another worker meanwhile", count=count)

    async def _give_back(self, mails: Sequence[HeldMail]) -> None:
        if mails:
            await self._database.execute(
                mail_claims.GIVE_BACK,
                [each.row.id for each in mails],
                [each.row.attempts for each in mails],
                [each.claimed_at for each in mails],
                [each.row.before for each in mails],
            )
