"""The detail of one row: tabs over a pane."""

import asyncio
from collections.abc import Sequence
from functools import cached_property

from textual.containers import Vertical

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.loading import load
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane, PaneLine, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.schema import Table
from agentflow_tui.store.reading.records import Record, read_record
from agentflow_tui.text import shorten_id


class Detail(Vertical):
    """One row in full; empty until the first one is opened. What it shows stays until the next
    content has been read."""

    DEFAULT_CSS = """
    Detail { display: none; width: 1fr; height: 1fr; }
    Detail.-open { display: block; }
    """

    def __init__(self, env: Environment, table: Table, tabs: str) -> None:
        super().__init__()
        self.env = env
        self.table = table
        self._tabs_named = tabs or "agentflow_tui.console.details.common:tabs"
        self.tab = 0
        self.row_id: str | None = None
        self.record: Record | None = None
        self.open_nodes: frozenset[str] = frozenset()
        self._loading: asyncio.Task[None] | None = None
        self._wrapped_at = 0
        self._titles = Line(ascii_only=env.settings.console.ascii)
        self.pane = Pane(ascii_only=env.settings.console.ascii)

    @cached_property
    def tabs(self) -> tuple[Tab, ...]:
        """The tabs of this table's rows, imported when the first one is opened."""
        found = load(self._tabs_named)
        tabs: tuple[Tab, ...] = found(self.table.name) if callable(found) else found
        return tabs

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    @property
    def is_loading(self) -> bool:
        """Whether what was asked for is still being read."""
        return self._loading is not None and not self._loading.done()

    def open(self, row_id: str) -> None:
        """Show a row."""
        if not self.children:
            self.mount(self._titles, self.pane)
        afresh = row_id != self.row_id
        self.row_id = row_id
        self.add_class("-open")
        if afresh:
            self.open_nodes = frozenset()
        self.load(afresh=afresh)

    def close(self) -> None:
        """Hide, and let go of the row, which may be megabytes."""
        self.remove_class("-open")
        self.row_id = self.record = None
        self._stop()
        self.pane.show((), afresh=True)

    def turn(self, direction: int) -> None:
        """The next or previous tab."""
        if self.tabs:
            self.tab = (self.tab + direction) % len(self.tabs)
            self.open_nodes = frozenset()
            self.load(afresh=True)

    def fold(self, node: str) -> None:
        """Open or close a node of a tree."""
        self.open_nodes = self.open_nodes ^ {node}
        self.load(afresh=False)

    def load(self, *, afresh: bool) -> None:
        """Read the row and show its tab; what was asked before is no longer of interest."""
        self._stop()
        self._loading = asyncio.create_task(self._load(afresh))

    def _stop(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            self._loading = None

    def on_resize(self) -> None:
        """Wrap the text anew where there is another width for it."""
        if self.is_open and self.pane.size.width != self._wrapped_at:
            self.load(afresh=False)

    def on_unmount(self) -> None:
        self._stop()

    async def _load(self, afresh: bool) -> None:
        if self.row_id is None:
            return
        self._show_tabs()
        try:
            database = await self.env.connected()
            self.record = await read_record(database, self.table, self.row_id)
            lines = await self._lines()
        except AgentflowError as error:
            lines = [text_line(str(error), "failed")]
        self.pane.show(lines, afresh=afresh)

    async def _lines(self) -> Sequence[PaneLine]:
        if self.record is None:
            return [text_line("This row is gone.", "failed")]
        self._wrapped_at = self.pane.size.width
        opened = DetailRow(self.env, self.record, self.open_nodes, width=max(20, self._wrapped_at))
        return await self.tabs[self.tab].load(opened)

    def _show_tabs(self) -> None:
        pieces = [Piece(f" {shorten_id(self.row_id or '')} ", "accent")]
        if self.table.primary_key.secret:
            pieces = [Piece(" session ", "accent")]
        for place, tab in enumerate(self.tabs):
            here = place == self.tab
            pieces.append(Piece(f" {tab.title} ", "strong" if here else "dim", f"tab:{place}"))
        self._titles.show(pieces)

    def on_line_picked(self, event: Line.Picked) -> None:
        kind, _, place = event.target.partition(":")
        if kind == "tab":
            event.stop()
            self.tab = int(place)
            self.load(afresh=True)

    def on_pane_folded(self, event: Pane.Folded) -> None:
        event.stop()
        self.fold(event.node)
