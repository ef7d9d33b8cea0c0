"""The sender: claims waiting mail, hands it to the transport, writes down what became of it.

It holds up to `CAPACITY` mails. Few of them are with the transport at a time, the others wait
here, where they can be dropped when the claim is lost and given back when the process stops. What
the relay answers is written by one lane (`sender_lane`), many answers in one statement.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from agentflow_tui.errors import SettingsError, UnreachableError
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message.messages import SenderIdentity
from agentflow_tui.mail.smtp.answers import SendResult, Verdict
from agentflow_tui.mail.transports import Transport, TransportState
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.statements import NOW
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue.mail_results import MailResult, keeps_receipts
from agentflow_tui.workers.backoff import retry_until_reachable
from agentflow_tui.workers.roles import Crew, Turn
from agentflow_tui.workers.sender import outcomes
from agentflow_tui.workers.sender.batch import FinishedMail, Lane
from agentflow_tui.workers.sender.claim_cursor import ClaimCursor
from agentflow_tui.workers.sender.health_report import HealthReport
from agentflow_tui.workers.sender.held_mail import (
    AllSettledError,
    HeldMail,
    build,
    build_slowly,
    recall,
)
from agentflow_tui.workers.sender.poison_mail import SendingRecord
from agentflow_tui.workers.sender.transport import transport_from
from agentflow_tui.workers.sender.waits import BLOCKED, Waits

NAME = "sender"
BATCH = 100
"""Mails in one claim."""

CAPACITY = 2 * BATCH
"""Mails held at a time."""


class Sender:
    """The role that sends mail. Without ``transport`` it makes its own from the settings."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport | None = None,
        letterhead: SenderIdentity | None = None,
    ):
        self.name = NAME
        self.held: dict[str, HeldMail] = {}
        self.sent = 0
        self._settings = settings
        self._transport = transport
        self._letterhead = letterhead
        self._folder = Path(settings.workers.attachments) if settings.workers.attachments else None
        self._crew: Crew | None = None
        self._lane: Lane | None = None
        self._lane_task: asyncio.Task[None] | None = None
        self._problem = ""
        self._waiting: deque[HeldMail] = deque()
        self._building: set[asyncio.Task[None]] = set()
        self._with_transport = 0
        self._limit = 2 * max(1, settings.workers.connections)
        self._feeding = False
        self._doubt = False
        self._stopping = False
        self._frontier = ClaimCursor()
        self._waits = Waits()
        self._suspects = SendingRecord()
        self._healing: asyncio.Task[None] | None = None
        self._telling = HealthReport(NAME)
        self._reported = 0

    # --- Role -------------------------------------------------------------------------------------

    async def step(self, crew: Crew, woken: bool = True) -> Turn:
        """Renew what is held for long, claim while there is room, and keep the transport fed."""
        if not self._is_open(crew):
            idle = TransportState(up=False, sentence=self._problem)
            await self._telling.tell(crew, idle, mails=0, sent=0, open_=False)
            return Turn(left=await self._left(crew, idle))
        transport = self._open_transport
        transport.share(crew.senders)
        await self._renew(crew)
        if self._telling.is_due(crew) and not crew.stopping.is_set():
            await transport.probe()
        state = transport.state
        await self._telling.tell(crew, state, mails=len(self.held), sent=self.sent)
        self._feed()
        now = monotonic()
        self._waits.forget(now)
        blocked = self._blocked(transport, state, now)
        if blocked is not None:
            return replace(self._turn(0, blocked), left=await self._left(crew, state))
        if not crew.trusted:  # nobody has looked whether mail is due, so nobody may leave
            return replace(self._turn(0, 0.25), held=len(self.held) + 1)
        claimed = 0
        if not crew.stopping.is_set() and len(self.held) <= CAPACITY - BATCH:
            claimed = await self._claim(crew, now)
            self._feed()
        return self._turn(claimed, await self._rest(crew, woken=woken))

    async def stop(self, crew: Crew, deadline: float) -> None:
        """Let the relay answer for what it has, give the rest back, write everything down."""
        if self._lane is None:
            return
        self._stopping = True
        loop = asyncio.get_running_loop()
        for task in [*self._building, *([self._healing] if self._healing else [])]:
            task.cancel()
        await asyncio.gather(*self._building, return_exceptions=True)
        self._give_back_waiting()
        grace = max(0.1, deadline - loop.time())
        await self._open_transport.close(grace / 4)  # waits that long twice at most
        for held in list(self.held.values()):
            if not held.ended:
                self._end(held, None)
        await self._lane.finish(deadline)
        if self._lane_task is not None:
            self._lane_task.cancel()

    # --- opening ----------------------------------------------------------------------------------

    @property
    def _open_transport(self) -> Transport:
        assert self._transport is not None
        return self._transport

    def _is_open(self, crew: Crew) -> bool:
        if self._lane is not None:
            return True
        if self._problem:
            return False
        try:
            transport, letterhead = self._transport, self._letterhead
            if transport is None or letterhead is None:
                transport, letterhead = transport_from(self._settings)
        except SettingsError as error:
            self._problem = str(error)
            crew.idle.add(NAME)  # so nobody leaves us a part of the rates
            crew.log.of(NAME).warning(self._problem)
            return False
        self._transport, self._letterhead, self._crew = transport, letterhead, crew
        connections = max(1, self._settings.workers.connections)
        log = crew.log.of(NAME)
        self._lane = Lane(crew.database, log, self._written, self._feed, full=connections)
        self._lane_task = crew.spawn(self._lane.serve())
        return True

    def _blocked(self, transport: Transport, state: TransportState, now: float) -> float | None:
        """Seconds for which nothing is claimed, None when something may be."""
        if not state.up and state.retry_in is not None:
            if self._crew and (self._healing is None or self._healing.done()):
                self._healing = self._crew.spawn(self._until_healed(transport))
            return BLOCKED
        return self._waits.blocked(now)

    async def _left(self, crew: Crew, state: TransportState) -> str:
        """Why due mail stays where it is, for who wants to leave; empty when none is due."""
        if not crew.drain:
            return ""
        workers = crew.settings.workers
        due = await crew.database.fetch(store.IS_ANY_DUE, workers.retry_base, workers.retry_limit)
        return state.sentence if due == [True] else ""

    async def _until_healed(self, transport: Transport) -> None:
        await transport.ready()
        self._waits.blocked_until = 0.0
        if self._crew is not None:
            self._crew.wake(NAME)

    # --- claiming ---------------------------------------------------------------------------------

    async def _claim(self, crew: Crew, now: float) -> int:
        workers = crew.settings.workers
        part = workers.rate / crew.senders
        ask = BATCH if not part else min(BATCH, max(1, int(part * 5)))
        place = self._frontier.place(now)
        rows = await crew.claim(
            store.KIND,
            crew.database.binding.made(store.claim, onward=place is not None),
            workers.retry_base,
            workers.retry_limit,
            ask,
            workers.lease,
            list(self._waits.resting),
            *(() if place is None else (place.priority, place.queued_at)),
            tokens=lambda rows: {row.id: row.attempts for row in rows},
        )
        self._frontier.claimed(
            rows, asked=ask, onward=place is not None, began=now, ended=monotonic()
        )
        mails = [HeldMail(row) for row in rows]
        for held in mails:
            if overtaken := self.held.get(held.row.id):  # our own lease had run out meanwhile
                overtaken.lost = True
            self.held[held.row.id] = held
        try:
            await recall(crew.database, mails)
        except BaseException:  # when cut off, too: they are claimed
            for held in mails:
                self._end(held, None)
            raise
        self._waiting.extend(mails)
        return len(rows)

    async def _renew(self, crew: Crew) -> None:
        """Begin the lease anew for what is held for long; forget what was taken from us."""
        resolved = self._doubt and crew.trusted
        old = monotonic() - (0.0 if resolved else crew.settings.workers.lease / 4)
        mails = [each for each in self.held.values() if each.renewed_at < old and not each.ended]
        if crew.trusted:
            self._doubt = False
        if not mails or self._lane is None:
            return
        async with self._lane.writing:
            asked = monotonic()
            [now] = await crew.database.fetch(NOW)
            token = (
                [each.row.id for each in mails],
                [each.row.attempts for each in mails],
                [each.claimed_at for each in mails],
            )
            # Until it is known: a lost answer would cost the token.
            renewed = await retry_until_reachable(
                lambda: crew.database.fetch(store.RENEW, *token, now)
            )
        times = {row.id: row.last_attempt for row in renewed}
        for held in mails:
            if held.row.id in times:
                held.claimed_at, held.renewed_at = times[held.row.id], asked
            elif not held.ended:
                held.lost = True

    async def _rest(self, crew: Crew, *, woken: bool) -> float | None:
        """Seconds to the next step, by what is known to fall due."""
        if self._frontier.backlog:
            return 0.0 if len(self.held) <= CAPACITY - BATCH else crew.settings.workers.lease / 4
        workers = crew.settings.workers
        due = await self._waits.next_due(crew.database, workers, woken=woken)
        waits = [due, workers.lease / 4 if self.held else None]
        return min((each for each in waits if each is not None), default=None)

    def _turn(self, claimed: int, again: float | None) -> Turn:
        lane = self._lane
        written = lane.mails if lane else 0
        done, self._reported = written - self._reported, written
        # What a rate limit holds up is due all the same.
        in_hand = len(self.held) + len(self._waits.resting)
        return Turn(done=claimed + done, again=again, held=in_hand)

    # --- sending ----------------------------------------------------------------------------------

    def _feed(self) -> None:
        """Hand mail over while the transport has use for it."""
        crew = self._crew
        if self._feeding or crew is None or self._letterhead is None:
            return  # a transport may answer before `submit` returns
        self._feeding = True
        try:
            while self._waiting and self._with_transport < self._limit and not self._stopping:
                if not crew.trusted:
                    self._doubt = True
                    return
                self._send(crew, self._waiting.popleft(), self._letterhead)
        finally:
            self._feeding = False

    def _send(self, crew: Crew, held: HeldMail, letterhead: SenderIdentity) -> None:
        if self._slipped(crew, held):
            self._end(held, None)
            return
        if held.row.cancelled:
            self._end(held, outcomes.cancelled(held))
            return
        if held.is_deadly:
            self._end(held, outcomes.deadly(held))
            return
        self._with_transport += 1
        if held.is_slow or held.row.suspect:
            task = crew.spawn(self._send_slowly(crew, held, letterhead))
            self._building.add(task)
            task.add_done_callback(self._building.discard)
            return
        try:
            self._submit(crew, held, build(held, letterhead))
        except (MessageError, AllSettledError) as error:
            self._unsent(held, error)

    def _slipped(self, crew: Crew, held: HeldMail) -> bool:
        """Whether somebody else may have it by now. Giving it back is fenced."""
        return held.lost or held.renewed_at < monotonic() - crew.settings.workers.lease / 2

    async def _send_slowly(self, crew: Crew, held: HeldMail, letterhead: SenderIdentity) -> None:
        try:
            if held.row.suspect:
                await self._suspects.admit(crew, held)
            if held.is_slow:
                envelope = await build_slowly(held, letterhead, crew.database, self._folder)
            else:
                envelope = build(held, letterhead)
        except (MessageError, AllSettledError) as error:
            self._unsent(held, error)
        except UnreachableError:
            self._let_go(held)
        else:
            if crew.trusted and not self._slipped(crew, held):
                self._submit(crew, held, envelope)
            else:
                self._let_go(held)

    def _let_go(self, held: HeldMail) -> None:
        self._with_transport -= 1
        self._end(held, None)

    def _unsent(self, held: HeldMail, error: Exception) -> None:
        self._with_transport -= 1
        if isinstance(error, AllSettledError):
            self._end(held, outcomes.nobody_left(held))
        else:
            self._end(held, outcomes.unbuildable(held, str(error)))

    def _submit(self, crew: Crew, held: HeldMail, envelope: Envelope) -> None:
        started = crew.now()

        def done(result: SendResult) -> None:
            self._with_transport -= 1
            workers = crew.settings.workers
            settlement = outcomes.outcome(
                held,
                result,
                max_attempts=workers.max_attempts,
                remembers=crew.database.binding.made(keeps_receipts),
                started=started,
            )
            if settlement is None:
                self._hold_off(held, result)
            elif settlement.status == "pending":
                self._waits.expect(held.row.id, held.row.attempts, workers)
            self._end(held, settlement, result)

        self._open_transport.submit(envelope, done)

    def _hold_off(self, held: HeldMail, result: SendResult) -> None:
        """Nothing was tried: leave the relay, or this mail, alone for as long as it takes."""
        now = monotonic()
        if result.verdict is Verdict.NOT_TRIED and result.retry_in is not None:
            self._waits.resting[held.row.id] = now + result.retry_in
        elif result.verdict is Verdict.RELAY_DOWN:
            pause = BLOCKED if result.retry_in is None else result.retry_in
            self._waits.blocked_until = now + pause
            self._give_back_waiting()

    def _give_back_waiting(self) -> None:
        waiting, self._waiting = list(self._waiting), deque()
        for held in waiting:
            self._end(held, None)

    def _end(
        self, held: HeldMail, settlement: MailResult | None, result: SendResult | None = None
    ) -> None:
        if self._lane is not None and not held.ended:
            held.ended = True
            self._lane.put(FinishedMail(held, settlement, result))

    def _written(self, batch: Sequence[FinishedMail]) -> None:
        """The lane has written these."""
        crew = self._crew
        assert crew is not None
        for each in batch:
            key = each.held.row.id
            if self.held.get(key) is each.held:
                del self.held[key]
                crew.released(store.KIND, [key])
            if each.held.row.suspect:
                self._suspects.done(crew, each.held)
            self.sent += each.settlement is not None and each.settlement.status == "completed"
        self._open_transport.confirm([each.result for each in batch if each.result is not None])
        idle_now = not self.held
        if (
            (self._frontier.backlog and len(self.held) <= CAPACITY - BATCH)
            or idle_now
            or self._waits.resting
        ):
            crew.wake(NAME)
