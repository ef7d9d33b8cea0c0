"""The part of an endless list that is held in memory, and what moves in it. No I/O, no drawing.

A :class:`RowWindow` holds some pages of rows around the visible ones. Moving never waits: what lies
outside the window is remembered and done when the rows have come. :meth:`RowWindow.wanted` says
which rows to read next, one request at a time, and :meth:`RowWindow.receive` takes the answer.
"""

from collections.abc import Sequence
from enum import Enum, StrEnum
from typing import Generic

from agentflow_tui.console.list.viewport import RowT, Viewport
from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.reading.pages import Page

PAGES_PER_REQUEST = 4
PAGES_AHEAD = 4
"""Read on when fewer pages than this lie ahead: at 15 pages a second, 200 ms before the edge."""
PAGES_KEPT = 10
LEAST_ROWS = 100
"""A low list reads as if it were higher: a statement costs more than its rows."""


class PagePosition(StrEnum):
    """Where the rows of a request lie."""

    FIRST = "first"
    LAST = "last"
    AFTER = "after"
    BEFORE = "before"
    AROUND = "around"


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[RowT]):
    """Rows to read. ``before`` counts for AROUND only; ``again`` when the rows are held already;
    ``elsewhere`` when, besides, they are not all among those that were read again the last time."""

    ask: PagePosition
    row: RowT | None
    count: int
    generation: int
    before: int = 0
    again: bool = False
    elsewhere: bool = False


class _Move(Enum):
    CURSOR = "cursor"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class _Jump(Generic[RowT]):
    """A place to go to that is not held: ``row`` is to stand on ``line`` of the view."""

    ask: PagePosition
    row: RowT | None = None
    line: int = 0


