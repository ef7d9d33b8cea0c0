"""Report files brought into the database: read, stored once, journalled."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from agentflow_tui import clock
from agentflow_tui.errors import AgentflowError, NotAcceptedError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.reports.child import read_in_child
from agentflow_tui.reports.delimited import Progress
from agentflow_tui.reports.documents import ReportDocument, report_id
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.store import journal
from agentflow_tui.store.changes.new_reports import NewReport, insert_report

TASK = "report.import"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOrigin:
    """Whose report it is, and of what type. ``report_date`` None: the file says it, else today."""

    vendor: str
    report_type: str
    report_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedReport:
    """A report that is in the database now. ``stored`` False: it was there before."""

    id: str
    stored: bool
    report_date: datetime
    document: ReportDocument


async def import_report(
    context: OperationContext,
    path: Path,
    origin: ReportOrigin,
    options: ReadingOptions,
    progress: Progress = lambda _bytes: None,
) -> ImportedReport:
    """Read a report file and store it, with its journal row, in one transaction.

    A file that cannot be read, or that the database does not accept, is a failed row of the journal
    and nothing else. Raises `UnreadableReportError`, `RefusedError`, `UnreachableError`.
    """
    if refused := context.database.read_only_reason("reports"):
        raise AgentflowError(f"Nothing was imported: {refused}.")
    begun = clock.now()
    given = _given(context, path, origin)
    try:
        document = await read_in_child(path, options, progress)
        return await _store(context, document, origin, given, begun)
    except (UnreadableReportError, NotAcceptedError) as error:
        entry = journal.JournalEntry(
            task_type=TASK, status="failed", input=given, error=str(error), started=begun
        )
        async with context.database.transaction() as session:
            await journal.write(session, [entry])
        raise


async def _store(
    context: OperationContext,
    document: ReportDocument,
    origin: ReportOrigin,
    given: dict[str, Any],
    begun: datetime,
) -> ImportedReport:
    report = NewReport(
        id=report_id(document.file, origin.vendor, origin.report_type),
        vendor=origin.vendor,
        report_type=origin.report_type,
        report_date=_report_date(document, origin),
        file_path=document.file.path,
        data=document.data,
        metadata=document.metadata,
    )
    async with context.database.transaction() as session:
        stored = await insert_report(session, report)
        said = {"id": report.id, "stored": stored, "rows": document.rows}
        entry = journal.JournalEntry(task_type=TASK, input=given, output=said, started=begun)
        await journal.write(session, [entry])
    return ImportedReport(
        id=report.id, stored=stored, report_date=report.report_date, document=document
    )


def _report_date(document: ReportDocument, origin: ReportOrigin) -> datetime:
    """Midnight of the day asked for, else of the last date in the titles, else of today."""
    said = document.metadata["reportDate"]
    day = origin.report_date or (date.fromisoformat(said) if said else clock.now().date())
    return datetime.combine(day, time(), UTC)


def _given(context: OperationContext, path: Path, origin: ReportOrigin) -> dict[str, Any]:
    return {
        "operator": context.operator.name,
        "host": context.operator.host,
        "file": str(path.absolute()),
        "vendor": origin.vendor,
        "reportType": origin.report_type,
    }
