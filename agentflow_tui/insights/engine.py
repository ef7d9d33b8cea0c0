"""A report analysed: every question asked, what is told chosen, written as it is stored."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from agentflow_tui.dataclass import dataclass
from agentflow_tui.insights.analyses import funnels, movers, quality, rows, series, thresholds
from agentflow_tui.insights.analyses.rows import as_rows
from agentflow_tui.insights.choosing import ScoredFinding, choose
from agentflow_tui.insights.facts import METHOD, Analysis, InsightCandidate, ReportFacts
from agentflow_tui.insights.words import rounded

BUILT_IN: Mapping[str, Analysis] = {
    "series": series.analyse,
    "rows": rows.analyse,
    "movers": movers.analyse,
    "funnels": funnels.analyse,
    "thresholds": thresholds.analyse,
    "quality": quality.analyse,
}
"""The analyses that come with AgentFlow."""

_INSIGHTS = UUID("5d1f6f0e-2c52-5a57-9b0e-6f6c2d7f4a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightDocument:
    """An insight as it is stored: ``content`` and ``metadata`` are plain JSON values."""

    id: str
    type: str
    score: int
    content: dict[str, Any]
    metadata: dict[str, Any]


def analyse(
    facts: ReportFacts, analyses: Mapping[str, Analysis] = BUILT_IN
) -> tuple[list[ScoredFinding], int]:
    """What is told of a report, the best first, and how many candidates there were."""
    candidates: list[InsightCandidate] = []
    for name in sorted(analyses):
        candidates += analyses[name](facts)
    return choose(facts, candidates), len(candidates)


def insight_id(report_id: str, key: str) -> str:
    """The id of an insight: the same subject in the same report, by the same method, is the same
    insight, so that it is stored once, however often and by however many processes it is found."""
    return str(uuid5(_INSIGHTS, "\0".join((report_id, key, str(METHOD)))))


def documents(
    report_id: str, found: Iterable[ScoredFinding], candidates: int
) -> list[InsightDocument]:
    """Findings as they are stored."""
    return [_document(report_id, each, rank, candidates) for rank, each in enumerate(found, 1)]


def _document(report_id: str, each: ScoredFinding, rank: int, candidates: int) -> InsightDocument:
    finding = each.finding
    content = {
        "title": finding.title,
        "summary": finding.summary,
        "recommendation": finding.recommendation,
        "figures": dict(finding.figures),
        "rows": as_rows(finding.rows),
        "parts": _parts(finding.parts),
    }
    metadata = {
        "method": METHOD,
        "key": finding.key,
        "subject": dict(finding.subject),
        "metric": finding.metric,
        "columns": list(finding.columns),
        "statistical": each.p is not None,
        "p": None if each.p is None else rounded(each.p),
        "q": None if each.q is None else rounded(each.q),
        "candidates": candidates,
        "rank": rank,
        "score": {**each.score.parts, "guards": each.score.guards},
        "stake": rounded(finding.stake),
        "magnitude": rounded(finding.magnitude),
    }
    return InsightDocument(
        id=insight_id(report_id, finding.key),
        type=finding.type,
        score=each.score.value,
        content=content,
        metadata=metadata,
    )


def _parts(parts: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"label": label, "value": value} for label, value in parts]
