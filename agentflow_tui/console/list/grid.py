"""A list that does not know how long its table is.

It holds a window of rows around the visible ones and repaints only what looks different. Reading
happens in a worker, one request at a time; keys never wait for it, and none is lost.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp

from agentflow_tui.console.list.canvas import HEADER, GridCanvas
from agentflow_tui.console.list.columns import GUTTER, ListColumn
from agentflow_tui.console.list.grid_messages import (
    AllRequested,
    CursorMoved,
    MarksChanged,
    RowOpened,
    SortRequested,
    Troubled,
)
from agentflow_tui.console.list.reading import PageSource, Reader
from agentflow_tui.console.list.viewport import RowT
from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.reading.pages import Page

PATIENCE = 0.15
"""Seconds that a first load may take before it is spoken of."""

READING = "Reading…"


def _key(keys: str, action: str, title: str, tooltip: str, id_: str) -> Binding:
    return Binding(keys, action, title, show=False, tooltip=tooltip, id=id_)


class Grid(GridCanvas[RowT], can_focus=True):
    """Rows of a table of any length, by keyset pages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("down,j", "step(1)", "Down", "The next row", "list.down"),
        _key("up,k", "step(-1)", "Up", "The row before", "list.up"),
        _key("pagedown", "page(2)", "Page down", "A page on", "list.page_down"),
        _key("pageup", "page(-2)", "Page up", "A page back", "list.page_up"),
        _key("ctrl+d", "page(1)", "Half page down", "Half a page on", "list.half_page_down"),
        _key("ctrl+u", "page(-1)", "Half page up", "Half a page back", "list.half_page_up"),
        _key("g,home", "first", "First", "The first row of the list", "list.first"),
        _key("G,end", "last", "Last", "The last row of the list", "list.last"),
        _key("space", "mark", "Mark", "Mark or unmark this row and go on", "list.mark"),
        _key("v", "mark_range", "Range", "Mark what the cursor passes; again ends", "list.range"),
        _key("a", "mark_page", "Mark page", "Mark or unmark all visible rows", "list.mark_page"),
        _key("*", "mark_all", "Mark all", "Everything that matches the filter", "list.mark_all"),
        _key("escape", "unmark", "Unmark", "Give up the range, then all marks", "list.unmark"),
        _key("enter,d", "open", "Open", "Open the detail of this row", "row.open"),
    ]

    def __init__(
        self,
        columns: Sequence[ListColumn[RowT]],
        *,
        now: Callable[[], datetime],
        empty: str = "Nothing here.",
        ascii_only: bool = False,
        patience: float = PATIENCE,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(columns, now=now, ascii_only=ascii_only, id=id, classes=classes)
        self.empty = empty
        self._patience = patience
        self._reader = Reader(self.window, self._received)
        self._reading: asyncio.Future[None] | None = None
        self._answered: asyncio.Future[None] | None = None
        self._is_known = False
        self._last_key: str | None = None
        self._click_opened = False
        self._postponed: list[Callable[[], object]] = []
        self._is_led = False
        """Whether keys or the mouse lead the cursor to rows that are on their way."""

    # Where rows come from

    def set_source(self, source: PageSource[RowT], keep: RowT | None = None) -> None:
        """Show another list: another table, filter or sort. The old rows stay until it is read.

        The cursor goes to ``keep``, or to where it would stand; to the start if None.
        """
        self._postponed.clear()
        self.window.renew(keep)
        self._reader.use(source)
        self._read_on()

    async def look(self) -> None:
        """Read the visible rows once more, and wait until they are shown, or until some are while
        more are looked for.

        Raises :class:`AgentflowError` when that is not possible now.
        """
        self.window.read_again()
        reading = self._read_on()
        if reading is not None:
            answered = self._answered = asyncio.get_running_loop().create_future()
            await asyncio.wait((reading, answered), return_when=asyncio.FIRST_COMPLETED)
        if self._reader.problem is not None:
            raise self._reader.problem

    def show(self, page: Page[RowT]) -> None:
        """Hold exactly these rows. What looks the same is not painted again."""
        self.window.show(page)
        self._reader.problem = None
        self._received()

    def merge(self, rows: Iterable[RowT]) -> None:
        """Take new values of rows that are held; others are ignored."""
        self.window.merge(rows)
        self._marks.see(self.window.rows)
        self._paint()

    def _read_on(self) -> "asyncio.Future[None] | None":
        """Have the reader go on, if there is something to read. Done when it rests again."""
        if self._reading is None and self._reader.has_work and self.is_attached:
            self._reading = asyncio.get_running_loop().create_future()
            if not self._is_known:
                self.set_timer(self._patience, self._speak_of_reading)
            work: Any = self._read  # not called: if it never starts, nothing is left behind
            self.run_worker(work, name="rows", group="rows")
        return self._reading

    async def _read(self) -> None:
        try:
            await self._reader.run()
        finally:
            self._rest()

    def _rest(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.set_result(None)

    def _received(self) -> None:
        answered = self._answered
        if self._reader.is_scanning and answered is not None and not answered.done():
            answered.set_result(None)
        problem = self._reader.problem
        if problem is None:
            self._is_known = True
        elif not self.has_class("-stale"):
            self.post_message(Troubled(self, problem))
        self.set_class(problem is not None, "-stale")
        self._note = str(problem) if problem else self.empty
        self._at = self._now()
        self._marks.see(self.window.rows)
        self._moved(by_hand=self._is_led)
        self._is_led = self._is_led and self.window.is_behind
        self._catch_up()

    def _catch_up(self) -> None:
        if self._reader.problem is not None:
            self._postponed.clear()
        while self._postponed and not self.window.is_behind:
            self._postponed.pop(0)()

    def _speak_of_reading(self) -> None:
        if not self._is_known and self._reader.problem is None:
            self._note = READING
            self._paint()

    # What there is

    @property
    def current(self) -> RowT | None:
        """The row under the cursor."""
        return self.window.current

    @property
    def is_behind(self) -> bool:
        """Whether keys wait for rows that are on their way."""
        return (self.window.is_behind or bool(self._postponed)) and self._reader.problem is None

    def keeps(self, key: str) -> bool:
        """Whether a key moves or marks here: those are done in turn when the rows have come."""
        known = self._is_known or self.window.is_behind
        return known and self.has_focus and key in self._bindings.key_to_bindings

    @property
    def is_reading(self) -> bool:
        """Whether rows are being read."""
        return self._reading is not None

    @property
    def reads(self) -> int:
        """How many requests the source has had."""
        return self._reader.reads

    @property
    def problem(self) -> AgentflowError | None:
        """Why the rows are not fresh; None when they are."""
        return self._reader.problem

    def say_when_empty(self, sentence: str) -> None:
        """What is said where there are no rows: what would appear here, and how."""
        if self._note == self.empty:
            self._note = sentence
        self.empty = sentence
        self._paint()

    def position(self) -> str:
        """Where the cursor is, as far as that can be known."""
        return self.window.position()

    # Moving

    def action_step(self, lines: int) -> None:
        self._follow(lambda: self.window.step(lines))

    def _in_turn(self, act: Callable[[], object]) -> None:
        """Do it to the row that earlier keys lead to, once that has been read."""
        if self._postponed or (self.window.is_behind and self._reader.problem is None):
            self._postponed.append(act)
        else:
            act()

    def action_page(self, halves: int) -> None:
        lines = max(1, self.window.height * abs(halves) // 2)
        self._follow(lambda: self.window.shift(lines if halves > 0 else -lines))

    def action_first(self) -> None:
        self._follow(self.window.to_start)

    def action_last(self) -> None:
        self._follow(self.window.to_end)

    def action_open(self) -> None:
        self._in_turn(self._open)

    def _open(self) -> None:
        if self.current is not None:
            self.post_message(RowOpened(self, self.current))

    def _follow(self, move: Callable[[], object]) -> None:
        """Make a move. If it is a jump to what has to be read, that is read at once."""
        if self._postponed:
            self._postponed.append(lambda: self._follow_now(move))
        else:
            self._follow_now(move)

    def _follow_now(self, move: Callable[[], object]) -> None:
        generation = self.window.generation
        move()
        if self.window.generation != generation:
            self._reader.drop()
        self._moved(by_hand=True)
        self._is_led = self.window.is_behind

    def _moved(self, *, by_hand: bool) -> None:
        self._announce_cursor(by_hand=by_hand)
        self._paint()
        self._read_on()

    def _announce_cursor(self, *, by_hand: bool) -> None:
        row = self.current
        key = row.key if row else None
        if key == self._last_key:
            return
        if self._marks.is_ranging:
            self._marks.follow(self.window.rows, self._last_key, self.window.cursor)
            self.post_message(MarksChanged(self))
        self._last_key = key
        self.post_message(CursorMoved(self, row, by_hand=by_hand))

    def _wheel(self, direction: int) -> None:
        self._follow(lambda: self.window.scroll(direction * round(self.app.scroll_sensitivity_y)))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._wheel(1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._wheel(-1)

    def on_click(self, event: Click) -> None:
        at = event.get_content_offset(self)
        if at is None:
            return
        if at.y < HEADER:
            placed = self._lines.column_at(at.x)
            if placed is not None and placed.column.sort:
                self.post_message(SortRequested(self, placed.column.sort))
            return
        before = self.current
        if not self.window.point(at.y - HEADER):
            return
        self._moved(by_hand=True)
        if at.x < GUTTER:
            self._toggle_mark()
        elif before is self.current and not (event.chain > 1 and self._click_opened):
            self._click_opened = True
            self._open()
        else:
            self._click_opened = False

    def _lay_out(self) -> None:
        super()._lay_out()
        self._read_on()

    def on_unmount(self) -> None:
        self._rest()

    # Marks

    @property
    def marks(self) -> Mapping[str, RowT]:
        """The marked rows as last seen, by their keys."""
        return self._marks.rows

    def mark(self, rows: Iterable[RowT]) -> None:
        """Mark these rows."""
        self._marks.add(rows)
        self._marked()

    @property
    def marks_everything(self) -> bool:
        """Everything that matches is marked, also what was never read."""
        return self._marks.everything

    def mark_everything(self) -> None:
        """Mark whatever the list holds, seen or not."""
        self._marks.everything = True
        self._marked()

    def unmark(self, keys: Iterable[str]) -> None:
        """Take the marks of the rows with these keys away."""
        self._marks.remove(keys)
        self._marked()

    def clear_marks(self) -> bool:
        """Give up the range being drawn; without one, all marks. False if there is neither."""
        if not self._marks:
            return False
        self._marks.step_back()
        self._marked()
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._marks) if action == "unmark" else True

    def action_unmark(self) -> None:
        self.clear_marks()

    def action_mark(self) -> None:
        self._in_turn(self._toggle_mark)
        self.action_step(1)

    def _toggle_mark(self) -> None:
        if self.current is not None:
            self._marks.toggle(self.current)
            self._marked()

    def action_mark_range(self) -> None:
        self._in_turn(self._toggle_range)

    def _toggle_range(self) -> None:
        self._marks.toggle_range(self.current)
        self._marked()

    def action_mark_page(self) -> None:
        self._in_turn(self._toggle_page)

    def _toggle_page(self) -> None:
        self._marks.toggle_all(self.window.visible)
        self._marked()

    def action_mark_all(self) -> None:
        self.post_message(AllRequested(self))

    def _marked(self) -> None:
        self._paint()
        self.post_message(MarksChanged(self))
