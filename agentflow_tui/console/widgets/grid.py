"""A list that does not know how long its table is.

It holds a `Window` of rows around the visible ones and draws lines of cells, each painted only
when it looks different. Reading happens in one task of its own, one request at a time; keys never
wait for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Generic

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentflow_tui.console.theme import style_of
from agentflow_tui.console.widgets.columns import (
    GUTTER,
    Column,
    Pieces,
    Placed,
    difference,
    fit_cell,
    place,
)
from agentflow_tui.console.widgets.grid_pages import (
    Ask,
    GatedSource,
    PageLike,
    PageSource,
    Request,
    RowT,
)
from agentflow_tui.console.widgets.grid_window import Window
from agentflow_tui.errors import AgentflowError
from agentflow_tui.text import fit, plain

HEADER = 1
"""Lines above the rows."""

PATIENCE = 0.15
"""Seconds that a first load may take before it is spoken of."""

_CELLS_KEPT = 3_000


def _binding(keys: str, action: str, title: str) -> Binding:
    return Binding(keys, action, title, show=False, id=f"list.{title.lower().replace(' ', '_')}")


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A line as it is on the screen: the cells of its columns, and what sets the line apart."""

    cells: tuple[Pieces, ...] = ()
    cursor: bool = False
    marked: bool = False


