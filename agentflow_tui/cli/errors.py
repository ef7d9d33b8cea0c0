"""``agentflow list errors``: the kinds of errors."""

import argparse
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.output import STDOUT, put, say
from agentflow_tui.cli.table import print_table
from agentflow_tui.cli.values import iso_time
from agentflow_tui.errors import UsageError
from agentflow_tui.filters.parsing import did_you_mean
from agentflow_tui.operations.triage.error_filter import matches, read_error_filter
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.error_triage import ErrorTriage
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import NOTHING, age, cell_width, defuse, fit, safe

_SPANS = ("15m", "1h", "24h", "7d")


async def error_groups(database: Database) -> tuple[Sequence[ErrorGroup], datetime]:
    """The kinds of errors as they are now, and the moment of that."""
    triage = ErrorTriage()
    await triage.look(database)
    now = triage.at or clock.now()
    return triage.groups(now), now


Value = Callable[[ErrorGroup, datetime], Any]

_FIELDS: Mapping[str, Value] = dict(
    (
        ("key", lambda g, _now: g.key),
        ("label", lambda g, _now: g.label),
        *(
            (span, lambda g, _now, place=place: g.counts[place])
            for place, span in enumerate(_SPANS)
        ),
        ("total", lambda g, _now: g.total),
        ("first", lambda g, _now: iso_time(g.first)),
        ("last", lambda g, _now: iso_time(g.last)),
        ("tables", lambda g, _now: list(g.sources)),
        ("rows", lambda g, _now: dict(g.rows)),
        ("where", lambda g, _now: g.where),
        ("new", lambda g, _now: g.is_new),
        ("back", lambda g, _now: g.is_back),
        ("needsAttention", lambda g, _now: not g.quiet),
        ("state", lambda g, _now: str(g.state.mode) or None),
        ("by", lambda g, _now: g.state.by or None),
        ("at", lambda g, _now: iso_time(g.state.at)),
        ("until", lambda g, _now: iso_time(g.state.until)),
        ("untilTotal", lambda g, _now: g.state.limit),
        ("claimedBy", lambda g, now: g.state.claimant(now) or None),
    )
)


async def print_errors(database: Database, settings: Settings, options: argparse.Namespace) -> int:
    """Print the kinds of errors that a filter matches. Returns the exit code."""
    if options.sort:
        raise UsageError("Errors have one order: what needs attention first, new kinds on top.")
    fields = _chosen(options.columns)
    groups, now = await error_groups(database)
    zone = clock.zone(settings.console.time_zone)
    wanted = read_error_filter(" ".join(options.filter), now=now, zone=zone)
    for notice in wanted.notices:
        say(notice.message)
    found = [group for group in groups if matches(wanted, group, now)]
    if options.count:
        put(json.dumps({"count": len(found)}) if options.json else str(len(found)))
        return 0
    _print(found[: options.limit], fields, options, zone, now)
    return 0


def _print(
    groups: Sequence[ErrorGroup],
    fields: Mapping[str, Value],
    options: argparse.Namespace,
    zone: tzinfo,
    now: datetime,
) -> None:
    rows = [{name: value(group, now) for name, value in fields.items()} for group in groups]
    if options.json:
        for row in rows:
            put(json.dumps(row))
    elif options.csv:
        writer = csv.writer(STDOUT)
        writer.writerow(list(fields))
        writer.writerows(map(_plain, row.values()) for row in rows)
    elif options.columns is not None:
        print_table(list(fields), [list(map(_cell, row.values())) for row in rows])
    else:
        _print_table(groups, zone, now)


def _chosen(names: str | None) -> Mapping[str, Value]:
    """The fields that are printed. Raises `UsageError` for one that there is not."""
    if names is None:
        return _FIELDS
    chosen = {}
    for name in (each.strip() for each in names.split(",")):
        if name not in _FIELDS:
            hint = did_you_mean(name, _FIELDS) or f"There are {', '.join(_FIELDS)}."
            raise UsageError(f"errors has no column {name!r}. {hint}")
        chosen[name] = _FIELDS[name]
    return chosen


def _in_one(value: object) -> object:
    """A value for one cell."""
    if isinstance(value, dict):
        return json.dumps(value)
    return " ".join(value) if isinstance(value, list) else value


def _cell(value: object) -> str:
    text = _in_one(value)
    return NOTHING if text is None else safe(str(text), 200)


def _plain(value: object) -> object:
    text = _in_one(value)
    return defuse(text) if isinstance(text, str) else text


def _print_table(groups: Sequence[ErrorGroup], zone: tzinfo, now: datetime) -> None:
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
