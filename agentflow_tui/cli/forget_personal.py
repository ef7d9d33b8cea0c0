"""``agentflow report forget-personal``: first what would be removed, then the question, then it."""

import argparse
import sys
from typing import TYPE_CHECKING

from agentflow_tui.cli.connection import connected, load_settings, load_writable
from agentflow_tui.cli.outcomes import put_outcome
from agentflow_tui.cli.output import say
from agentflow_tui.cli.progress import progress
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.filters.times import read_distance
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import number, plural, safe

if TYPE_CHECKING:
    from agentflow_tui.operations.personal_data import PersonalRemoval, PersonalSurvey

NAMED = 10
"""Columns and rows that are named one by one."""

A_DAY = 86_400.0
SECONDS = 600.0


def add_forget_options(parser: argparse.ArgumentParser) -> None:
    """What can be said with ``report forget-personal``."""
    parser.set_defaults(run=forget)
    parser.add_argument(
        "--older-than", metavar="AGE", help="as 90d or 12w; else [reports] personal_days"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, only")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print the outcome as one object")


def forget(options: argparse.Namespace) -> int:
    """Remove personal data from old reports. Returns 1 where some could not be, or were not."""
    settings = load_settings(options) if options.dry_run else load_writable(options)
    age = _age(options.older_than, settings)
    return connected(
        settings, lambda database: _forget(database, settings, age, options), seconds=SECONDS
    )


def _age(text: str | None, settings: Settings) -> float:
    """The age in seconds from which on reports forget."""
    if text is None:
        return A_DAY * settings.reports.personal_days
    try:
        found = read_distance(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if found is None or found.ahead:
        raise UsageError(f"--older-than {text!r} is no age; it looks like 90d, 12w or 36h.")
    return found.length.total_seconds()


async def _forget(
    database: Database, settings: Settings, age: float, options: argparse.Namespace
) -> int:
    from agentflow_tui.operations.context import OperationContext
    from agentflow_tui.operations.personal_data import PersonalRemoval, forget_personal, survey

    if not options.dry_run and (refused := database.read_only_reason("reports")):
        raise AgentflowError(f"Nothing was changed: {refused}.")
    with progress(lambda done: f"{plural(done, 'report')} looked at …") as told:
        found = await survey(database, age, told)
    _say_plan(found, age)
    if options.dry_run or not found.reports:
        _put(options, found, PersonalRemoval(skipped=found.unreadable))
        return 1 if found.unreadable else 0
    if not options.yes and not _agreed(found):
        say("Nothing was changed.")
        return 1
    total = number(found.reports)
    with progress(lambda done: f"{number(done)} of {total} reports done …") as told:
        result = await forget_personal(OperationContext.of(database, settings), age, told)
    _say_result(result)
    _put(options, found, result)
    return 1 if result.skipped else 0


def _say_plan(found: "PersonalSurvey", age: float) -> None:
    days = f"{age / A_DAY:g} day{'' if age == A_DAY else 's'}"
    if not found.reports:
        say(f"No report older than {days} holds personal data that is known as such.")
    else:
        say(
            f"{plural(found.values, 'personal value')} will be removed from "
            f"{plural(found.reports, 'report')} older than {days}, for good:"
        )
        columns = sorted(found.columns.items(), key=lambda pair: (-pair[1], pair[0]))
        for name, count in columns[:NAMED]:
            say(f"  {safe(name, 60)}  in {plural(count, 'report')}")
        if len(columns) > NAMED:
            say(f"  … and {plural(len(columns) - NAMED, 'more column', 'more columns')}")
        say("The files that they were read from stay where filePath says.")
    if found.undated:
        has = "has" if found.undated == 1 else "have"
        say(f"{plural(found.undated, 'report')} {has} no date that tells the age: left alone.")
    _say_skipped(found.unreadable)


def _say_skipped(skipped: list[tuple[str, str]]) -> None:
    for id_, why in skipped[:NAMED]:
        say(f"  {safe(id_)}  left alone: {safe(why)}")
    if len(skipped) > NAMED:
        say(f"  … and {number(len(skipped) - NAMED)} more; --json names them all")


def _agreed(found: "PersonalSurvey") -> bool:
    """Whether it shall be done. Raises `UsageError` without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError("Nothing was changed: nobody can be asked here; say --yes for it.")
    say(f"Type {number(found.reports)} to go on; anything else leaves all as it is.")
    return sys.stdin.readline().strip().replace(",", "") == str(found.reports)


def _say_result(result: "PersonalRemoval") -> None:
    values = plural(result.values, "personal value")
    say(f"{values} removed from {plural(result.applied, 'report')}.")
    _say_skipped(result.skipped)


def _put(options: argparse.Namespace, found: "PersonalSurvey", result: "PersonalRemoval") -> None:
    """The contract's object, where it was asked for."""
    if not options.json:
        return
    outcome = Outcome(
        verb="forget-personal",
        table="reports",
        past="rid of personal data",
        matched=found.reports + len(found.unreadable),
        applied=result.applied,
        skipped=tuple(result.skipped),
        journal=result.journal,
    )
    more: dict[str, object] = {
        "values": found.values,
        "columns": found.columns,
        "undated": found.undated,
    }
    put_outcome(outcome, **more, **({"dry_run": True} if options.dry_run else {}))
