"""Whatever the database does to a group of writes, each item is written once, or told its error."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from agentflow_tui.errors import (
    AgentflowError,
    LockedError,
    MissingError,
    NotAcceptedError,
    UnreachableError,
)
from agentflow_tui.workers.batch_writer import BatchWriter
from tests.waiting import until


class Table:
    """A table that is at times unreachable, and holds what was written. ``lost``: how often an
    answer gets lost, before or after the commit. ``refused`` items are not accepted, ``held`` ones
    are locked so many times."""

    def __init__(self, rng: random.Random) -> None:
        self.written: list[int] = []
        self.refused: set[int] = set()
        self.held: dict[int, int] = {}
        self.lost = 0
        self.missing = False
        self.asked = False
        self.sizes: list[int] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self._rng = rng

    async def write(self, batch: Sequence[int], *, again: bool) -> Sequence[str]:
        self.asked = True
        await self.let_go.wait()
        if self.missing:
            raise MissingError("no such table")
        if self.lost and self._rng.random() < 0.5:
            self.lost -= 1
            if self._rng.random() < 0.5 and not self.refused & set(batch):
                self.written += batch
            raise UnreachableError("cut off")
        for item in batch:
            if item in self.refused:
                raise NotAcceptedError(str(item))
            if self.held.get(item):
                self.held[item] -= 1
                raise LockedError("locked")
        self.sizes.append(len(batch))
        self.written += batch
        return [f"wrote {item}" for item in batch]

    async def look_up(self, batch: Sequence[int]) -> Mapping[int, str]:
        return {item: f"wrote {item}" for item in batch if item in self.written}

    async def refused_alone(self, item: int, error: AgentflowError) -> str:
        raise error

    async def rebind(self) -> None:
        self.missing = False


class Hooks:
    """The table's hooks, as a writer wants them."""

    def __init__(self, table: Table) -> None:
        self.write, self.look_up, self.refused = table.write, table.look_up, table.refused_alone


@asynccontextmanager
async def writing(table: Table, concurrency: int = 1) -> AsyncIterator[BatchWriter[int, str]]:
    writer: BatchWriter[int, str] = BatchWriter(
        hooks=Hooks(table),
        rebind=table.rebind,
        what="An item",
        concurrency=concurrency,
        retry_after=0.01,
    )
    serving = asyncio.create_task(writer.serve())
    try:
        yield writer
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("seed", range(20))
async def test_each_item_is_written_once_or_told_its_error(seed: int) -> None:
    rng = random.Random(seed)
    table = Table(rng)
    items = range(rng.randrange(1, 300))
    table.refused = {item for item in items if rng.random() < 0.05}
    table.held = {item: rng.randrange(1, 4) for item in items if rng.random() < 0.05}
    table.lost, table.missing = rng.randrange(6), rng.random() < 0.3
    async with writing(table, concurrency=rng.choice((1, 2))) as writer:
        found = await asyncio.gather(*(writer.write(i) for i in items), return_exceptions=True)
        assert await writer.finish(asyncio.get_running_loop().time() + 20)
    assert sorted(table.written) == sorted(set(items) - table.refused)
    for item, result in zip(items, found, strict=True):
        if item in table.refused:
            assert isinstance(result, NotAcceptedError)
        else:
            assert result == f"wrote {item}"


async def test_what_comes_in_while_a_write_is_under_way_is_written_together() -> None:
    table = Table(random.Random(1))
    table.let_go.clear()
    async with writing(table) as writer:
        first = asyncio.create_task(writer.write(0))
        await until(lambda: table.asked)
        rest = [asyncio.create_task(writer.write(item)) for item in range(1, 50)]
        await asyncio.sleep(0)
        table.let_go.set()
        await asyncio.gather(first, *rest)
    assert table.sizes == [1, 49]


async def test_while_it_is_paused_nothing_is_written() -> None:
    table = Table(random.Random(1))
    async with writing(table, concurrency=2) as writer:
        async with writer.paused():
            writer.put(1)
            for _ in range(10):
                await asyncio.sleep(0)
            assert table.written == []
        assert await writer.finish(asyncio.get_running_loop().time() + 20)
    assert table.written == [1]
