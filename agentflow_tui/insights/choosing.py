"""Which candidates are told: those that chance does not explain, each thing once, at most seven."""

from collections.abc import Sequence

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights.facts import Finding, InsightCandidate, ReportFacts
from agentflow_tui.insights.scoring import Score, score
from agentflow_tui.insights.significance import adjusted

Q = 0.10
"""The share of false ones among what is told, by Benjamini and Hochberg: first over the families of
tests, each with its combined p by Simes, then within those that stood, at Q times their share of
all families (Benjamini and Bogomolov, 2014)."""

REPORT = 0.04
"""The chance that a report of pure noise yields any: the smallest of its families' combined p,
times the number of families, must be below it."""

MOST = 7
_SHARED = 0.6
"""What a finding loses when all of its rows were told of already."""

_PARENT = 0.8
"""The part of a whole that one of its groups has to explain to stand for it."""

_MUCH_MORE = 1.5
"""Times its whole that a part has to differ to be told beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredFinding:
    """A finding that is told, with its score. ``p`` and ``q`` are None for a fact."""

    finding: Finding
    score: Score
    p: float | None
    q: float | None


def significant(
    candidates: Sequence[InsightCandidate],
) -> list[tuple[InsightCandidate, float | None]]:
    """The candidates that chance does not explain, each with its q; facts have none."""
    families: dict[str, list[InsightCandidate]] = {}
    found: list[tuple[InsightCandidate, float | None]] = []
    for candidate in candidates:
        if candidate.p is None:
            found.append((candidate, None))
        else:
            families.setdefault(candidate.family, []).append(candidate)
    within = {name: adjusted([c.p or 0.0 for c in mine]) for name, mine in families.items()}
    combined = {name: min(values) for name, values in within.items()}  # by Simes
    if not combined or min(combined.values()) * len(combined) > REPORT:
        return found
    standing = [
        name for name, q in zip(combined, adjusted(list(combined.values())), strict=True) if q <= Q
    ]
    of_all = len(combined) / len(standing)
    for name in standing:
        pairs = zip(families[name], within[name], strict=True)
        found += [(candidate, q * of_all) for candidate, q in pairs if q * of_all <= Q]
    return found


def choose(facts: ReportFacts, candidates: Sequence[InsightCandidate]) -> list[ScoredFinding]:
    """What is told of a report, the best first. Ties are broken by what a finding is about."""
    scored = [
        ScoredFinding(finding=finding, score=score(facts, finding, q), p=candidate.p, q=q)
        for candidate, q in significant(candidates)
        for finding in (candidate.finding(),)
    ]
    scored.sort(key=_order)
    scored = _without_relatives(_one_a_subject(scored))
    chosen: list[ScoredFinding] = []
    rest = [each for each in scored if each.score.value >= facts.settings.least_score]
    while rest and len(chosen) < MOST:
        best = min(rest, key=lambda each: (-_worth(each, chosen), _order(each)))
        if _worth(best, chosen) < facts.settings.least_score:
            break
        chosen.append(best)
        rest.remove(best)
    return sorted(chosen, key=_order)


def _order(each: ScoredFinding) -> tuple[float, float, str]:
    exact = sum(each.score.parts.values())
    return -each.score.value, -exact, each.finding.key


def _one_a_subject(scored: Sequence[ScoredFinding]) -> list[ScoredFinding]:
    """Of all that is found about the same rows and column, the best; an exception from what all
    others do says the most."""
    kept: dict[tuple[object, str], ScoredFinding] = {}
    for each in sorted(scored, key=lambda each: each.finding.type != _EXCEPTION):
        finding = each.finding
        kept.setdefault((finding.subject, finding.measure or finding.metric), each)
    return list(kept.values())


def _without_relatives(scored: Sequence[ScoredFinding]) -> list[ScoredFinding]:
    """A group that explains most of what was found of the whole stands for it; one that only
    shares in it goes without saying."""
    findings = [each.finding for each in scored]
    return [
        each
        for each in scored
        if not any(
            _explains(other, each.finding) or _implies(other, each.finding) for other in findings
        )
    ]


_OVER_TIME = ("trend", "change_point")
_EXCEPTION = "common_pattern"


def _is_part(child: Finding, parent: Finding) -> bool:
    """Whether the same is said of a part of the parent's rows."""
    kinds = {child.type, parent.type}
    return (
        (len(kinds) == 1 or kinds <= {*_OVER_TIME})
        and child.metric == parent.metric
        and child.rise == parent.rise
        and set(parent.subject) < set(child.subject)
    )


def _explains(child: Finding, parent: Finding) -> bool:
    enough = child.stake >= _PARENT * parent.stake > 0
    if child.type == parent.type == "outlier" and child.measure == parent.measure:
        return enough and child.rows < parent.rows
    return enough and _is_part(child, parent)


def _implies(parent: Finding, child: Finding) -> bool:
    """Whether the child follows from the parent: it shares in it and does not much more."""
    if parent.type == _EXCEPTION and child.type in _OVER_TIME and len(child.subject) == 1:
        same = parent.metric == child.metric and parent.rise != child.rise
        return same and parent.subject[0][0] == child.subject[0][0]
    if not _is_part(child, parent) or child.stake >= _PARENT * parent.stake:
        return False
    if parent.type == "difference":
        return child.magnitude < _MUCH_MORE * parent.magnitude
    return child.stake <= _MUCH_MORE * child.coverage * parent.stake


def _worth(each: ScoredFinding, chosen: Sequence[ScoredFinding]) -> float:
    """The score, less what was told already of the same rows."""
    rows = each.finding.rows
    if not rows or each.q is None:
        return each.score.value
    told = [one.finding.rows for one in chosen if one.q is not None]
    shared = max((len(rows & other) / len(rows | other) for other in told if other), default=0.0)
    return each.score.value * (1 - _SHARED * shared)
