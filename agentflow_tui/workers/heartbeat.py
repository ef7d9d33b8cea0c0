"""The sign of life of a worker process, and its watch over the others.

Runs beside the roles: keeps the row and the lock of this process, hears and sends wake-ups, and
gives back what processes held that have died. Rules and SQL are in `store.queue.leases`.

A killed process is noticed within a second while there is work about: its lock is looked at four
times a second as long as any process holds anything or was heard of lately, and at the slow pace
otherwise. A free lock counts only when it is free twice, so that one cut connection, which is made
anew at once, costs nothing. And it proves nothing right after our own connection was lost: then
every process's may have been.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.store.connection import notifications
from agentflow_tui.store.connection.statements import NOW
from agentflow_tui.store.queue import leases
from agentflow_tui.store.queue.lease_connection import ANSWERS_WITHIN, LeaseConnection
from agentflow_tui.store.queue.leases import Peer
from agentflow_tui.store.views.checks import SETTLES_WITHIN
from agentflow_tui.workers.backoff import Backoff
from agentflow_tui.workers.context import WorkerContext

IDLE = 4
"""Polls between two beats, and between two looks at the others, while nothing is going on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatPace:
    """How often a process looks at the others and at its connection, in seconds."""

    watch: float = 0.25
    """Between two looks at the others while there is work about."""
    holding: float = 1.0
    """Between two looks while this process holds something and there are no others: so that it
    notices soon when the database falls silent."""
    unheard: float = 10.0
    """Between two looks at any time, at most."""
    again: float = 0.1
    """After this a lock that another connection has is asked for again."""
    certain: float = 0.35
    """After this a lock that is still free means death."""
    attentive: float = 10.0
    """For this long the last thing heard keeps this process looking often."""


