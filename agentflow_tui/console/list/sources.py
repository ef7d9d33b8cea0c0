"""Where the rows of a list come from: pages of the store, or rows that are already here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.pages import RowT
from agentflow_tui.store.reading.pages import Page, Window
from agentflow_tui.store.reading.queries import Query

COUNT_TO = 10_000
"""Counts are exact up to here, and ``10k+`` beyond."""

LOOK_ANYWAY = 15.0
"""Seconds after which rows are read even though nothing was committed: time itself moves rows
in and out of a filter, and a cheap look must never be the only one."""


@dataclass(slots=True)
class StoreSource(Generic[RowT]):
    """Keyset pages of one query. ``count`` and ``bounded`` are what the last look said."""

    env: Environment
    query: Query[RowT]
    count: int | None = None
    bounded: bool = False
    _seen: str | None = None
    _looked: float = field(default=0.0)

    async def first(self, count: int) -> Page[RowT]:
        return await self._read(Window(limit=count, count_to=COUNT_TO, scan=self.query.scan))

    async def last(self, count: int) -> Page[RowT]:
        return await self._read(Window(limit=count, backwards=True, scan=self.query.scan))

    async def after(self, row: RowT, count: int) -> Page[RowT]:
        return await self._read(self._window(row, count))

    async def before(self, row: RowT, count: int) -> Page[RowT]:
        return await self._read(self._window(row, count, backwards=True))

    async def around(self, row: RowT, before: int, count: int) -> Page[RowT]:
        onward = await self._read(self._window(row, count, inclusive=True))
        if not before:
            return onward
        back = await self._read(self._window(row, before, backwards=True))
        rows = (*back.rows, *onward.rows)
        return Page(rows, at_start=back.at_start, at_end=onward.at_end)

    async def again(self, row: RowT | None, count: int, *, elsewhere: bool) -> Page[RowT] | None:
        """The rows once more, or None when nothing was committed since the last look."""
        due = self.env.clock().timestamp() - self._looked >= LOOK_ANYWAY
        seen = None if elsewhere or due else self._seen
        window = Window(
            limit=count,
            anchor=None if row is None else self.query.anchor(row),
            inclusive=True,
            count_to=COUNT_TO,
            scan=self.query.scan,
        )
        page = await self._read(window, seen)
        self._seen = page.snapshot
        if page.unchanged:
            return None
        self._looked = self.env.clock().timestamp()
        return page

    def _window(
        self, row: RowT, count: int, *, backwards: bool = False, inclusive: bool = False
    ) -> Window:
        return Window(
            limit=count,
            anchor=self.query.anchor(row),
            backwards=backwards,
            inclusive=inclusive,
            scan=self.query.scan,
        )

    async def _read(self, window: Window, seen: str | None = None) -> Page[RowT]:
        page = await self.query.page(await self.env.connected(), window, seen=seen)
        if page.now is not None:
            self.env.learn_time(page.now)
        if not page.unchanged:
            self.bounded = page.bounded
            if page.count is not None:
                self.count = page.count
        return page


@dataclass(slots=True)
class HeldSource(Generic[RowT]):
    """Rows that are all here, such as groups that were counted by one statement; whoever counts
    replaces them."""

    rows: Sequence[RowT] = ()

    @property
    def count(self) -> int:
        return len(self.rows)

    async def first(self, count: int) -> Page[RowT]:
        return Page(self.rows, at_start=True, at_end=True)

    async def last(self, count: int) -> Page[RowT]:
        return Page(self.rows, at_start=True, at_end=True)

    async def after(self, row: RowT, count: int) -> Page[RowT]:
        return Page((), at_end=True)

    async def before(self, row: RowT, count: int) -> Page[RowT]:
        return Page((), at_start=True)

    async def around(self, row: RowT, before: int, count: int) -> Page[RowT]:
        return Page(self.rows, at_start=True, at_end=True)
