"""The sender: claims waiting mail, hands it to the transport, writes down what became of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from agentflow_tui.errors import SettingsError
from agentflow_tui.mail.configuration import transport_from
from agentflow_tui.mail.message.messages import SenderIdentity
from agentflow_tui.mail.transports import Transport, TransportState
from agentflow_tui.settings import Settings
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue.mail_results import MailWrites
from agentflow_tui.workers.batch_writer import BatchWriter
from agentflow_tui.workers.context import RoleFactory, StepReport, WorkerContext
from agentflow_tui.workers.sender.claims import MailClaims
from agentflow_tui.workers.sender.hand_over import HandOver
from agentflow_tui.workers.sender.health_report import HealthReport
from agentflow_tui.workers.sender.held_mail import FinishedMail, HeldMail, recall
from agentflow_tui.workers.sender.part_receipts import PartReceipts
from agentflow_tui.workers.sender.waits import BLOCKED, Waits

NAME = "sender"

GATHER = 0.002
"""Seconds for which a write waits for company: half as many commits, and the relay's connections,
which a round trip keeps busy for as long, do not notice."""


def prepare(_settings: Settings) -> RoleFactory:
    """Return what builds the sender: without a relay it runs, and says so."""
    return Sender


class Sender:
    """The role that sends mail. Without ``transport`` it makes its own from the settings.

    ``on_claim`` hears of each claim: how many mails it brought, and how many seconds it took.
    """

    def __init__(
        self,
        context: WorkerContext,
        transport: Transport | None = None,
        identity: SenderIdentity | None = None,
        on_claim: Callable[[int, float], None] = lambda mails, seconds: None,
    ):
        self.name = NAME
        self.waits = Waits()
        self._context = context
        self._transport = transport
        self._identity = identity
        self._on_claim = on_claim
        self._report = HealthReport(NAME)
        self._problem = ""
        self._queue = self._open()

    @property
    def held(self) -> dict[str, HeldMail]:
        """The mail in hand, by the queue's id."""
        return self._queue.claims.held if self._queue else {}

    @property
    def held_up(self) -> int:
        """Mails whose end waits to be written because another transaction holds their rows."""
        return self._queue.held_up if self._queue else 0

    async def step(self, woken: bool = True) -> StepReport:
        """Renew what is held for long, claim while there is room, and keep the transport fed."""
        if self._queue is None:
            down = TransportState(up=False, sentence=self._problem)
            await self._report.tell(self._context, down, mails=0, sent=0, open_=False)
            return StepReport(left=await _left(self._context, down))
        return await self._queue.step(woken=woken)

    async def stop(self, deadline: float) -> None:
        """Let the relay answer for what it has, give the rest back, write everything down."""
        if self._queue is not None:
            await self._queue.stop(deadline)

    def _open(self) -> "SenderQueue | None":
        context = self._context
        transport, identity = self._transport, self._identity
        try:
            if transport is None or identity is None:
                transport, identity = transport_from(context.settings)
        except SettingsError as error:
            self._problem = str(error)
            context.idle.add(NAME)  # so this process is left no part of the rates
            context.log.of(NAME).warning(self._problem)
            return None
        return SenderQueue(
            context,
            transport,
            identity,
            waits=self.waits,
            report=self._report,
            on_claim=self._on_claim,
        )


