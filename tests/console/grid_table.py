"""Tables for lists to read from: in memory, numbered without end, slow on purpose."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from agentflow_tui.console.list.reading import PageSource
from agentflow_tui.console.list.window import PagePosition, PageRequest
from agentflow_tui.errors import UnreachableError
from agentflow_tui.store.reading.pages import Page


@dataclass(frozen=True, slots=True)
class Item:
    """A row: sorted by rank, then key."""

    rank: int
    key: str
    text: str = ""


class Table:
    """A sorted table that can be changed between two reads."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self.items = sorted(items, key=_order)

    def put(self, item: Item) -> None:
        """Insert a row, or move and change the one with its key."""
        self.remove(item.key)
        self.items.insert(bisect_left(self.items, _order(item), key=_order), item)

    def remove(self, key: str) -> None:
        self.items = [item for item in self.items if item.key != key]

    def between(self, start: int, end: int) -> Page[Item]:
        start, end = max(0, start), min(end, len(self.items))
        return Page(self.items[start:end], at_start=start == 0, at_end=end >= len(self.items))

    def answer(self, request: PageRequest[Item]) -> Page[Item]:
        """What a source on this table would say now."""
        count = request.count
        if request.ask is PagePosition.LAST:
            return self.between(len(self.items) - count, len(self.items))
        if request.row is None:
            return self.between(0, count)
        place = bisect_left(self.items, _order(request.row), key=_order)
        if request.ask is PagePosition.AFTER:
            place = bisect_right(self.items, _order(request.row), key=_order)
            return self.between(place, place + count)
        if request.ask is PagePosition.BEFORE:
            return self.between(place - count, place)
        return self.between(place - request.before, place + count)

    async def first(self, count: int) -> Page[Item]:
        return self.answer(PageRequest(PagePosition.FIRST, None, count, 0))

    async def last(self, count: int) -> Page[Item]:
        return self.answer(PageRequest(PagePosition.LAST, None, count, 0))

    async def after(self, row: Item, count: int) -> Page[Item]:
        return self.answer(PageRequest(PagePosition.AFTER, row, count, 0))

    async def before(self, row: Item, count: int) -> Page[Item]:
        return self.answer(PageRequest(PagePosition.BEFORE, row, count, 0))

    async def around(self, row: Item, before: int, count: int) -> Page[Item]:
        return self.answer(PageRequest(PagePosition.AROUND, row, count, 0, before))


def numbered(total: int) -> Table:
    """``total`` rows with ranks 0, 10, 20 and so on, so that there is room between them."""
    return Table(Item(10 * number, f"k{number:07}", f"text {number}") for number in range(total))


@dataclass(slots=True)
class Endless:
    """A million rows that are made when they are asked for."""

    total: int = 1_000_000

    def between(self, start: int, end: int) -> Page[Item]:
        start, end = max(0, start), min(end, self.total)
        rows = [Item(n, f"k{n:07}", f"text {n} {'lorem ipsum ' * 5}") for n in range(start, end)]
        return Page(rows, at_start=start == 0, at_end=end == self.total)

    async def first(self, count: int) -> Page[Item]:
        return self.between(0, count)

    async def last(self, count: int) -> Page[Item]:
        return self.between(self.total - count, self.total)

    async def after(self, row: Item, count: int) -> Page[Item]:
        return self.between(row.rank + 1, row.rank + 1 + count)

    async def before(self, row: Item, count: int) -> Page[Item]:
        return self.between(row.rank - count, row.rank)

    async def around(self, row: Item, before: int, count: int) -> Page[Item]:
        return self.between(row.rank - before, row.rank + count)


@dataclass(slots=True)
class Held:
    """Another source whose answers wait until they are let go, or fail."""

    source: PageSource[Item]
    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    fails: bool = False

    async def _wait(self, name: str, read: Callable[[], Awaitable[Page[Item]]]) -> Page[Item]:
        self.asked.append(name)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.open.wait()
            if self.fails:
                raise UnreachableError("The database went away. It is tried again.")
            return await read()
        finally:
            self.running -= 1

    async def first(self, count: int) -> Page[Item]:
        return await self._wait("first", lambda: _page(self.source.first(count)))

    async def last(self, count: int) -> Page[Item]:
        return await self._wait("last", lambda: _page(self.source.last(count)))

    async def after(self, row: Item, count: int) -> Page[Item]:
        return await self._wait("after", lambda: _page(self.source.after(row, count)))

    async def before(self, row: Item, count: int) -> Page[Item]:
        return await self._wait("before", lambda: _page(self.source.before(row, count)))

    async def around(self, row: Item, before: int, count: int) -> Page[Item]:
        return await self._wait("around", lambda: _page(self.source.around(row, before, count)))


async def _page(answer: Awaitable[object]) -> Page[Item]:
    page = await answer
    assert isinstance(page, Page)
    return page


def _order(item: Item) -> tuple[int, str]:
    return item.rank, item.key
