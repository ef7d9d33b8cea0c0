"""Many connections to one relay, kept busy, kept within limits, and left alone while it is down.

A message costs no task and no timer: dialogues take their next job themselves and call back.
Tasks exist only while connections are being opened.
"""

import asyncio
import heapq
import itertools
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from agentflow_tui.errors import SettingsError
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp import handshake
from agentflow_tui.mail.smtp.answers import (
    Answer,
    Phase,
    RecipientOutcome,
    SendResult,
    Verdict,
    same_for_all,
)
from agentflow_tui.mail.smtp.breaker import Breaker
from agentflow_tui.mail.smtp.connection import SmtpConnection
from agentflow_tui.mail.smtp.drop_counter import DropCounter
from agentflow_tui.mail.smtp.jobs import QueuedEnvelope, Timeouts
from agentflow_tui.mail.smtp.rate_limits import RateLimits
from agentflow_tui.mail.smtp.relays import Relay
from agentflow_tui.mail.transports import CallbackTransport, ResultCallback, TransportState

RECIPIENTS = 100
"""Recipients of one SMTP transaction: what every relay must take (RFC 5321 4.5.3.1.8)."""

_DROPS = 3  # a mail during which the connection breaks so often spends an attempt
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
        self._breaker = breaker or Breaker()
        self._patience = patience
        self._window = window
        self._waiting: deque[QueuedEnvelope] = deque()
        self._delayed: list[
            tuple[float, int, QueuedEnvelope]
        ] = []  # a heap by the time they may leave
        self._numbers = itertools.count()
        self._usable: set[SmtpConnection] = set()
        self._resting: list[SmtpConnection] = []
        self._leaving: set[SmtpConnection] = set()  # over, but not closed yet
        self._parked: deque[SmtpConnection] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._drops = DropCounter()
        self._streak = 0  # conversations that broke off since the relay's last answer
        self._unconfirmed = 0
        self._reached = False
        self._probing = False
        self._grow_after = 0.0
        self._prepared: tuple[ssl.SSLContext | None, str] | None = None
        self._healed = asyncio.Event()
        self._healed.set()
        self._closed = False
        self._all_gone: asyncio.Future[None] | None = None

    # --- Transport --------------------------------------------------------------------------------

    @property
    def state(self) -> TransportState:
        trouble = self._breaker.trouble
        sentence, retry_in = f"{self.relay.place} takes mail.", None
        if not self._reached:
            sentence = f"{self.relay.place} has not answered yet."
        if trouble is not None:
            retry_in = self._retry_in()
            sentence = f"{self.relay.place} takes no mail: {trouble}"
        return TransportState(
            up=trouble is None,
            sentence=sentence,
            retry_in=retry_in,
            connections=len(self._usable),
            busy=len(self._usable) - len(self._resting),
            waiting=len(self._waiting) + len(self._delayed),
        )

    def submit(self, envelope: Envelope, done: ResultCallback) -> None:
        now = asyncio.get_running_loop().time()
        job = QueuedEnvelope(envelope, done, now)
        if self._closed or self._breaker.is_open:
            self._refuse(job)
        elif len(envelope.recipients) > RECIPIENTS:
            self._submit_parts(envelope, done)
        elif wait := self._reserve(envelope, now):
            self._delay(job, now, wait)
        else:
            self._put(job)

    def confirm(self, results: Iterable[SendResult]) -> None:
        if self._window is not None:
            self._make_room(sum(result.handed_over for result in results))

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
        for timer in self._timers.values():
            timer.cancel()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        self._give_back_all()
        for dialogue in list(self._usable):
            if dialogue.is_parked:
                dialogue.abort("The sender is stopping.")
            else:
                dialogue.quit()
        await self._until_gone(grace)
        for dialogue in self._usable | self._leaving:
            dialogue.abort("The sender stopped before the relay had answered.")
        await self._until_gone(grace)

    async def _until_gone(self, seconds: float) -> None:
        if self._usable or self._leaving:
            self._all_gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._all_gone], timeout=seconds)

    # --- Courier: what dialogues ask and tell -----------------------------------------------------

    def next_job(self) -> QueuedEnvelope | None:
        if self._drops:
            for at, job in enumerate(self._waiting):
                if not self._drops.is_doubtful(job.envelope.id):
                    del self._waiting[at]
                    return job
        return self._waiting.popleft() if self._waiting else None

    def may_hand_over(self, dialogue: SmtpConnection, job: QueuedEnvelope) -> bool:
        if self._window is not None:
            if self._unconfirmed >= self._window:
                self._parked.append(dialogue)
                return False
            self._unconfirmed += 1
        job.handed_over = True
        return True

    def settled(self, job: QueuedEnvelope, outcomes: tuple[RecipientOutcome, ...]) -> None:
        envelope = job.envelope
        if self._drops:
            self._drops.forget(envelope.id)
        first = outcomes[0]
        if first.verdict is Verdict.UNKNOWN:
            self._streak += 1
        elif first.answer.phase is not Phase.HERE:
            self._streak = 0
            self._drops.answered()
            self._breaker.prove()
        job.done(SendResult(envelope, outcomes, self.relay.place, None, job.handed_over))
        if self._streak >= self._longest_streak:
            self._trip(first.answer)

    def dropped(self, job: QueuedEnvelope, answer: Answer) -> None:
        self._take_back(job)
        if self._closed:
            self._refuse(job)
            return
        self._streak += 1
        if self._drops.note(job.envelope.id, answer) >= _DROPS:
            self._drops.forget(job.envelope.id)
            again = Answer(answer.code, f"{answer.text} {_DROPS} times with this mail.")
            self._finish(job, RecipientOutcome(Verdict.TRY_LATER, again))
            return
        young = asyncio.get_running_loop().time() - job.since < _YOUNG
        if self._breaker.is_open:
            self._refuse(job)
        elif answer.code or self._streak >= self._longest_streak:
            self._waiting.appendleft(job)  # given back with all others
            self._trip(answer)
        elif young:
            self._waiting.appendleft(job)
            self._grow()
            self._serve_resting_soon()
        else:
            self._finish(job, RecipientOutcome(Verdict.RELAY_DOWN, answer))

    def put_back(self, job: QueuedEnvelope) -> None:
        self._take_back(job)
        if self._closed or self._breaker.is_open:
            self._refuse(job)
        elif self._resting:
            self._resting.pop().begin(job)
        else:
            self._waiting.appendleft(job)
            self._grow()

    def rested(self, dialogue: SmtpConnection) -> None:
        if self._closed or self._breaker.is_open:
            dialogue.quit()
        else:
            self._resting.append(dialogue)

    def ended(self, dialogue: SmtpConnection) -> None:
        self._usable.discard(dialogue)
        self._leaving.add(dialogue)
        if dialogue in self._resting:
            self._resting.remove(dialogue)
        self._grow()

    def gone(self, dialogue: SmtpConnection) -> None:
        self._leaving.discard(dialogue)
        waiter = self._all_gone
        if waiter and not waiter.done() and not self._usable and not self._leaving:
            waiter.set_result(None)

    # --- jobs -------------------------------------------------------------------------------------

    def _put(self, job: QueuedEnvelope) -> None:
        if self._resting and not self._drops.is_doubtful(job.envelope.id):
            self._resting.pop().begin(job)
            return
        self._waiting.append(job)
        self._grow()
        self._serve_resting_soon()

    def _serve_resting_soon(self) -> None:
        """Not at once: others may follow, and go first while this one is doubtful."""
        if self._resting:
            asyncio.get_running_loop().call_soon(self._serve_resting)

    def _serve_resting(self) -> None:
        while self._resting and (job := self.next_job()):
            self._resting.pop().begin(job)

    def _reserve(self, envelope: Envelope, now: float) -> float:
        if not self.limits.any:
            return 0.0
        return self.limits.reserve(envelope.domains, now, self._patience)

    def _delay(self, job: QueuedEnvelope, now: float, wait: float) -> None:
        if wait > self._patience:
            answer = Answer(0, f"Not tried: a rate limit leaves room in {wait:.0f} s.")
            job.done(
                same_for_all(
                    job.envelope, RecipientOutcome(Verdict.NOT_TRIED, answer), retry_in=wait
                )
            )
            return
        heapq.heappush(self._delayed, (now + wait, next(self._numbers), job))
        self._wake_for_delayed()

    def _wake_for_delayed(self) -> None:
        if self._delayed:
            self._call_at("delayed", self._delayed[0][0], self._put_delayed)

    def _put_delayed(self) -> None:
        now = asyncio.get_running_loop().time() + 0.001
        while self._delayed and self._delayed[0][0] <= now:
            self._put(heapq.heappop(self._delayed)[2])
        self._wake_for_delayed()

    def _submit_parts(self, envelope: Envelope, done: ResultCallback) -> None:
        """One result for a mail that needs several transactions."""
        everybody = envelope.recipients
        groups = [everybody[n : n + RECIPIENTS] for n in range(0, len(everybody), RECIPIENTS)]
        results: dict[int, SendResult] = {}

        def note(number: int, result: SendResult) -> None:
            results[number] = result
            if len(results) < len(groups):
                self._make_room(result.handed_over)  # only the last one's waits for `confirm`
                return
            parts = [results[n] for n in range(len(groups))]
            waits = [part.retry_in for part in parts if part.retry_in is not None]
            outcomes = tuple(itertools.chain.from_iterable(part.outcomes for part in parts))
            retry_in = max(waits, default=None)
            done(SendResult(envelope, outcomes, self.relay.place, retry_in, result.handed_over))

        for number, group in enumerate(groups):
            part = replace(envelope, recipients=group, invalid=())
            self.submit(part, lambda result, number=number: note(number, result))  # type: ignore[misc]

    def _finish(
        self, job: QueuedEnvelope, outcome: RecipientOutcome, retry_in: float | None = None
    ) -> None:
        place = self.relay.place
        job.done(same_for_all(job.envelope, outcome, relay=place, retry_in=retry_in))

    def _refuse(self, job: QueuedEnvelope) -> None:
        if self._closed:
            stopping = Answer(0, "Not tried: the sender is stopping.")
            self._finish(job, RecipientOutcome(Verdict.NOT_TRIED, stopping))
        else:
            assert self._breaker.trouble is not None
            outcome = RecipientOutcome(Verdict.RELAY_DOWN, self._breaker.trouble)
            self._finish(job, outcome, self._retry_in())

    def _give_back_all(self) -> None:
        jobs = [*self._waiting, *(job for _, _, job in sorted(self._delayed))]
        self._waiting.clear()
        self._delayed.clear()
        for job in jobs:
            self._refuse(job)

    def _take_back(self, job: QueuedEnvelope) -> None:
        """The content did not get through: it does not count as handed over."""
        if job.handed_over:
            job.handed_over = False
            self._make_room(1)

    def _make_room(self, count: int) -> None:
        if self._window is None or count <= 0:
            return
        self._unconfirmed -= count
        while self._parked and self._unconfirmed < self._window:
            self._parked.popleft().release()

    # --- connections ------------------------------------------------------------------------------

    @property
    def _longest_streak(self) -> int:
        return max(_DROPS + 1, self._connections)

    def _retry_in(self) -> float:
        return max(0.0, self._breaker.retry_at - asyncio.get_running_loop().time())

    def _grow(self) -> None:
        """Open connections for what waits: one until the relay is reached, then all at once."""
        if not self._waiting or self._closed or self._breaker.is_open:
            return
        most = self._connections - len(self._usable)
        if self._usable and asyncio.get_running_loop().time() < self._grow_after:
            return
        wanted = min(len(self._waiting), most) if self._reached else min(1, most)
        for _ in range(wanted - len(self._connecting)):
            self._open()

    def _open(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        try:
            if self._prepared is None:
                self._prepared = await asyncio.to_thread(self._prepare)
            context, hello = self._prepared
            dialogue = await handshake.connect(
                self.relay, context, hello, self._timeouts.connect, self._make_dialogue
            )
        except handshake.RelayDownError as error:
            self._forget_task()
            self._unreachable(error.answer)
        except SettingsError as error:
            self._forget_task()
            self._unreachable(Answer(0, str(error), Phase.TLS))
        else:
            self._forget_task()
            self._adopt(dialogue)

    def _prepare(self) -> tuple[ssl.SSLContext | None, str]:
        return handshake.tls_context(self.relay), handshake.greeting_name(self.relay)

    def _make_dialogue(self, offer: handshake.EsmtpFeatures) -> SmtpConnection:
        return SmtpConnection(self, offer, self._timeouts, self._per_connection)

    def _forget_task(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connecting.discard(task)

    def _adopt(self, dialogue: SmtpConnection) -> None:
        self._usable.add(dialogue)
        if self._breaker.is_open and not self._probing:
            dialogue.quit()  # asked for before the trouble; reaching the relay was not the trouble
            return
        self._reached = True
        if self._breaker.is_open:
            self._breaker.close()
            self._probing = False
            self._streak = 0
            self._healed.set()
        job = self.next_job()
        if job is not None:
            dialogue.begin(job)
        else:
            self.rested(dialogue)
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
        self._call_at("probe", loop.time() + pause, self._probe)
        self._give_back_all()
        for dialogue in list(self._resting):
            dialogue.quit()

    def _probe(self) -> None:
        if self._breaker.is_open and not self._closed:
            self._probing = True
            if not self._connecting:
                self._open()

    def _call_at(self, name: str, when: float, action: Callable[[], None]) -> None:
        """One timer of each name."""
        if timer := self._timers.get(name):
            timer.cancel()
        self._timers[name] = asyncio.get_running_loop().call_at(when, action)
