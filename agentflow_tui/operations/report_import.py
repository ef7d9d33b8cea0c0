"""Report files brought into the database by an operator."""

from dataclasses import replace
from pathlib import Path

from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.reports.delimited import Progress
from agentflow_tui.reports.errors import ReadingOptions
from agentflow_tui.steps.report_imports import ImportedReport, ReportOrigin, store_file


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
    by = {"operator": context.operator.name, "host": context.operator.host}
    return await store_file(
        context.database, path, replace(origin, about={**origin.about, **by}), options, progress
    )