class Grid(Widget, Generic[RowT], can_focus=True):
    """Rows of a table of any length, by keyset pages."""

    DEFAULT_CSS = "Grid { height: 1fr; width: 1fr; }"

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--header",
        "grid--cursor",
        "grid--cursor-blurred",
        "grid--marked",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        _binding("down,j", "step(1)", "Down"),
        _binding("up,k", "step(-1)", "Up"),
        _binding("pagedown", "page(1.0)", "Page down"),
        _binding("pageup", "page(-1.0)", "Page up"),
        _binding("ctrl+d", "page(0.5)", "Half page down"),
        _binding("ctrl+u", "page(-0.5)", "Half page up"),
        _binding("g,home", "start", "First"),
        _binding("G,end", "finish", "Last"),
        _binding("space", "mark", "Mark"),
        _binding("v", "mark_range", "Mark range"),
        _binding("a", "mark_page", "Mark page"),
        _binding("asterisk", "mark_all", "Mark all"),
        _binding("enter,d", "open", "Open"),
    ]

    class CursorMoved(Message):
        """Another row, or none, is under the cursor."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Grid.CursorMoved)

    class Opened(Message):
        """Enter on a row."""

        def __init__(self, row: Any) -> None:
            super().__init__()
            self.row = row

    class SortRequested(Message):
        """A click on the title of a column that can be sorted by."""

        def __init__(self, field: str) -> None:
            super().__init__()
            self.field = field

    class MarksChanged(Message):
        """Rows were marked or unmarked."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Grid.MarksChanged)

    class AllRequested(Message):
        """Everything that matches the filter is to be marked."""

    class Troubled(Message):
        """Reading ahead failed; the poller will say the same when it looks next."""

        def __init__(self, error: AgentflowError) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        columns: Sequence[Column[RowT]],
        *,
        now: Callable[[], datetime],
        empty: str = "Nothing here.",
        ascii_only: bool = False,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.window: Window[RowT] = Window()
        self.marks: dict[str, RowT] = {}
        self.sorted_by: tuple[str, bool] = ("", False)
        """The field the rows are sorted by, and whether descending: an arrow shows it."""
        self.empty = empty
        self.reads = 0
        self._now = now
        self._ascii = ascii_only
        self._source: PageSource[RowT] | None = None
        self._placed: tuple[Placed[RowT], ...] = ()
        self._drawn: list[_Drawn] = []
        self._cells: dict[str, tuple[RowT, tuple[Pieces, ...]]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._loaded = False
        self._slow = False
        self._range_from: str | None = None
        self._last_key = ""
        self._words: dict[int, str] = {}

    # Where rows come from

    def set_source(self, source: PageSource[RowT], keep: RowT | None = None) -> None:
        """Show another list: another table, filter or sort. The old rows stay until it is read."""
        self._source = source
        self._stop_reading()
        self.window.renew(keep)
        if not self._loaded:
            self.set_timer(PATIENCE, self._speak_of_loading)
        self._read_on()

    async def look(self) -> None:
        """Read the visible rows once more. Raises `AgentflowError` when that is not possible."""
        if self._source is None:
            return
        self.window.read_again()
        await asyncio.shield(self._read_on())

    @property
    def current(self) -> RowT | None:
        """The row under the cursor."""
        return self.window.current

    def position(self) -> str:
        """Where the cursor is, as far as that can be known."""
        return self.window.position()

    def tick(self) -> None:
        """Time has passed: draw the cells that show it anew. No query."""
        for row in self.window.visible:
            held = self._cells.get(row.key)
            if held is not None and held[0] is row:
                self._cells[row.key] = (row, self._ticked(row, held[1]))
        self._paint()

    def _read_on(self) -> "asyncio.Task[None]":
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
            self._reader.add_done_callback(self._reading_ended)
        return self._reader

    def _reading_ended(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, AgentflowError) and self.is_attached:
            self.post_message(self.Troubled(error))

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read(self) -> None:
        try:
            while self._source is not None and (request := self.window.wanted()) is not None:
                self.reads += 1
                page = await self._ask(self._source, request)
                self.window.receive(request, page)
                if not self._loaded:
                    self._loaded = True
                    self.refresh()
                self._changed()
        except AgentflowError:
            self.window.give_up()
            raise

    async def _ask(self, source: PageSource[RowT], request: Request[RowT]) -> PageLike[RowT] | None:
        row, count = request.row, request.count
        if request.again and not request.before and isinstance(source, GatedSource):
            answer: Any = await source.again(row, count, elsewhere=request.elsewhere)
            return answer  # type: ignore[no-any-return]
        if row is None or request.ask in {Ask.FIRST, Ask.LAST}:
            return await (source.last(count) if request.ask is Ask.LAST else source.first(count))
        if request.ask is Ask.AFTER:
            return await source.after(row, count)
        if request.ask is Ask.BEFORE:
            return await source.before(row, count)
        return await source.around(row, request.before, count)

    def _speak_of_loading(self) -> None:
        self._slow = not self._loaded
        if self._slow:
            self.refresh()

    # Moving

    def action_step(self, lines: int) -> None:
        self.window.step(lines)
        self._moved()

    def action_page(self, pages: float) -> None:
        lines = max(1, int(self.window.height * abs(pages)))
        self.window.shift(lines if pages > 0 else -lines)
        self._moved()

    def action_start(self) -> None:
        self.window.to_start()
        self._moved()

    def action_finish(self) -> None:
        self.window.to_end()
        self._moved()

    def action_open(self) -> None:
        if self.current is not None:
            self.post_message(self.Opened(self.current))

    def _moved(self) -> None:
        self._changed()
        if self._source is not None and self.window.wanted() is not None:
            self._read_on()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.window.scroll(3)
        self._moved()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.window.scroll(-3)
        self._moved()

    def on_click(self, event: Click) -> None:
        if event.y < HEADER:
            self._clicked_header(event.x)
            return
        before = self.current
        if self.window.point(event.y - HEADER):
            self._moved()
            if before is not None and before is self.current:
                self.action_open()

    def _clicked_header(self, x: int) -> None:
        for placed in self._placed:
            if placed.x <= x < placed.x + placed.width and placed.column.sort:
                self.post_message(self.SortRequested(placed.column.sort))

    # Marks

    def action_mark(self) -> None:
        row = self.current
        if row is None:
            return
        if self.marks.pop(row.key, None) is None:
            self.marks[row.key] = row
        self._range_from = row.key
        self.window.step(1)
        self._marked()

    def action_mark_range(self) -> None:
        """Mark from the row marked last, or from here on, to the cursor."""
        row = self.current
        if row is None:
            return
        keys = [held.key for held in self.window.rows]
        if self._range_from not in keys:
            self._range_from = row.key
        first, last = sorted((keys.index(self._range_from or row.key), self.window.cursor))
        self.marks.update((held.key, held) for held in self.window.rows[first : last + 1])
        self._marked()

    def action_mark_page(self) -> None:
        rows = self.window.visible
        if all(row.key in self.marks for row in rows):
            for row in rows:
                del self.marks[row.key]
        else:
            self.marks.update((row.key, row) for row in rows)
        self._marked()

    def action_mark_all(self) -> None:
        self.post_message(self.AllRequested())

    def clear_marks(self) -> bool:
        """Unmark everything. False when nothing was marked."""
        if not self.marks:
            return False
        self.marks.clear()
        self._range_from = None
        self._marked()
        return True

    def _marked(self) -> None:
        self._moved()
        self.post_message(self.MarksChanged())

    # Drawing

    def show_columns(self, columns: Sequence[Column[RowT]]) -> None:
        """Use other columns."""
        self.columns = tuple(columns)
        self._lay_out()

    def on_resize(self, _event: Resize) -> None:
        self._lay_out()
        if self._source is not None and self.window.wanted() is not None:
            self._read_on()

    def _lay_out(self) -> None:
        self.window.resize(self.size.height - HEADER)
        self._placed = place(self.columns, self.size.width)
        self._cells.clear()
        self._drawn = self._lines()
        self.refresh()

    def on_focus(self) -> None:
        self._paint(cursor_too=True)

    def on_blur(self) -> None:
        self._paint(cursor_too=True)

    def on_unmount(self) -> None:
        self._stop_reading()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def _changed(self) -> None:
        row = self.current
        self._paint()
        key = row.key if row else ""
        if key != self._last_key:
            self._last_key = key
            self.post_message(self.CursorMoved())

    def _paint(self, *, cursor_too: bool = False) -> None:
        """Repaint the cells that look different from what is on the screen."""
        if not self.size.width:
            return
        before, self._drawn = self._drawn, self._lines()
        if bool(before) != bool(self._drawn):
            self.refresh()
            return
        for y in range(max(len(before), len(self._drawn))):
            old = before[y] if y < len(before) else _Drawn()
            new = self._drawn[y] if y < len(self._drawn) else _Drawn()
            if cursor_too and new.cursor:
                self._refresh_cells(y, 0, self.size.width)
            elif old != new:
                self._repaint(y, old, new)

    def _repaint(self, y: int, old: _Drawn, new: _Drawn) -> None:
        if replace(old, cells=()) != replace(new, cells=()) or len(old.cells) != len(new.cells):
            self._refresh_cells(y, 0, self.size.width)
            return
        for placed, was, now in zip(self._placed, old.cells, new.cells, strict=True):
            changed = difference(was, now)
            if changed is not None:
                self._refresh_cells(y, placed.x + changed[0], changed[1] - changed[0])

    def _refresh_cells(self, y: int, x: int, width: int) -> None:
        self.refresh(Region(x, y + HEADER, width, 1))

    def _lines(self) -> list[_Drawn]:
        cursor = self.window.cursor - self.window.top
        return [
            _Drawn(self._cells_of(row), index == cursor, row.key in self.marks)
            for index, row in enumerate(self.window.visible)
        ]

    def _cells_of(self, row: RowT) -> tuple[Pieces, ...]:
        held = self._cells.get(row.key)
        if held is not None and held[0] is row:
            return held[1]
        if len(self._cells) > _CELLS_KEPT:
            self._cells.clear()
        now = self._now()
        cells = tuple(self._cell(placed, row, now) for placed in self._placed)
        self._cells[row.key] = (row, cells)
        return cells

    def _cell(self, placed: Placed[RowT], row: RowT, now: datetime) -> Pieces:
        column = placed.column
        return fit_cell(column.cell(row, now), placed.width, right=column.right)

    def _ticked(self, row: RowT, cells: tuple[Pieces, ...]) -> tuple[Pieces, ...]:
        now = self._now()
        return tuple(
            self._cell(placed, row, now) if placed.column.ticks else cell
            for placed, cell in zip(self._placed, cells, strict=True)
        )

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < HEADER:
            return self._header(width)
        index = y - HEADER
        base = self.rich_style
        if index >= len(self._drawn):
            words = self._instead() if index == 1 and not self._drawn else ""
            dim = base + style_of(self.app.current_theme, "dim")
            return Strip([Segment(fit(f"  {words}", width), dim)], width)
        return self._row(self._drawn[index], base, width)

    def _instead(self) -> str:
        """What stands where there are no rows."""
        if self._loaded:
            return self.empty
        return "Loading…" if self._slow else ""

    def _row(self, drawn: _Drawn, base: Style, width: int) -> Strip:
        if drawn.marked:
            base += self.get_component_rich_style("grid--marked", partial=True)
        if drawn.cursor:
            name = "grid--cursor" if self.has_focus else "grid--cursor-blurred"
            base += self.get_component_rich_style(name, partial=True)
        theme = self.app.current_theme
        runs: list[tuple[str, str]] = [("● " if drawn.marked else "  ", "accent")]
        at = GUTTER
        for placed, cell in zip(self._placed, drawn.cells, strict=True):
            if placed.x > at:
                runs.append((" " * (placed.x - at), ""))
            runs += cell
            at = placed.x + placed.width
        if at < width:
            runs.append((" " * (width - at), ""))
        segments = [
            Segment(plain(text) if self._ascii else text, base + style_of(theme, style))
            for text, style in _joined(runs)
        ]
        return Strip(segments, width)

    def _header(self, width: int) -> Strip:
        field, descending = self.sorted_by
        text = " " * GUTTER
        for placed in self._placed:
            text += " " * (placed.x - len(text))
            title = placed.column.title
            if field and placed.column.sort == field:
                title += "↓" if descending else "↑"
            text += fit(title, placed.width, right=placed.column.right)
        text = fit(text, width)
        style = self.get_component_rich_style("grid--header")
        return Strip([Segment(plain(text) if self._ascii else text, style)], width)


def _joined(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one style as one run; blanks take the style before them."""
    result: list[tuple[str, str]] = []
    for text, style in runs:
        if result and (result[-1][1] == style or text.isspace()):
            result[-1] = (result[-1][0] + text, result[-1][1])
        else:
            result.append((text, style))
    return result
