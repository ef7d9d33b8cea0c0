"""A list with its filter, its detail, and what can be done with them. Written once for all."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.key_names import with_keys
from agentflow_tui.console.list.declarations import AnyListScreen
from agentflow_tui.console.list.detail import Detail
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.console.list.grid_messages import CursorMoved, RowOpened, SortRequested
from agentflow_tui.console.list.menus import ListMenus
from agentflow_tui.console.list.store_source import StoreSource
from agentflow_tui.console.place import Place
from agentflow_tui.console.view import NOT_HERE, ViewEntry
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane
from agentflow_tui.console.widgets.prompt import Candidate, Mistake, Prompt
from agentflow_tui.errors import FilterError
from agentflow_tui.filters.completion import complete
from agentflow_tui.store.reading.pages import COUNT_TO
from agentflow_tui.store.reading.queries import Query, query, vocabulary
from agentflow_tui.text import bounded, number

WIDE = 140
"""Cells from which on the list and the detail stand side by side."""

ROOMY = 160
"""Cells from which on the detail stands there by itself, until it is closed."""

FILTER_AT_LEAST = 16
"""Characters of a filter that are shown beside the names of the screen's lists, before those give
way; the whole of it stands where it is typed."""

ON_TERMINAL = 0.1
"""Seconds after which the first rows have reached the terminal."""

TYPING = 0.15
"""Seconds without a key after which a filter that is being typed is applied."""


class ListView(ListMenus):
    """One list screen."""

    def __init__(self, env: Environment, entry: ViewEntry, screen: AnyListScreen) -> None:
        super().__init__(env, entry)
        self.add_class("list")  # styles go by it: of several bases Textual sees but the first
        self.declared = screen
        self.filter = screen.filter
        self.sort = screen.sort
        self.scan: int | None = None
        self._faults = False
        self._before_faults = ""
        self._asked_for = screen.filter
        """The filter asked for from elsewhere: a step back leads to it, the next one away."""
        self._before_prompt = ("", "")
        self.wanted: Query[Any] | None = None
        self._source: StoreSource[Any] | None = None
        self._typing: asyncio.TimerHandle | None = None
        self._settling: asyncio.TimerHandle | None = None
        self._bound_to: object = None
        ascii_only = env.settings.console.ascii
        self.status = Line(id="status", ascii_only=ascii_only)
        self.prompt = Prompt(
            self._complete, placeholder="status:failed age:>10m word", join_lines=self._any_of
        )
        self._empty = with_keys(screen.empty, env.settings.console.keys)
        self.grid: Grid[Any] = Grid(
            screen.columns(env), now=env.now, empty=self._empty, ascii_only=ascii_only
        )
        self.detail = Detail(env, screen.listing.table, screen.tabs)

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.prompt
        with Horizontal():
            yield self.grid
            yield self.detail

    # Reading

    async def refresh_data(self) -> None:
        database = await self.env.connected()
        if self._source is None or self._bound_to is not database.binding:
            self._apply(self.filter)
        source, grid = self._source, self.grid
        if source is None:
            return
        before = grid.current
        await grid.look()
        if self.declared.beside is not None:
            await self.declared.beside(self.env)
        self.show_status()
        if not self.is_shown:
            self.set_timer(ON_TERMINAL, self.say_shown)
        if self.detail.is_open and grid.current != before:
            self.detail.load(afresh=False)  # of its own row, whichever is under the cursor now
        self._keep_beside()

    def _keep_beside(self) -> None:
        """Where there is room, have the detail stand beside the list by itself."""
        row = self.grid.current
        is_wanted = self.size.width >= ROOMY and self.shell.state.detail_beside
        if self.is_beside and (row is None or not is_wanted):
            self.is_beside = False
            self.detail.close()
            self._arrange(refocus=self.has_focus_within)
        elif row is not None and is_wanted and not self.detail.is_open:
            self.is_beside = True
            self.detail.open(row.key)
            self._arrange(refocus=self.has_focus_within)
        elif self.is_beside and row is not None and self._settling is None:
            self._follow_cursor()  # another row has come to stand under it

    def _apply(self, text: str, *, keep: Any = None) -> None:
        """Filter by this text. Raises `FilterError`, and then nothing has changed."""
        if self.env.database is None:
            self.filter = text
            return
        self.wanted = query(
            self.declared.listing,
            self.env.database.binding,
            text,
            now=self.env.now(),
            zone=self.env.zone,
            base=self.declared.base,
            sort=self.sort,
            scan=self.scan,
        )
        self.filter, self._bound_to = text, self.env.database.binding
        self._source = StoreSource(self.env, self.wanted)
        if self.grid.marks_everything:
            self.grid.clear_marks()  # another filter: what was meant by "everything" is gone
        first = self.wanted.order[0]
        self.grid.sorted_by = (first.field.name, first.descending)
        self.grid.say_when_empty(self._empty if not text else "Nothing matches this filter.")
        self.grid.set_source(self._source, keep)

    def try_filter(self, text: str) -> bool:
        """Filter by what was asked for; a mistake is explained and the last result stays."""
        try:
            self._apply(text)
        except FilterError as error:
            if self.prompt.is_open:
                self.prompt.explain(Mistake(str(error), error.start, error.end))
            else:
                self.shell.fail(error)
            return False
        self.prompt.explain(None)
        self.show_status()
        return True

    def tick(self) -> None:
        self.grid.tick()
        if self.wanted is not None:
            expires = self.wanted.wanted.expires
            if expires is not None and expires <= self.env.now():
                self.try_filter(self.filter)

    # Coming and going

    def arrive(self, place: Place) -> None:
        if place.filter is not None and place.filter != self.filter:
            self._faults = False
            if self.try_filter(place.filter):
                self._asked_for = place.filter
        if place.row is not None:
            self._open_row(place.row)

    def place(self) -> Place:
        return Place(self.view_name, self.filter, None if self.is_beside else self.detail.row_id)

    @property
    def is_settled(self) -> bool:
        is_behind = self.grid.is_behind or self.detail.is_loading
        return not is_behind and self._settling is None and self._typing is None

    def keeps(self, key: str) -> bool:
        return self.prompt.keeps(key) or self.grid.keeps(key)

    def focus_main(self) -> None:
        if self.has_class("-narrow") and self.detail.is_open:
            self.detail.pane.focus()
        else:
            self.grid.focus()

    def step_back(self) -> bool:
        if self.detail.is_open and not (self.is_beside and self.grid.has_focus):
            self.is_beside = self.shell.state.detail_beside = False
            self.detail.close()
            self._arrange()
            return True
        if self.grid.clear_marks():
            return True
        if self.filter != self._asked_for:
            self._faults = False
            return self.try_filter(self._asked_for)
        return False

    def on_resize(self) -> None:
        self._keep_beside()
        self._arrange(refocus=self.has_focus_within)
        self.show_status()

    def _arrange(self, *, refocus: bool = True) -> None:
        """Side by side or one over the other; the focus is never left on what is hidden, and
        never taken from a prompt."""
        wide = self.size.width >= WIDE
        self.set_class(wide, "-wide")
        self.set_class(not wide, "-narrow")
        self.set_class(self.detail.is_open, "-detail")
        if refocus and not self.prompt.is_open and not (wide and self.detail.pane.has_focus):
            self.focus_main()

    def first_keys(self) -> tuple[str, ...]:
        return self.declared.keys

    def scopes(self) -> tuple[str, ...]:
        return ("row", "detail", "list") if self.detail.is_open else ("row", "list")

    # The detail

    def on_grid_row_opened(self, event: RowOpened) -> None:
        event.stop()
        self._open_row(event.row.key)

    def _open_row(self, row_id: str) -> None:
        self.is_beside, self.shell.state.detail_beside = False, True
        self.detail.open(row_id)
        self._arrange()
        self.shell.show_bars()

    def on_grid_cursor_moved(self, event: CursorMoved) -> None:
        event.stop()
        self.show_status()
        if event.by_hand and self.detail.is_open and not self.has_class("-narrow"):
            if self._settling is not None:
                self._settling.cancel()
            loop = asyncio.get_running_loop()
            self._settling = loop.call_later(TYPING, self._follow_cursor)

    def _follow_cursor(self) -> None:
        self._settling = None
        row = self.grid.current
        if self.detail.is_open and row is not None and row.key != self.detail.row_id:
            self.detail.open(row.key)

    def on_pane_followed(self, event: Pane.Followed) -> None:
        event.stop()
        self.shell.follow(event.link)

    def turn_tab(self, direction: int) -> object:
        if not self.detail.is_open:
            return NOT_HERE
        self.detail.turn(direction)
        return None

    def maximise(self) -> object:
        if not self.detail.is_open:
            return NOT_HERE
        self.toggle_class("-maximised")
        self.grid.display = not self.has_class("-maximised")
        self.focus_main()
        return None

    def next_pane(self) -> None:
        if self.detail.is_open and not self.has_class("-narrow"):
            (self.grid if self.detail.pane.has_focus else self.detail.pane).focus()
        else:
            self.shell.next_view()

    # Filter and sort

    def open_filter(self) -> None:
        self._before_prompt = (self.filter, self.detail.pane.sought)
        if self.detail.is_open and self.detail.pane.has_focus:
            self.prompt.open("")
        else:
            self.prompt.open(f"{self.filter} " if self.filter else "")

    def _any_of(self, lines: Sequence[str]) -> str:
        """Lines that were pasted, such as a column of ids: rows with any of these."""
        if self._seeks_in_pane or any(" " in line for line in lines):
            return " ".join(lines)
        return f"{self.declared.listing.table.primary_key.name}:{','.join(lines)}"

    @property
    def _seeks_in_pane(self) -> bool:
        return self.detail.is_open and self.has_class("-narrow")

    def _complete(self, text: str, cursor: int) -> list[Candidate]:
        if self.env.database is None:
            return []
        words = vocabulary(self.declared.listing, self.env.database.binding)
        return [
            Candidate(c.start, c.end, c.insert, c.label, c.hint)
            for c in complete(text, cursor, words)
        ]

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()
        self._forget_typing()
        loop = asyncio.get_running_loop()
        self._typing = loop.call_later(TYPING, self._typed, event.text)

    def _typed(self, text: str) -> None:
        self._typing = None
        if not self.prompt.is_open:
            return
        if self._seeks_in_pane:
            self.detail.pane.seek(text)
        else:
            self.try_filter(text.strip())

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        event.stop()
        if self._seeks_in_pane:
            self.detail.pane.seek(event.text)
        elif not self.try_filter(event.text.strip()):
            return
        self._forget_typing()
        self.prompt.close()
        self.focus_main()

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        """Leave everything as it was before a filter was typed."""
        event.stop()
        self._forget_typing()
        before, sought = self._before_prompt
        self.detail.pane.seek(sought)
        if self.filter != before:
            self.try_filter(before)
        self.focus_main()

    def _forget_typing(self) -> None:
        if self._typing is not None:
            self._typing.cancel()
            self._typing = None

    def show_story(self) -> object:
        row = self.grid.current
        key = self.detail.row_id if self.detail.is_open else row and str(row.key)
        if not key:
            return NOT_HERE
        self.shell.go(Place("story", f"{self.declared.table} {key}"))
        return None

    def show_errors(self) -> None:
        self.shell.go(Place("errors"))

    def toggle_faults(self) -> None:
        if not self.declared.faults:
            self.shell.say("Nothing in this list can be wrong.")
            return
        self._faults = not self._faults
        if self._faults:
            self._before_faults = self.filter
        self.try_filter(self.declared.faults if self._faults else self._before_faults)

    def look_further(self) -> object:
        if self.wanted is None or self.wanted.scan is None:
            return NOT_HERE
        self.scan = 10 * self.wanted.scan
        return self.try_filter(self.filter)

    def on_grid_sort_requested(self, event: SortRequested) -> None:
        event.stop()
        field, descending = self.grid.sorted_by
        self.sort_by(f"-{event.field}" if field == event.field and not descending else event.field)

    def open_row(self) -> None:
        self.grid.action_open()

    # The line above the list

    def show_status(self) -> None:
        text = self.filter or "everything"
        filter_ = Piece(f"  {text}", "accent" if self.filter else "dim")
        position = Piece(f"{self.grid.position()} ", "dim")
        right = [Piece(" "), *self._marks_status(), *self._result_status(), position]
        beginning = Piece(text[:FILTER_AT_LEAST])
        self.status.show([*self.tabs([beginning, *right]), filter_], right)

    def _marks_status(self) -> Iterator[Piece]:
        """How many rows are marked, if any are."""
        if self.grid.marks_everything:
            yield Piece("everything marked  ", "accent")
        elif self.grid.marks:
            yield Piece(f"{number(len(self.grid.marks))} marked  ", "accent")

    def _result_status(self) -> Iterator[Piece]:
        """What the query remarks, how far it looked if not to the end, and how many rows it has."""
        if self.wanted is not None and self.wanted.remarks:
            yield Piece(f"{self.wanted.remarks[0]}  ", "dim")
        source = self._source
        if source is None:
            return
        if source.is_over:
            yield Piece(f"first {number(source.looked)} looked at, X for more  ", "warning")
        elif source.is_open and self.grid.is_reading:
            yield Piece(f"{number(source.looked)} looked at so far  ", "warning")
        if source.count is not None:
            more = "+" if source.is_open and source.count <= COUNT_TO else ""
            yield Piece(f"{bounded(source.count, COUNT_TO)}{more} rows  ", "dim")
