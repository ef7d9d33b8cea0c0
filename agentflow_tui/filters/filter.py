"""A filter as it was parsed: terms that must all hold."""

from dataclasses import field
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.filters.terms import Condition, Period, Term, Word
from agentflow_tui.filters.vocabulary import Field


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark on something odd that is no mistake, such as a status word that AgentFlow never
    writes. ``start`` and ``end`` span it in the text that was parsed."""

    message: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Terms that must all hold. Bare words look into the ``searched`` fields."""

    terms: tuple[Term, ...] = ()
    searched: tuple[Field, ...] = ()
    notices: tuple[Notice, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.terms)

    @property
    def text(self) -> str:
        """The canonical writing. Parsed at the same time of the same zone, it gives this filter."""
        return " ".join(str(term) for term in self.terms)

    @property
    def names(self) -> frozenset[str]:
        """The fields that it looks at."""
        asked = {term.field for term in self.terms if isinstance(term, Condition)}
        if any(isinstance(term, Word) for term in self.terms):
            asked |= {found.name for found in self.searched}
        return frozenset(asked)

    @property
    def expires(self) -> datetime | None:
        """When ``today``, ``12:30`` and the like begin to mean another day: parse `text` again
        then. None where nothing does; lengths of time need no parsing, they are measured from the
        moment the filter is applied."""
        return min(
            (
                value.until
                for term in self.terms
                if isinstance(term, Condition)
                for value in term.values
                if isinstance(value, Period) and value.until is not None
            ),
            default=None,
        )
