"""What an analysis reads: a report, the ones before it, and what was told of those."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.statements import Statement

PAST = 30
"""Earlier reports of the same vendor and type that are looked at."""


@dataclass(frozen=True, slots=True)
class ReportInput:
    """A report with all of its rows. ``data`` and ``metadata`` are JSON text."""

    id: str
    vendor: str | None
    report_type: str | None
    report_date: datetime | None
    created_at: datetime | None
    data: str | None
    metadata: str | None


REPORT = Statement(
    ReportInput,
    """
SELECT r.{reports.id}::text, {r.reports.vendor}, {r.reports.reportType}, {r.reports.reportDate},
       {r.reports.createdAt}, {r.reports.reportData}::text, {r.reports.metadata}::text
  FROM {reports} r WHERE r.{reports.id} = $1
""",
)
"""One report; the primary key serves it."""


@dataclass(frozen=True, slots=True)
class PastReportInput:
    """An earlier report without its rows."""

    id: str
    report_date: datetime
    metadata: str | None


EARLIER = Statement(
    PastReportInput,
    f"""
SELECT r.{{reports.id}}::text, r.{{reports.reportDate}}, {{r.reports.metadata}}::text
  FROM {{reports}} r
 WHERE r.{{reports.vendor}} = $1 AND r.{{reports.reportType}} = $2
   AND r.{{reports.reportDate}} < $3::{{reports.reportDate:type}} AND r.{{reports.id}} <> $4
 ORDER BY r.{{reports.reportDate}} DESC, r.{{reports.id}}
 LIMIT {PAST}
""",
)
"""The reports of a vendor and type before a day, the latest first. An index on ``reportDate``
serves it where there is one."""


@dataclass(frozen=True, slots=True)
class ToldInput:
    """An insight that was made of a report."""

    id: str
    report_id: str
    insight_type: str | None
    score: int | None
    content: str | None
    metadata: str | None


TOLD = Statement(
    ToldInput,
    """
SELECT i.{insights.id}::text, i.{insights.reportId}::text, {i.insights.insightType},
       {i.insights.score}::int, {i.insights.content}::text, {i.insights.metadata}::text
  FROM {insights} i WHERE i.{insights.reportId} = ANY($1::{insights.reportId:type}[])
 ORDER BY {i.insights.score} DESC NULLS LAST, i.{insights.id}
""",
)
"""The insights of these reports, the best first; an index on ``reportId`` serves it."""

WITHOUT_INSIGHTS = Statement(
    str,
    """
SELECT r.{reports.id}::text
  FROM {reports} r
 WHERE NOT EXISTS (SELECT FROM {insights} i WHERE i.{insights.reportId} = r.{reports.id})
   AND ($1::text IS NULL OR {r.reports.vendor} = $1)
   AND ($2::text IS NULL OR {r.reports.reportType} = $2)
 ORDER BY {r.reports.reportDate} DESC NULLS LAST, r.{reports.id}
 LIMIT $3
""",
)
"""The latest reports that have no insight, of a vendor and a type where they are given."""
