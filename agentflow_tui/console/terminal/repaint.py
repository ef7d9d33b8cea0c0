"""Cuts an update of the screen down to what looks different in the terminal.

Textual 8.2 paints a partial update from the left edge of the widget: one changed digit at column
150 costs 150 cells. And whatever changes the layout, as a window does that opens, paints the whole
screen, several times over. What stands in the terminal is remembered here line by line, so that a
line which looks the same is not sent again, and of a whole screen only the cells that changed are.
"""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from rich.style import Style
from textual import on
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.driver import Driver
from textual.events import Event, Resize
from textual.screen import Screen
from textual.strip import Strip

from agentflow_tui.text import cell_width

GAP = 8
"""Cells that are the same and are sent all the same: to move past them costs as much."""


class Frame:
    """What stands in the terminal, as far as that is known: whole lines."""

    def __init__(self) -> None:
        self._lines: dict[int, Strip] = {}

    def forget(self) -> None:
        """Know nothing: something else may have been drawn, or the terminal has another size."""
        self._lines.clear()

    def draw(self, y: int, x: int, strip: Strip, *, by_cell: bool) -> Iterator[tuple[int, Strip]]:
        """The parts of a strip that are to be sent, each with its first cell."""
        before, end = self._lines.get(y), x + strip.cell_length
        shown = before.crop(x, end) if before is not None else None
        if shown is not None and shown == strip:
            return
        if before is not None and (x or end < before.cell_length):
            self._lines[y] = Strip.join([before.crop(0, x), strip, before.crop(end)])
        elif not x:
            self._lines[y] = strip
        if shown is None or not by_cell or shown.cell_length != strip.cell_length:
            yield x, strip
            return
        for first, behind in _runs(_cells(shown), _cells(strip)):
            yield x + first, strip.crop(first, behind)


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """What stands in each cell; the second one of a wide character has none of its own."""
    cells: list[tuple[str, Style | None]] = []
    for text, style, _ in strip:
        for character in text:
            width = cell_width(character)
            if not width and cells:
                cells[-1] = (cells[-1][0] + character, cells[-1][1])
            cells += [(character, style), ("", style)][:width]
    return cells


def _runs(
    before: list[tuple[str, Style | None]], after: list[tuple[str, Style | None]]
) -> Iterator[tuple[int, int]]:
    """The cells that differ, as (first, behind the last); near ones together."""
    if len(before) != len(after):
        yield 0, len(after)
        return
    start = behind = -1
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if start >= 0 and place - behind > GAP:
            yield _whole(before, after, start, behind)
            start = -1
        start = place if start < 0 else start
        behind = place + 1
    if start >= 0:
        yield _whole(before, after, start, behind)


def _whole(
    before: list[tuple[str, Style | None]],
    after: list[tuple[str, Style | None]],
    start: int,
    behind: int,
) -> tuple[int, int]:
    """A run that cuts no wide character in two, neither the old one nor the new one."""
    while start and not (before[start][0] and after[start][0]):
        start -= 1
    while behind < len(after) and not (before[behind][0] and after[behind][0]):
        behind += 1
    return start, behind


class ExactUpdate(CompositorUpdate):
    """The same picture as the update it is made of, in fewer bytes."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, frame: Frame) -> None:
        self._update = update
        self._frame = frame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return self._update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        """The update as it goes to the terminal: to the first changed cell, then what stands there.

        Parts that follow each other without a gap need one such move.
        """
        sequences: list[str] = []
        by_cell = isinstance(self._update, LayoutUpdate)
        at = (-1, -1)
        for y, x, strip in self._parts():
            for start, part in self._frame.draw(y, x, strip, by_cell=by_cell):
                if (y, start) != at:
                    sequences.append(Control.move_to(start, y).segment.text)
                sequences.append(part.render(console))
                at = y, start + part.cell_length
        return "".join(sequences)

    def _parts(self) -> Iterator[tuple[int, int, Strip]]:
        """(line, first cell, what is to stand there) of all that the update is about."""
        update = self._update
        if isinstance(update, LayoutUpdate):
            for y, line in enumerate(update.strips, update.region.y):
                yield y, update.region.x, Strip.join(line)
            return
        for y, first, behind in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                start, stop = max(x, first), min(end, behind)
                if strip is not None and start < stop:
                    yield y, start, strip.crop(start - x, stop - x)


class CellwiseApp(App[None]):
    """An app that writes to the terminal what changed, and nothing before it."""

    def __init__(self) -> None:
        super().__init__()
        self._frame = Frame()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Show an update, cut down if it is of a kind that this Textual makes."""
        if type(renderable) in {ChopsUpdate, LayoutUpdate}:
            renderable = ExactUpdate(renderable, self._frame)  # type: ignore[arg-type]  # its type
        super()._display(screen, renderable)

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Resize):
            self._frame.forget()
        await super().on_event(event)

    @on(Driver.SignalResume)
    def repaint(self) -> None:
        """Send the whole screen: something else may have been drawn over it."""
        self._frame.forget()
        screen = self.screen
        update = screen._compositor.render_update(
            full=True, screen_stack=list(self._background_screens)
        )
        self._display(screen, update)
