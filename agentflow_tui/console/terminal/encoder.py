"""Writes a frame: the shortest sequences that make what is shown into what is wanted."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from agentflow_tui.console.terminal.abilities import Abilities
from agentflow_tui.console.terminal.cells import PLAIN, SEEN_ON_BLANKS, Cell, Pen, Row
from agentflow_tui.console.terminal.scrolling import Scroll, find_scroll

GAP = 4
"""Cells that are the same and are written all the same: to move past them costs as much."""

ERASED = 4
"""Changed cells at the end of a row from which on it is erased, not written."""

LONG_BLANK = 12
"""Blanks within a row from which on they are erased, not written."""

_EMOJI = "\U0001f000"
"""From here on terminals do not agree on widths."""

_ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27"}
_ENDS |= {"8": "28", "9": "29", "21": "24", "51": "54", "52": "54", "53": "55"}
"""What ends an attribute. Two of them may have one end in common."""


class FrameEncoder:
    """Knows what is shown, cell by cell, as far as it was written by itself.

    A frame begins and ends with a pen that is reset, and the first thing it does is to go to a
    place: whatever is written between two frames does not matter, if it draws nothing.
    """

    def __init__(self, abilities: Abilities) -> None:
        self._abilities = abilities
        self._shown: list[Row | None] = []
        self._cursor = (-1, -1)
        self._out: list[str] = []
        self._width = 0
        self._pen = PLAIN
        self._at: tuple[int, int | None] | None = None
        """Row and column of the next cell; no column where terminals may not agree on it."""

    def forget(self) -> None:
        """Know nothing: something else may have been drawn, or the terminal has another size."""
        self._shown = []
        self._cursor = (-1, -1)

    def encode(self, wanted: list[Row], cursor: tuple[int, int]) -> str:
        """What makes the terminal show these rows, with the cursor at (column, row).

        Empty if it does already.
        """
        if len(self._shown) != len(wanted):
            self._shown = [None] * len(wanted)
        self._out, self._pen, self._at = [], PLAIN, None
        self._width = len(wanted[0])
        self._scroll(wanted)
        for y, row in enumerate(wanted):
            shown = self._shown[y]
            if shown != row:
                self._draw_row(y, shown if shown and len(shown) == len(row) else None, row)
                self._shown[y] = row.copy()
        if self._pen != PLAIN:
            self._out.append("\x1b[m")
        if self._out or cursor != self._cursor:
            self._go_to(cursor[1], cursor[0])
            self._cursor = cursor
        return "".join(self._out)

    def _scroll(self, wanted: list[Row]) -> None:
        """Have the terminal move what only moved."""
        shown = [row for row in self._shown if row is not None]
        if not self._abilities.moves_rows or len(shown) < len(wanted):
            return
        scroll = find_scroll(shown, wanted)
        if scroll is None:
            return
        top, bottom, by = scroll
        letter = "M" if by > 0 else "L"
        region = f"\x1b[{top + 1};{bottom + 1}r\x1b[{top + 1}H"
        self._out.append(f"{region}\x1b[{_count(abs(by))}{letter}\x1b[r")
        self._shown[top : bottom + 1] = _moved(shown, scroll)

    def _draw_row(self, y: int, shown: Row | None, wanted: Row) -> None:
        last = wanted[-1]
        is_blank = last[0] == " " and not last[1].foreground
        erases = is_blank and self._erases(last[1])
        if erases and _is_easier_from_blank(shown, wanted, last):
            self._erase(y, 0, last[1])
            shown = [last] * len(wanted)
        end = _start_of_end(shown, wanted, last) if erases else len(wanted)
        for start, behind in _runs(shown, wanted, end):
            self._write(y, start, wanted[start:behind])
        if end < len(wanted):
            self._erase(y, end, last[1])

    def _erases(self, pen: Pen) -> bool:
        """Whether what is erased looks as if blanks were written with this pen."""
        return self._abilities.colours_erased or pen.background == PLAIN.background

    def _erase(self, y: int, x: int, pen: Pen) -> None:
        self._go_to(y, x)
        self._take(pen)
        self._out.append("\x1b[K")

    def _write(self, y: int, x: int, cells: Row) -> None:
        out = self._out
        for (text, pen), same in groupby(cells):
            count = sum(1 for _ in same)
            if text:
                self._go_to(y, x)
                self._take(pen)
            if text == " " and count >= LONG_BLANK and self._abilities.colours_erased:
                out.append(f"\x1b[{count}X")
            elif text:
                out.append(text * count)
                is_sure = len(text) == 1 and text < _EMOJI
                self._at = (y, x + count) if is_sure else (y, None)
            elif self._at == (y, x):
                self._at = (y, x + count)  # behind the second cell of a wide character
            x += count

    def _take(self, pen: Pen) -> None:
        if pen is self._pen:
            return
        sequence, self._pen = _change_pen(self._pen, pen)
        if sequence:
            self._out.append(sequence)

    def _go_to(self, y: int, x: int) -> None:
        at, self._at = self._at, (y, x)
        if at == (y, x):
            return
        self._out.append(min(_moves(at, y, x, self._width), key=len))


def _moves(at: tuple[int, int | None] | None, y: int, x: int, width: int) -> Iterator[str]:
    """What brings the cursor from one place to another."""
    yield f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"
    row, column = at or (None, None)
    if row is None or y < row:
        return
    if y == row + 1 and not x:
        yield "\r\n"
    if column is not None and column < width:  # at the edge terminals do not agree where they are
        down = f"\x1b[{_count(y - row)}B" if y > row else ""
        across = f"{_count(abs(x - column))}{'C' if x > column else 'D'}"
        yield down + (f"\x1b[{across}" if x != column else "")


def _count(number: int) -> str:
    return "" if number == 1 else str(number)


def _moved(shown: list[Row], scroll: Scroll) -> list[Row | None]:
    """What stands in the rows of a scroll after it; unknown where it has nothing to take."""
    exposed = scroll.exposed
    rows = range(scroll.top, scroll.bottom + 1)
    return [None if y in exposed else shown[y + scroll.by] for y in rows]


def _is_easier_from_blank(shown: Row | None, wanted: Row, blank: Cell) -> bool:
    """Whether less is to be written into a row that was erased before."""
    if shown is None:
        return True
    written = len(wanted) - wanted.count(blank)
    differing = sum(old != new for old, new in zip(shown, wanted, strict=True))
    return written + ERASED < differing


def _start_of_end(shown: Row | None, wanted: Row, last: Cell) -> int:
    """The cell from which on a row is to be erased; its length if it is not."""
    first = len(wanted)
    while first and wanted[first - 1] == last:
        first -= 1
    changed = [x for x in range(first, len(wanted)) if shown is None or shown[x] != last]
    return changed[0] if len(changed) >= ERASED else len(wanted)


def _runs(shown: Row | None, wanted: Row, end: int) -> Iterator[tuple[int, int]]:
    """The cells before an end that are to be written, as (first, behind the last)."""
    if shown is None:
        yield 0, end
        return
    changed = [x for x in range(end) if shown[x] != wanted[x]]
    start = behind = -1
    for x in changed:
        if x < behind:
            continue
        if start >= 0 and not (x - behind <= GAP and _are_alike(wanted[behind - 1 : x + 1])):
            yield start, behind
            start = -1
        first, last = _whole(shown, wanted, x, x + 1)
        start = first if start < 0 else min(start, first)
        behind = max(behind, last)
    if start >= 0:
        yield start, behind


def _are_alike(cells: Row) -> bool:
    """Whether cells can be written with the pen of the first."""
    pen = cells[0][1]
    return all(p is pen or (not p.foreground and p.background == pen.background) for _, p in cells)


def _whole(shown: Row, wanted: Row, start: int, behind: int) -> tuple[int, int]:
    """A run that cuts no wide character in two, neither the old one nor the new one."""
    while start and not (shown[start][0] and wanted[start][0]):
        start -= 1
    while behind < len(wanted) and not (shown[behind][0] and wanted[behind][0]):
        behind += 1
    return start, behind


@lru_cache(maxsize=4096)
def _change_pen(held: Pen, wanted: Pen) -> tuple[str, Pen]:
    """The sequence that changes the pen, and the pen that is held then."""
    keeps = held.attributes
    if not wanted.foreground:
        # A blank: only what shows without a character matters.
        if SEEN_ON_BLANKS.isdisjoint(keeps):
            wanted = Pen(keeps, held.foreground, wanted.background)
        else:
            wanted = wanted._replace(foreground=held.foreground)
    codes = list(dict.fromkeys(_ENDS[a] for a in keeps if a not in wanted.attributes))
    codes += [a for a in wanted.attributes if a not in keeps or _ENDS[a] in codes]
    if held.foreground != wanted.foreground:
        codes.append(wanted.foreground)
    if held.background != wanted.background:
        codes.append(wanted.background)
    if wanted == PLAIN:
        codes = [""] if codes else []
    return (f"\x1b[{';'.join(codes)}m" if codes else ""), wanted
