"""Reads what a window wants, one request at a time."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic

from agentflow_tui.console.list.pages import Ask, GatedSource, PageSource, Request, RowT
from agentflow_tui.console.list.window import Window
from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.reading.pages import Page


class Reader(Generic[RowT]):
    """Serves a window from a source. ``received`` is called after each answer.

    ``reads`` counts the requests. ``problem`` is why the last one failed, None if it did not.
    """

    def __init__(self, window: Window[RowT], received: Callable[[], None]) -> None:
        self.reads = 0
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
        """Cancel the request under way: nobody waits for its answer any more."""
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
            self._window.receive(request, page)
            self._received()


async def _ask(source: PageSource[RowT], request: Request[RowT]) -> Page[RowT] | None:
    row, count = request.row, request.count
    if request.again and not request.before and isinstance(source, GatedSource):
        answer: Any = await source.again(row, count, elsewhere=request.elsewhere)
        return answer  # type: ignore[no-any-return]
    if request.ask is Ask.LAST:
        return await source.last(count)
    if row is None:
        return await source.first(count)
    if request.ask is Ask.AFTER:
        return await source.after(row, count)
    if request.ask is Ask.BEFORE:
        return await source.before(row, count)
    return await source.around(row, request.before, count)
