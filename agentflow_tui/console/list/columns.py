"""The columns of a list, and how they share a width."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY
from datetime import datetime
from typing import Generic

from agentflow_tui.console.list.viewport import RowT
from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import cell_width

Cell = str | Sequence[tuple[str, str]]
"""What one row shows in one column: text, or pieces of text, each with the name of its style."""

GUTTER = 2
"""Cells in front of the first column: one for the mark, one to keep it apart."""

_ROOMY = 100

_SORTED = 2
"""Cells that the mark of the sorted column takes behind its title."""


@dataclass(frozen=True, slots=True)
class ListColumn(Generic[RowT]):
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

    column: ListColumn[RowT]
    x: int
    width: int


def place(
    columns: Sequence[ListColumn[RowT]], width: int, contents: Mapping[str, int] | None = None
) -> tuple[Placed[RowT], ...]:
    """The columns that ``width`` cells have room for, left to right behind the gutter.

    ``contents`` are the cells that the rows need, by title, as far as that is known: columns grow
    to that and no further, so that nothing is cut beside empty space. What cannot be dropped and
    still has no room is cut off at the right edge.
    """
    gap = 2 if width >= _ROOMY else 1
    kept = list(columns)
    while _needed(kept, gap) > width and (loose := [c for c in kept if c.drop]):
        kept.remove(max(reversed(loose), key=lambda column: column.drop))
    spare = width - _needed(kept, gap)
    shares = _shares_of_contents(kept, spare, contents) if contents else _shares(kept, spare)
    placed = []
    x = GUTTER
    for column, share in zip(kept, shares, strict=True):
        room = min(column.least + share, width - x)
        if room <= 0:
            break
        placed.append(Placed(column, x, room))
        x += room + gap
    return tuple(placed)


def _needed(columns: Sequence[ListColumn[RowT]], gap: int) -> int:
    return GUTTER + sum(column.least for column in columns) + gap * max(0, len(columns) - 1)


def _shares(columns: Sequence[ListColumn[RowT]], spare: int) -> list[int]:
    growing = sum(column.grows for column in columns)
    if not growing or spare <= 0:
        return [0] * len(columns)
    share, odd = divmod(spare, growing)
    shares = []
    for column in columns:
        shares.append(share + (odd > 0) if column.grows else 0)
        odd -= column.grows
    return shares


def _shares_of_contents(
    columns: Sequence[ListColumn[RowT]], spare: int, contents: Mapping[str, int]
) -> list[int]:
    """The spare cells shared out evenly among those that need more, to none more than it needs.
    Where they are too few, columns whose contents need less than the least give theirs up."""
    needs = [contents.get(column.title, column.least) for column in columns]
    lacks = [max(0, need - column.least) for need, column in zip(needs, columns, strict=True)]
    shares = [0] * len(columns)
    for index, column in enumerate(columns):
        idle = column.least - max(needs[index], cell_width(column.title) + _SORTED)
        given_up = min(max(0, idle), max(0, sum(lacks) - spare))
        shares[index] -= given_up
        spare += given_up
    for rank, index in enumerate(order := sorted(range(len(columns)), key=lacks.__getitem__)):
        share = min(lacks[index], max(0, spare) // (len(order) - rank))
        shares[index] += share
        spare -= share
    return shares
