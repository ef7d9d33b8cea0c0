"""Reports, the insights found in them, and to whom those went."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import INSIGHT_DISTRIBUTIONS, INSIGHTS, REPORTS, Kind
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.listings import Computed, joined, listing, stored
from agentflow_tui.store.views.people import join_owner, owner


@dataclass(frozen=True, slots=True)
class Report:
    """A report with the number of its insights (None where counting would cost a scan)."""

    id: str
    user_id: str | None
    vendor: str | None
    report_type: str | None
    report_date: datetime | None
    file_path: str | None
    created_at: datetime | None
    updated_at: datetime | None
    insight_count: int | None
    owner: str | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return joined(self.vendor, self.report_type)


REPORT_LIST = listing(
    Report,
    REPORTS,
    {
        "insight_count": Computed(
            "(SELECT count(*)::int FROM {insights?} i "
            "WHERE {i.insights.reportId} = {q.reports.id})",
            Kind.NUMBER,
            needs_index="insights.reportId",
        ),
        "owner": owner(),
    },
    joins=join_owner("reports"),
)


@dataclass(frozen=True, slots=True)
class Insight:
    """An insight with the head of its content and where it was found."""

    id: str
    report_id: str | None
    insight_type: str | None
    score: int | None
    created_at: datetime | None
    content: str | None
    vendor: str | None
    report_type: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return self.insight_type or ""


def _distributed(*statuses: str) -> Computed:
    """How many distributions of an insight have one of these statuses. Filters name it; the list
    does not show it."""
    words = ", ".join(f"'{status}'" for status in statuses)
    return Computed(
        "(SELECT count(*)::int FROM {insight_distributions?} d"
        " WHERE {d.insight_distributions.insightId} = {q.insights.id}"
        f" AND {{d.insight_distributions.status}} IN ({words}))",
        Kind.NUMBER,
        needs_index="insight_distributions.insightId",
    )


INSIGHT_LIST = listing(
    Insight,
    INSIGHTS,
    {
        "content": stored("insights.content", cut=2000, searched=True),
        "vendor": stored("reports.vendor", "r", searched=True),
        "report_type": stored("reports.reportType", "r"),
    },
    joins="LEFT JOIN {reports?} r ON {r.reports.id} = {q.insights.reportId}",
    further={
        "reached": _distributed("sent"),
        "waiting": _distributed("pending", "queued"),
        "lost": _distributed("failed"),
    },
)
"""Beside what is shown: how many people an insight has ``reached``, for how many it is ``waiting``
and how many it did not get to (``lost``)."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """An insight on its way to someone."""

    id: str
    insight_id: str | None
    recipient_type: str | None
    recipient_id: str | None
    distribution_method: str | None
    status: str | None
    sent_at: datetime | None
    created_at: datetime | None
    insight_type: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return self.insight_type or self.recipient_id or ""


DISTRIBUTION_LIST = listing(
    Distribution,
    INSIGHT_DISTRIBUTIONS,
    {"insight_type": stored("insights.insightType", "i")},
    joins="LEFT JOIN {insights?} i ON {i.insights.id} = {q.insight_distributions.insightId}",
)


SCORES = 10
"""Width of a bar of the histogram of scores."""


@dataclass(frozen=True, slots=True)
class ScoreCount:
    """How many insights score between ``bucket`` times `SCORES` and the next."""

    bucket: int
    insights: int


_SCORES = Statement(
    ScoreCount,
    f"""
SELECT least({{i.insights.score}} / {SCORES}, {100 // SCORES - 1})::int AS bucket,
       count(*)::int AS insights
  FROM {{insights?}} i
 WHERE i.{{insights.reportId}} = $1 AND {{i.insights.score}} BETWEEN 0 AND 100
 GROUP BY 1""",
)


async def scores_of(database: Database, report_id: str) -> list[int]:
    """How many insights of a report score 0-9, 10-19, … 90-100. Served by an index on
    ``insights.reportId`` where there is one."""
    counts = [0] * (100 // SCORES)
    for row in await database.fetch(_SCORES, report_id):
        counts[row.bucket] = row.insights
    return counts


@dataclass(frozen=True, slots=True)
class InsightOrigin:
    """What a database keeps of an insight besides what is documented: its business impact, a JSON
    document as text, and the version of the prompt; None where it keeps none."""

    business_impact: str | None
    prompt_version: str | None


ORIGIN = Statement(
    InsightOrigin,
    """
SELECT left({q.insights.businessImpact}::text, 20000), {q.insights.promptVersion}::text
  FROM {insights} q WHERE {q.insights.id} = $1::{insights.id:type}
""",
)
"""By the primary key."""
