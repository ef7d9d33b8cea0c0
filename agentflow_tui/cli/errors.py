"""``agentflow list errors``: the kinds of errors."""

import argparse
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.output import STDOUT, put
from agentflow_tui.errors import UsageError
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.error_triage import ErrorTriage
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import NOTHING, age, cell_width, defuse, fit

_SPANS = ("15m", "1h", "24h", "7d")


async def error_groups(database: Database) -> tuple[Sequence[ErrorGroup], datetime]:
    """The kinds of errors as they are now, and the moment of that."""
    triage = ErrorTriage()
    await triage.look(database)
    now = triage.at or clock.now()
    return triage.groups(now), now


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
    groups, now = await error_groups(database)
    words = [word.casefold() for word in options.filter]
    shown = [g for g in groups if all(word in g.label.casefold() for word in words)]
    shown = shown[: options.limit]
    if options.json:
        for group in shown:
            put(json.dumps(dict(_values(group, now))))
    elif options.csv:
        writer = csv.writer(STDOUT)
        writer.writerow([name for name, _ in _FIELDS])
        writer.writerows([_plain(value) for _, value in _values(group, now)] for group in shown)
    else:
        _print_table(shown, settings, now)
    return 0


def _values(group: ErrorGroup, now: datetime) -> Iterator[tuple[str, Any]]:
    return ((name, value_of(group, now)) for name, value_of in _FIELDS)


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
        put(line.rstrip())
