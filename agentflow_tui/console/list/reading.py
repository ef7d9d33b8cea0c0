"""Where the rows of a list come from, and the loop that reads what a window wants.

A list reads pages of a query (`store_source`), or holds rows that one statement has counted; one
request is under way at a time.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, runtime_checkable

from agentflow_tui.console.list.viewport import RowT
from agentflow_tui.console.list.window import PagePosition, PageRequest, RowWindow
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.reading.pages import Page


class PageSource(Protocol[RowT]):
    """Where rows come from, by key: every page costs the same, wherever it lies.

    At most one call is under way at a time; it may be cancelled. Trouble that a person can
    understand is raised as :class:`~agentflow_tui.errors.AgentflowError`.
    """

    async def first(self, count: int) -> Page[RowT]:
        """The first ``count`` rows of the list."""
        ...

    async def last(self, count: int) -> Page[RowT]:
        """The last ``count`` rows, in list order."""
        ...

    async def after(self, row: RowT, count: int) -> Page[RowT]:
        """Up to ``count`` rows that come later than ``row``, which may have gone meanwhile."""
        ...

    async def before(self, row: RowT, count: int) -> Page[RowT]:
        """The ``count`` rows right before ``row``, in list order."""
        ...

    async def around(self, row: RowT, before: int, count: int) -> Page[RowT]:
        """Up to ``before`` rows right before ``row``, then up to ``count`` from it on, itself
        included. ``at_start`` need not be known when ``before`` is 0."""
        ...


@runtime_checkable
class GatedSource(Protocol):
    """A source that can tell cheaply that nothing was committed since its last answer to this."""

    async def again(self, row: object | None, count: int, *, elsewhere: bool) -> object | None:
        """``count`` rows from ``row`` on, itself included, or from the start of the list if None.

        None means that nothing has changed since the rows were last read again; it is no answer
        when ``elsewhere`` says that other rows were asked for then.
        """
        ...


@dataclass(slots=True)
class HeldSource(Generic[RowT]):
    """Rows that are all here, such as groups that were counted by one statement; whoever counts
    replaces them."""

    rows: Sequence[RowT] = ()

    @property
    def count(self) -> int:
        return len(self.rows)

    async def first(self, count: int) -> Page[RowT]:
        return Page(self.rows, at_start=True, at_end=True)

    async def last(self, count: int) -> Page[RowT]:
        return Page(self.rows, at_start=True, at_end=True)

    async def after(self, row: RowT, count: int) -> Page[RowT]:
        return Page((), at_end=True)

    async def before(self, row: RowT, count: int) -> Page[RowT]:
        return Page((), at_start=True)

    async def around(self, row: RowT, before: int, count: int) -> Page[RowT]:
        return Page(self.rows, at_start=True, at_end=True)


@runtime_checkable
class ScanningSource(Protocol[RowT]):
    """A source whose first rows may be far from the start of what it looks through."""

    async def onward(self, count: int) -> Page[RowT]:
        """Up to ``count`` of the first rows, from where looking for them was left."""
        ...


class Reader(Generic[RowT]):
    """Serves a window from a source. ``received`` is called after each answer.

    ``reads`` counts the requests. ``problem`` is why the last one failed, None if it did not.
    ``is_scanning`` tells that the last answer leaves more to look through.
    """

    def __init__(self, window: RowWindow[RowT], received: Callable[[], None]) -> None:
        self.reads = 0
        self.is_scanning = False
        self.problem: AgentflowError | None = None
        self._window = window
        self._received = received
        self._source: PageSource[RowT] | None = None
        self._asking: asyncio.Task[Page[RowT] | None] | None = None

    @property
    def has_work(self) -> bool:
        return self._source is not None and self._window.wanted() is not None

    def use(self, source: PageSource[RowT]) -> None:
        """Read from ``source`` from now on."""
        self._source = source
        self.drop()

    def drop(self) -> None:
        """Cancel the request under way: its answer is no longer wanted."""
        if self._asking is not None:
            self._asking.cancel()

    async def run(self) -> None:
        """Read until nothing is wanted or reading fails."""
        while self._source is not None and (request := self._window.wanted()) is not None:
            self.reads += 1
            self._asking = asyncio.ensure_future(_ask(self._source, request))
            try:
                await asyncio.wait((self._asking,))
            finally:
                self._asking.cancel()
            if self._asking.cancelled():
                continue
            try:
                page = self._asking.result()
            except AgentflowError as problem:
                self.problem = problem
                self._window.give_up()
                self._received()
                return
            self.problem = None
            self.is_scanning = page is not None and page.bounded
            self._window.receive(request, page)
            self._received()


async def _ask(source: PageSource[RowT], request: PageRequest[RowT]) -> Page[RowT] | None:
    row, count = request.row, request.count
    if request.again and not request.before and isinstance(source, GatedSource):
        answer: Any = await source.again(row, count, elsewhere=request.elsewhere)
        return answer  # type: ignore[no-any-return]
    if request.ask is PagePosition.LAST:
        return await source.last(count)
    if row is None:
        if request.ask is PagePosition.AFTER and isinstance(source, ScanningSource):
            return await source.onward(count)
        return await source.first(count)
    if request.ask is PagePosition.AFTER:
        return await source.after(row, count)
    if request.ask is PagePosition.BEFORE:
        return await source.before(row, count)
    return await source.around(row, request.before, count)
