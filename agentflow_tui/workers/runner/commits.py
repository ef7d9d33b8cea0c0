"""Many workflows' finished steps, written together.

A commit costs a flush to disk whether it holds one step or a hundred, so finished steps queue up
while the writes before them are under way, and meet in the next one. Each workflow goes on only
after its own step is committed. A write whose answer is lost is looked up before anything else is
done, by the journal's rows that are part of it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from agentflow_tui.errors import (
    AgentflowError,
    MissingError,
    NotAcceptedError,
    RefusedError,
    UnreachableError,
)
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import PLANNED_ONCE, Lines, borrowed
from agentflow_tui.store.queue import workflow_runs as runs
from agentflow_tui.store.queue.workflow_runs import Advance, Advanced
from agentflow_tui.workers.backoff import HELD_UP, PUT_OFF, Once, persistently

LARGEST = 200
"""Steps in one write; more bring nothing."""

LANES = 2
"""Writes under way at a time: while the server works on one, the steps of another run."""

SPLIT = 32
"""Steps that are worth a second write beside one that is under way. Each write has a price of its
own, about as much as thirty steps."""


@dataclass(slots=True)
class _Waiting:
    advance: Advance
    done: "asyncio.Future[Advanced | None]"
    is_late: bool = False

    def answer(self, advanced: Advanced | None) -> None:
        if not self.done.done():  # whoever waited may have been called off
            self.done.set_result(advanced)


def nobody(_: object) -> None:
    """For who need not hear of it."""


@dataclass(slots=True)
class Commits:
    """The writers of one runner. ``on_mail`` hears how many mails a commit has queued, ``warn`` why
    steps wait to be written."""

    database: Database
    on_mail: Callable[[int], None] = nobody
    warn: Callable[[str], None] = nobody
    steps: int = 0
    """How many steps were committed."""
    writes: int = 0
    """In how many writes."""
    put_off: int = 0
    """How often a step had to wait because somebody held its row, or the like."""
    _queue: list[_Waiting] = field(default_factory=list)
    _writing: int = 0
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: Lines = field(init=False)
    _once: Once = field(init=False)

    def __post_init__(self) -> None:
        self._lines = Lines(self.database, PLANNED_ONCE)
        self._once = Once(self.warn)

    async def write(self, advance: Advance) -> Advanced | None:
        """How the workflow stands after the write; None when it was no longer ours.

        Raises `NotAcceptedError` or `MissingError` when the database does not accept this very one.
        """
        waiting = _Waiting(advance, asyncio.get_running_loop().create_future())
        self._enqueue(waiting)
        return await waiting.done

    @property
    def _is_time(self) -> bool:
        return len(self._queue) >= (SPLIT if self._writing else 1)

    async def serve(self) -> None:
        """Write what comes in, for ever."""
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(LANES):
                    lanes.create_task(self._lane())
        finally:
            self._lines.close()

    async def _lane(self) -> None:
        while True:
            await self._ready.wait()
            await asyncio.sleep(0)  # whoever ends in this turn of the loop comes along
            batch = self._batch() if self._is_time else []
            if not self._is_time:
                self._ready.clear()
            if batch:
                await self._commit(batch)
                self._writing -= 1
                if self._is_time:
                    self._ready.set()

    def _batch(self) -> list[_Waiting]:
        """What to write now: some are left to an idle lane when there are enough for two."""
        waiting = len(self._queue)
        alone = self._writing > 0 or waiting < 2 * SPLIT
        size = min(waiting if alone else (waiting + 1) // 2, LARGEST)
        batch, self._queue = self._queue[:size], self._queue[size:]
        self._writing += 1
        return batch

    async def _commit(self, batch: Sequence[_Waiting], *, rebound: bool = False) -> None:
        try:
            moved = await self._send([waiting.advance for waiting in batch])
        except UnreachableError:
            await self._settle(batch)
        except MissingError as error:
            if rebound:
                await self._one_by_one(batch, error)
            else:
                await persistently(self.database.rebind)
                await self._commit(batch, rebound=True)
        except RefusedError as error:
            await self._one_by_one(batch, error)
        else:
            if any(waiting.is_late for waiting in batch):
                self._once.over()
            for waiting in batch:
                waiting.answer(moved.get(waiting.advance.workflow_id))
            self._announce(
                waiting.advance for waiting in batch if waiting.advance.workflow_id in moved
            )

    async def _send(self, advances: Sequence[Advance]) -> dict[str, Advanced]:
        letters = any(advance.letters for advance in advances)
        statement = self.database.binding.made(runs.advance, letters=letters)
        values = runs.advance_values(advances, letters=letters)
        rows = await self._lines.fetch(statement, *values)
        self.steps += len(rows)
        self.writes += 1
        return {row.id: row for row in rows}

    async def _one_by_one(self, batch: Sequence[_Waiting], error: AgentflowError) -> None:
        """What the database does not accept of one workflow must not take the others with it. What
        somebody holds is tried again later, and what was not tried because of that, at once."""
        if len(batch) > 1:
            before = self.put_off
            for tried, waiting in enumerate(batch):
                if self.put_off - before >= HELD_UP:
                    self._queue[:0] = batch[tried:]
                    return
                await self._commit([waiting], rebound=True)
        elif isinstance(error, NotAcceptedError | MissingError):
            if not batch[0].done.done():
                batch[0].done.set_exception(error)
        else:
            self._once.say(f"What became of a step waits to be written. {error}")
            batch[0].is_late = True
            self.put_off += 1
            asyncio.get_running_loop().call_later(PUT_OFF, self._enqueue, batch[0])

    def _enqueue(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        if self._is_time:
            self._ready.set()

    def _announce(self, advances: Iterable[Advance]) -> None:
        letters = sum(len(advance.letters) for advance in advances)
        if letters:
            self.on_mail(letters)

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        """The answer was lost: find out which writes took place, and send the others again."""
        ids = [waiting.advance.workflow_id for waiting in batch]
        entries = [w.advance.entry and w.advance.entry.id for w in batch]

        async def look() -> list[runs.Settled]:
            async with borrowed(self.database) as session:
                return await session.fetch(runs.SETTLE, ids, entries)

        found = {row.id: row for row in await persistently(look)}
        again = []
        for waiting in batch:
            row = found.get(waiting.advance.workflow_id)
            if row is not None and row.written:
                waiting.answer(Advanced(row.id, row.status, row.locked, row.token))
                self._announce([waiting.advance])
            elif row is not None and row.locked and row.token == waiting.advance.token:
                again.append(waiting)
            else:
                waiting.answer(None)
        if again:
            await self._commit(again)
