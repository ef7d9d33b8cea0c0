"""Many connections to one relay, kept busy, kept within limits, and left alone while it is down.

A message costs no task and no timer: connections take their next mail themselves and call back.
Tasks exist only while connections are being opened.
"""

import asyncio
from collections.abc import Callable, Iterable

from agentflow_tui.mail.answers import (
    Answer,
    Phase,
    RecipientOutcome,
    SendResult,
    Verdict,
    not_sent,
    same_for_all,
)
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.breaker import Breaker
from agentflow_tui.mail.smtp.commands import EsmtpFeatures
from agentflow_tui.mail.smtp.connection import SmtpConnection
from agentflow_tui.mail.smtp.doubts import MOST_DROPS, Doubts, about_mail
from agentflow_tui.mail.smtp.envelope_queue import EnvelopeQueue, QueuedEnvelope
from agentflow_tui.mail.smtp.handover_window import HandoverWindow
from agentflow_tui.mail.smtp.handshake import RelayConnector, RelayDownError
from agentflow_tui.mail.smtp.rate_limits import RateLimits
from agentflow_tui.mail.smtp.recipient_parts import RecipientLimit, RecipientParts
from agentflow_tui.mail.smtp.relays import Relay
from agentflow_tui.mail.smtp.reply_protocol import Timeouts
from agentflow_tui.mail.transports import (
    CallbackTransport,
    MayLeave,
    PartCallback,
    ResultCallback,
    TransportState,
    always,
)

_YOUNG = 30.0  # seconds within which a dropped mail is tried on another connection at once
_PROBE = 2.0  # seconds that a probe is waited for; it goes on by itself
_NO_MORE_FOR = 30.0  # seconds without new connections after one of several was refused


