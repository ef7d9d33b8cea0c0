"""What vendor reports and the findings in them are made of."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agentflow_tui.demo.builder import World

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One rooftop's report as a vendor sends it: lines of the same columns, and their totals."""

    rooftop: str
    lines: list[Line]
    totals: Mapping[str, float | int]

    def as_data(self) -> dict[str, Any]:
        columns = list(self.lines[0]) if self.lines else []
        return {
            "rooftop": self.rooftop,
            "columns": columns,
            "rows": self.lines,
            "totals": dict(self.totals),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the insight generator had to say. ``score`` is 0 to 100, ``audience`` who is told."""

    type: str
    title: str
    summary: str
    recommendation: str
    metrics: Mapping[str, float | int | str]
    score: int
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKind:
    """A report that comes regularly: ``runs`` times so far, ``hours`` apart."""

    vendor: str
    report_type: str
    cron: str
    hours: int
    runs: int
    build: Callable[[World, str], Report]
    find: Callable[[World, Report], Iterable[Finding]]

    @property
    def slug(self) -> str:
        words = f"{self.vendor} {self.report_type}".lower().replace("&", "n")
        return "-".join(words.split())


def total(lines: list[Line], name: str) -> int:
    return sum(line[name] for line in lines)


def mean(lines: list[Line], name: str) -> float:
    return round(total(lines, name) / len(lines), 1) if lines else 0.0


def share(part: float, whole: float) -> float:
    """Per cent, to one place."""
    return round(100 * part / whole, 1) if whole else 0.0


def score(world: World, base: float) -> int:
    """A quality score near ``base``."""
    return max(0, min(100, round(world.rng.gauss(base, 7))))
