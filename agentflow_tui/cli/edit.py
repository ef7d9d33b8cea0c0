"""``agentflow edit``: a workflow or a schedule as a file, in the operator's editor."""

import argparse
import sys

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings, load_writable
from agentflow_tui.cli.files import mistake_lines
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.outcomes import report
from agentflow_tui.cli.output import say
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.verbs import ChangeRequest
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.command_lines import database_options, journal_line
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.editing import EditedRow, apply_edit, open_row
from agentflow_tui.operations.editor import EditedText
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile


def edit_in_editor(request: ChangeRequest, options: argparse.Namespace) -> int:
    """Edit one row as a file. Returns the exit code. Raises `UsageError` for several."""
    if len(request.ids) != 1:
        table = request.operation.table
        raise UsageError(f"edit of {table} wants one id: a row is edited in the editor at a time.")
    if request.as_json:
        require_stdout()
    chosen = load_settings(options) if request.dry_run else load_writable(options)
    return connected(chosen, lambda database: _edit(database, chosen, request))


async def _edit(database: Database, chosen: Settings, request: ChangeRequest) -> int:
    context = OperationContext.of(database, chosen)
    described = request.operation.change.described
    typed = request.ids[0]
    id_ = await meant_id(database, described, typed) or typed
    row = await open_row(context, described.name, id_)
    text = EditedText(row.file, f"{row.kind}.yaml", chosen.environ)
    zone = chosen.workers.time_zone
    content = text.edit(lambda data: row.check(data, zone))
    lines = [] if content is None else row.difference(content)
    if content is None or not lines:
        text.discard()
        say("Nothing was changed.")
        return 0
    try:
        outcome = await _apply(context, chosen, row, content, lines, request)
    except BaseException:  # also where one is not asked any more
        say(text.kept)
        raise
    if outcome is None or not outcome.applied:
        say(text.kept)
    else:
        text.discard()
    if outcome is None:
        return 0 if request.dry_run else 1
    back = ""
    if outcome.journal:
        back = journal_line("undo", outcome.journal, **database_options(chosen))
    return report(outcome, as_json=request.as_json, back=back)


async def _apply(
    context: OperationContext,
    chosen: Settings,
    row: EditedRow,
    content: WorkflowFile | ScheduleFile,
    lines: list[str],
    request: ChangeRequest,
) -> Outcome | None:
    """What came of the change; None where it was not wanted. Raises `AgentflowError`."""
    for line in lines:
        say(safe(line) if line.strip() else line)
    for line in mistake_lines("", row.check(_written(content), chosen.workers.time_zone).remarks):
        say(f"note: {line.lstrip(':0123456789 ')}")
    if request.dry_run or not _agreed(chosen, request):
        say("Nothing was changed.")
        return None
    return await apply_edit(context, row, content, clock.zone(chosen.workers.time_zone))


def _written(content: WorkflowFile | ScheduleFile) -> bytes:
    from agentflow_tui.workflow_files.writing import written_file

    return written_file(content).encode()


def _agreed(chosen: Settings, request: ChangeRequest) -> bool:
    """Whether the change shall be made. Raises `UsageError` without a terminal to ask at."""
    if request.agreed:
        return True
    if not sys.stdin.isatty():
        raise UsageError("Nothing was changed: nobody can be asked here; say --yes for it.")
    place = f" {chosen.context.name} is in production." if chosen.context.production else ""
    say(f"Change this?{place} Type yes to go on; anything else leaves all as it is.")
    return sys.stdin.readline().strip().lower() in {"yes", "y"}