class SmtpTransport(CallbackTransport):
    """A `Transport` over SMTP. To be used and closed in one event loop.

    ``connections`` at most are open, each carries ``per_connection`` messages. A mail that a rate
    limit would hold for more than ``patience`` seconds comes back not tried. ``window`` bounds how
    many mails may be with the relay without `confirm` having been called for their results: at
    most so many can be sent twice when this process is killed; None is no bound.
    """

    def __init__(
        self,
        relay: Relay,
        *,
        connections: int = 8,
        per_connection: int = 500,
        timeouts: Timeouts | None = None,
        limits: RateLimits | None = None,
        breaker: Breaker | None = None,
        patience: float = 10.0,
        window: int | None = None,
    ):
        self.relay = relay
        self.limits = limits or RateLimits()
        self._connections = connections
        self._per_connection = per_connection
        self._timeouts = timeouts or Timeouts()
        self._connector = RelayConnector(relay, self._timeouts.connect)
        self._breaker = breaker or Breaker()
        self._doubts = Doubts()
        self._waiting = EnvelopeQueue(self.limits, self._doubts, patience, self._serve)
        self._window = HandoverWindow(window)
        self._recipient_limit = RecipientLimit()
        self._usable: set[SmtpConnection] = set()
        self._resting: list[SmtpConnection] = []
        self._leaving: set[SmtpConnection] = set()  # over, but not closed yet
        self._connecting: set[asyncio.Task[None]] = set()
        self._probe_timer: asyncio.TimerHandle | None = None
        self._streak = 0  # conversations that broke off, or may be about us, since the last answer
        self._reached = False
        self._probing = False
        self._grow_after = 0.0
        self._healed = asyncio.Event()
        self._healed.set()
        self._closed = False
        self._all_gone: asyncio.Future[None] | None = None

    # --- Transport --------------------------------------------------------------------------------

    @property
    def state(self) -> TransportState:
        return TransportState(
            up=self._breaker.reason is None,
            sentence=self._breaker.sentence(self.relay.place, reached=self._reached),
            retry_in=self._retry_in() if self._breaker.is_open else None,
            connections=len(self._usable),
            busy=len(self._usable) - len(self._resting),
            waiting=len(self._waiting),
        )

    def submit(
        self,
        envelope: Envelope,
        done: ResultCallback,
        may_leave: MayLeave = always,
        on_part: PartCallback | None = None,
    ) -> None:
        if len(envelope.recipients) > 1:
            RecipientParts(
                envelope,
                self._recipient_limit,
                submit=lambda part, heard: self._submit_part(part, heard, may_leave),
                on_part=on_part or self._forget_part,
                done=done,
            ).send()
        else:
            self._submit_part(envelope, done, may_leave)

    def _submit_part(self, envelope: Envelope, done: ResultCallback, may_leave: MayLeave) -> None:
        queued = QueuedEnvelope(envelope, done, asyncio.get_running_loop().time(), may_leave)
        if self._closed or self._breaker.is_open:
            self._refuse(queued)
            return
        wait = self._waiting.reserve(queued)
        if self._waiting.exceeds_patience(wait):
            answer = Answer(0, f"Not tried: a rate limit leaves room in {wait:.0f} s.")
            self._end(queued, RecipientOutcome(Verdict.NOT_TRIED, answer), wait)
        elif not wait:
            self._enqueue(queued)

    def _forget_part(self, part: SendResult, go_on: Callable[[], None]) -> None:
        """The `PartCallback` of a mail whose parts are not recorded."""
        self.confirm([part])
        go_on()

    def confirm(self, results: Iterable[SendResult]) -> None:
        self._window.confirm(sum(result.handed_over for result in results))

    def share(self, among: int) -> None:
        self.limits.sharers = among

    async def probe(self) -> None:
        if self._usable or self._closed or self._breaker.is_open:
            return
        if not self._connecting:
            self._open()
        await asyncio.wait(set(self._connecting), timeout=_PROBE)

    async def ready(self) -> None:
        await self._healed.wait()

    async def close(self, grace: float = 5.0) -> None:
        self._closed = True
        self._waiting.close()
        if self._probe_timer is not None:
            self._probe_timer.cancel()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        self._give_back_all()
        for connection in list(self._usable):
            if connection.is_parked:
                connection.abort("The sender is stopping.")
            else:
                connection.quit()
        await self._until_gone(grace)
        for connection in self._usable | self._leaving:
            connection.abort("The sender stopped before the relay had answered.")
        await self._until_gone(grace)

    async def _until_gone(self, seconds: float) -> None:
        if self._usable or self._leaving:
            self._all_gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._all_gone], timeout=seconds)

    # --- ConnectionOwner --------------------------------------------------------------------------

    def next_envelope(self) -> QueuedEnvelope | None:
        while queued := self._waiting.pop():
            if queued.may_leave():
                return queued
            self.withdrawn(queued)
        return None

    def withdrawn(self, queued: QueuedEnvelope) -> None:
        self._window.take_back(queued)
        queued.done(not_sent(queued.envelope, self.relay.place))

    def may_hand_over(self, connection: SmtpConnection, queued: QueuedEnvelope) -> bool:
        return self._window.enter(connection, queued)

    def answered(self, queued: QueuedEnvelope, outcomes: tuple[RecipientOutcome, ...]) -> None:
        about_us = self._doubts.about_us(queued.envelope.id, outcomes)
        if about_us is not None:
            self._doubt(queued, about_us)
            return
        self._doubts.forget(queued.envelope.id)
        first = outcomes[0]
        if first.verdict is Verdict.UNKNOWN:
            self._streak += 1
        elif first.answer.phase is not Phase.HERE:
            self._streak = 0
            self._doubts.answered(outcomes)
            self._breaker.prove()
        outcomes = about_mail(outcomes)
        place = self.relay.place
        queued.done(SendResult(queued.envelope, outcomes, place, None, queued.handed_over))
        if self._streak >= self._longest_streak:
            self._trip(first.answer)

    def _doubt(self, queued: QueuedEnvelope, refusal: RecipientOutcome) -> None:
        """Try a mail again after others, whose refusal may be, or is, what every mail would get."""
        if self._closed or self._breaker.is_open:
            self._refuse(queued)
            return
        self._streak += 1
        self._enqueue(queued)
        if refusal.verdict is Verdict.RELAY_DOWN or self._streak >= self._longest_streak:
            self._trip(refusal.answer)  # given back with all others

    def dropped(self, queued: QueuedEnvelope, answer: Answer) -> None:
        self._window.take_back(queued)
        if self._closed:
            self._refuse(queued)
            return
        self._streak += 1
        if self._doubts.dropped(queued.envelope.id, answer):
            self._doubts.forget(queued.envelope.id)
            again = Answer(answer.code, f"{answer.text} {MOST_DROPS} times with this mail.")
            self._end(queued, RecipientOutcome(Verdict.TRY_LATER, again))
            return
        young = asyncio.get_running_loop().time() - queued.since < _YOUNG
        if self._breaker.is_open:
            self._refuse(queued)
        elif answer.code or self._streak >= self._longest_streak:
            self._waiting.put_first(queued)  # given back with all others
            self._trip(answer)
        elif young:
            self._waiting.put_first(queued)
            self._grow()
            self._serve_soon()
        else:
            self._end(queued, RecipientOutcome(Verdict.RELAY_DOWN, answer))

    def lost_ahead(self) -> None:
        if self._connector.lost_ahead():
            for connection in self._usable:
                connection.send_singly()

    def put_back(self, queued: QueuedEnvelope) -> None:
        self._window.take_back(queued)
        if self._closed or self._breaker.is_open:
            self._refuse(queued)
        elif self._resting:
            self._resting.pop().begin(queued)
        else:
            self._waiting.put_first(queued)
            self._grow()

    def rested(self, connection: SmtpConnection) -> None:
        if self._closed or self._breaker.is_open:
            connection.quit()
        else:
            self._resting.append(connection)

    def ended(self, connection: SmtpConnection) -> None:
        self._usable.discard(connection)
        self._leaving.add(connection)
        if connection in self._resting:
            self._resting.remove(connection)
        self._grow()

    def closed(self, connection: SmtpConnection) -> None:
        self._leaving.discard(connection)
        waiter = self._all_gone
        if waiter and not waiter.done() and not self._usable and not self._leaving:
            waiter.set_result(None)

    # --- envelopes --------------------------------------------------------------------------------

    def _enqueue(self, queued: QueuedEnvelope) -> None:
        if self._resting and not self._doubts.is_about(queued.envelope.id):
            self._resting.pop().begin(queued)
            return
        self._waiting.append(queued)
        self._grow()
        self._serve_soon()

    def _serve_soon(self) -> None:
        """Not at once: others may follow, and go first while this one is doubtful."""
        if self._resting:
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        while self._resting and (queued := self.next_envelope()):
            self._resting.pop().begin(queued)
        self._grow()

    def _end(
        self, queued: QueuedEnvelope, outcome: RecipientOutcome, retry_in: float | None = None
    ) -> None:
        place = self.relay.place
        queued.done(same_for_all(queued.envelope, outcome, relay=place, retry_in=retry_in))

    def _refuse(self, queued: QueuedEnvelope) -> None:
        if self._closed:
            stopping = Answer(0, "Not tried: the sender is stopping.")
            self._end(queued, RecipientOutcome(Verdict.NOT_TRIED, stopping))
        else:
            assert self._breaker.trouble is not None
            outcome = RecipientOutcome(Verdict.RELAY_DOWN, self._breaker.trouble)
            self._end(queued, outcome, self._retry_in())

    def _give_back_all(self) -> None:
        for queued in self._waiting.clear():
            self._refuse(queued)

    # --- connections ------------------------------------------------------------------------------

    @property
    def _longest_streak(self) -> int:
        return max(MOST_DROPS + 1, self._connections)

    def _retry_in(self) -> float:
        return max(0.0, self._breaker.retry_at - asyncio.get_running_loop().time())

    def _grow(self) -> None:
        """Open connections for what waits: one until the relay is reached, then all at once."""
        ready = self._waiting.ready
        if not ready or self._closed or self._breaker.is_open:
            return
        most = self._connections - len(self._usable)
        if self._usable and asyncio.get_running_loop().time() < self._grow_after:
            return
        wanted = min(ready, most) if self._reached else min(1, most)
        for _ in range(wanted - len(self._connecting)):
            self._open()

    def _open(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            connection = await self._connector.connect(self._make_connection)
        except RelayDownError as error:
            self._connecting.discard(task)
            self._unreachable(error.answer)
        else:
            self._connecting.discard(task)
            self._adopt(connection)

    def _make_connection(self, features: EsmtpFeatures) -> SmtpConnection:
        return SmtpConnection(self, features, self._timeouts, self._per_connection)

    def _adopt(self, connection: SmtpConnection) -> None:
        self._usable.add(connection)
        if self._breaker.is_open and not self._probing:
            connection.quit()  # asked for before the trouble; reaching the relay was not that
            return
        self._reached = True
        if self._breaker.is_open:
            self._breaker.close()
            self._probing = False
            self._streak = 0
            self._healed.set()
        queued = self.next_envelope()
        if queued is not None:
            connection.begin(queued)
        else:
            self.rested(connection)
        self._grow()

    def _unreachable(self, answer: Answer) -> None:
        if self._usable and not self._breaker.is_open:
            # The others work: this relay wants no more connections at once.
            self._grow_after = asyncio.get_running_loop().time() + _NO_MORE_FOR
        else:
            self._trip(answer)

    def _trip(self, answer: Answer) -> None:
        """Stop for a while, give back what waits. More of the same trouble changes nothing."""
        if self._closed or (self._breaker.is_open and not self._probing):
            return
        self._probing = False
        loop = asyncio.get_running_loop()
        pause = self._breaker.trip(answer, loop.time())
        self._reached = False
        self._healed.clear()
        if self._probe_timer is not None:
            self._probe_timer.cancel()
        self._probe_timer = loop.call_at(loop.time() + pause, self._probe)
        self._give_back_all()
        for connection in list(self._resting):
            connection.quit()

    def _probe(self) -> None:
        if self._breaker.is_open and not self._closed:
            self._probing = True
            if not self._connecting:
                self._open()
