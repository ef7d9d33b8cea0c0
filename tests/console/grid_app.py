"""A console that is one list and nothing else: for the pilot, and as a program in a pty.

As a program it takes orders by key and writes a mark behind what each of them made it write. Named
a file, it adds a byte to that a hundred times a second.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.grid import PATIENCE, Grid
from agentflow_tui.console.list.grid_messages import (
    AllRequested,
    MarksChanged,
    RowOpened,
    SortRequested,
    Troubled,
)
from agentflow_tui.console.list.reading import PageSource
from agentflow_tui.console.terminal.repaint import CellwiseApp
from agentflow_tui.console.theme import THEMES
from agentflow_tui.store.reading.pages import Page
from agentflow_tui.text import age
from tests.console.grid_table import Endless, Item

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
MARK = "\x1b_done\x1b\\"


def _state(item: Item) -> Cell:
    return (("✗ failed", "failed"),) if item.text.endswith("!") else (("● running", "running"),)


def _beat(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b".")


def _age(item: Item, now: datetime) -> str:
    return age(now - START + timedelta(seconds=item.rank % 50))


COLUMNS: tuple[ListColumn[Item], ...] = (
    ListColumn("Key", lambda item, _now: item.key, width=10),
    ListColumn("State", lambda item, _now: _state(item), width=12),
    ListColumn("Text", lambda item, _now: item.text.rstrip("!"), grows=True, sort="text"),
    ListColumn("Rank", lambda item, _now: f"{item.rank:,}", width=9, right=True, sort="rank"),
    ListColumn("Notes", lambda item, _now: f"note {item.rank}", grows=True, min_width=40, drop=2),
    ListColumn("Age", _age, width=4, right=True, ticks=True, drop=1),
)


class GridApp(CellwiseApp):
    """A list of items, and what it said."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("0", "mark_output"),
        Binding("1", "same"),
        Binding("2", "change"),
        Binding("3", "tick(0)"),
        Binding("4", "tick(60)"),
        Binding("5", "again"),
        Binding("escape", "told_escape"),
    ]

    def __init__(
        self,
        source: PageSource[Item] | None,
        columns: Sequence[ListColumn[Item]] = COLUMNS,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.grid: Grid[Item] = Grid(
            columns,
            now=lambda: START,
            empty="No item waits here. [b]They appear[/b] when made.",
            patience=patience,
        )
        self.source = source
        self.beaten: tuple[Path, ...] = ()
        """Files that get a byte every ten milliseconds, while the loop goes on."""
        self.told: list[Message | str] = []

    def compose(self) -> ComposeResult:
        yield self.grid

    def on_mount(self) -> None:
        self.grid.focus()
        if self.source is not None:
            self.grid.set_source(self.source)
        for path in self.beaten:
            self.set_interval(0.01, partial(_beat, path))

    def on_grid_row_opened(self, message: RowOpened) -> None:
        self.told.append(message)

    def on_grid_sort_requested(self, message: SortRequested) -> None:
        self.told.append(message)

    def on_grid_marks_changed(self, message: MarksChanged) -> None:
        self.told.append(message)

    def on_grid_all_requested(self, message: AllRequested) -> None:
        self.told.append(message)

    def on_grid_troubled(self, message: Troubled) -> None:
        self.told.append(message)

    def action_told_escape(self) -> None:
        self.told.append("escape")

    # Orders

    def action_mark_output(self) -> None:
        self.run_worker(self._mark_output())

    async def _mark_output(self) -> None:
        while self._is_painting or getattr(self._driver, "is_behind", False):
            await asyncio.sleep(0.001)
        if self._driver is not None:
            self._driver.write(MARK)
            self._driver.flush()

    @property
    def _is_painting(self) -> bool:
        """Whether the list or the screen still has something to do."""
        grid, screen = self.grid, self.screen
        return bool(
            grid.is_reading
            or grid._repaint_required
            or grid.message_queue_size
            or screen.message_queue_size
            or screen._dirty_widgets
            or screen._compositor._dirty_regions
        )

    def action_same(self) -> None:
        copies = [replace(item) for item in self.grid.window.rows]
        self.grid.show(Page(copies, at_start=True))

    def action_change(self) -> None:
        item = self.grid.window.visible[5]
        self.grid.merge([replace(item, text=f"{item.text}!")])

    def action_tick(self, seconds: int) -> None:
        self.grid.tick(START + timedelta(seconds=seconds))

    async def action_again(self) -> None:
        await self.grid.look()


if __name__ == "__main__":
    program = GridApp(Endless())
    program.beaten = tuple(map(Path, sys.argv[1:]))
    sys.exit(program.run())
