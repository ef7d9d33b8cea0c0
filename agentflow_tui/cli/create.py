"""``agentflow create``: a workflow or a schedule from a file."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_writable
from agentflow_tui.cli.files import STDIN, read_and_check, require_right
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.outcomes import put_outcome
from agentflow_tui.cli.output import put, say
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.command_lines import database_options, journal_line
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.creating import (
    CreatedRows,
    Creation,
    create_schedule,
    create_workflow,
    file_source,
)
from agentflow_tui.schema import TABLES
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import written_time
from agentflow_tui.workflow_files.checking import cron_problem
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile

_FILE = f"YAML or JSON; {STDIN} for stdin"


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """The commands below this one, and their options."""
    parser.set_defaults(run=run, parser=parser)
    below: Any = parser.add_subparsers(title="commands", metavar="")
    workflow = _below(below, "workflow", "Make a workflow of a file.", make_workflow)
    workflow.add_argument("file", metavar="FILE", help=_FILE)
    workflow.add_argument("--cron", metavar="EXPR", help="make a schedule that starts it, too")
    workflow.add_argument("--user", metavar="ID", help="whose it is")
    workflow.add_argument("--run", dest="starts", action="store_true", help="start it at once")
    schedule = _below(below, "schedule", "Make a schedule for a workflow.", make_schedule)
    schedule.add_argument("file", metavar="FILE", nargs="?", help=f"{_FILE}; or say both of:")
    schedule.add_argument("--cron", metavar="EXPR", help="when it fires")
    schedule.add_argument("--workflow", metavar="ID", help="what it starts")


def _below(below: Any, name: str, about: str, do: Any) -> argparse.ArgumentParser:
    from agentflow_tui.cli.parser import add_shared

    each: argparse.ArgumentParser = below.add_parser(name, help=about, description=about)
    each.set_defaults(run=do)
    add_shared(each)
    each.add_argument("--yes", action="store_true", help="do not ask; nothing is asked")
    each.add_argument("--json", action="store_true", help="print the outcome as one object")
    return each


def run(options: argparse.Namespace) -> int:
    """Say which commands there are."""
    options.parser.print_help(sys.stderr)
    return 2


def make_workflow(options: argparse.Namespace) -> int:
    """Make a workflow, and the schedule that was asked for."""
    chosen = _settings(options)
    checked = read_and_check(options.file, chosen.workers.time_zone, "workflow")
    wanted: WorkflowFile = require_right(options.file, checked)
    wanted = replace(
        wanted, cron=_cron(options) or wanted.cron, user_id=options.user or wanted.user_id
    )
    creation = Creation(workflow=wanted, starts=options.starts, source=_source(options.file))
    zone = clock.zone(chosen.workers.time_zone)

    async def make(context: OperationContext) -> CreatedRows:
        return await create_workflow(context, creation, zone)

    state = "waiting to be run" if options.starts else "a draft"
    return _made(chosen, make, f"Created {state}", as_json=options.json)


def make_schedule(options: argparse.Namespace) -> int:
    """Make a schedule for a workflow."""
    chosen = _settings(options)
    wanted = _schedule(options, chosen)
    zone = clock.zone(chosen.workers.time_zone)
    source = _source(options.file) if options.file else ""

    async def make(context: OperationContext) -> CreatedRows:
        named = await meant_id(context.database, TABLES["workflows"], wanted.workflow_id or "")
        meant = replace(wanted, workflow_id=named or wanted.workflow_id)
        return await create_schedule(context, meant, zone, source)

    return _made(chosen, make, "Created", as_json=options.json)


def _settings(options: argparse.Namespace) -> Settings:
    if options.json:
        require_stdout()
    return load_writable(options)


def _schedule(options: argparse.Namespace, chosen: Settings) -> ScheduleFile:
    if options.file:
        checked = read_and_check(options.file, chosen.workers.time_zone, "schedule")
        wanted: ScheduleFile = require_right(options.file, checked)
        return replace(
            wanted,
            cron=_cron(options) or wanted.cron,
            workflow_id=options.workflow or wanted.workflow_id,
        )
    cron = _cron(options)
    if not cron or not options.workflow:
        raise UsageError("A schedule needs a FILE, or --cron and --workflow.")
    return ScheduleFile(cron=cron, workflow_id=options.workflow)


def _cron(options: argparse.Namespace) -> str | None:
    """The expression that was given. Raises `UsageError`."""
    if options.cron is not None and (why := cron_problem(options.cron)):
        raise UsageError(f"--cron: {why}")
    return None if options.cron is None else str(options.cron).strip()


def _source(name: str) -> str:
    return "stdin" if name == STDIN else file_source(Path(name))


def _made(
    chosen: Settings,
    make: Callable[[OperationContext], Awaitable[CreatedRows]],
    said: str,
    *,
    as_json: bool,
) -> int:
    async def work(database: Database) -> int:
        created = await make(OperationContext.of(database, chosen))
        say_created(chosen, created, said, as_json=as_json)
        return 0

    return connected(chosen, work)


def say_created(chosen: Settings, created: CreatedRows, said: str, *, as_json: bool) -> None:
    """Print the id of what was made, or the whole outcome, and say what comes of it."""
    if as_json:
        put_outcome(created.outcome, id=created.id, schedule=created.schedule)
    else:
        put(created.id)
    say(f"{said}: {created.outcome.table} {created.id}.")
    if created.schedule is not None and created.schedule != created.id:
        say(f"Its schedule: {created.schedule}.")
    if created.next_run is not None:
        zone = clock.zone(chosen.workers.time_zone)
        say(f"First fire: {written_time(created.next_run, zone)}.")
    if created.outcome.journal:
        line = journal_line("undo", created.outcome.journal, **database_options(chosen))
        say(f"To take that back: {line}")
