"""The sign of life of a worker process, and its eye on the others.

Runs beside the roles: keeps the row and the lock of this process, hears and sends wake-ups, and
gives back what processes held that have died. Rules and SQL are in `store.queue.leases`.

A killed process is noticed within a second while there is work about: its lock is looked at four
times a second as long as anybody holds anything or was heard of lately, and at the slow pace
otherwise. A free lock counts only when it is free twice, so that one cut connection, which is made
anew at once, costs nothing. And it proves nothing right after our own connection was lost: then
everybody's may have been.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Any

from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.store.connection import notifications
from agentflow_tui.store.queue import leases
from agentflow_tui.store.queue.lease_connection import LeaseConnection
from agentflow_tui.store.queue.leases import Peer
from agentflow_tui.workers.backoff import Backoff
from agentflow_tui.workers.roles import Crew

WATCH = 0.25
"""Seconds between two looks at the others while there is work about."""

IDLE = 4
"""Polls between two beats, and between two looks at the others, while nobody does anything."""

SURE = 0.35
"""Seconds after which a lock that is still free means death."""

ATTENTIVE = 10.0
"""Seconds for which the last thing heard keeps this process looking often."""


class Heartbeat:
    """One process's. `start` before the roles, `run` beside them, `end` after them."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._log = crew.log.of("heartbeat")
        self._loop = asyncio.get_running_loop()
        self._line = LeaseConnection(crew.database, crew.identity)
        self._nudge = asyncio.Event()
        self._started = crew.now()
        self._lost_at: float | None = None
        self._back_at: float | None = None
        self._heard_at = float("-inf")
        self._beaten_at = float("-inf")
        self._watched_at = float("-inf")
        self._peers = 0
        self._suspects: dict[str, float] = {}

    def untied(self) -> float:
        """Seconds since the connection was lost; 0 while it holds, or where none could last."""
        return 0.0 if self._lost_at is None else self._loop.time() - self._lost_at

    async def start(self) -> None:
        """Be alive before anything is claimed. Raises `UnreachableError`."""
        await self._tie()
        if not self._line.holds_session:
            await self._admit_pooler()
        await self._beat()
        await self.ring()
        await self._watch()  # who shares the rates is known before the first mail

    async def _admit_pooler(self) -> None:
        self._log.warning(
            "A transaction pooler stands before the database: no lock lasts there, so the work of "
            "a killed process is taken over when its lease ends, and wake-ups are not heard."
        )
        database = self._crew.database
        if not database.pooled:  # it hides its nature by ignoring what it does not support
            database.pooled = True
            database.close()
            await database.connect()

    async def run(self) -> None:
        """Beat and watch until cancelled. Weather is waited out."""
        backoff = Backoff(limit=1.0)
        while True:
            pause = self._until_next()
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._nudge.wait()
            self._nudge.clear()
            try:
                await self._turn()
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
        crew = self._crew
        in_hand = any(crew.holds.values()) or bool(crew.unheard)
        with contextlib.suppress(AgentflowError):
            if leases.keeps_rows(crew.database.binding) and self._line.connected and not in_hand:
                await self._line.execute(leases.FAREWELL, self._crew.identity)
                await self.ring()  # what was shared with this process is theirs now
        self._line.close()

    async def ring(self) -> None:
        """Wake the others. Raises `AgentflowError` when it cannot; it is but a hint."""
        if self._line.connected:
            await self._line.execute(notifications.NOTIFY)
        else:
            await notifications.notify(self._crew.database)

    async def _turn(self) -> None:
        if not self._line.connected or self._lost_at is not None:
            await self._tie()
            await self._beat()
            self._crew.wake_all()
        if self._loop.time() >= self._beaten_at + self._beat_pace():
            await self._line.take_lock()
            await self._beat()
        if self._loop.time() >= self._watched_at + self._watch_pace():
            await self._watch()

    def _until_next(self) -> float:
        if self._lost_at is not None:
            return 0.0
        due = min(self._beaten_at + self._beat_pace(), self._watched_at + self._watch_pace())
        return due - self._loop.time()

    def _beat_pace(self) -> float:
        workers = self._crew.settings.workers
        polls = 1 if any(self._crew.holds.values()) else IDLE
        return min(workers.poll * polls, workers.lease / 4)

    def _watch_pace(self) -> float:
        if self._suspects:
            return SURE - WATCH
        attentive = self._peers and self._loop.time() < self._heard_at + ATTENTIVE
        news = self._heard_at > self._watched_at
        return WATCH if attentive or news else self._crew.settings.workers.poll * IDLE

    async def _tie(self) -> None:
        await self._line.connect(self._heard, self._lost)
        if self._lost_at is not None:
            self._log.info("the database is back", seconds=round(self.untied(), 1))
            self._back_at = self._loop.time()
        self._lost_at = None

    def _lost(self) -> None:
        if self._lost_at is None:
            self._lost_at = self._loop.time()
        self._suspects.clear()
        self._nudge.set()

    def _heard(self) -> None:
        """Somebody rang: there is work, maybe a process that we do not know of."""
        self._crew.wake_all()  # first: the work is what somebody waits for
        now = self._loop.time()
        if not self._peers or now >= self._heard_at + ATTENTIVE:
            self._nudge.set()
        self._heard_at = now

    async def _beat(self) -> None:
        crew = self._crew
        if not leases.keeps_rows(crew.database.binding):
            self._beaten_at = self._loop.time()
            return
        async with crew.claiming:
            if not await crew.hear():
                self._beaten_at = self._loop.time()
                return
            said = leases.details(
                roles=list(crew.wakes),
                host=socket.gethostname(),
                pid=os.getpid(),
                started=self._started,
                lock=self._line.holds_session,
                sends="sender" in crew.wakes and "sender" not in crew.idle,
                holds=crew.holds,
                reports=crew.reports,
            )
            name = f"worker {socket.gethostname()} {os.getpid()}"
            beat = crew.database.binding.made(leases.beat)
            await self._line.execute(beat, crew.identity, name, self._message(crew.holds), said)
        self._beaten_at = self._loop.time()

    def _message(self, holds: Mapping[str, Mapping[str, Any]]) -> str:
        roles = ", ".join(self._crew.wakes) or "nothing"
        held = leases.in_words({kind: len(holds.get(kind, {})) for kind in leases.KINDS})
        return f"Runs {roles}; {held} in hand." if held else f"Runs {roles}; idle."

    async def _watch(self) -> None:
        crew = self._crew
        peers: list[Peer] = []
        self._watched_at = self._loop.time()  # whoever rings from here on is looked at again
        if self._line.holds_session and leases.keeps_rows(crew.database.binding):
            peers = await self._line.fetch(leases.PEERS, crew.identity)
        now = self._loop.time()
        self._peers = len(peers)
        crew.senders = 1 + sum(peer.sends and peer.alive for peer in peers)
        if any(peer.holds for peer in peers):
            self._heard_at = now
        dead = [peer.id for peer in peers if not peer.alive and self._proves(peer)]
        self._suspects = {worker: self._suspects.get(worker, now) for worker in dead}
        for worker, since in list(self._suspects.items()):
            if now >= since + SURE:
                await self._bury(worker)

    def _proves(self, peer: Peer) -> bool:
        """Whether a free lock means that its owner is dead."""
        settled = self._back_at is None or (
            self._loop.time() > self._back_at + leases.SETTLES_WITHIN
        )
        return peer.settled and settled

    async def _bury(self, worker: str) -> None:
        freed = await leases.bury(self._crew.database, worker)
        self._suspects.pop(worker, None)
        if freed is not None:
            given = leases.in_words(freed) or "nothing"
            self._log.warning(f"{worker} died; given back: {given}")
            self._crew.wake_all()
            self._crew.ring()
