"""What a list asks its source for, and what a source answers with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar, runtime_checkable

from agentflow_tui.store.reading.pages import Page


class Row(Protocol):
    """What a list shows: a value with a primary key. Rows are equal when they look the same."""

    @property
    def key(self) -> str: ...


RowT = TypeVar("RowT", bound=Row)


class Ask(StrEnum):
    """Where the rows of a request lie."""

    FIRST = "first"
    LAST = "last"
    AFTER = "after"
    BEFORE = "before"
    AROUND = "around"


@dataclass(frozen=True, slots=True)
class Request(Generic[RowT]):
    """Rows to read. ``before`` counts for AROUND only; ``again`` when the rows are held already;
    ``elsewhere`` when, besides, they are not those that were read again the last time."""

    ask: Ask
    row: RowT | None
    count: int
    generation: int
    before: int = 0
    again: bool = False
    elsewhere: bool = False


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
