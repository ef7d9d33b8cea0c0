"""What an insight is called, and which place it has among those of its report."""

from collections import defaultdict
from collections.abc import Iterable

from agentflow_tui.documents import read
from agentflow_tui.store.views.reports import Insight


def insight_title(insight: Insight) -> str:
    """What an insight says in a few words, whoever wrote it."""
    from agentflow_tui.insights.contents import story_of  # only where there is an insight

    told = story_of(read(insight.content).value)
    return told.title or told.summary or next(iter(told.points), "") or insight.title


def insight_ranks(insights: Iterable[Insight]) -> dict[str, tuple[int, int]]:
    """The place of each insight among those found of its report, from 1, and their number."""
    of_report: dict[str | None, list[Insight]] = defaultdict(list)
    for insight in insights:
        of_report[insight.report_id].append(insight)
    return {
        insight.id: (place, len(group))
        for group in of_report.values()
        for place, insight in enumerate(sorted(group, key=_best_first), 1)
    }


def _best_first(insight: Insight) -> tuple[int, str]:
    return -(insight.score or 0), insight.id
