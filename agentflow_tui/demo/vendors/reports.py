"""What vendor reports and the findings in them are made of."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import data
from agentflow_tui.demo.builder import SampleBuilder

ReportRow = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReport:
    """One rooftop's report as a vendor sends it: rows of the same columns, and their totals."""

    rooftop: str
    rows: list[ReportRow]
    totals: Mapping[str, float | int]

    def as_data(self) -> dict[str, Any]:
        return {
            "rooftop": self.rooftop,
            "columns": list(self.rows[0]),
            "rows": self.rows,
            "totals": dict(self.totals),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFinding:
    """What the insight generator found. ``score`` is 0 to 100; ``audience`` is to be told."""

    type: str
    title: str
    summary: str
    recommendation: str
    metrics: Mapping[str, float | int | str]
    score: int
    audience: str


Build = Callable[[SampleBuilder, str], SampleReport]
"""Makes up a rooftop's report."""

Find = Callable[[SampleBuilder, SampleReport], Iterable[SampleFinding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularReport:
    """A report that comes as ``cron`` says, ``runs`` times so far."""

    vendor: str
    type: str
    cron: str
    runs: int
    build: Build
    find: Find

    @property
    def slug(self) -> str:
        words = f"{self.vendor} {self.type}".lower().replace("&", "n")
        return "-".join(words.split())


def finding(
    type_: str,
    report: SampleReport,
    score: int,
    metrics: Mapping[str, float | int | str],
    **values: object,
) -> SampleFinding:
    """A finding in the words that the data file has for its type, filled with these values."""
    texts = data.read("vendor_reports")["findings"][type_]
    values |= {"rooftop": report.rooftop, "totals": report.totals}
    filled = {name: text.format(**values) for name, text in texts.items()}
    return SampleFinding(type=type_, score=score, metrics=metrics, **filled)


def total(rows: list[ReportRow], name: str) -> int:
    return sum(row[name] for row in rows)


def totals(rows: list[ReportRow], *names: str) -> dict[str, float | int]:
    return {name: total(rows, name) for name in names}


def mean(rows: list[ReportRow], name: str) -> float:
    return round(total(rows, name) / len(rows), 1) if rows else 0.0


def share(part: float, whole: float) -> float:
    """``part`` in per cent of ``whole``, to one decimal place."""
    return round(100 * part / whole, 1) if whole else 0.0


def score(builder: SampleBuilder, base: float) -> int:
    """A quality score near ``base``."""
    return max(0, min(100, round(builder.rng.gauss(base, 7))))
