"""What a list tells the view around it."""

from typing import Any

from textual.message import Message
from textual.widget import Widget

from agentflow_tui.errors import AgentflowError


class _Told(Message):
    """Something a list says, of a row or of itself. ``control`` is the list."""

    def __init__(self, grid: Widget, row: Any = None) -> None:
        super().__init__()
        self.grid = grid
        self.row = row

    @property
    def control(self) -> Widget:
        return self.grid


class _Latest(_Told):
    """Something of which only the latest matters, so that a flood of keys tells it once."""

    def can_replace(self, message: Message) -> bool:
        return type(message) is type(self) and message.control is self.grid


class CursorMoved(_Latest, namespace="grid"):
    """Another row, or none, is under the cursor. ``by_hand`` when a key or the mouse led there,
    rather than the row before having moved or gone."""

    def __init__(self, grid: Widget, row: Any, *, by_hand: bool) -> None:
        super().__init__(grid, row)
        self.by_hand = by_hand

    def can_replace(self, message: Message) -> bool:
        if not isinstance(message, CursorMoved) or (self.by_hand and not message.by_hand):
            return False
        return super().can_replace(message)


class MarksChanged(_Latest, namespace="grid"):
    """Rows were marked or unmarked."""


class RowOpened(_Told, namespace="grid"):
    """A row was chosen, by key or by mouse."""


class SortRequested(_Told, namespace="grid"):
    """A click on the title of a column that can be sorted by."""

    def __init__(self, grid: Widget, field: str) -> None:
        super().__init__(grid)
        self.field = field


class AllRequested(_Told, namespace="grid"):
    """Everything that matches the filter is to be marked."""


class Troubled(_Told, namespace="grid"):
    """Reading failed. The rows stay, greyed; looking again is the way out."""

    def __init__(self, grid: Widget, error: AgentflowError) -> None:
        super().__init__(grid)
        self.error = error
