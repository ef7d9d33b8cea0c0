"""Some rows of a list in memory, which of them are visible, and where the cursor is.

What was read again may have changed order: the cursor follows its row, and the first visible row
that has not moved keeps its line.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """What a list shows: a value with a primary key. Rows are equal when they look the same."""

    @property
    def key(self) -> str: ...


RowT = TypeVar("RowT", bound=Row)


class Viewport(Generic[RowT]):
    """Rows without gaps, and a view of ``height`` lines on them.

    ``top`` (the first visible row) and ``cursor`` are positions in ``rows``. ``at_start`` and
    ``at_end`` say whether the list goes on outside. The cursor is always visible, and no line is
    blank while rows are held that could stand there.
    """

    def __init__(self, height: int = 1) -> None:
        self.rows: list[RowT] = []
        self.at_start = self.at_end = True
        self.top = self.cursor = 0
        self.height = height

    @property
    def current(self) -> RowT | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.rows else None

    @property
    def visible(self) -> list[RowT]:
        return self.rows[self.top : self.top + self.height]

    def position(self) -> str:
        """Where the cursor is, as far as that is known without counting the list."""
        last = len(self.rows) - 1
        if last < 0:
            return ""
        if self.at_start and self.at_end:
            return f"{self.cursor + 1}/{last + 1}"
        if self.at_start:
            return "top" if self.cursor == 0 else f"{self.cursor + 1} from top"
        if self.at_end:
            return "end" if self.cursor == last else f"{last - self.cursor + 1} from end"
        return ""

    def move_cursor(self, lines: int) -> int:
        """Move the cursor, and the view where it must. Returns the lines that had no rows."""
        target = self.cursor + lines
        self.cursor = max(0, min(target, len(self.rows) - 1))
        rest = target - self.cursor
        self.settle()
        return rest

    def move_both(self, lines: int) -> int:
        """Move cursor and view together. Returns the lines that the view could not be moved; at
        the list's end the cursor has gone on alone."""
        target = self.top + lines
        top = max(0, min(target, len(self.rows) - self.height))
        self.cursor += top - self.top
        self.top = top
        rest = target - top
        if self.ends(rest):
            self.move_cursor(rest)
        return rest

    def scroll(self, lines: int) -> None:
        """Move the view; the cursor stays on its row as long as that is visible."""
        self.top = max(0, min(self.top + lines, len(self.rows) - self.height))
        self.cursor = max(self.top, min(self.cursor, self.top + self.height - 1))
        self.settle()

    def ends(self, direction: int) -> bool:
        """Whether the rows held reach the end of the list in this direction."""
        return self.at_start if direction < 0 else self.at_end

    def settle(self) -> None:
        """Restore what is always true, moving as little as possible."""
        last = len(self.rows) - 1
        self.cursor = max(0, min(self.cursor, last))
        self.top = min(self.top, last + 1 - self.height)
        self.top = max(0, min(max(self.top, self.cursor - self.height + 1), self.cursor))

    def merge(self, rows: Iterable[RowT]) -> None:
        """Take the new values of rows that are held; others, and the order, are left alone."""
        fresh = {row.key: row for row in rows}
        for index, row in enumerate(self.rows):
            new = fresh.get(row.key, row)
            if new != row:
                self.rows[index] = new

    def exchange(self, fresh: Sequence[RowT], *, at_start: bool, at_end: bool) -> None:
        """Hold these rows and no others.

        The cursor follows its row; if that has gone, it stays where the row was. The first visible
        row that has not moved keeps its line; only a view of the list's very start stays there.
        """
        held = {row.key: row for row in self.rows}
        rows = [old if (old := held.get(row.key)) == row else row for row in fresh]
        places = {row.key: index for index, row in enumerate(rows)}
        still = unmoved([places.get(row.key) for row in self.rows])
        line = self.cursor - self.top
        current = self.current
        at_very_start = self.top == 0 and self.at_start and at_start
        self.top = 0 if at_very_start else new_top(still, self.top)
        found = places.get(current.key) if current else 0
        self.cursor = new_cursor(still, self.cursor, self.top + line) if found is None else found
        self.rows, self.at_start, self.at_end = rows, at_start, at_end
        self.settle()

    def trim(self, kept: int) -> None:
        """Forget rows that are more than ``kept`` lines away from the view."""
        end = self.top + self.height + kept
        if end < len(self.rows):
            del self.rows[end:]
            self.at_end = False
        start = self.top - kept
        if start > 0:
            del self.rows[:start]
            self.at_start = False
            self.top -= start
            self.cursor -= start


def unmoved(places: Sequence[int | None]) -> list[tuple[int, int]]:
    """(old place, new place) of as many rows as possible that have kept their order.

    The longest increasing subsequence: the rows outside it are the ones that moved.
    """
    ends: list[int] = []  # smallest new place that ends a run of each length
    last: list[int] = []  # and the old place it belongs to
    previous: dict[int, int] = {}
    for old, new in enumerate(places):
        if new is None:
            continue
        length = bisect_left(ends, new)
        if length:
            previous[old] = last[length - 1]
        ends[length : length + 1] = [new]
        last[length : length + 1] = [old]
    chain = last[-1:]
    while chain and chain[-1] in previous:
        chain.append(previous[chain[-1]])
    return [(old, new) for old in reversed(chain) if (new := places[old]) is not None]


def new_top(still: Sequence[tuple[int, int]], top: int) -> int:
    """Where the view starts if its first row that has not moved is to keep its line."""
    for old, new in still:
        if old >= top:
            return new - (old - top)
    return still[-1][1] + 1 if still else 0


def new_cursor(still: Sequence[tuple[int, int]], cursor: int, fallback: int) -> int:
    """Where the row stood that was under the cursor and has gone: at its successor."""
    for old, new in still:
        if old >= cursor:
            return new
    return still[-1][1] + 1 if still else fallback
