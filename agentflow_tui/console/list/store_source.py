"""Rows of a query, page by page.

Where no index serves the filter of a large table, a page is looked for in portions: the first hits
stand on the screen after the first one, and the window goes on asking until its lines are filled or
`Query.scan` rows were looked at in vain. No statement looks at more than `MOST` rows, so that none
takes long, and the next key is heard in between.
"""

from dataclasses import replace
from typing import Generic

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.viewport import RowT
from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.reading.pages import COUNT_TO, Page, Window
from agentflow_tui.store.reading.queries import Query

LOOK_ANYWAY = 15.0
"""Seconds after which rows are read even though nothing was committed: time itself moves rows
in and out of a filter, and a cheap look must never be the only one."""

FIRST, MOST = 500, 20_000
"""Rows that the first portion of a scan looks at, and the largest; each is four times the last."""

SEARCH_AFTER = 2_000
"""Rows among which words are looked for before an index is asked, which frequent ones cost much."""


@dataclass(slots=True)
class StoreSource(Generic[RowT]):
    """Keyset pages of one query. ``count`` is how many rows match, as far as was looked; ``looked``
    is how far that was, where rows are looked at one by one, and ``is_open`` tells that there may
    be more. ``is_over`` tells that the list goes on all the same, but was looked at in vain."""

    env: Environment
    query: Query[RowT]
    count: int | None = None
    looked: int = 0
    is_open: bool = False
    is_over: bool = False
    _frontier: str = ""
    """The key of the last row that was found in looking on, ``""`` before the first one."""
    _reached: tuple[object, ...] | None = None
    """The place from which to look on behind the frontier, None for that of the frontier's row."""
    _vain: int = 0
    """Rows looked at since the frontier."""
    _found: int = 0
    """Rows up to the frontier."""
    _seen: str | None = None
    _looked_at: float = 0.0

    async def first(self, count: int) -> Page[RowT]:
        self.looked = self._vain = self._found = 0
        self._frontier, self._reached = "", None
        window = self._portion(Window(limit=count, count_to=COUNT_TO), 0)
        page = await self._read(window)
        self._seen, self._looked_at = page.snapshot, self.env.clock().timestamp()
        return self._moved_on(page, window)

    async def last(self, count: int) -> Page[RowT]:
        return await self._gather(Window(limit=count, backwards=True))

    async def after(self, row: RowT, count: int) -> Page[RowT]:
        anchor = self.query.anchor(row)
        if self.query.scan is not None and self._frontier == row.key:
            return await self._onward(self._reached or anchor, count)
        return await self._gather(Window(limit=count, anchor=anchor))

    async def onward(self, count: int) -> Page[RowT]:
        """The first rows, looked for where that was left."""
        return await self._onward(self._reached, count)

    async def _onward(self, anchor: tuple[object, ...] | None, count: int) -> Page[RowT]:
        window = self._portion(Window(limit=count, anchor=anchor), self.looked)
        return self._moved_on(await self._read(window), window)

    async def before(self, row: RowT, count: int) -> Page[RowT]:
        anchor = self.query.anchor(row)
        return await self._gather(Window(limit=count, anchor=anchor, backwards=True))

    async def around(self, row: RowT, before: int, count: int) -> Page[RowT]:
        anchor = self.query.anchor(row)
        onward = await self._gather(Window(limit=count, anchor=anchor, inclusive=True))
        if not before:
            return onward
        back = await self._gather(Window(limit=before, anchor=anchor, backwards=True))
        rows = (*back.rows, *onward.rows)
        return Page(rows, at_start=back.at_start, at_end=onward.at_end)

    async def again(self, row: RowT | None, count: int, *, elsewhere: bool) -> Page[RowT] | None:
        """The rows once more, or None when nothing was committed since the last look."""
        now = self.env.clock().timestamp()
        due = now - self._looked_at >= LOOK_ANYWAY
        is_counted = not due and self.count is not None and self.count > COUNT_TO
        window = Window(
            limit=count,
            anchor=None if row is None else self.query.anchor(row),
            inclusive=True,
            count_to=0 if is_counted else COUNT_TO,
        )
        page = await self._gather(window, None if elsewhere or due else self._seen)
        self._seen = page.snapshot
        if page.unchanged:
            return None
        if not is_counted:
            self._looked_at = now
        return page

    def _portion(self, window: Window, looked: int) -> Window:
        """The window, bounded where the filter has to look row by row, after ``looked`` rows."""
        if self.query.scan is None:
            return window
        scan = min(max(FIRST, 3 * looked), MOST)
        if not self.query.search or looked < SEARCH_AFTER:
            return replace(window, scan=scan)
        if self.query.is_found_by_search:
            return replace(window, search=True, count_to=COUNT_TO)
        return replace(window, search=True, scan=scan)

    def _moved_on(self, page: Page[RowT], window: Window) -> Page[RowT]:
        """Note how far was looked. The page is the last one where that was in vain for too long."""
        if self.query.scan is None:
            return page
        self.looked += page.looked
        self._vain = 0 if page.rows else self._vain + page.looked
        if window.scan is not None:
            self.count = self._found + (page.count or 0)
        self._found += len(page.rows)
        self._frontier = page.rows[-1].key if page.rows else self._frontier
        self._reached = page.reached
        self.is_over = page.bounded and self._vain >= self.query.scan
        self.is_open = self.is_over or not page.at_end
        return replace(page, at_end=True, reached=None) if self.is_over else page

    async def _gather(self, window: Window, seen: str | None = None) -> Page[RowT]:
        """A page in as many portions as it takes, but for those that would be in vain."""
        page = begin = await self._read(self._portion(window, 0), seen)
        rows, vain, looked = list(page.rows), 0, 0
        while page.bounded and len(rows) < window.limit:
            looked += page.looked
            vain = 0 if page.rows else vain + page.looked
            if vain >= (self.query.scan or 0):
                break
            left = window.limit - len(rows)
            onward = replace(window, anchor=page.reached, inclusive=False, limit=left)
            page = await self._read(self._portion(onward, looked))
            rows = [*page.rows, *rows] if window.backwards else [*rows, *page.rows]
        if window.backwards:
            return replace(page, rows=tuple(rows), at_end=begin.at_end, reached=None)
        at_end = page.at_end or page.bounded
        return replace(page, rows=tuple(rows), at_start=begin.at_start, at_end=at_end, reached=None)

    async def _read(self, window: Window, seen: str | None = None) -> Page[RowT]:
        page = await self.query.page(await self.env.connected(), window, seen=seen)
        if page.now is not None:
            self.env.learn_time(page.now)
        if window.scan is None and page.count is not None and not page.unchanged:
            self.count = page.count
        return page
