"""Writes many rows' results together.

A commit costs a flush to disk whether it holds one row's result or a hundred, so results queue up
while the write before them is under way, and meet in the next one. What a write consists of is its
user's business, in three hooks (`BatchHooks`); when to write, an answer that was lost, and a result
that the database does not accept are handled here, for every kind of result in the same way.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import field
from typing import Generic, Protocol, TypeVar

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import (
    AgentflowError,
    MissingError,
    NotAcceptedError,
    RefusedError,
    UnreachableError,
)
from agentflow_tui.workers.backoff import Backoff, Once, retry_until_reachable

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

LARGEST = 200
"""Items in one write; more bring nothing."""

PUT_OFF = 1.0
"""Seconds after which an item is tried again whose row another transaction holds."""

HELD_UP = 3
"""Items, one by one, that could not be written, after which those behind them are tried anew."""


class BatchHooks(Protocol[ItemT, ResultT_co]):
    """What a `BatchWriter` is told about its items. Items are told apart by identity or value,
    so they are hashable."""

    async def write(self, batch: Sequence[ItemT], *, again: bool) -> Sequence[ResultT_co]:
        """Write all of these in one transaction, or none. Returns the result of each, in order.

        ``again``: an earlier write of them may have taken place, its answer was lost. Raises what a
        statement raises.
        """
        ...

    async def look_up(self, batch: Sequence[ItemT]) -> Mapping[ItemT, ResultT_co]:
        """Find out what became of a write whose answer was lost; those left out are sent again.

        Called until the database can be reached. A hook whose second write does no harm returns
        nothing.
        """
        ...

    async def refused(self, item: ItemT, error: AgentflowError) -> ResultT_co:
        """Decide what becomes of one item that the database does not accept by itself.

        May write less of it. An error that it raises reaches `BatchWriter.write`'s caller; a
        `RefusedError` that is not about the values puts the item off.
        """
        ...


@dataclass(slots=True, eq=False)
class _Waiting(Generic[ItemT, ResultT]):
    """An item in the queue, and the future of a caller who awaits its result."""

    item: ItemT
    result: "asyncio.Future[ResultT] | None" = None


def _ignore(_: object) -> None:
    """The default for callbacks."""


@dataclass(slots=True, kw_only=True)
class BatchWriter(Generic[ItemT, ResultT]):
    """Writes items in batches, for one role of one process. `serve` runs beside the role.

    ``rebind`` looks up the database's tables anew, after a write that lacked one. ``warn`` says a
    sentence about items that wait; it begins with ``what``. ``on_written`` is called with the items
    of each batch once it is committed, and before those that await one of them go on.

    At most ``concurrency`` writes are under way; one is begun beside another from ``split`` items
    on, for each has a price of its own. A write waits ``gather`` seconds for company, unless
    ``full`` items are there. An item whose row another transaction holds is tried again after
    ``retry_after`` seconds.
    """

    hooks: BatchHooks[ItemT, ResultT]
    rebind: Callable[[], Awaitable[object]]
    what: str
    warn: Callable[[str], None] = _ignore
    on_written: Callable[[Sequence[ItemT]], None] = _ignore
    concurrency: int = 1
    split: int = 32
    gather: float = 0.0
    full: int = LARGEST
    retry_after: float = PUT_OFF
    items: int = 0
    """How many items were written."""
    writes: int = 0
    """In how many writes."""
    held_up: int = 0
    """How many items wait to be tried again, because another transaction holds their rows."""
    _writing: int = 0
    _queue: "list[_Waiting[ItemT, ResultT]]" = field(default_factory=list)
    _locks: list[asyncio.Lock] = field(init=False)
    _once: Once = field(init=False)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _complete: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._once = Once(self.warn)
        self._locks = [asyncio.Lock() for _ in range(self.concurrency)]
        self._idle.set()

    def put(self, item: ItemT) -> None:
        """Have this written soon; ``on_written`` tells when it is."""
        self._enqueue(_Waiting(item))

    async def write(self, item: ItemT) -> ResultT:
        """Have this written, and wait for its result. Raises what `BatchHooks.refused` raises."""
        result: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._enqueue(_Waiting(item, result))
        return await result

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Nothing is being written inside: for a change of what writes depend on, such as the token
        of a lease. What is under way is finished first."""
        async with AsyncExitStack() as locks:
            for lock in self._locks:
                await locks.enter_async_context(lock)
            yield

    async def finish(self, deadline: float) -> bool:
        """Wait until everything is written, to the deadline (the loop's time) at most."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def serve(self) -> None:
        """Write what comes in, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lock in self._locks:
                group.create_task(self._serve(lock))

    async def _serve(self, lock: asyncio.Lock) -> None:
        while True:
            await self._ready.wait()
            await self._gather()
            async with lock:
                if batch := self._take():
                    self._writing += 1
                    await self._write(batch)
                    self._writing -= 1
            if self._is_time:
                self._ready.set()
            if not self._queue and not self.held_up and not self._writing:
                self._idle.set()

    async def _gather(self) -> None:
        """Let what ends at the same time come along."""
        await asyncio.sleep(0)
        if self.gather:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.gather):
                    await self._complete.wait()

    @property
    def _is_time(self) -> bool:
        return len(self._queue) >= (self.split if self._writing else 1)

    def _take(self) -> "list[_Waiting[ItemT, ResultT]]":
        """What to write now: some of it is left to an idle writer when there are enough items for
        two."""
        waiting = len(self._queue)
        size = waiting if self._is_time else 0
        if self.concurrency > 1 and not self._writing and waiting >= 2 * self.split:
            size = (waiting + 1) // 2
        size = min(size, LARGEST)
        batch, self._queue = self._queue[:size], self._queue[size:]
        if len(self._queue) < self.full:
            self._complete.clear()
        self._ready.clear()
        if len(self._queue) >= self.split:  # enough for a write beside this one
            self._ready.set()
        return batch

    def _enqueue(self, *waiting: "_Waiting[ItemT, ResultT]", first: bool = False) -> None:
        at = 0 if first else len(self._queue)
        self._queue[at:at] = waiting
        self._idle.clear()
        if self._is_time:
            self._ready.set()
        if len(self._queue) >= self.full:
            self._complete.set()

    async def _write(
        self, batch: "Sequence[_Waiting[ItemT, ResultT]]", *, rebound: bool = False
    ) -> None:
        """Write until it is written, refused or put off."""
        backoff = Backoff()
        while batch:
            try:
                items = [waiting.item for waiting in batch]
                results = await self.hooks.write(items, again=backoff.tries > 0)
            except UnreachableError as error:
                self._say(error)
                await asyncio.sleep(backoff.next())
                batch = await self._not_written(batch)
            except MissingError as error:
                if rebound:
                    await self._one_by_one(batch, error)
                    return
                await retry_until_reachable(self.rebind)
                rebound = True
            except RefusedError as error:
                await self._one_by_one(batch, error)
                return
            else:
                self.writes += 1
                self._written(batch, results)
                return

    async def _not_written(
        self, batch: "Sequence[_Waiting[ItemT, ResultT]]"
    ) -> "list[_Waiting[ItemT, ResultT]]":
        """After a lost answer: those that have to be sent again. The others are done."""
        items = [waiting.item for waiting in batch]
        known = await retry_until_reachable(lambda: self.hooks.look_up(items))
        written = [waiting for waiting in batch if waiting.item in known]
        if written:
            self._written(written, [known[waiting.item] for waiting in written])
        return [waiting for waiting in batch if waiting.item not in known]

    def _written(
        self, batch: "Sequence[_Waiting[ItemT, ResultT]]", results: Sequence[ResultT]
    ) -> None:
        if not self.held_up:
            self._once.over()
        self.items += len(batch)
        self.on_written([waiting.item for waiting in batch])
        for waiting, result in zip(batch, results, strict=True):
            if waiting.result is not None and not waiting.result.done():  # else it was cancelled
                waiting.result.set_result(result)

    async def _one_by_one(
        self, batch: "Sequence[_Waiting[ItemT, ResultT]]", error: AgentflowError
    ) -> None:
        """Keep what the database does not accept of one item from taking the others with it. What
        another transaction holds is tried again later, and what was not tried because of that, at
        once."""
        if len(batch) == 1:
            await self._alone(batch[0], error)
            return
        before = self.held_up
        for tried, waiting in enumerate(batch):
            if self.held_up - before >= HELD_UP:
                self._enqueue(*batch[tried:], first=True)
                return
            await self._write([waiting], rebound=True)

    async def _alone(self, waiting: "_Waiting[ItemT, ResultT]", error: AgentflowError) -> None:
        """Handle one item that was refused by itself."""
        try:
            if not isinstance(error, NotAcceptedError | MissingError):
                raise error
            result = await retry_until_reachable(lambda: self.hooks.refused(waiting.item, error))
        except (NotAcceptedError, MissingError) as final:
            if waiting.result is not None and not waiting.result.done():
                waiting.result.set_exception(final)
        except RefusedError as passing:
            self._say(passing)
            self.held_up += 1
            asyncio.get_running_loop().call_later(self.retry_after, self._again, waiting)
        else:
            self._written([waiting], [result])

    def _again(self, waiting: "_Waiting[ItemT, ResultT]") -> None:
        self.held_up -= 1
        self._enqueue(waiting)

    def _say(self, error: AgentflowError) -> None:
        self._once.say(f"{self.what} waits to be written. {error}")
