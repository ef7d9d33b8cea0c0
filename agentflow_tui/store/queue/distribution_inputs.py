"""What a distribution reads: insights with their reports, and what waits to be sent again."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.statements import Statement


@dataclass(frozen=True, slots=True)
class InsightInput:
    """An insight with the report that it was found in. ``content`` and ``metadata`` are JSON."""

    id: str
    insight_type: str | None
    score: float | None
    content: str | None
    metadata: str | None
    vendor: str | None
    report_type: str | None
    report_date: datetime | None


_COLUMNS = """
SELECT i.{insights.id}::text, {i.insights.insightType}, {i.insights.score}::float8,
       {i.insights.content}::text, {i.insights.metadata}::text,
       {r.reports.vendor}, {r.reports.reportType}, {r.reports.reportDate}
  FROM {insights} i LEFT JOIN {reports?} r ON r.{reports.id} = i.{insights.reportId}"""

BY_ID = Statement(
    InsightInput,
    f"{_COLUMNS} WHERE i.{{insights.id}} = ANY($1::{{insights.id:type}}[])",
)
"""These insights; the primary key serves it."""

OF_REPORTS = Statement(
    InsightInput,
    f"{_COLUMNS} WHERE i.{{insights.reportId}} = ANY($1::{{insights.reportId:type}}[])",
)
"""The insights of these reports; an index on ``reportId`` serves it."""


@dataclass(frozen=True, slots=True)
class PendingDistribution:
    """A distribution that is to be sent again."""

    id: str
    insight_id: str
    recipient_type: str | None
    recipient_id: str


MOST = 5_000

PENDING = Statement(
    PendingDistribution,
    f"""
SELECT d.{{insight_distributions.id}}::text, d.{{insight_distributions.insightId}}::text,
       {{d.insight_distributions.recipientType}}, d.{{insight_distributions.recipientId}}
  FROM {{insight_distributions}} d
 WHERE d.{{insight_distributions.status}} = 'pending'
   AND substr(d.{{insight_distributions.id}}::text, 15, 1) = '5'
   AND d.{{insight_distributions.insightId}} IS NOT NULL
   AND d.{{insight_distributions.recipientId}} LIKE '%@%'
 ORDER BY d.{{insight_distributions.id}}
 LIMIT {MOST} FOR UPDATE SKIP LOCKED
""",
)
"""Those of ours (their ids are of version 5) that an operator has requeued, locked."""
