"""A table of results with the distance to the target."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. ``value`` is what is compared with ``target``, smaller being better."""

    metric: str
    value: float
    target: float
    unit: str = "x"
    note: str = ""

    @property
    def verdict(self) -> str:
        return "reached" if self.value <= self.target else "MISSED"


def show(results: Sequence[Result]) -> None:
    """Print the results as a Markdown table."""
    print("| metric | measured | target | | |")
    print("|---|---|---|---|---|")
    for r in results:
        measured, target = f"{r.value:,.2f} {r.unit}", f"{r.target:,.2f} {r.unit}"
        print(f"| {r.metric} | {measured} | at most {target} | {r.verdict} | {r.note} |")


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of interleaved rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
