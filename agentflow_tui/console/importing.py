"""A report imported from a file by a key: what is asked, how far it is, and what came of it."""

import os
from collections.abc import Sequence
from datetime import date
from itertools import islice
from pathlib import Path

from agentflow_tui.console.dialogs.confirm import Confirm, Effort, Question, wrapped_lines
from agentflow_tui.console.dialogs.dialogs import AskText
from agentflow_tui.console.dialogs.working import Working, while_working
from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.pane import text_line
from agentflow_tui.console.widgets.prompt import Candidate
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.command_lines import database_options, import_line
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.report_import import import_report
from agentflow_tui.reports.errors import ReadingOptions
from agentflow_tui.steps.report_imports import ImportedReport, ReportOrigin
from agentflow_tui.text import plural, safe, size

_MOST_NAMES = 200
"""Names of a folder that are looked for and offered."""

_STOPPED = (
    "Stopped. The same file may be imported again and is stored once, should it be stored already."
)

_NOTED = 3
"""Notes on the file that are said."""


def begin(shell: Shell, vendor: str | None, report_type: str | None) -> None:
    """Ask for a file and whose report it is, import it, and open the report. ``vendor`` and
    ``report_type`` are what is offered."""

    async def guarded() -> None:
        try:
            await _import(shell, vendor or "", report_type or "")
        except AgentflowError as error:
            shell.fail(error)
        shell.look_again()

    shell.run_worker(guarded(), name="import", group="import")


async def _import(shell: Shell, vendor: str, report_type: str) -> None:
    database = await shell.env.connected()
    if refused := database.read_only_reason("reports"):
        raise AgentflowError(f"Nothing can be imported: {refused}.")
    asked = await _ask(shell, vendor, report_type)
    if asked is None or not await shell.ask(Confirm(_question(shell, *asked, _bytes_of(asked[0])))):
        shell.say("Nothing was imported.")
        return
    path, origin = asked
    context = OperationContext.of(database, shell.env.settings)

    async def work(working: Working) -> ImportedReport:
        def tell(done: int) -> None:
            working.tell(f"{size(done)} read")

        return await import_report(context, path, origin, ReadingOptions(), tell)

    imported = await while_working(shell, f"Importing {safe(path.name, 40)}", work)
    if imported is None:
        shell.say(_STOPPED)
        return
    shell.say(_said(path, imported))
    shell.go(Place("reports", f"id:{imported.id}", imported.id))


async def _ask(shell: Shell, vendor: str, report_type: str) -> tuple[Path, ReportOrigin] | None:
    """The file and whose report it is; None where it was left."""
    file = await shell.ask(
        AskText(
            "Import a report from which file?",
            placeholder="/path/to/report.csv; tab completes",
            check=_file_mistake,
            completer=paths,
            completes_on_tab=True,
        )
    )
    if file is None:
        return None
    chosen = await shell.ask(AskText("Whose report is it?", vendor, "VinSolutions"))
    if chosen is None:
        return None
    kind = await shell.ask(AskText("What does it report?", report_type, "lead_source_roi"))
    if kind is None:
        return None
    title = "Of which day?"
    place = "YYYY-MM-DD; empty: as its titles say, else today"
    day = await shell.ask(AskText(title, "", place, check=_day_mistake))
    if day is None:
        return None
    return _path(file), ReportOrigin(
        vendor=chosen, report_type=kind, report_date=date.fromisoformat(day) if day else None
    )


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _bytes_of(path: Path) -> int:
    """The size of a file, which may have gone since it was named. Raises `AgentflowError`."""
    try:
        return path.stat().st_size
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise AgentflowError(f"Nothing was imported: {safe(path.name, 60)}: {why}.") from error


def _file_mistake(text: str) -> str:
    try:
        there = bool(text) and _path(text).is_file()
    except (OSError, RuntimeError, ValueError):
        there = False
    return "" if there else "There is no such file."


def _day_mistake(text: str) -> str:
    try:
        date.fromisoformat(text or "2026-10-31")
    except ValueError:
        return "This is no day; it looks like 2026-10-31."
    return ""


def paths(text: str, _cursor: int) -> Sequence[Candidate]:
    """What a path may go on with: folders end with a slash, hidden names are offered when a dot
    was typed. Of a folder with very many such names some are offered, in their order."""
    folder, name = os.path.split(text)
    try:
        with os.scandir(Path(folder).expanduser() if folder else ".") as entries:
            fitting = (
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(name) and (name or not entry.name.startswith("."))
            )
            found = sorted(islice(fitting, _MOST_NAMES))
    except (OSError, RuntimeError, ValueError):
        return ()
    start = len(text) - len(name)
    return [Candidate(start, len(text), each, safe(each)) for each in found]


def _question(shell: Shell, path: Path, origin: ReportOrigin, bytes_: int) -> Question:
    settings = shell.env.settings
    command = import_line(
        str(path),
        origin.vendor,
        origin.report_type,
        str(origin.report_date or ""),
        **database_options(settings),
    )
    day = origin.report_date or "the day that its titles say, else of today"
    return Question(
        title="Import this file?",
        lines=[
            *wrapped_lines([f"{path}, {size(bytes_)}"], "strong"),
            *wrapped_lines([f"as a report of {origin.vendor}, {origin.report_type}, of {day}"]),
            text_line("The same file of the same vendor and type is stored once.", "dim"),
            text_line(""),
            *wrapped_lines([command], "dim"),
        ],
        go="Import",
        effort=Effort.CHOOSE if settings.context.production else Effort.ENTER,
        alarm="PRODUCTION" if settings.context.production else "",
        command=command,
    )


def _said(path: Path, imported: ImportedReport) -> str:
    metadata = imported.document.metadata
    what = "stored" if imported.stored else "was there already"
    rows, columns = plural(metadata["rows"], "row"), plural(len(metadata["types"]), "column")
    said = f"{safe(path.name, 60)}: {what}, {rows} of {columns}."
    if metadata["rejectedRows"]:
        said += f" {plural(metadata['rejectedRows'], 'row')} could not be read and are set aside."
    notes = [*metadata["leftOut"], *metadata["notes"]]
    for note in notes[:_NOTED]:
        said += f" {safe(note, 120)}."
    more = len(notes) - _NOTED
    return said + (f" {plural(more, 'further note')} in its metadata." if more > 0 else "")
