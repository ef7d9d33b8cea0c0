"""A table of results with the distance to the target."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. ``target`` is the most it may be, or with ``at_least`` the least; None stands for
    a figure that is there for comparison only."""

    metric: str
    value: float
    target: float | None
    unit: str = "x"
    note: str = ""
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        short, long = sorted((self.value, self.target), reverse=self.at_least)
        if short == self.value:
            return "reached"
        lower = min(short, long)
        return f"MISSED by {max(short, long) / lower:.2f} x" if lower > 0 else "MISSED"

    @property
    def wanted(self) -> str:
        if self.target is None:
            return "for comparison"
        return f"at {'least' if self.at_least else 'most'} {_shown(self.target)} {self.unit}"


def _shown(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.4f}"


def show(results: Sequence[Result]) -> None:
    """Print the results as a Markdown table."""
    print("| metric | measured | target | | |")
    print("|---|---|---|---|---|")
    for r in results:
        print(f"| {r.metric} | {_shown(r.value)} {r.unit} | {r.wanted} | {r.verdict} | {r.note} |")


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of interleaved rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def rates(ours: Sequence[float], theirs: Sequence[float], what: str) -> str:
    """The note beside a ratio: both medians."""
    both = (f"{statistics.median(each):,.0f}" for each in (ours, theirs))
    return f"{' against '.join(both)} {what}/s"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of them lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
