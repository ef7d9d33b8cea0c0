"""``insightGeneration``: reports analysed, what is found stored once."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.errors import AgentflowError, NotAcceptedError
from agentflow_tui.personal_data.shown import marked_in
from agentflow_tui.settings import InsightSettings
from agentflow_tui.steps.calls import Call
from agentflow_tui.steps.insight_wording import Wording, worded
from agentflow_tui.store.changes.new_insights import NewInsight, insert_insights
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.journal import JournalEntry, write
from agentflow_tui.store.queue import insight_inputs as inputs
from agentflow_tui.store.queue.insight_inputs import PastReportInput, ReportInput, ToldInput

READ_LIMIT = 200_000_000
"""Characters of a report's rows that are read."""

TASK = "insight.generate"


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightGenerationConfig:
    """The reports to analyse: an id, or several. AgentFlow's own shape has ``csvData`` and
    ``platform``, and no reports."""

    reports: str | list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightSummary:
    """An insight of a report, in short."""

    id: str
    type: str
    score: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedInsights:
    """What a report has now, the best first. ``stored`` of them were not there before;
    ``candidates`` is 0 where it had been analysed already."""

    report_id: str
    insights: tuple[InsightSummary, ...]
    stored: int = 0
    candidates: int = 0


class NoReportError(AgentflowError):
    """There is no report with this id, or it has no rows that can be read."""


async def insight_generation(call: Call[InsightGenerationConfig]) -> dict[str, Any]:
    """Analyse each report; of none there is nothing to find, as when no mail has come in. Repeated,
    it stores nothing more and gives the same result."""
    given = call.config.reports
    ids = [given] if isinstance(given, str) else given
    services = call.services
    by = Wording(settings=services.settings.wording, http=services.http, api_key=services.api_key)
    database = services.database()
    done = [await generate(database, id_, services.settings.insights, wording=by) for id_ in ids]
    insights = sorted((i for each in done for i in each.insights), key=lambda i: (-i.score, i.id))
    return {
        "success": True,
        "reports": [each.report_id for each in done],
        "insights": [insight.id for insight in insights],
        "stored": sum(each.stored for each in done),
        "top": [
            {"id": i.id, "type": i.type, "score": i.score, "title": i.title} for i in insights[:7]
        ],
    }


async def generate(
    database: Database,
    report_id: str,
    settings: InsightSettings,
    about: Mapping[str, Any] | None = None,
    *,
    wording: Wording | None = None,
) -> GeneratedInsights:
    """Analyse a report unless it has been, by this version of the method, and store what is found.

    ``wording`` is a model that may word summaries. ``about`` is what the journal says of it, in a
    row of its own; without it the caller journals.
    Raises `NoReportError`, `RefusedError`, `UnreachableError`.
    """
    begun = clock.now()
    report = await _report(database, report_id)
    past = await _earlier(database, report)
    told = await database.fetch(inputs.TOLD, [report.id, *(each.id for each in past)])
    known = [each for each in told if each.report_id == report.id and _method(each) is not None]
    if known:
        return GeneratedInsights(report_id=report.id, insights=tuple(map(_known, known)))
    previous = await _read_report(database, past[0].id) if past else None
    new, candidates = await asyncio.to_thread(analysed, report, past, previous, told, settings)
    new = await worded(new, wording)
    async with database.transaction() as session:
        inserted = await insert_insights(session, new)
        if about is not None:
            said = {"report": report.id, "candidates": candidates, "stored": inserted}
            entry = JournalEntry(task_type=TASK, input=dict(about), output=said, started=begun)
            await write(session, [entry])
    return GeneratedInsights(
        report_id=report.id,
        insights=tuple(map(_new, new)),
        stored=len(inserted),
        candidates=candidates,
    )


async def _read_report(database: Database, report_id: str) -> ReportInput | None:
    return await database.fetch_one(inputs.REPORT, report_id)


async def _report(database: Database, report_id: str) -> ReportInput:
    try:
        found = await _read_report(database, report_id)
    except NotAcceptedError:  # it is no id
        found = None
    if found is None:
        raise NoReportError(f"There is no report {report_id}.")
    return found


