"""A screen as a declaration: what it shows, where it comes from, what it says when empty."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import ListColumn
from agentflow_tui.console.list.viewport import RowT
from agentflow_tui.console.widgets.pane import PaneLine
from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.reading.listings import Listing
from agentflow_tui.store.reading.records import Record


@dataclass(frozen=True, slots=True)
class DetailRow:
    """What a tab of a detail is made from: the row in full, and which nodes are open."""

    env: Environment
    record: Record
    open_nodes: frozenset[str] = frozenset()
    width: int = 80


Loader = Callable[[DetailRow], Awaitable[Sequence[PaneLine]]]


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a detail."""

    title: str
    load: Loader


@dataclass(frozen=True, slots=True, kw_only=True)
class ListScreen(Generic[RowT]):
    """A list. ``base`` is a filter that always holds, ``filter`` the one it opens with, and
    ``faults`` what ``!`` shows; ``keys`` are the entries that the key bar offers first. ``empty``
    may name keys: ``{app.workers}``. ``tabs`` names those of its detail, ``module:attribute``,
    which are imported when one is opened; without it they are those that any row has. ``beside``
    reads, after each look, what some of its cells show besides the row."""

    listing: Listing[RowT]
    columns: Callable[[Environment], tuple[ListColumn[RowT], ...]]
    empty: str
    base: str = ""
    filter: str = ""
    faults: str = ""
    sort: str | None = None
    tabs: str = ""
    keys: tuple[str, ...] = ()
    beside: Callable[[Environment], Awaitable[None]] | None = None

    @property
    def table(self) -> str:
        return self.listing.table.name


AnyListScreen = ListScreen[Any]
