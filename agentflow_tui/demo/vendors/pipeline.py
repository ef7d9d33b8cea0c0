"""A vendor's file brought in, analysed and told of by the functions that do it for everyone.

Only the moments differ: they are the sample's, and the rows go to the sample instead of a database.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, cast

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo.builder import Person, Row, SampleBuilder
from agentflow_tui.demo.mail.messages import SampleMessage
from agentflow_tui.demo.mail.sending import RecordedMessage, send
from agentflow_tui.demo.vendors.regular import RegularReport
from agentflow_tui.reports.documents import file_facts, report_document, report_id
from agentflow_tui.reports.errors import ReadingOptions
from agentflow_tui.reports.reading import read_report
from agentflow_tui.settings import DistributionSettings, InsightSettings
from agentflow_tui.steps.audiences import audiences_of_rules
from agentflow_tui.steps.distribution import digests_for, distributions_of, people_of
from agentflow_tui.steps.insight_generation import analysed
from agentflow_tui.store.changes.new_distributions import DigestContent, NewDigest
from agentflow_tui.store.changes.new_insights import NewInsight
from agentflow_tui.store.queue.distribution_inputs import InsightInput
from agentflow_tui.store.queue.insight_inputs import PAST, PastReportInput, ReportInput, ToldInput

FOLDER = Path("vendor-files")
"""Where files are said to be that are not kept."""

MONTHLY_GROSS = 900_000
"""The group's gross a month in dollars, against which insights weigh money."""

_INSIGHTS = InsightSettings(monthly_gross=MONTHLY_GROSS)
_DISTRIBUTION = DistributionSettings()
_STATUS = {"sent": "sent", "failed": "failed"}
"""Of a distribution, by that of its mail; ``queued`` for any other."""


@dataclass(frozen=True, slots=True)
class BroughtReport:
    """A report that is in the tables, and the insights that were found in it."""

    row: Row
    insights: list[NewInsight]

    @property
    def id(self) -> str:
        return str(self.row["id"])


def bring_in(
    builder: SampleBuilder, regular: RegularReport, owner: str, at: datetime
) -> BroughtReport:
    """Write the vendor's file of that moment, read it, and add it to the reports."""
    name = f"{regular.slug}-{at:%H%M}.{regular.format}"
    place = Path(f"{at.date()}") / name
    path = builder.folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(regular.file(builder, at))
    options, facts = ReadingOptions(), file_facts(path)
    document = report_document(read_report(path, options), facts, options)
    row: Row = {
        "id": report_id(facts, regular.vendor, regular.type),
        "userId": owner,
        "vendor": regular.vendor,
        "reportType": regular.type,
        "reportDate": datetime.combine(at.date(), time(), UTC),
        "filePath": str(path if builder.keeps_files else FOLDER / place),
        "reportData": json.loads(document.data),
        "metadata": document.metadata,
        "createdAt": at,
        "updatedAt": at,
    }
    builder.add("reports", **row)
    return BroughtReport(row, [])


def find(builder: SampleBuilder, report: BroughtReport, at: datetime) -> int:
    """Analyse the report and add what is found. Returns how many questions were asked."""
    earlier = _earlier(builder, report.row)
    told = _told(builder, {str(row["id"]) for row in earlier})
    past = [_past(row) for row in earlier]
    previous = _input(earlier[0]) if earlier else None
    new, candidates = analysed(_input(report.row), past, previous, told, _INSIGHTS)
    for insight in new:
        report.insights.append(insight)
        builder.add(
            "insights",
            id=insight.id,
            reportId=insight.report_id,
            insightType=insight.insight_type,
            content=insight.content,
            score=insight.score,
            metadata=insight.metadata,
            createdAt=at,
        )
    return candidates


def tell(
    builder: SampleBuilder, report: BroughtReport, rules: dict[str, Any], owner: str, at: datetime
) -> dict[str, int]:
    """Queue a digest for everyone whom the rules name. Returns what the step says of it."""
    people = people_of([_told_of(report, i) for i in report.insights], audiences_of_rules(rules))
    digests, contents = digests_for([(p, p.insights) for p in people], _DISTRIBUTION)
    sent: dict[str, RecordedMessage] = {}
    for person, digest in zip(people, digests, strict=True):
        to = Person(person.address.name or "", person.address.spec)
        message = _message(digest, contents[digest.content], to, owner)
        mail = send(builder, message, at, ids=(digest.email_id, digest.queue_id))
        sent |= dict.fromkeys(person.ids.values(), mail)
    rows = distributions_of(people)
    for row in rows:
        status = _STATUS.get(sent[row.id].status, "queued")
        builder.add(
            "insight_distributions",
            id=row.id,
            insightId=row.insight_id,
            recipientType=row.recipient_type,
            recipientId=row.recipient_id,
            distributionMethod="email",
            status=status,
            sentAt=sent[row.id].sent_at,
            createdAt=at,
        )
    return {"digests": len(digests), "distributions": len(rows), "known": 0}


def _message(digest: NewDigest, content: DigestContent, to: Person, owner: str) -> SampleMessage:
    return SampleMessage(
        owner=owner,
        subject=content.subject,
        body=content.html,
        to=(to,),
        priority=_DISTRIBUTION.priority,
        attachments=content.attachments,
        recipients=digest.recipients,
        size=len(content.html) + sum(len(each["content"]) for each in content.attachments),
    )


def _earlier(builder: SampleBuilder, row: Row) -> list[Row]:
    """The reports of the same kind before a day, the latest first."""
    day = cast("datetime", row["reportDate"])
    found = [
        each
        for each in builder.tables["reports"]
        if (each["vendor"], each["reportType"]) == (row["vendor"], row["reportType"])
        and cast("datetime", each["reportDate"]) < day
    ]
    return sorted(found, key=lambda each: str(each["reportDate"]), reverse=True)[:PAST]


def _input(row: Row) -> ReportInput:
    return ReportInput(
        id=str(row["id"]),
        vendor=str(row["vendor"]),
        report_type=str(row["reportType"]),
        report_date=cast("datetime", row["reportDate"]),
        created_at=cast("datetime", row["createdAt"]),
        data=json.dumps(row["reportData"]),
        metadata=json.dumps(row["metadata"]),
    )


def _past(row: Row) -> PastReportInput:
    day = cast("datetime", row["reportDate"])
    return PastReportInput(id=str(row["id"]), report_date=day, metadata=json.dumps(row["metadata"]))


def _told(builder: SampleBuilder, reports: set[str]) -> Sequence[ToldInput]:
    return [
        ToldInput(
            id=str(row["id"]),
            report_id=str(row["reportId"]),
            insight_type=str(row["insightType"]),
            score=cast("int", row["score"]),
            content=json.dumps(row["content"]),
            metadata=json.dumps(row["metadata"]),
        )
        for row in builder.tables["insights"]
        if row["reportId"] in reports
    ]


def _told_of(report: BroughtReport, insight: NewInsight) -> InsightInput:
    return InsightInput(
        id=insight.id,
        insight_type=insight.insight_type,
        score=insight.score,
        content=json.dumps(insight.content),
        metadata=json.dumps(insight.metadata),
        vendor=str(report.row["vendor"]),
        report_type=str(report.row["reportType"]),
        report_date=cast("datetime", report.row["reportDate"]),
    )