class Heartbeat:
    """The heartbeat of one process: `start` before the roles, `run` beside them, `end` after.

    Its connection is lost when an answer takes longer than `ANSWERS_WITHIN`, or than the database
    has for any statement.
    """

    def __init__(self, context: WorkerContext, pace: HeartbeatPace | None = None) -> None:
        self._context = context
        self._log = context.log.of("heartbeat")
        self._loop = asyncio.get_running_loop()
        self._pace = pace or HeartbeatPace()
        self._answers_within = min(ANSWERS_WITHIN, context.database.options.statement_timeout)
        self._connection = LeaseConnection(context.database, context.identity, self._answers_within)
        self._due_now = asyncio.Event()
        self._started = context.now()
        self._proof = context.leases.proof
        self._back_at: float | None = None
        self._heard_at = float("-inf")
        self._beaten_at = float("-inf")
        self._watched_at = float("-inf")
        self._has_row = False
        self._peers = 0
        self._free_locks: dict[str, float] = {}

    async def start(self) -> None:
        """Be alive before anything is claimed. Raises `UnreachableError`."""
        await self._connect()
        if not self._connection.holds_session:
            self._accept_pooler()
        await self._beat()
        await self.notify()
        await self._watch()  # with how many the rates are shared is known before the first mail

    def _accept_pooler(self) -> None:
        self._log.warning(
            "A transaction pooler stands before the database: no lock lasts there, so the work of "
            "a killed process is taken over when its lease ends, and wake-ups are not heard."
        )

    async def run(self) -> None:
        """Beat and watch until cancelled. Retries while the database is unreachable."""
        backoff = Backoff(limit=1.0)
        while True:
            pause = self._until_next()
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._due_now.wait()
            self._due_now.clear()
            try:
                await self._beat_and_watch()
                backoff.reset()
            except UnreachableError as error:
                self._lost()
                if backoff.tries == 0:
                    self._log.warning(str(error))
                await asyncio.sleep(backoff.next())
            except AgentflowError as error:
                self._log.error(str(error))
                self._beaten_at = self._watched_at = self._loop.time()

    async def end(self) -> None:
        """Leave in order: no row, no lock. With something in hand the row stays, so that others
        find it without its lock and give back what it lists."""
        context = self._context
        in_hand = any(context.leases.holds.values()) or bool(context.leases.unanswered)
        with contextlib.suppress(AgentflowError):
            if (
                leases.keeps_rows(context.database.binding)
                and self._connection.connected
                and not in_hand
            ):
                await self._connection.execute(leases.REMOVE, self._context.identity)
                await self.notify()  # what was shared with this process is theirs now
        self.disconnect()

    def beat_soon(self) -> None:
        """Write the row of this process soon, not only with the next beat."""
        self._beaten_at = float("-inf")
        self._due_now.set()

    def disconnect(self) -> None:
        """Let go of the connection and with it of the lock, as the death of this process does."""
        self._connection.close()

    async def notify(self) -> None:
        """Wake the others. Raises `AgentflowError` when it cannot; it is but a hint."""
        self._due_now.set()  # what is held now makes the next look at the connection due sooner
        if self._connection.connected:
            await self._connection.execute(notifications.NOTIFY)
        else:
            await notifications.notify(self._context.database)

    async def _beat_and_watch(self) -> None:
        if not self._connection.connected or self._proof.lost:
            if not await self._connect():
                await asyncio.sleep(self._pace.again)
                return
            await self._beat()
            self._context.wake_all()
        if self._loop.time() >= self._beaten_at + self._beat_interval():
            await self._beat()
        if self._loop.time() >= self._watched_at + self._watch_interval():
            await self._watch()

    def _until_next(self) -> float:
        if self._proof.lost:
            return 0.0
        due = min(
            self._beaten_at + self._beat_interval(), self._watched_at + self._watch_interval()
        )
        return due - self._loop.time()

    @property
    def _longest_beat(self) -> float:
        workers = self._context.settings.workers
        return min(workers.poll * IDLE, workers.lease / 4)

    def _beat_interval(self) -> float:
        poll = self._context.settings.workers.poll
        return min(poll, self._longest_beat) if self._holds else self._longest_beat

    @property
    def _holds(self) -> bool:
        return any(self._context.leases.holds.values())

    def _watch_interval(self) -> float:
        if self._free_locks:
            return self._pace.certain - self._pace.watch
        attentive = self._peers and self._loop.time() < self._heard_at + self._pace.attentive
        news = self._heard_at > self._watched_at
        if attentive or news:
            return self._pace.watch
        if self._holds or self._context.leases.lock.locked():
            return self._pace.holding
        return min(self._pace.unheard, self._context.settings.workers.poll * IDLE)

    async def _connect(self) -> bool:
        """Get the proof back: a connection, and the lock on it. False while the lock is another's:
        then this process may be taken for dead at any moment, and is not to be trusted."""
        if not self._connection.connected:
            await self._connection.connect(self._heard, self._lost)
        asked = monotonic()
        if not await self._connection.take_lock():
            self._proof.lose()
            return False
        await self._ask_whether_given_back()
        if self._proof.lost:
            self._log.info("database reachable again", seconds=round(self._proof.lost_for, 1))
            self._back_at = self._loop.time()
        self._confirm(asked)
        return True

    async def _ask_whether_given_back(self) -> None:
        """Whether others have taken this process for dead; an operator may have removed its row
        since. Only with the lock: from then on they do not."""
        if not leases.keeps_rows(self._context.database.binding):
            return
        told = await self._connection.fetch(leases.WAS_GIVEN_BACK, self._context.identity)
        if told == [True] or (self._has_row and not told):
            self._proof.revoke()
            self._log.warning(
                "Others took this process for dead and gave back what it held. It asks anew for "
                "each row before it goes on with it."
            )

    def _confirm(self, asked: float) -> None:
        if self._connection.holds_session:
            if self._connection.has_lock:
                self._proof.confirm(asked)
        else:  # there is no lock to lose: the leases alone count
            self._proof.confirm(asked, lasts=float("inf"))

    def _lost(self) -> None:
        self._proof.lose()
        self._free_locks.clear()
        self._due_now.set()

    def _heard(self) -> None:
        """Another process notified us: there is work, maybe a process that we do not know of."""
        self._context.wake_all()  # first: the work is what is waited for
        now = self._loop.time()
        if not self._peers or now >= self._heard_at + self._pace.attentive:
            self._due_now.set()
        self._heard_at = now

    async def _beat(self) -> None:
        context = self._context
        await self._measure_clock()
        if not leases.keeps_rows(context.database.binding):
            self._beaten_at = self._loop.time()
            return
        try:
            async with asyncio.timeout(self._answers_within), context.leases.lock:
                if await context.leases.give_back_unanswered():
                    await self._write_row()
                self._beaten_at = self._loop.time()
        except TimeoutError:  # a claim hangs: the look at the connection must not wait for it
            self._beaten_at = self._loop.time() - self._beat_interval() + self._pace.holding

    async def _measure_clock(self) -> None:
        asked = monotonic()
        [now] = await self._connection.fetch(NOW)
        self._context.clock.measured(now, asked, monotonic())

    async def _write_row(self) -> None:
        context = self._context
        revision = context.leases.next_revision()
        said = leases.details(
            roles=list(context.wakes),
            host=socket.gethostname(),
            pid=os.getpid(),
            started=self._started,
            lock=self._connection.holds_session,
            sends="sender" in context.wakes and "sender" not in context.idle,
            revision=revision,
            holds=context.leases.holds,
            reports=context.reports,
        )
        name = f"worker {socket.gethostname()} {os.getpid()}"
        beat = context.database.binding.cached(leases.beat)
        await self._connection.execute(
            beat, context.identity, name, self._message(context.leases.holds), said, revision
        )
        self._has_row = True

    def _message(self, holds: Mapping[str, Mapping[str, Any]]) -> str:
        roles = ", ".join(self._context.wakes) or "nothing"
        held = leases.in_words({kind: len(holds.get(kind, {})) for kind in leases.KINDS})
        return f"Runs {roles}; {held} in hand." if held else f"Runs {roles}; idle."

    async def _watch(self) -> None:
        context = self._context
        peers: list[Peer] = []
        self._watched_at = self._loop.time()  # what is heard from here on is looked at again
        if self._connection.holds_session and leases.keeps_rows(context.database.binding):
            asked = monotonic()
            peers = await self._connection.fetch(
                leases.PEERS, context.identity, 2 * self._longest_beat + self._answers_within
            )
            self._confirm(asked)
        self._peers = len(peers)
        context.senders = 1 + sum(peer.sends and peer.alive for peer in peers)
        if any(peer.holds for peer in peers):
            self._heard_at = self._loop.time()
        for worker in self._dead(peers):
            await self._give_back(worker)

    def _dead(self, peers: Sequence[Peer]) -> list[str]:
        """Processes whose lock has been free for so long that they have died."""
        now = self._loop.time()
        free = [peer.id for peer in peers if not peer.alive and self._proves(peer)]
        self._free_locks = {worker: self._free_locks.get(worker, now) for worker in free}
        return [
            worker
            for worker, since in self._free_locks.items()
            if now >= since + self._pace.certain
        ]

    def _proves(self, peer: Peer) -> bool:
        """Whether a free lock means that its owner is dead."""
        settled = self._back_at is None or (self._loop.time() > self._back_at + SETTLES_WITHIN)
        return peer.settled and settled

    async def _give_back(self, worker: str) -> None:
        try:
            async with asyncio.timeout(self._answers_within):
                freed = await leases.give_back_of_dead(self._context.database, worker)
        except TimeoutError:  # rows of it are locked, or nothing answers; tried again
            return
        self._free_locks.pop(worker, None)
        if freed is not None:
            given = leases.in_words(freed) or "nothing"
            self._log.warning(f"{worker} died; given back: {given}")
            self._context.wake_all()
            self._context.notify()
