"""The columns of a list: what stands in them, which ones a width has room for, and where."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Generic, TypeVar

from agentflow_tui.text import cell_width, fit, safe

RowT = TypeVar("RowT")

Cell = str | Sequence[tuple[str, str]]
"""What one row shows in one column: text, or pieces of text, each with the name of its style."""

Pieces = tuple[tuple[str, str], ...]
"""A cell cut and padded to its column's width: (text, style name), no piece empty."""

GUTTER = 2
"""Cells in front of the first column: one for the mark, one to keep it apart."""

_ROOMY = 100


@dataclass(frozen=True, slots=True)
class Column(Generic[RowT]):
    """One column of a list.

    ``cell`` gets the row and the present moment. ``width`` is in cells (that of the title if
    neither it nor ``grows`` is given); columns that grow share what the others leave over, and get
    ``min_width`` at least. Where there is no room, the column with the highest ``drop`` goes
    first; those with 0 never go. ``sort`` is the field a click on the title sorts by. ``ticks``
    says that the text changes with time alone, as an age does.
    """

    title: str
    cell: Callable[[RowT, datetime], Cell]
    _: KW_ONLY
    width: int | None = None
    grows: bool = False
    min_width: int = 10
    right: bool = False
    drop: int = 0
    sort: str | None = None
    key: str = ""
    ticks: bool = False

    @property
    def least(self) -> int:
        """The fewest cells this column is worth showing in."""
        if self.grows:
            return self.min_width
        return cell_width(self.title) if self.width is None else self.width


@dataclass(frozen=True, slots=True)
class Placed(Generic[RowT]):
    """A column that is shown: its first cell from the left edge of the list, and its cells."""

    column: Column[RowT]
    x: int
    width: int


def place(columns: Sequence[Column[RowT]], width: int) -> tuple[Placed[RowT], ...]:
    """The columns that ``width`` cells have room for, left to right behind the gutter.

    What cannot be dropped and still has no room is cut off at the right edge.
    """
    gap = 2 if width >= _ROOMY else 1
    kept = list(columns)
    while _needed(kept, gap) > width and (loose := [c for c in kept if c.drop]):
        kept.remove(max(reversed(loose), key=lambda column: column.drop))
    shares = _shares(kept, width - _needed(kept, gap))
    placed = []
    x = GUTTER
    for column, share in zip(kept, shares, strict=True):
        room = min(column.least + share, width - x)
        if room <= 0:
            break
        placed.append(Placed(column, x, room))
        x += room + gap
    return tuple(placed)


def _needed(columns: Sequence[Column[RowT]], gap: int) -> int:
    return GUTTER + sum(column.least for column in columns) + gap * max(0, len(columns) - 1)


def _shares(columns: Sequence[Column[RowT]], spare: int) -> list[int]:
    growing = sum(column.grows for column in columns)
    if not growing or spare <= 0:
        return [0] * len(columns)
    share, odd = divmod(spare, growing)
    shares = []
    for column in columns:
        shares.append(share + (odd > 0) if column.grows else 0)
        odd -= column.grows
    return shares


def fit_cell(cell: Cell, width: int, *, right: bool = False) -> Pieces:
    """``cell`` made harmless, in exactly ``width`` cells: cut with ``…`` or padded.

    Padding belongs to the piece beside it, so that a cell is as few pieces as can be.
    """
    limit = 4 * width + 4
    if isinstance(cell, str):
        return ((fit(safe(cell, limit), width, right=right), ""),)
    pieces = [(safe(text, limit), style) for text, style in cell if text]
    if len(pieces) < 2:
        text, style = pieces[0] if pieces else ("", "")
        return ((fit(text, width, right=right), style),)
    return _padded(_cut(pieces, width), width, right=right)


def _cut(pieces: Sequence[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    cut = []
    room = width
    following = sum(cell_width(text) for text, _ in pieces)
    for text, style in pieces:
        taken = cell_width(text)
        following -= taken
        if taken > room or (taken == room and following):
            cut.append((fit(text + " ", room), style))  # one more than fits, so that … tells
            break
        cut.append((text, style))
        room -= taken
    return [(text, style) for text, style in cut if text]


def _padded(pieces: list[tuple[str, str]], width: int, *, right: bool) -> Pieces:
    padding = " " * (width - sum(cell_width(text) for text, _ in pieces))
    if pieces and padding:
        text, style = pieces[0 if right else -1]
        pieces[0 if right else -1] = (padding + text if right else text + padding, style)
    return tuple(pieces)


def difference(old: Pieces, new: Pieces) -> tuple[int, int] | None:
    """Which cells of two equally wide cells differ: (first, behind the last), None if none do."""
    if old == new:
        return None
    before, after = _characters(old), _characters(new)
    width = sum(cells for _, cells, _ in after)
    if any(cells == 0 for _, cells, _ in (*before, *after)):
        return 0, width  # a mark sits on the cell before it, which must then be painted as well
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    left = sum(cells for _, cells, _ in after[:start])
    right = sum(cells for _, cells, _ in after[len(after) - end :])
    return left, width - right


def _characters(pieces: Pieces) -> list[tuple[str, int, str]]:
    return [(char, cell_width(char), style) for text, style in pieces for char in text]


def _common(left: Sequence[object], right: Sequence[object]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count
