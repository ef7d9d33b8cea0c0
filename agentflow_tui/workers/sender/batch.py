"""Many mails' ends, written together.

A commit costs a flush to disk whether it holds one mail or a hundred, so ends queue up while the
write before them is under way and meet in the next one. A write whose answer is lost is sent again:
the fencing token and the journal row's id make the second one harmless.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from agentflow_tui.errors import (
    AgentflowError,
    MissingError,
    NotAcceptedError,
    RefusedError,
    UnreachableError,
)
from agentflow_tui.mail.smtp.answers import SendResult
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import PLANNED_ONCE, DedicatedConnections
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue import mail_results as settlements
from agentflow_tui.store.queue.mail_results import MailResult
from agentflow_tui.workers.backoff import HELD_UP, PUT_OFF, Backoff, Once
from agentflow_tui.workers.logs import Log
from agentflow_tui.workers.sender.held_mail import HeldMail
from agentflow_tui.workers.sender.outcomes import without_user

LARGEST = 200
"""Mails in one write; more bring nothing."""

GATHER = 0.002
"""Seconds for which a write waits for company: half as many commits, and nobody waits for them but
the relay's connections, which a round trip keeps busy for as long."""


@dataclass(frozen=True, slots=True, eq=False)
class FinishedMail:
    """What is to be written about one mail: None gives it back as if it had not been claimed."""

    held: HeldMail
    settlement: MailResult | None
    result: SendResult | None = None


_WAITS = "What became of mail waits to be written. {}"

Settled: TypeAlias = tuple[MailResult, HeldMail]
"""A settlement, and the claim that it ends."""


@dataclass(slots=True)
class Lane:
    """The writer of one sender. ``on_written`` hears of each batch once it is committed;
    ``on_writing`` is called while the database works on it, a good time for work of one's own."""

    database: Database
    log: Log
    on_written: Callable[[Sequence[FinishedMail]], None]
    on_writing: Callable[[], None]
    mails: int = 0
    writes: int = 0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while writing: renewing a lease in the middle would change the token."""
    full: int = LARGEST
    """So many ends need not wait for company: no more can come before they are written."""
    _queue: list[FinishedMail] = field(default_factory=list)
    _put_off: int = 0
    _lines: DedicatedConnections = field(init=False)
    _once: Once = field(init=False)
    _complete: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._lines = DedicatedConnections(self.database, PLANNED_ONCE)
        self._once = Once(self.log.warning)
        self._idle.set()

    def put(self, ended: FinishedMail) -> None:
        """Have it written soon."""
        self._queue.append(ended)
        self._idle.clear()
        self._ready.set()
        if len(self._queue) >= self.full:
            self._complete.set()

    async def serve(self) -> None:
        """Write what comes in, for ever."""
        try:
            while True:
                await self._next()
        finally:
            self._lines.close()

    async def _next(self) -> None:
        """Write the next batch, when there is one."""
        await self._ready.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER):
                await self._complete.wait()
        batch, self._queue = self._queue[:LARGEST], self._queue[LARGEST:]
        self._complete.clear()
        if not self._queue:
            self._ready.clear()
        loop = asyncio.get_running_loop()
        async with self.writing:
            loop.call_soon(self.on_writing)
            late = await self._write(batch)
        if late:
            self._put_off += len(late)
            loop.call_later(PUT_OFF, self._again, late)
        written = [ended for ended in batch if ended not in late]
        self.mails += len(written)
        self.on_written(written)
        if not self._queue and not self._put_off:
            self._idle.set()

    def _again(self, late: Sequence[FinishedMail]) -> None:
        self._put_off -= len(late)
        for ended in late:
            self.put(ended)

    async def finish(self, deadline: float) -> None:
        """Wait until everything is written, to the deadline (the loop's time) at most."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._idle.wait()
        except TimeoutError:
            self.log.warning("not everything could be written; the lease ends the rest")

    async def _write(self, batch: Sequence[FinishedMail]) -> list[FinishedMail]:
        """Write until it is written. Raises nothing for weather. Returns what has to wait because
        somebody holds its rows, or the server is short of something."""
        backoff = Backoff()
        by_held = {ended.held: ended for ended in batch}
        while True:
            try:
                settled = [(e.settlement, e.held) for e in batch if e.settlement is not None]
                late = await self._settle(settled, again=backoff.tries > 0)
                late += await self._give_back([e.held for e in batch if e.settlement is None])
            except UnreachableError as error:
                self._once.say(_WAITS.format(error))
                await asyncio.sleep(backoff.next())
            else:
                if not late and not self._put_off:
                    self._once.over()
                return [by_held[held] for held in late]

    async def _settle(self, settled: Sequence[Settled], *, again: bool) -> list[HeldMail]:
        if not settled:
            return []
        # Only what somebody did not get has a row that may be there already: a receipt.
        once = again or any(settlement.status != "completed" for settlement, _ in settled)
        try:
            await self._send(settled, once=once)
        except MissingError:
            await self.database.rebind()
            return await self._one_by_one(settled)
        except RefusedError:
            return await self._one_by_one(settled)
        return []

    async def _one_by_one(self, settled: Sequence[Settled]) -> list[HeldMail]:
        """What the database does not accept of one mail must not take the others with it. Returns
        those that have to wait, and before them those that were not tried because of them."""
        late: list[HeldMail] = []
        for tried, (settlement, held) in enumerate(settled):
            if len(late) == HELD_UP:
                return [held for _, held in settled[tried:]] + late
            try:
                await self._alone(settlement, held)
            except RefusedError as error:
                self._once.say(_WAITS.format(error))
                late.append(held)
        return late

    async def _alone(self, settlement: MailResult, held: HeldMail) -> None:
        """Write one; what is not accepted of it is left out. Raises `RefusedError` for what is
        about the database and not about this mail."""
        try:
            await self._send([(settlement, held)])
            return
        except (NotAcceptedError, MissingError):
            pass
        try:
            await self._send([(without_user(settlement), held)])
        except (NotAcceptedError, MissingError) as error:
            self.log.error(f"mail {settlement.id} cannot be written: {error}")

    async def _send(self, settled: Sequence[Settled], *, once: bool = True) -> None:
        statement = self.database.binding.made(settlements.write_results, once=once)
        values = settlements.result_values(
            [settlement for settlement, _ in settled], [held.claimed_at for _, held in settled]
        )
        moved = await self._lines.fetch(statement, *values)
        self.writes += 1
        if len(moved) < len(settled):
            count = len(settled) - len(moved)
            self.log.info("somebody else has these mails now", count=count)

    async def _give_back(self, mails: Sequence[HeldMail]) -> Sequence[HeldMail]:
        """Returns those that have to wait."""
        if not mails:
            return []
        try:
            await self.database.execute(
                store.GIVE_BACK,
                [each.row.id for each in mails],
                [each.row.attempts for each in mails],
                [each.claimed_at for each in mails],
                [each.row.before for each in mails],
            )
            self.writes += 1
        except UnreachableError:
            raise
        except RefusedError:
            return mails
        except AgentflowError as error:
            self.log.error(f"{len(mails)} mails could not be given back: {error}")
        return []
