"""``agentflow export`` and ``agentflow clone``: a workflow or a schedule as a file, or again."""

import argparse
import json
from dataclasses import replace
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings, load_writable
from agentflow_tui.cli.create import say_created
from agentflow_tui.cli.files import mistake_lines
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.output import STDOUT, say
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import table_called
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.creating import CLONE, Creation, create_workflow
from agentflow_tui.operations.exporting import KINDS, export
from agentflow_tui.schema import Table
from agentflow_tui.steps.plans import plan
from agentflow_tui.steps.registry import load
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.checking import check_file
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile
from agentflow_tui.workflow_files.writing import written_file


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """What can be said with it."""
    choices = ["workflows"] if name == CLONE else list(KINDS)
    parser.add_argument("table", metavar="TABLE", help=" or ".join(choices))
    parser.add_argument("id", metavar="ID")
    if name == CLONE:
        parser.add_argument("--run", dest="starts", action="store_true", help="start it at once")
        parser.add_argument("--yes", action="store_true", help="do not ask; nothing is asked")
        parser.add_argument("--json", action="store_true", help="print the outcome as one object")
    else:
        parser.add_argument("--json", action="store_true", help="write JSON and not YAML")


def run(options: argparse.Namespace) -> int:
    """Write the file of a row, or make the same workflow once more."""
    return _clone(options) if options.name == CLONE else _export(options)


def file_table(name: str, verb: str) -> Table:
    """The table of this name, where its rows can be files. Raises `UsageError`."""
    table = table_called(name)
    if table.name not in KINDS:
        raise UsageError(f"{verb} does not apply to {table.name}; it does to {', '.join(KINDS)}.")
    return table


async def file_of(
    database: Database, table: Table, typed: str
) -> tuple[str, WorkflowFile | ScheduleFile]:
    """The whole id of the row that is meant, and what its file says."""
    id_ = await meant_id(database, table, typed) or typed
    return id_, await export(database, table.name, id_)


def _export(options: argparse.Namespace) -> int:
    require_stdout()
    table, chosen = file_table(options.table, "export"), load_settings(options)

    async def work(database: Database) -> int:
        id_, content = await file_of(database, table, options.id)
        kind = KINDS[table.name]
        if options.json:
            written = json.dumps(content.as_members(), indent=2, ensure_ascii=False) + "\n"
        else:
            written = written_file(content, f"{kind} {id_}")
        STDOUT.write(written)
        _say_secrets(content)
        name = "x.json" if options.json else "x.yaml"
        checked = check_file(written.encode(), name, chosen.workers.time_zone, kind=kind)
        for line in mistake_lines("<stdout>", checked.mistakes):
            say(line)
        if checked.mistakes:
            say(f"It is written as it stands, but 'agentflow create {kind}' refuses it so.")
        return 1 if checked.mistakes else 0

    return connected(chosen, work)


def _say_secrets(content: WorkflowFile | ScheduleFile) -> None:
    if isinstance(content, WorkflowFile):
        planned = plan(json.dumps(content.as_members()["steps"]), load().handlers)
        held = [step.step.id for step in planned.steps if step.secrets]
        if held:
            named = ", ".join(safe(id_, 40) for id_ in held[:5])
            say(f"There are secrets in it as they are, in: {named}.")


def _clone(options: argparse.Namespace) -> int:
    table = file_table(options.table, CLONE)
    if table.name != "workflows":
        raise UsageError("clone does not apply to schedules; it does to workflows.")
    if options.json:
        require_stdout()
    chosen = load_writable(options)

    async def work(database: Database) -> int:
        id_, content = await file_of(database, table, options.id)
        assert isinstance(content, WorkflowFile)
        again = replace(content, name=content.name and f"{content.name} (copy)")
        creation = Creation(workflow=again, starts=options.starts, verb=CLONE, source=id_)
        context: Any = OperationContext.of(database, chosen)
        created = await create_workflow(context, creation, clock.zone("UTC"))
        state = "waiting to be run" if options.starts else "a draft"
        say_created(chosen, created, f"Cloned as {state}", as_json=options.json)
        return 0

    return connected(chosen, work)
