"""Kinds of errors on the command line: printed, and decided about."""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli import commands
from agentflow_tui.cli.attention import TABLE
from agentflow_tui.errors import RefusedError, UsageError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.triage import issue_changes
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.error_triage import ErrorTriage
from agentflow_tui.operations.triage.issue_changes import TriagedIssue
from agentflow_tui.operations.triage.snooze import read_until
from agentflow_tui.settings import Settings
from agentflow_tui.store.changes.issue_states import state_id
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import NOTHING, age, cell_width, defuse, fit

_SPANS = ("15m", "1h", "24h", "7d")


async def decide(database: Database, settings: Settings, options: argparse.Namespace) -> int:
    """Decide about the kinds of errors with these keys. Returns the exit code."""
    if settings.context.read_only:
        raise RefusedError(f"Nothing to {options.verb}: this context is read-only.")
    groups, now = await _groups(database)
    chosen = {key: _called(groups, key) for key in dict.fromkeys(options.keys)}
    found = {g.key: g for g in chosen.values() if g is not None}
    context = OperationContext.of(database, settings)
    triaged_issues = [TriagedIssue(g.issue, g.state) for g in found.values()]
    match options.verb:
        case "acknowledge":
            outcome = await issue_changes.acknowledge(context, triaged_issues, now)
        case "snooze":
            until = read_until(options.until, now, clock.zone(settings.console.time_zone))
            outcome = await issue_changes.snooze(context, triaged_issues, until, now)
        case "claim":
            outcome = await issue_changes.claim(context, triaged_issues, now)
        case _:
            outcome = await issue_changes.wake(context, triaged_issues, now)
    missing = [key for key, g in chosen.items() if g is None]
    outcome = _by_keys(outcome, found.values(), missing)
    if options.json:
        commands.put(json.dumps(outcome.as_json()))
    else:
        commands.say(outcome.sentence)
    return 0 if outcome.applied == outcome.matched else 1


async def _groups(database: Database) -> tuple[Sequence[ErrorGroup], datetime]:
    triage = ErrorTriage()
    await triage.look(database)
    now = triage.at or clock.now()
    return triage.groups(now), now


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
        table=TABLE,
        matched=outcome.matched + len(missing),
        skipped=(*skipped, *((key, "is no kind of error that is there") for key in missing)),
    )


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


_FIELDS: tuple[tuple[str, Callable[[ErrorGroup, datetime], Any]], ...] = (
    ("key", lambda g, _now: g.key),
    ("label", lambda g, _now: g.label),
    *((span, lambda g, _now, place=place: g.counts[place]) for place, span in enumerate(_SPANS)),
    ("total", lambda g, _now: g.total),
    ("first", lambda g, _now: _iso(g.first)),
    ("last", lambda g, _now: _iso(g.last)),
    ("tables", lambda g, _now: list(g.sources)),
    ("new", lambda g, _now: g.is_new),
    ("back", lambda g, _now: g.is_back),
    ("needsAttention", lambda g, _now: not g.quiet),
    ("state", lambda g, _now: str(g.state.mode) or None),
    ("by", lambda g, _now: g.state.by or None),
    ("at", lambda g, _now: _iso(g.state.at)),
    ("until", lambda g, _now: _iso(g.state.until)),
    ("untilTotal", lambda g, _now: g.state.limit),
    ("claimedBy", lambda g, now: g.state.claimant(now) or None),
)


async def print_errors(database: Database, settings: Settings, options: argparse.Namespace) -> int:
    """Print the kinds of errors whose labels hold all the words asked for."""
    if options.sort:
        raise UsageError("Errors have one order: what needs attention first, new kinds on top.")
    groups, now = await _groups(database)
    words = [word.casefold() for word in options.filter]
    shown = [g for g in groups if all(word in g.label.casefold() for word in words)]
    shown = shown[: options.limit]
    if options.json:
        for group in shown:
            commands.put(json.dumps({name: of(group, now) for name, of in _FIELDS}))
    elif options.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow([name for name, _ in _FIELDS])
        writer.writerows([_plain(of(group, now)) for _, of in _FIELDS] for group in shown)
    else:
        _print_table(shown, settings, now)
    return 0


def _plain(value: object) -> object:
    text = " ".join(value) if isinstance(value, list) else value
    return defuse(text) if isinstance(text, str) else text


def _print_table(groups: Sequence[ErrorGroup], settings: Settings, now: datetime) -> None:
    zone = clock.zone(settings.console.time_zone)

    def cells(group: ErrorGroup) -> list[str]:
        mark = "NEW" if group.is_new else "BACK" if group.is_back else ""
        last = age(now - group.last) if group.last is not None else NOTHING
        state = " ".join(filter(None, (group.state.claim(now), group.state.words(now, zone))))
        counts = [str(count) for count in group.counts]
        return [group.key, mark, *counts, last, state or NOTHING, group.label]

    rows = [["key", "", *_SPANS, "last", "state", "error"], *map(cells, groups)]
    widths = [max(cell_width(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(fit(cell, width) for cell, width in zip(row, widths, strict=True))
        commands.put(line.rstrip())
