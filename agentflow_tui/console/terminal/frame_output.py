"""What the terminal is to show, and what becomes of it: frames, when it has room for one.

What Textual paints is only noted, cell by cell. A frame is made of the newest when the terminal is
not behind; what was there in between is never sent.
"""

import os
import time
from asyncio import TimerHandle
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from rich.color import ColorSystem
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

from agentflow_tui.console.terminal.abilities import Abilities, abilities
from agentflow_tui.console.terminal.cells import BLANK, CellReader, Row
from agentflow_tui.console.terminal.encoder import FrameEncoder

SMALL = 200
"""Bytes of a frame that a terminal takes at once, so that it need not be told where it ends."""

SETTLED = 0.03
"""Seconds without an update after which a change of the layout is taken for whole."""

SETTLES_WITHIN = 0.2
"""Seconds after which what there is of it is sent all the same."""

Update = ChopsUpdate | LayoutUpdate


@runtime_checkable
class FrameDriver(Protocol):
    """A driver that says when it has room for a frame."""

    on_room: Callable[[], None] | None

    @property
    def is_behind(self) -> bool: ...

    def write_frame(self, frame: str) -> None: ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> TimerHandle: ...


class FrameOutput:
    """What the terminal is to show, and what becomes of it: frames, when there is room."""

    def __init__(
        self,
        driver: FrameDriver,
        colors: ColorSystem,
        *,
        has_more: Callable[[], bool] = lambda: False,
        able: Abilities | None = None,
    ) -> None:
        """``has_more`` says whether a further update is on its way, ``able`` what the terminal
        can do; by default what is said of the kind it names."""
        self.is_synchronized = False
        """The terminal shows what stands between two sequences at once."""
        self._driver = driver
        self._has_more = has_more
        self._reader = CellReader(colors)
        self._encoder = FrameEncoder(able or abilities(os.environ.get("TERM", "")))
        self._rows: list[Row] = []
        self._size = Size(0, 0)
        self._cursor = (0, 0)
        self._settling: TimerHandle | None = None
        self._settling_since = 0.0
        driver.on_room = self._send

    def show(self, update: Update, cursor: tuple[int, int]) -> None:
        """Have the terminal show an update, with the cursor at (column, row), now or later."""
        is_layout = isinstance(update, LayoutUpdate)
        if isinstance(update, LayoutUpdate) and update.region.size != self._size:
            self._size = update.region.size
            self._rows = [[BLANK] * self._size.width for _ in range(self._size.height)]
            self.forget()
            is_layout = False
        for y, x, strip in _parts(update):
            if y < len(self._rows):
                _draw(self._rows[y], x, self._reader.cells(strip))
        self._cursor = cursor
        if is_layout or self._settling is not None:
            self._settle()
        else:
            self._send()

    def use_few_colours(self, few: bool) -> None:
        """Whether what is painted from now on has few colours, which take few bytes."""
        self._reader.use_few_colours(few)

    def forget(self) -> None:
        """Send everything anew: something else may have been drawn over it."""
        self._encoder.forget()

    def _settle(self) -> None:
        """Wait until a change of the layout is whole: it comes in several updates, each of which
        may paint the whole screen."""
        now = time.monotonic()
        if self._settling is None:
            self._settling_since = now
        else:
            self._settling.cancel()
        left = self._settling_since + SETTLES_WITHIN - now
        self._settling = self._driver.call_later(min(SETTLED, max(left, 0.0)), self._is_settled)

    def _is_settled(self) -> None:
        self._settling = None
        if self._has_more() and time.monotonic() < self._settling_since + SETTLES_WITHIN:
            self._settling = self._driver.call_later(SETTLED, self._is_settled)
        else:
            self._send()

    def _send(self) -> None:
        if self._driver.is_behind or self._settling is not None or not self._rows:
            return
        frame = self._encoder.encode(self._rows, self._cursor)
        if self.is_synchronized and len(frame) > SMALL:
            frame = f"{SYNC_START}{frame}{SYNC_END}"
        if frame:
            self._driver.write_frame(frame)


def _draw(row: Row, x: int, cells: Row) -> None:
    """Put cells into a row. Of a wide character that they cover half a blank is left."""
    end = min(x + len(cells), len(row))
    if end <= x:
        return
    if x and not row[x][0]:
        row[x - 1] = " ", row[x - 1][1]
    if end < len(row) and not row[end][0]:
        row[end] = " ", row[end][1]
    row[x:end] = cells[: end - x]


def _parts(update: Update) -> Iterator[tuple[int, int, Strip]]:
    """(line, first cell, what is to stand there) of all that an update is about."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            yield y, update.region.x, Strip.join(line)
        return
    for y, first, behind in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            start, stop = max(x, first), min(end, behind)
            if strip is not None and start < stop:
                yield y, start, strip.crop(start - x, stop - x)