class RowWindow(Viewport[RowT]):
    """A view that knows what to read to go on."""

    def __init__(self, height: int = 1) -> None:
        super().__init__(height)
        self.generation = 0
        self._direction = 0
        self._pending: list[tuple[_Move, int]] = []
        self._jump: _Jump[RowT] | None = None
        self._foreign = False
        """Whether the rows are those of a former source."""
        self._again = False
        self._last_again: tuple[str, int] | None = None
        self._sought: RowT | None = None

    # Moving

    @property
    def is_behind(self) -> bool:
        """Whether keys that were pressed wait for rows."""
        return bool(self._pending) or self._jump is not None

    def step(self, lines: int) -> None:
        """Move the cursor; the view follows where it must."""
        self._move(_Move.CURSOR, lines)

    def shift(self, lines: int) -> None:
        """Move cursor and view together, as a page up or down does."""
        self._move(_Move.BOTH, lines)

    def scroll(self, lines: int) -> None:
        """Move the view, as a wheel does. What is not held is read but not waited for."""
        self._direction = lines
        super().scroll(lines)

    def point(self, line: int) -> bool:
        """Put the cursor on a line of the view. False if no row is there."""
        index = self.top + line
        if not 0 <= line < self.height or index >= len(self.rows):
            return False
        self.cursor = index
        return True

    def to_start(self) -> bool:
        """Go to the list's first row. False if it has to be read."""
        return self._go(PagePosition.FIRST, held=self.at_start, index=0)

    def to_end(self) -> bool:
        """Go to the list's last row. False if it has to be read."""
        return self._go(PagePosition.LAST, held=self.at_end, index=len(self.rows) - 1)

    def _go(self, ask: PagePosition, *, held: bool, index: int) -> bool:
        self._pending.clear()
        if not held or self._foreign:
            self.generation += 1
            self._jump = _Jump(ask)
            return False
        self._forget_jump()
        self.move_cursor(index - self.cursor)
        return True

    def _forget_jump(self) -> None:
        if self._jump is not None:
            self.generation += 1
            self._jump = None

    def _move(self, move: _Move, lines: int) -> None:
        self._direction = lines
        if not self.is_behind:
            lines = self._apply(move, lines)
        elif self._pending and self._pending[-1][0] is move and self._pending[-1][1] * lines > 0:
            lines += self._pending.pop()[1]  # there and back is not nothing if the list ends there
        if lines:
            self._pending.append((move, lines))

    def _apply(self, move: _Move, lines: int) -> int:
        """Move as far as the rows reach. Returns how far is left to go when more are read."""
        if not self.rows:
            return 0
        rest = self.move_cursor(lines) if move is _Move.CURSOR else self.move_both(lines)
        return 0 if self.ends(rest) else rest

    def _catch_up(self) -> None:
        while self._pending:
            move, lines = self._pending.pop(0)
            rest = self._apply(move, lines)
            if rest:
                self._pending.insert(0, (move, rest))
                return

    def resize(self, height: int) -> None:
        """Show ``height`` rows from now on."""
        self.height = max(1, height)
        self.settle()

    # Reading

    def renew(self, keep: RowT | None = None) -> None:
        """Read from the beginning: another source, filter or sort.

        The rows stay until the new ones come. The cursor then goes to ``keep``, or to where that
        would stand; to the start if None.
        """
        self.generation += 1
        self._pending.clear()
        self._foreign = True
        self._again = False
        self._sought = self._last_again = None
        line = self.cursor - self.top
        self._jump = (
            _Jump(PagePosition.FIRST) if keep is None else _Jump(PagePosition.AROUND, keep, line)
        )

    def read_again(self) -> None:
        """Have the visible rows, and a page on each side, read again."""
        self._again = True

    def give_up(self) -> None:
        """Reading failed: forget the keys that waited for it, but not that the source is new."""
        self._pending.clear()
        self._again = False
        if not self._foreign:
            self._jump = None

    def wanted(self) -> PageRequest[RowT] | None:
        """What to read next, most urgent first; None when nothing is missing."""
        if self._jump is not None:
            before = 2 * self.height if self._jump.ask is PagePosition.AROUND else 0
            return self._request(self._jump.ask, self._jump.row, before=before)
        if not self.rows and not self.at_end:
            return self._request(PagePosition.AFTER)
        if not self.rows:
            return self._request(PagePosition.FIRST, again=True) if self._again else None
        if self._sought is not None:
            return self._request(
                PagePosition.AROUND, self._sought, before=2 * self.height, again=True
            )
        return self._missing() or (self._same_again() if self._again else self._ahead())

    def _missing(self) -> PageRequest[RowT] | None:
        lines = self._pending[0][1] if self._pending else 0
        below = len(self.rows) - self.top
        if not self.at_end and (lines > 0 or below < 2 * self.height):
            return self._request(PagePosition.AFTER, self.rows[-1], lines=lines)
        if not self.at_start and (lines < 0 or len(self.rows) < self.height):
            return self._request(PagePosition.BEFORE, self.rows[0], lines=lines)
        return None

    def _ahead(self) -> PageRequest[RowT] | None:
        enough = PAGES_AHEAD * self.height
        below = len(self.rows) - self.top - self.height
        if self._direction > 0 and not self.at_end and below < enough:
            return self._request(PagePosition.AFTER, self.rows[-1])
        if self._direction < 0 and not self.at_start and self.top < enough:
            return self._request(PagePosition.BEFORE, self.rows[0])
        return None

    def _same_again(self) -> PageRequest[RowT]:
        start = max(0, self.top - self.height)
        count = self.top - start + 2 * self.height
        row = self.rows[start]
        elsewhere = self._is_elsewhere(row, count)
        ask, anchor = (
            (PagePosition.FIRST, None)
            if start == 0 and self.at_start
            else (PagePosition.AROUND, row)
        )
        return PageRequest(ask, anchor, count, self.generation, again=True, elsewhere=elsewhere)

    def _request(
        self,
        ask: PagePosition,
        row: RowT | None = None,
        *,
        lines: int = 0,
        before: int = 0,
        again: bool = False,
    ) -> PageRequest[RowT]:
        chunk = max(PAGES_PER_REQUEST * self.height, LEAST_ROWS)
        count = max(chunk, min(abs(lines) + self.height, 4 * chunk))
        elsewhere = again and (before > 0 or self._is_elsewhere(row, count))
        return PageRequest(ask, row, count, self.generation, before, again, elsewhere)

    def _is_elsewhere(self, row: RowT | None, count: int) -> bool:
        """Whether not all of these rows are among those that were read again the last time."""
        if self._last_again is None:
            return True
        key, held = self._last_again
        return key != (row.key if row else "") or held < count

    # Answers

    def receive(self, request: PageRequest[RowT], page: Page[RowT] | None) -> bool:
        """Take the answer to ``request``; None says that what was asked again has not changed.

        Returns whether it was of use: an answer to what is no longer asked is dropped.
        """
        if request.generation != self.generation:
            return False
        if request.again:
            self._again = False
            useful = page is None or self._receive_again(request, page)
        else:
            useful = page is not None and self._receive_new(request, page)
        if useful and self._jump is None:
            self._catch_up()
            self.trim(max(PAGES_KEPT * self.height, 2 * LEAST_ROWS))
        return useful

    def show(self, page: Page[RowT]) -> None:
        """Hold the rows of ``page`` and no others; cursor and view stay with their rows."""
        self._forget_jump()
        self._foreign = False
        self.exchange(page.rows, at_start=page.at_start, at_end=page.at_end)
        self._catch_up()

    def _receive_new(self, request: PageRequest[RowT], page: Page[RowT]) -> bool:
        if request.ask is PagePosition.AFTER:
            return self._extend_below(request, page)
        if request.ask is PagePosition.BEFORE:
            return self._extend_above(request, page)
        self._land(request, page)
        return True

    def _extend_below(self, request: PageRequest[RowT], page: Page[RowT]) -> bool:
        if not _is(request.row, self.rows[-1:]) and (request.row or self.rows):
            return False
        kept = self._without(page.rows)
        if len(kept) < len(self.rows):
            self.exchange([*kept, *page.rows], at_start=self.at_start, at_end=_ends(page))
        else:
            self.rows += page.rows
            self.at_end = _ends(page)
        return True

    def _extend_above(self, request: PageRequest[RowT], page: Page[RowT]) -> bool:
        if not _is(request.row, self.rows[:1]):
            return False
        starts = page.at_start or not page.rows
        kept = self._without(page.rows)
        if len(kept) < len(self.rows):
            self.exchange([*page.rows, *kept], at_start=starts, at_end=self.at_end)
        else:
            self.rows[:0] = page.rows
            self.at_start = starts
            self.top += len(page.rows)
            self.cursor += len(page.rows)
            self.settle()
        return True

    def _without(self, moved: Sequence[RowT]) -> list[RowT]:
        """The rows held, but for those that were just read elsewhere: they have moved there."""
        keys = {row.key for row in moved}
        return [row for row in self.rows if row.key not in keys]

    def _land(self, request: PageRequest[RowT], page: Page[RowT]) -> None:
        jump, self._jump = self._jump, None
        self._foreign = False
        self._direction = 0
        is_first = request.ask is PagePosition.FIRST
        key = page.rows[0].key if page.rows else ""
        self._last_again = (key, request.count) if is_first else None
        starts = is_first or page.at_start
        ends = request.ask is PagePosition.LAST or _ends(page)
        found = _index_of(request.row, page.rows)
        if request.ask is PagePosition.AROUND and found is None:
            self.exchange(page.rows, at_start=starts, at_end=ends)
            return
        self.rows, self.at_start, self.at_end = list(page.rows), starts, ends
        self.cursor = len(self.rows) if request.ask is PagePosition.LAST else found or 0
        self.top = self.cursor - (jump.line if jump else 0)
        self.settle()

    def _receive_again(self, request: PageRequest[RowT], page: Page[RowT]) -> bool:
        if request.before:
            self._sought = None
            self.exchange(page.rows, at_start=page.at_start, at_end=_ends(page))
            return True
        first = request.ask is PagePosition.FIRST
        start = 0 if first else _index_of(request.row, self.rows)
        if start is None:
            return False
        if self._falls_short(page):
            self._sought = self.current
        elif page.rows or first:
            self._replace(start, page, at_start=first)
            self._last_again = (page.rows[0].key if page.rows else "", request.count)
        else:
            self._shorten(start)
        return True

    def _falls_short(self, page: Page[RowT]) -> bool:
        """Whether rows that are new may have pushed the cursor's row out of the page, or some of
        the rows that fill the view below its first one."""
        if _ends(page) or self.current is None:
            return False
        cursor = _index_of(self.current, page.rows)
        if cursor is None:
            return True
        top = _index_of(self.rows[self.top], page.rows)
        return (cursor if top is None else top) + self.height > len(page.rows)

    def _shorten(self, start: int) -> None:
        """All rows from ``start`` on have gone; what is left above has to be looked at as well."""
        self._again = True
        if start == 0:
            self._jump = _Jump(PagePosition.LAST)
        else:
            self.exchange(self.rows[:start], at_start=self.at_start, at_end=True)

    def _replace(self, start: int, page: Page[RowT], *, at_start: bool) -> None:
        """Put rows that were read again in the place of what stood there.

        If the keys are the same the rows around them stay. If not, it is unknown whether those
        around them still join up, and they go.
        """
        fresh = page.rows
        end = start + len(fresh)
        same = [row.key for row in self.rows[start:end]] == [row.key for row in fresh]
        if not same or (page.at_end and end < len(self.rows)):
            self._direction = 0
            self.exchange(fresh, at_start=at_start, at_end=_ends(page))
            return
        if end == len(self.rows):
            self.at_end = page.at_end
        self.merge(fresh)


def _ends(page: Page[RowT]) -> bool:
    return page.at_end or not (page.rows or page.bounded)


def _is(row: RowT | None, edge: Sequence[RowT]) -> bool:
    return row is not None and bool(edge) and edge[0].key == row.key


def _index_of(row: RowT | None, rows: Sequence[RowT]) -> int | None:
    if row is None:
        return None
    return next((index for index, other in enumerate(rows) if other.key == row.key), None)
