"""A list of rows that one statement counts: groups of errors, domains, and the like."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic

from textual.app import ComposeResult

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import ListColumn
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.console.list.grid_messages import (
    AllRequested,
    CursorMoved,
    MarksChanged,
    RowOpened,
)
from agentflow_tui.console.list.reading import HeldSource
from agentflow_tui.console.list.viewport import RowT
from agentflow_tui.console.view import View, ViewEntry
from agentflow_tui.console.ways import Way, follow
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Selection
from agentflow_tui.text import number

EVERY = 5.0
"""Seconds between two counts: they read more than a page does."""


def _nothing(_env: Environment, _rows: Sequence[Any]) -> Sequence[Selection]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScreen(Generic[RowT]):
    """What is counted, how it looks, and where enter leads. ``note`` is said beside the title;
    ``selections`` are the rows behind some lines, or parts of them, that changes can be of, and
    ``keys`` the verbs that the key bar offers first."""

    load: Callable[[Environment], Awaitable[Sequence[RowT]]]
    columns: Callable[[Environment], tuple[ListColumn[RowT], ...]]
    ways: Callable[[RowT], Sequence[Way]]
    empty: str
    note: Callable[[Environment], str] = lambda _env: ""
    selections: Callable[[Environment, Sequence[RowT]], Sequence[Selection]] = _nothing
    keys: tuple[str, ...] = ()


class GroupView(View):
    """A list of groups."""

    def __init__(self, env: Environment, entry: ViewEntry, screen: GroupScreen[Any]) -> None:
        super().__init__(env, entry)
        self.declared = screen
        self._source: HeldSource[Any] = HeldSource()
        self._shown = False
        self._counted = 0.0
        ascii_only = env.settings.console.ascii
        self.status = Line(id="status", ascii_only=ascii_only)
        self.grid: Grid[Any] = Grid(
            screen.columns(env), now=env.now, empty=screen.empty, ascii_only=ascii_only
        )

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.grid

    async def refresh_data(self) -> None:
        at = self.env.clock().timestamp()
        if self._shown and at - self._counted < EVERY:
            return
        rows = await self.load()
        self._counted = at
        if not self._shown:
            self._shown = True
            self._source = HeldSource(rows)
            self.grid.set_source(self._source)
        self._source.rows = rows
        await self.grid.look()
        self._show_status()

    async def load(self) -> Sequence[Any]:
        """What is counted now. Raises `AgentflowError`."""
        return await self.declared.load(self.env)

    def note(self) -> str:
        """What is said beside the title."""
        return self.declared.note(self.env)

    def look_again(self) -> None:
        """Count at once: something here was changed, and what was marked for it is done."""
        self.grid.clear_marks()
        self._counted = 0.0
        self.shell.look_again()

    def tick(self) -> None:
        self.grid.tick()

    @property
    def is_settled(self) -> bool:
        return not self.grid.is_behind

    def keeps(self, key: str) -> bool:
        return self.grid.keeps(key)

    def focus_main(self) -> None:
        self.grid.focus()

    def first_keys(self) -> tuple[str, ...]:
        return (*self.declared.keys, "row.open")

    def rows(self) -> Sequence[Any]:
        """The lines that are meant: the marked ones, else the one under the cursor."""
        grid = self.grid
        if grid.marks_everything:
            return list(self._source.rows)
        return list(grid.marks.values()) or ([] if grid.current is None else [grid.current])

    def step_back(self) -> bool:
        return self.grid.clear_marks()

    def on_grid_all_requested(self, event: AllRequested) -> None:
        event.stop()
        self.grid.mark_everything()

    def on_grid_marks_changed(self, event: MarksChanged) -> None:
        event.stop()
        self._show_status()

    def selections(self) -> Sequence[Selection]:
        rows = self.rows()
        return self.declared.selections(self.env, rows) if rows else ()

    def settle(self, outcome: Outcome) -> None:
        self.look_again()

    def open_row(self) -> None:
        self.grid.action_open()

    def next_pane(self) -> None:
        self.shell.next_view()

    def on_grid_row_opened(self, event: RowOpened) -> None:
        event.stop()
        follow(self.shell, self.declared.ways(event.row))

    def on_grid_cursor_moved(self, event: CursorMoved) -> None:
        event.stop()
        self._show_status()

    def _show_status(self) -> None:
        note = Piece(f"  {self.note()}", "dim")
        marks = len(self.rows()) if self.grid.marks or self.grid.marks_everything else 0
        right = [Piece(f"{number(marks)} marked  ", "accent")] if marks else []
        right.append(Piece(f"{self.grid.position()} ", "dim"))
        self.status.show([*self.tabs([note, *right]), note], right)