async def _earlier(database: Database, report: ReportInput) -> list[PastReportInput]:
    if report.vendor is None or report.report_type is None or report.report_date is None:
        return []
    about = report.vendor, report.report_type, report.report_date
    return await database.fetch(inputs.EARLIER, *about, report.id)


def _method(told: ToldInput) -> int | None:
    """The version of the method that made an insight; None for those of other programs."""
    from agentflow_tui.insights.facts import METHOD

    made = _object(told.metadata).get("method")
    return made if made == METHOD else None


def _object(text: str | None) -> dict[str, Any]:
    value = read(text).value
    return value if isinstance(value, dict) else {}


def _known(told: ToldInput) -> InsightSummary:
    return InsightSummary(
        id=told.id,
        type=told.insight_type or "",
        score=told.score or 0,
        title=str(_object(told.content).get("title", "")),
    )


def _new(insight: NewInsight) -> InsightSummary:
    return InsightSummary(
        id=insight.id,
        type=insight.insight_type,
        score=insight.score,
        title=insight.content["title"],
    )


def analysed(
    report: ReportInput,
    past: Sequence[PastReportInput],
    previous: ReportInput | None,
    told: Sequence[ToldInput],
    settings: InsightSettings,
) -> tuple[list[NewInsight], int]:
    """What is found in a report, and the number of candidates; no database is needed.

    ``past`` and ``told`` are its earlier reports and what was told of them, the latest first;
    ``previous`` is the last one with its rows. The analyses are imported here, when they are
    needed.
    """
    from agentflow_tui.insights import registry
    from agentflow_tui.insights.engine import analyse, documents
    from agentflow_tui.insights.facts import ReportFacts
    from agentflow_tui.insights.tables import ReportTable, table_of

    def table(of: ReportInput) -> ReportTable:
        metadata = _object(of.metadata)
        personal = marked_in(metadata) if "personal" in metadata else None
        return table_of(read(of.data, READ_LIMIT).value, metadata.get("types"), personal)

    days = {each.id: each.report_date.date() for each in past}
    facts = ReportFacts(
        table=table(report),
        day=_day(report),
        brought=report.created_at.date() if report.created_at else None,
        vendor=report.vendor or "",
        report_type=report.report_type or "",
        metadata=_object(report.metadata),
        previous=table(previous) if previous else None,
        past=[each for one in past if (each := _past(one)) is not None],
        told=_told(told, days),
        settings=settings,
    )
    found, candidates = analyse(facts, registry.load().analyses)
    new = [
        NewInsight(
            id=each.id,
            report_id=report.id,
            insight_type=each.type,
            content=each.content,
            score=each.score,
            metadata=each.metadata,
        )
        for each in documents(report.id, found, candidates)
    ]
    return new, candidates


def _day(report: ReportInput) -> date:
    """The day that a report is about: its date, else when it came in."""
    moment = report.report_date or report.created_at or datetime(1970, 1, 1, tzinfo=UTC)
    return moment.date()


def _past(report: PastReportInput) -> Any:
    from agentflow_tui.insights.facts import PastReport

    metadata = _object(report.metadata)
    columns = metadata.get("columns")
    rows = metadata.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, int):
        return None
    sums = {
        str(column.get("name")): found
        for column in columns
        if isinstance(column, dict) and (found := _figure(column.get("sum"))) is not None
    }
    return PastReport(day=report.report_date.date(), rows=rows, sums=sums)


def _figure(value: Any) -> float | None:
    """The number that a JSON value is; None where it is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _told(told: Sequence[ToldInput], days: Mapping[str, date]) -> list[Any]:
    from agentflow_tui.insights.facts import ToldInsight

    found = []
    for each in told:
        metadata = _object(each.metadata)
        key, magnitude = metadata.get("key"), _figure(metadata.get("magnitude"))
        if each.report_id in days and isinstance(key, str) and magnitude is not None:
            found.append(ToldInsight(key=key, day=days[each.report_id], magnitude=magnitude))
    return found
