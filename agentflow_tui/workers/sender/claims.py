"""The mail that a sender has claimed: taken, kept by renewing the lease, and forgotten."""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from agentflow_tui.store.connection.statements import NOW
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.workers.backoff import retry_until_reachable
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.sender.claim_cursor import ClaimCursor, QueuePosition
from agentflow_tui.workers.sender.held_mail import HeldMail

BATCH = 100
"""Mails in one claim."""

CAPACITY = 2 * BATCH
"""Mails held at a time."""


def _looking_from(place: QueuePosition | None, judged_at: datetime) -> tuple[object, ...]:
    """The parameters of a claim that differ: a place in the queue, or when leases are judged."""
    return (judged_at,) if place is None else (place.priority, place.queued_at)


class MailClaims:
    """One sender's claims, by the queue's id."""

    def __init__(self, context: WorkerContext) -> None:
        self.held: dict[str, HeldMail] = {}
        self._context = context
        self._cursor = ClaimCursor()

    @property
    def backlog(self) -> bool:
        """Whether there may be more to claim at once."""
        return self._cursor.backlog

    @property
    def has_room(self) -> bool:
        return len(self.held) <= CAPACITY - BATCH

    async def claim(self, leave_alone: Sequence[str]) -> list[HeldMail]:
        """Take the next mails, but for these ids. Raises `UnreachableError` and the like."""
        context, began = self._context, monotonic()
        workers = context.settings.workers
        share = workers.rate / context.senders
        ask = min(BATCH, max(1, int(share * 5))) if share else BATCH
        place = self._cursor.place(began)
        rows = await context.leases.claim(
            store.KIND,
            context.database.binding.cached(store.claim, onward=place is not None),
            workers.retry_base,
            workers.retry_limit,
            ask,
            workers.lease,
            [*leave_alone, *self.held],
            *_looking_from(place, context.leases.judged_at(store.KIND)),
            tokens=lambda rows: {row.id: [row.attempts, row.last_attempt] for row in rows},
        )
        self._cursor.claimed(
            rows, asked=ask, onward=place is not None, began=began, ended=monotonic()
        )
        taken = [HeldMail(row, renewed_at=began) for row in rows]
        self.held.update({held.row.id: held for held in taken})
        return taken

    def in_need_of_renewal(self) -> list[HeldMail]:
        """Claims held for long, and those that others may have given back."""
        leases = self._context.leases
        old = monotonic() - self._context.settings.workers.lease / 4
        return [
            each
            for each in self.held.values()
            if (each.renewed_at < old or leases.doubts(each.renewed_at)) and not each.ended
        ]

    async def renew(self, mails: Sequence[HeldMail]) -> None:
        """Begin these leases anew, and mark what was taken from us. Nothing may be written about
        them meanwhile: the token changes."""
        database = self._context.database
        asked = monotonic()
        [now] = await database.fetch(NOW)
        token = (
            [each.row.id for each in mails],
            [each.row.attempts for each in mails],
            [each.claimed_at for each in mails],
        )
        # Until it is known: a lost answer would cost the token.
        renewed = await retry_until_reachable(lambda: database.fetch(store.RENEW, *token, now))
        times = {row.id: row.last_attempt for row in renewed}
        for held in mails:
            if held.row.id in times:
                held.claimed_at, held.renewed_at = times[held.row.id], asked
            elif not held.ended:
                held.lost = True

    def may_be_lost(self, held: HeldMail) -> bool:
        """Whether another process may have the mail by now. Giving it back is fenced."""
        return held.lost or not self._context.leases.may_act_on(held.renewed_at)

    def forget(self, held: HeldMail) -> None:
        """Its end is written."""
        if self.held.get(held.row.id) is held:
            del self.held[held.row.id]
            self._context.leases.released(store.KIND, [held.row.id])
