"""What an analysis is given, and what it answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date
from functools import cached_property
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights.tables import ReportTable, Subject
from agentflow_tui.settings import InsightSettings

METHOD = 1
"""The version of the analyses, the score and the choice. Another one makes other insights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastReport:
    """An earlier report of the same vendor and type: its day, rows, and sums by column."""

    day: date
    rows: int
    sums: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldInsight:
    """An insight of an earlier report: what it was about and how much of it there was."""

    key: str
    day: date
    magnitude: float


@dataclass(frozen=True)
class ReportFacts:
    """All that the analyses know. The same facts give the same insights."""

    table: ReportTable
    day: date
    brought: date | None = None
    """The day on which it came in: what was not over by then is never compared."""
    vendor: str = ""
    report_type: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    previous: ReportTable | None = None
    past: Sequence[PastReport] = ()
    told: Sequence[ToldInsight] = ()
    settings: InsightSettings = field(default_factory=InsightSettings)

    @cached_property
    def all_rows(self) -> frozenset[int]:
        return frozenset(range(self.table.count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is worth telling.

    ``stake`` is how much of the metric it is about, in its unit, ``share`` the same against the
    total (0 to 1). ``effect`` (0 to 1) says how clear it is, ``freshness`` how new, ``coverage``
    how much of the report it was seen in. ``magnitude`` grows as it gets worse. ``parts`` are bars
    for a picture: a label and a value each.
    """

    type: str
    subject: Subject = ()
    metric: str
    title: str
    summary: str
    recommendation: str
    figures: Mapping[str, Any]
    rows: frozenset[int]
    columns: tuple[str, ...]
    effect: float
    share: float
    stake: float = 0.0
    money: bool = False
    freshness: float = 1.0
    coverage: float = 1.0
    magnitude: float = 0.0
    rise: bool = True
    """Whether it is about more than usual, or about less."""
    parts: tuple[tuple[str, float], ...] = ()
    measure: str = ""
    """What is counted, for findings about the same thing; the metric where it says nothing."""

    @property
    def key(self) -> str:
        """What the finding is about: the same in every report."""
        subject = "; ".join(f"{name}={value}" for name, value in self.subject)
        return "|".join((self.type, subject, self.metric))


@dataclass(frozen=True, slots=True)
class InsightCandidate:
    """A question that was asked of the report. ``p`` None: a fact, which needs no test.

    The finding is worded only for those that are told.
    """

    family: str
    p: float | None
    finding: Callable[[], Finding]

    @classmethod
    def fact(cls, finding: Finding) -> "InsightCandidate":
        """Something that needs no test."""
        return cls("fact", None, lambda: finding)


Analysis = Callable[[ReportFacts], Iterable[InsightCandidate]]
"""Asks a report everything of one kind. A package adds one under the entry points' group
``agentflow_tui.insights``."""
