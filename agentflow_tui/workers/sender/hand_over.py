"""Hands held mail to the transport while it has use for it, and hears what became of it.

Few mails are with the transport at a time; the others wait here, where they can be dropped when
the claim is lost and given back when the process stops.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from time import monotonic

from agentflow_tui.errors import UnreachableError
from agentflow_tui.mail.answers import SendResult, Verdict
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message.messages import SenderIdentity
from agentflow_tui.mail.transports import Transport
from agentflow_tui.store.queue.mail_results import MailResult, keeps_receipts
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.sender import outcomes
from agentflow_tui.workers.sender.claims import MailClaims
from agentflow_tui.workers.sender.held_mail import (
    AllSettledError,
    FinishedMail,
    HeldMail,
    build,
    build_slowly,
)
from agentflow_tui.workers.sender.part_receipts import PartReceipts
from agentflow_tui.workers.sender.poison_mail import SendingRecord
from agentflow_tui.workers.sender.waits import BLOCKED, Waits


class HandOver:
    """The hand-over of one sender's mail to the transport.

    `serve` runs beside the role; ``finish`` has the end of a mail written.
    """

    def __init__(
        self,
        context: WorkerContext,
        transport: Transport,
        identity: SenderIdentity,
        *,
        claims: MailClaims,
        parts: PartReceipts,
        waits: Waits,
        finish: Callable[[FinishedMail], None],
    ) -> None:
        workers = context.settings.workers
        self._context = context
        self._transport = transport
        self._identity = identity
        self._claims = claims
        self._parts = parts
        self._waits = waits
        self._finish = finish
        self._folder = Path(workers.attachments) if workers.attachments else None
        self._limit = 2 * max(1, workers.connections)
        self._record = SendingRecord(context)
        self._waiting: deque[HeldMail] = deque()
        self._with_transport = 0
        self._building: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def add(self, mails: Iterable[HeldMail]) -> None:
        """Have these sent when it is their turn."""
        self._waiting.extend(mails)
        self._changed.set()

    def look_again(self) -> None:
        """Something has changed that may have kept mail here."""
        self._changed.set()

    async def serve(self) -> None:
        """Hand over what waits, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._waiting and self._with_transport < self._limit:
                if not self._context.leases.trusted:
                    break
                self._send(self._waiting.popleft())

    async def stop(self) -> None:
        """Begin nothing more and give back what waits."""
        for task in self._building:
            task.cancel()
        await asyncio.gather(*self._building, return_exceptions=True)
        self.give_back_waiting()

    def give_back_waiting(self) -> None:
        waiting, self._waiting = list(self._waiting), deque()
        for held in waiting:
            self.end(held, None)

    def end(
        self, held: HeldMail, result: MailResult | None, sent: SendResult | None = None
    ) -> None:
        """Have the end of this mail written, once; None gives it back."""
        if not held.ended:
            held.ended = True
            self._finish(FinishedMail(held, result, sent))

    def written(self, finished: FinishedMail) -> None:
        """Hear that the end of this mail is written."""
        if finished.held.row.suspect:
            self._record.remove(finished.held)

    # --- sending ----------------------------------------------------------------------------------

    def _send(self, held: HeldMail) -> None:
        if self._claims.may_be_lost(held):
            self.end(held, None)
        elif held.row.cancelled:
            self.end(held, outcomes.cancelled(held))
        elif held.is_deadly:
            self.end(held, outcomes.deadly(held))
        else:
            self._with_transport += 1
            if held.is_slow or held.row.suspect:
                task = self._context.spawn(self._send_slowly(held))
                self._building.add(task)
                task.add_done_callback(self._building.discard)
                return
            try:
                self._submit(held, build(held, self._identity, self._context.now()))
            except (MessageError, AllSettledError) as error:
                self._unsent(held, error)

    async def _send_slowly(self, held: HeldMail) -> None:
        """Put on record what may be poison, and build what needs the database or the disk."""
        try:
            if held.row.suspect:
                await self._record.add(held)
            if held.is_slow:
                envelope = await build_slowly(
                    held,
                    self._identity,
                    self._context.now(),
                    database=self._context.database,
                    folder=self._folder,
                )
            else:
                envelope = build(held, self._identity, self._context.now())
        except (MessageError, AllSettledError) as error:
            self._unsent(held, error)
        except UnreachableError:
            self._leave(held, None)
        else:
            if self._claims.may_be_lost(held):
                self._leave(held, None)
            else:
                self._submit(held, envelope)

    def _leave(
        self, held: HeldMail, result: MailResult | None, sent: SendResult | None = None
    ) -> None:
        """The mail is not with the transport any more, nor being built for it."""
        self._with_transport -= 1
        self._changed.set()
        self.end(held, result, sent)

    def _unsent(self, held: HeldMail, error: Exception) -> None:
        if isinstance(error, AllSettledError):
            self._leave(held, outcomes.nobody_left(held, error.invalid))
        else:
            self._leave(held, outcomes.unbuildable(held, str(error)))

    def _submit(self, held: HeldMail, envelope: Envelope) -> None:
        started = self._context.now()
        self._transport.submit(
            envelope,
            lambda sent: self._answered(held, sent, started),
            may_leave=lambda: not self._claims.may_be_lost(held),
            on_part=lambda part, go_on: self._part_answered(held, part, started, go_on),
        )

    def _part_answered(
        self, held: HeldMail, part: SendResult, started: datetime, go_on: Callable[[], None]
    ) -> None:
        def recorded() -> None:
            self._transport.confirm([part])
            go_on()

        self._parts.add(held, part, started, recorded)

    def _answered(self, held: HeldMail, sent: SendResult, started: datetime) -> None:
        workers = self._context.settings.workers
        result = outcomes.outcome(
            held,
            sent,
            limits=outcomes.RetryLimits.of(workers),
            remembers=self._context.database.binding.cached(keeps_receipts),
            started=started,
        )
        if result is None:
            self._hold_off(held, sent)
        elif result.status == "pending":
            self._waits.expect(held.row.id, held.row.attempts, workers)
        self._leave(held, result, sent)

    def _hold_off(self, held: HeldMail, sent: SendResult) -> None:
        """Nothing was tried: leave the relay, or this mail, alone for as long as it takes."""
        now = monotonic()
        if sent.verdict is Verdict.NOT_TRIED and sent.retry_in is not None:
            self._waits.resting[held.row.id] = now + sent.retry_in
        elif sent.verdict is Verdict.RELAY_DOWN:
            pause = BLOCKED if sent.retry_in is None else sent.retry_in
            self._waits.blocked_until = now + pause
            self.give_back_waiting()
