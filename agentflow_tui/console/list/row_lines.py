"""Rows as lines of text and style, drawn once and kept while they look the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from agentflow_tui.console.list.columns import GUTTER, Pieces, Placed, difference, fit_cell
from agentflow_tui.console.list.pages import RowT
from agentflow_tui.text import cell_width, fit, plain, safe

MARK, MARK_STYLE = "✓", "accent"
UP, DOWN = "▲", "▼"
_KEPT_LINES = 500


class Ground(Enum):
    """What a line is drawn on."""

    PLAIN = "plain"
    CURSOR = "cursor"
    BLURRED_CURSOR = "blurred cursor"


@dataclass(frozen=True, slots=True)
class Palette:
    """Everything that decides on colours. ``named`` are the styles that cells ask for by name;
    under the cursor its own colour wins, so that any theme stays readable there."""

    grounds: Mapping[Ground, Style]
    header: Style
    sorted_header: Style
    note: Style
    named: Mapping[str, Style]
    filters: Sequence[LineFilter]
    background: Color
    ascii_only: bool

    def style(self, name: str, ground: Ground) -> Style:
        """The style of a piece of text on this ground."""
        base = self.grounds[ground]
        return base if not name or ground is Ground.CURSOR else base + self.named[name]

    def strip(self, runs: Sequence[tuple[str, Style]], width: int) -> Strip:
        """Runs of text as a strip of ``width`` cells in as few segments as can be.

        A segment costs about 40 bytes on the wire, so blanks take the style of what is before
        them: all styles of a line have the same background.
        """
        merged: list[tuple[str, Style]] = []
        for text, style in runs:
            if merged and (merged[-1][1] == style or text.isspace()):
                merged[-1] = (merged[-1][0] + text, merged[-1][1])
            elif text:
                merged.append((text, style))
        segments = [Segment(plain(t) if self.ascii_only else t, style) for t, style in merged]
        for line_filter in self.filters:
            segments = line_filter.apply(segments, self.background)
        return Strip(segments, width)


@dataclass(frozen=True, slots=True)
class Look:
    """What a line's appearance depends on besides its row."""

    ground: Ground = Ground.PLAIN
    marked: bool = False


LOOKS = {(ground, marked): Look(ground, marked) for ground in Ground for marked in (False, True)}
"""One object for each look, so that comparing two is comparing identities."""


@dataclass(slots=True)
class Line(Generic[RowT]):
    """A row cut to its columns at one moment, and the strips drawn of it so far."""

    row: RowT
    cells: tuple[Pieces, ...]
    at: datetime
    strips: dict[Look, Strip]


class Lines(Generic[RowT]):
    """Draws rows in the given columns."""

    def __init__(self) -> None:
        self.placed: tuple[Placed[RowT], ...] = ()
        self.width = 0
        self._kept: dict[str, Line[RowT]] = {}

    def lay_out(self, placed: tuple[Placed[RowT], ...], width: int) -> None:
        """Draw in these columns from now on."""
        self.placed = placed
        self.width = width
        self.forget()

    def forget(self) -> None:
        """Draw everything anew: the colours have changed."""
        self._kept.clear()

    def line(self, row: RowT, now: datetime) -> Line[RowT]:
        """The line of a row. The same object as before if it would look the same."""
        kept = self._kept.get(row.key)
        if kept is not None and kept.row is row:
            return kept if kept.at == now else self._ticked(kept, now)
        if len(self._kept) >= _KEPT_LINES:
            self._forget_oldest()
        cells = tuple(self._cell(placed, row, now) for placed in self.placed)
        if kept is not None and kept.cells == cells:
            kept.row, kept.at = row, now
            return kept
        line = self._kept[row.key] = Line(row, cells, now, {})
        return line

    def _forget_oldest(self) -> None:
        for key in list(self._kept)[: _KEPT_LINES // 2]:
            del self._kept[key]

    def _ticked(self, line: Line[RowT], now: datetime) -> Line[RowT]:
        cells = tuple(
            self._cell(placed, line.row, now) if placed.column.ticks else cell
            for placed, cell in zip(self.placed, line.cells, strict=True)
        )
        if cells == line.cells:
            line.at = now
            return line
        ticked = self._kept[line.row.key] = Line(line.row, cells, now, {})
        return ticked

    def _cell(self, placed: Placed[RowT], row: RowT, now: datetime) -> Pieces:
        column = placed.column
        return fit_cell(column.cell(row, now), placed.width, right=column.right)

    def strip(self, line: Line[RowT], look: Look, palette: Palette) -> Strip:
        """The line as it is painted."""
        strip = line.strips.get(look)
        if strip is None:
            strip = line.strips[look] = palette.strip(self._runs(line, look, palette), self.width)
        return strip

    def _runs(self, line: Line[RowT], look: Look, palette: Palette) -> list[tuple[str, Style]]:
        base = palette.style("", look.ground)
        runs = [(MARK, palette.style(MARK_STYLE, look.ground)) if look.marked else (" ", base)]
        x = 1
        for placed, cell in zip(self.placed, line.cells, strict=True):
            runs.append((" " * (placed.x - x), base))
            runs += [(text, palette.style(name, look.ground)) for text, name in cell]
            x = placed.x + placed.width
        runs.append((" " * (self.width - x), base))
        return runs

    def spans(self, old: Line[RowT], new: Line[RowT]) -> list[tuple[int, int]]:
        """Which cells of the screen line differ between two lines: (first, behind the last)."""
        spans = []
        for placed, before, after in zip(self.placed, old.cells, new.cells, strict=True):
            changed = difference(before, after)
            if changed is not None:
                spans.append((placed.x + changed[0], placed.x + changed[1]))
        return spans

    def header(self, palette: Palette, sort: str | None, *, descending: bool) -> Strip:
        """The titles; the column that the list is sorted by has an arrow."""
        runs = [(" " * GUTTER, palette.header)]
        x = GUTTER
        for placed in self.placed:
            column = placed.column
            is_sorted = sort is not None and column.sort == sort
            runs.append((" " * (placed.x - x), palette.header))
            style = palette.sorted_header if is_sorted else palette.header
            arrow = f" {DOWN if descending else UP}" if is_sorted else ""
            runs.append((_title(column.title, placed.width, arrow, right=column.right), style))
            x = placed.x + placed.width
        runs.append((" " * (self.width - x), palette.header))
        return palette.strip(runs, self.width)

    def column_at(self, x: int) -> Placed[RowT] | None:
        """The column at a cell of the screen line; the gap behind a column belongs to it."""
        left = [placed for placed in self.placed if placed.x <= x]
        return left[-1] if left else None


def _title(title: str, width: int, arrow: str, *, right: bool) -> str:
    if not arrow or width <= cell_width(arrow):
        return fit(title, width, right=right)
    room = width - cell_width(arrow)
    text = fit(title, min(room, cell_width(title)))
    return fit(text + arrow, width, right=right)


def note_lines(text: str, width: int) -> list[str]:
    """A sentence broken at blanks into lines of at most ``width`` cells."""
    lines: list[str] = []
    for word in safe(text).split():
        joined = f"{lines[-1]} {word}" if lines else ""
        if joined and cell_width(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(fit(word, min(width, cell_width(word))))
    return lines
