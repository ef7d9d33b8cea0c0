"""``agentflow acknowledge|snooze|claim|wake errors KEY…``: kinds of errors, triaged."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.errors import error_groups
from agentflow_tui.cli.outcomes import put_outcome
from agentflow_tui.cli.output import say
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import ERRORS
from agentflow_tui.errors import RefusedError, UsageError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.triage import decisions, issue_changes
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.issue_changes import TriagedIssue
from agentflow_tui.operations.triage.snooze import read_until
from agentflow_tui.settings import Settings
from agentflow_tui.store.changes.issue_states import state_id
from agentflow_tui.store.connection.database import Database


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """What can be said with a decision."""
    parser.add_argument("table", choices=[ERRORS], help="kinds of errors")
    parser.add_argument("keys", nargs="+", metavar="KEY", help="as 'list errors' tells them")
    parser.add_argument("--json", action="store_true", help="one object")
    if name == decisions.SNOOZE.verb:
        parser.add_argument(
            "--until",
            required=True,
            metavar="WHEN",
            help="30m, 2h, 'tomorrow 8:00', 2026-11-01T08:00; or a growth: +20, +50%%, x2",
        )


def run(options: argparse.Namespace) -> int:
    """Acknowledge, snooze, claim or wake kinds of errors."""
    if options.json:
        require_stdout()
    chosen = load_settings(options)
    return connected(chosen, lambda database: decide(database, chosen, options))


async def decide(database: Database, settings: Settings, options: argparse.Namespace) -> int:
    """Decide about the kinds of errors with these keys. Returns the exit code."""
    if settings.context.read_only:
        raise RefusedError(f"Nothing to {options.name}: this context is read-only.")
    groups, now = await error_groups(database)
    chosen = {key: _called(groups, key) for key in dict.fromkeys(options.keys)}
    found = {g.key: g for g in chosen.values() if g is not None}
    context = OperationContext.of(database, settings)
    issues = [TriagedIssue(g.issue, g.state) for g in found.values()]
    outcome = await _decide(context, settings, options, issues, now)
    missing = [key for key, g in chosen.items() if g is None]
    outcome = _by_keys(outcome, found.values(), missing)
    if options.json:
        put_outcome(outcome)
    else:
        say(outcome.sentence)
    return 0 if outcome.applied == outcome.matched else 1


async def _decide(
    context: OperationContext,
    settings: Settings,
    options: argparse.Namespace,
    issues: Sequence[TriagedIssue],
    now: datetime,
) -> Outcome:
    match options.name:
        case decisions.ACKNOWLEDGE.verb:
            return await issue_changes.acknowledge(context, issues, now)
        case decisions.SNOOZE.verb:
            until = read_until(options.until, now, clock.zone(settings.console.time_zone))
            return await issue_changes.snooze(context, issues, until, now)
        case decisions.CLAIM.verb:
            return await issue_changes.claim(context, issues, now)
        case _:
            return await issue_changes.wake(context, issues, now)


def _called(groups: Iterable[ErrorGroup], key: str) -> ErrorGroup | None:
    """The kind of error with this key, or the only one whose key begins so."""
    found = [g for g in groups if g.key.startswith(key.lower())]
    if len(found) > 1:
        raise UsageError(f"{key} is the beginning of {len(found)} keys; write more of it.")
    return found[0] if found else None


def _by_keys(outcome: Outcome, groups: Iterable[ErrorGroup], missing: Sequence[str]) -> Outcome:
    """The outcome in the words of who asked: keys in place of the journal's ids."""
    keys = {state_id(g.subject): g.key for g in groups}
    skipped = [(keys.get(id_, id_), reason) for id_, reason in outcome.skipped]
    return replace(
        outcome,
        table=ERRORS,
        matched=outcome.matched + len(missing),
        skipped=(*skipped, *((key, "is no kind of error that is there") for key in missing)),
    )
