"""Report files brought into the database: read, stored once, journalled."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import NotAcceptedError
from agentflow_tui.reports.child import read_in_child
from agentflow_tui.reports.delimited import Progress
from agentflow_tui.reports.documents import ReportDocument, file_facts, report_id
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.store import journal
from agentflow_tui.store.changes.new_reports import REPORT_ID, NewReport, insert_report
from agentflow_tui.store.connection.database import Database

TASK = "report.import"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOrigin:
    """Whose report it is, and of what type. ``report_date`` None: the file says it, else today.

    ``about`` is what the journal says of where it came from, ``entry_id`` the id of its row there:
    one that is given is written once, however often the file is imported. ``metadata`` goes into
    the report's own.
    """

    vendor: str
    report_type: str
    report_date: date | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    entry_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedReport:
    """A report that is in the database now. ``stored`` False: it was there before."""

    id: str
    stored: bool
    report_date: datetime
    document: ReportDocument


Place = Callable[[ReportDocument], Awaitable[str | None]]
"""Gives the path at which the file of a report is to be found from now on, None for nowhere."""


async def _stays(document: ReportDocument) -> str | None:
    return document.file.path


async def store_file(
    database: Database,
    path: Path,
    origin: ReportOrigin,
    options: ReadingOptions,
    progress: Progress = lambda _bytes: None,
    place: Place = _stays,
) -> ImportedReport:
    """Read a report file and store it, with its journal row, in one transaction.

    A file that cannot be read, or that the database does not accept, is a failed row of the journal
    and nothing else. Raises `UnreadableReportError`, `RefusedError`, `UnreachableError`.
    """
    begun = clock.now()
    entry = journal.JournalEntry(
        id=origin.entry_id, task_type=TASK, input=_given(path, origin), started=begun
    )
    try:
        document = await read_in_child(path, options, progress)
        return await _store(database, document, origin, entry, await place(document))
    except (UnreadableReportError, NotAcceptedError) as error:
        async with database.transaction() as session:
            await journal.write(session, [replace(entry, status="failed", error=str(error))])
        raise


async def known_report(database: Database, path: Path, origin: ReportOrigin) -> str | None:
    """The id of the report that a file is where that is stored, with a row of the journal: so it
    need not be read. Raises `UnreadableReportError`, `RefusedError`, `UnreachableError`."""
    begun = clock.now()
    file = await asyncio.to_thread(file_facts, path)
    id_ = report_id(file, origin.vendor, origin.report_type)
    if await database.fetch_one(REPORT_ID, id_) is None:
        return None
    entry = journal.JournalEntry(
        id=origin.entry_id,
        task_type=TASK,
        input=_given(path, origin),
        output={"id": id_, "stored": False},
        started=begun,
    )
    async with database.transaction() as session:
        await journal.write(session, [entry])
    return id_


async def _store(
    database: Database,
    document: ReportDocument,
    origin: ReportOrigin,
    entry: journal.JournalEntry,
    path: str | None,
) -> ImportedReport:
    report = NewReport(
        id=report_id(document.file, origin.vendor, origin.report_type),
        vendor=origin.vendor,
        report_type=origin.report_type,
        report_date=_report_date(document, origin),
        file_path=path,
        data=document.data,
        metadata={**document.metadata, **origin.metadata},
    )
    async with database.transaction() as session:
        stored = await insert_report(session, report)
        said = {"id": report.id, "stored": stored, "rows": document.rows}
        await journal.write(session, [replace(entry, output=said)])
    return ImportedReport(
        id=report.id, stored=stored, report_date=report.report_date, document=document
    )


def _report_date(document: ReportDocument, origin: ReportOrigin) -> datetime:
    """Midnight of the day asked for, else of the last date in the titles, else of today."""
    said = document.metadata["reportDate"]
    day = origin.report_date or (date.fromisoformat(said) if said else clock.now().date())
    return datetime.combine(day, time(), UTC)


def _given(path: Path, origin: ReportOrigin) -> dict[str, Any]:
    return {
        "file": str(path.absolute()),
        "vendor": origin.vendor,
        "reportType": origin.report_type,
        **origin.about,
    }
