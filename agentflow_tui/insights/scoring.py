"""How much a finding is worth telling: a score of 0 to 100 and its parts."""

import math

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights.facts import Finding, ReportFacts
from agentflow_tui.insights.words import rounded

WEIGHTS = {
    "impact": 0.40,
    "effect": 0.25,
    "confidence": 0.20,
    "freshness": 0.10,
    "coverage": 0.05,
}
STAKE = 0.05
"""The share of a rooftop's monthly gross that counts as the full impact."""

REPEATED = 0.6
REPEAT_DAYS = 7
WORSE = 1.2
"""A finding that was told within so many days counts less, unless it is a fifth worse."""

_SURE = 5.0
"""Zeros behind the point of a q that leave no doubt."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score, its parts (each 0 to 1) and the guards that it was multiplied by."""

    value: int
    parts: dict[str, float]
    guards: dict[str, float]


def score(facts: ReportFacts, finding: Finding, q: float | None) -> Score:
    """Score a finding. ``q`` is None for a fact, which is certain."""
    parts = {
        "impact": _impact(facts, finding),
        "effect": finding.effect,
        "confidence": 1.0 if q is None else min(1.0, -math.log10(max(q, 1e-12)) / _SURE),
        "freshness": finding.freshness,
        "coverage": finding.coverage,
    }
    parts = {name: rounded(min(1.0, max(0.0, value))) for name, value in parts.items()}
    guards = {"quality": _quality(facts, finding), "repeat": _repeat(facts, finding)}
    weighted = math.fsum([WEIGHTS[name] * value for name, value in parts.items()])
    value = math.floor(100 * weighted * guards["quality"] * guards["repeat"] + 0.5)
    return Score(max(0, min(100, value)), parts, guards)


def _impact(facts: ReportFacts, finding: Finding) -> float:
    """The money at stake against a part of the monthly gross, else the share of the total."""
    gross = facts.settings.monthly_gross
    if finding.money and gross > 0:
        return finding.stake / (STAKE * gross)
    return finding.share


def _quality(facts: ReportFacts, finding: Finding) -> float:
    """The share of filled cells in the columns that it rests on, from which a tenth is forgiven."""
    if finding.type in ("data_quality", "missing_report") or not facts.table.count:
        return 1.0
    empty = [c.empty for c in facts.table.columns if c.name in finding.columns]
    filled = 1 - max(empty, default=0) / facts.table.count
    return rounded(max(0.3, min(1.0, filled / 0.9)))


def _repeat(facts: ReportFacts, finding: Finding) -> float:
    told = [
        each.magnitude
        for each in facts.told
        if each.key == finding.key and 0 <= (facts.day - each.day).days <= REPEAT_DAYS
    ]
    if told and abs(finding.magnitude) < WORSE * max(map(abs, told)):
        return REPEATED
    return 1.0