class SenderQueue:
    """The mail that one sender has in hand, from the claim to the written result."""

    def __init__(
        self,
        context: WorkerContext,
        transport: Transport,
        identity: SenderIdentity,
        *,
        waits: Waits,
        report: HealthReport,
        on_claim: Callable[[int, float], None],
    ) -> None:
        log = context.log.of(NAME)
        self.claims = MailClaims(context)
        self._context = context
        self._transport = transport
        self._waits = waits
        self._report = report
        self._on_claim = on_claim
        writes = MailWrites[FinishedMail](
            context.database,
            context.writes,
            on_lost=lambda count: log.info(
                "mails were claimed by another worker meanwhile", count=count
            ),
            on_unwritable=log.error,
        )
        self._writer: BatchWriter[FinishedMail, None] = BatchWriter(
            hooks=writes,
            rebind=context.database.rebind,
            what="What became of mail",
            warn=log.warning,
            on_written=self._written,
            gather=GATHER,
            full=max(1, context.settings.workers.connections),
        )
        self._parts = PartReceipts(context)
        self._hand_over = HandOver(
            context,
            transport,
            identity,
            claims=self.claims,
            parts=self._parts,
            waits=waits,
            finish=self._writer.put,
        )
        self._tasks = [
            context.spawn(self._writer.serve()),
            context.spawn(self._hand_over.serve()),
        ]
        self._healing: asyncio.Task[None] | None = None
        self._sent = 0
        self._reported = 0

    @property
    def held_up(self) -> int:
        """See `Sender.held_up`."""
        return self._writer.held_up

    async def step(self, *, woken: bool) -> StepReport:
        """Do one round of what `Sender.step` says."""
        context = self._context
        self._transport.share(context.senders)
        await self._renew()
        if self._report.is_due(context) and not context.stopping.is_set():
            await self._transport.probe()
        state = self._transport.state
        await self._report.tell(context, state, mails=len(self.claims.held), sent=self._sent)
        self._hand_over.look_again()
        now = monotonic()
        self._waits.forget(now)
        blocked = self._blocked(state, now)
        if blocked is not None:
            return replace(self._step_report(0, blocked), left=await _left(context, state))
        if not context.leases.trusted:  # whether mail is due is not known, so a drain must not end
            return replace(self._step_report(0, 0.25), held=len(self.claims.held) + 1)
        claimed = 0
        if not context.stopping.is_set() and self.claims.has_room:
            claimed = await self._claim()
        report = self._step_report(claimed, await self._rest(woken=woken))
        if context.drain and not report.held and await self._is_held_elsewhere():
            return replace(report, again=min(report.again or 1.0, 1.0), held=1)
        return report

    async def stop(self, deadline: float) -> None:
        """See `Sender.stop`."""
        writing, handing_over = self._tasks
        handing_over.cancel()
        if self._healing is not None:
            self._healing.cancel()
        await self._hand_over.stop()
        grace = max(0.1, deadline - asyncio.get_running_loop().time())
        await self._transport.close(grace / 4)  # waits that long twice at most
        await self._parts.finish(deadline)  # before others may claim the mail
        for held in list(self.claims.held.values()):
            self._hand_over.end(held, None)
        if not await self._writer.finish(deadline):
            log = self._context.log.of(NAME)
            log.warning("not everything could be written; the lease ends the rest")
        writing.cancel()

    # --- claiming ---------------------------------------------------------------------------------

    async def _claim(self) -> int:
        began = monotonic()
        mails = await self.claims.claim(list(self._waits.resting))
        self._on_claim(len(mails), monotonic() - began)
        try:
            await recall(self._context.database, mails)
        except BaseException:  # when cut off, too: they are claimed
            for held in mails:
                self._hand_over.end(held, None)
            raise
        self._hand_over.add(mails)
        return len(mails)

    async def _renew(self) -> None:
        if mails := self.claims.in_need_of_renewal():
            async with self._writer.paused():
                await self.claims.renew([each for each in mails if not each.ended])

    def _written(self, batch: Sequence[FinishedMail]) -> None:
        """Hear from the writer that these mails' ends are committed."""
        for each in batch:
            self.claims.forget(each.held)
            self._hand_over.written(each)
            self._sent += each.result is not None and each.result.status == "completed"
        self._transport.confirm([each.sent for each in batch if each.sent is not None])
        more = self.claims.backlog and self.claims.has_room
        if more or not self.claims.held or self._waits.resting:
            self._context.wake(NAME)

    # --- waiting ----------------------------------------------------------------------------------

    def _blocked(self, state: TransportState, now: float) -> float | None:
        """Seconds for which nothing is claimed, None when something may be."""
        if not state.up and state.retry_in is not None:
            if self._healing is None or self._healing.done():
                self._healing = self._context.spawn(self._until_healed())
            return BLOCKED
        return self._waits.blocked(now)

    async def _until_healed(self) -> None:
        await self._transport.ready()
        self._waits.blocked_until = 0.0
        self._context.wake(NAME)

    async def _rest(self, *, woken: bool) -> float | None:
        """Seconds to the next step, by what is known to fall due."""
        workers = self._context.settings.workers
        if self.claims.backlog:
            return 0.0 if self.claims.has_room else workers.lease / 4
        due = await self._waits.next_due(self._context.database, workers, woken=woken)
        waits = [due, workers.lease / 4 if self.claims.held else None]
        return min((each for each in waits if each is not None), default=None)

    async def _is_held_elsewhere(self) -> bool:
        """Whether another process has mail in hand, or had when it died: a drain waits until it is
        sent or can be taken over."""
        asked = await self._context.database.fetch(store.IS_HELD_ELSEWHERE, list(self.claims.held))
        return asked == [True]

    def _step_report(self, claimed: int, again: float | None) -> StepReport:
        done, self._reported = self._writer.items - self._reported, self._writer.items
        # What a rate limit holds up is due all the same.
        in_hand = len(self.claims.held) + len(self._waits.resting)
        return StepReport(done=claimed + done, again=again, held=in_hand)


async def _left(context: WorkerContext, state: TransportState) -> str:
    """Why due mail stays where it is, for a worker that drains; empty when none is due."""
    if not context.drain:
        return ""
    workers = context.settings.workers
    due = await context.database.fetch(store.IS_ANY_DUE, workers.retry_base, workers.retry_limit)
    return state.sentence if due == [True] else ""
