"""The sender's reports: the health check ``smtp``, and a part of the row of its process."""

from time import monotonic

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.transports import TransportState
from agentflow_tui.store.journal import as_json
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.workers.context import WorkerContext

EVERY = 4
"""Polls between two reports that the relay is as it was."""


@dataclass(slots=True)
class HealthReport:
    """The reports of one sender. ``name`` is its role's."""

    name: str
    _told: TransportState | None = None
    _told_at: float = float("-inf")

    def is_due(self, context: WorkerContext) -> bool:
        """Whether it is time for a report, changed or not."""
        return monotonic() >= self._told_at + EVERY * context.settings.workers.poll

    async def tell(
        self,
        context: WorkerContext,
        state: TransportState,
        *,
        mails: int,
        sent: int,
        open_: bool = True,
    ) -> None:
        """Report a change at once, and the same again now and then. ``mails`` are in hand, ``sent``
        have left since the start; without ``open_`` the sender has nothing to send with, and its
        report does not replace that of one that has."""
        context.reports[self.name] = {
            "up": state.up,
            "sentence": state.sentence,
            "mails": mails,
            "sent": sent,
        }
        told = self._told
        changed = told is None or (told.up, told.sentence) != (state.up, state.sentence)
        if not (changed or self.is_due(context)):
            return
        if changed and open_:
            log = context.log.of(self.name)
            (log.info if state.up else log.warning)(state.sentence)
        if context.database.binding.has("health_checks", "id"):
            await _write(context, state, open_=open_)
        self._told, self._told_at = state, monotonic()


async def _write(context: WorkerContext, state: TransportState, *, open_: bool) -> None:
    status = "ok" if state.up else "error" if open_ else "warning"
    every = round(EVERY * context.settings.workers.poll, 1)
    details = as_json({"every": every, "connections": state.connections, "retryIn": state.retry_in})
    health = context.database.binding.cached(store.health, only_if_stale=not open_)
    quiet = () if open_ else (2 * EVERY * context.settings.workers.poll,)
    await context.database.execute(health, status, state.sentence, details, *quiet)
