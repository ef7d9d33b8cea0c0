"""What is selected in a list: the row under the cursor, the marked ones, or all that match.

What can be done with it is imported once the first rows are shown, which do not wait for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentflow_tui.console.keys import CHANGES
from agentflow_tui.console.list.declarations import AnyListScreen
from agentflow_tui.console.list.detail import Detail
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.console.list.grid_messages import AllRequested, MarksChanged
from agentflow_tui.console.view import View
from agentflow_tui.store.reading.queries import Query

if TYPE_CHECKING:
    from agentflow_tui.operations.outcomes import Outcome
    from agentflow_tui.operations.selection import Selection


class ListChanges(View):
    """The part of a list that changes rows."""

    is_shown = False

    is_beside = False
    """The detail has opened by itself, and shows the row under the cursor."""

    declared: AnyListScreen
    grid: Grid[Any]
    detail: Detail
    filter: str
    wanted: Query[Any] | None

    def show_status(self) -> None:
        """Bring the line above the list up to date."""

    def selections(self) -> "Sequence[Selection]":
        selected = self._selection()
        return () if selected is None else (selected,)

    def _selection(self) -> "Selection | None":
        from agentflow_tui.operations import selection

        table, grid = self.declared.table, self.grid
        if grid.marks_everything and self.wanted is not None:
            where = " ".join(part for part in (self.declared.base, self.filter) if part)
            return selection.matching(table, self.wanted, where, grid.window.visible)
        if grid.marks:
            return selection.marked(table, list(grid.marks.values()))
        own_row = self.detail.is_open and not self.is_beside
        shown = self.detail.row_id if own_row else None
        if shown is not None and (grid.current is None or grid.current.key != shown):
            return selection.Selection(table=table, words="this row", ids=(shown,))
        return None if grid.current is None else selection.one(table, grid.current)

    def say_shown(self) -> None:
        """The first rows are on the terminal: the key bar can say what can be done with them."""
        if self.is_shown:
            return
        self.is_shown = True
        self.shell.show_bars()

    def changes(self) -> tuple[dict[str, str], dict[str, str]]:
        from agentflow_tui.operations import selection

        table, database = self.declared.table, self.env.database
        read_only = "" if database is None else database.read_only_reason(table)
        return selection.meanings(CHANGES, table, self._selection(), read_only=read_only)

    def settle(self, outcome: "Outcome") -> None:
        """What was changed loses its mark; what was skipped keeps it, or gets one."""
        skipped = {id_ for id_, _ in outcome.skipped}
        if self.grid.marks_everything:
            self.grid.clear_marks()
        else:
            self.grid.unmark([key for key in self.grid.marks if key not in skipped])

    def operation(self) -> str | None:
        from agentflow_tui.store.changes.records import TASK

        row = self.grid.current
        kind = str(getattr(row, "task_type", "") or "")
        return str(row.key) if row is not None and kind.startswith(TASK) else None

    def on_grid_all_requested(self, event: AllRequested) -> None:
        event.stop()
        if self.grid.marks_everything:
            self.grid.clear_marks()
        else:
            self.grid.mark_everything()

    def on_grid_marks_changed(self, event: MarksChanged) -> None:
        event.stop()
        self.show_status()
        self.shell.show_bars()
