"""Workflows and schedules in the operator's editor: the console leaves the terminal to it, and
comes back with what was written."""

from agentflow_tui import clock
from agentflow_tui.console.dialogs.confirm import Confirm, Question, effort
from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.command_lines import command_line, database_options
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.creating import (
    CreatedRows,
    Creation,
    create_schedule,
    create_workflow,
)
from agentflow_tui.operations.editing import EditedRow, apply_edit, open_row
from agentflow_tui.operations.editor import EditedText
from agentflow_tui.operations.exporting import KINDS
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Selection
from agentflow_tui.text import safe, shorten_id
from agentflow_tui.workflow_files.checking import FileKind, check_file
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile
from agentflow_tui.workflow_files.examples import example

_STYLES = {"+": "ok", "-": "failed", "@": "dim"}


async def edit_row(shell: Shell, context: OperationContext, selection: Selection) -> Outcome | None:
    """Edit the one row that is selected as a file. None where nothing was to be changed, which has
    been said. Raises `AgentflowError`."""
    if not selection.is_one:
        shell.say("Edit: one row at a time, in the editor.")
        return None
    row = await open_row(context, selection.table, selection.ids[0])
    text = EditedText(row.file, f"{row.kind}.yaml", shell.env.settings.environ)
    zone = shell.env.settings.workers.time_zone
    content = shell.leave_terminal_to(lambda: text.edit(lambda data: row.check(data, zone)))
    lines = [] if content is None else row.difference(content)
    if content is None or not lines:
        text.discard()
        shell.say("Nothing was changed.")
        return None
    if not await shell.ask(Confirm(_question(shell, row, lines))):
        shell.say(f"Nothing was changed. {text.kept}")
        return None
    try:
        outcome = await apply_edit(context, row, content, clock.zone(zone))
    except AgentflowError as error:
        raise AgentflowError(f"{error} {text.kept}") from None
    if outcome.applied:
        text.discard()
    else:
        shell.say(text.kept)
    return outcome


def _question(shell: Shell, row: EditedRow, lines: list[str]) -> Question:
    operation, settings = row.snapshot.operation, shell.env.settings
    id_ = row.stored.id
    return Question(
        title=f"Edit this {row.kind}?",
        lines=[
            text_line(f"{row.kind} {safe(id_)}", "dim"),
            *map(_line, lines),
        ],
        go="Edit",
        effort=effort(operation, 1, settings.context),
        word=shorten_id(id_),
        alarm="PRODUCTION" if settings.context.production else "",
        command=command_line(operation, ids=[id_], **database_options(settings)),
    )


def _line(line: str) -> PaneLine:
    return text_line(safe(line) or " ", _STYLES.get(line[:1], ""))


async def create(shell: Shell, context: OperationContext, word: str) -> None:
    """Make a workflow or a schedule of what becomes of a commented example in the editor. Raises
    `AgentflowError`."""
    kind: FileKind = "schedule" if word == "schedule" else "workflow"
    table = next(table for table, name in KINDS.items() if name == kind)
    if why := context.database.read_only_reason(table):
        raise AgentflowError(f"Nothing can be made: {why}.")
    zone = shell.env.settings.workers.time_zone
    text = EditedText(example(kind), f"{kind}.yaml", shell.env.settings.environ)
    content = shell.leave_terminal_to(
        lambda: text.edit(lambda data: check_file(data, "x.yaml", zone, kind=kind))
    )
    if content is None:
        shell.say("Nothing was made: the example is as it was.")
        return
    try:
        made = await _create(context, content, zone)
    except AgentflowError as error:
        raise AgentflowError(f"{error} {text.kept}") from None
    text.discard()
    state = ", a draft: t starts it" if kind == "workflow" else ""
    shell.say(f"Made{state}. u takes it back.")
    shell.go(Place(table, f"id:{made.id}"))


async def _create(
    context: OperationContext, content: WorkflowFile | ScheduleFile, zone: str
) -> CreatedRows:
    at = clock.zone(zone)
    if isinstance(content, WorkflowFile):
        return await create_workflow(context, Creation(workflow=content, source="console"), at)
    return await create_schedule(context, content, at, "console")
