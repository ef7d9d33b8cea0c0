"""``agentflow story``: everything that happened around one row, or the mail to an address."""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from agentflow_tui import clock
from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.ids import meant_id
from agentflow_tui.cli.output import put, say
from agentflow_tui.cli.streams import require_stdout
from agentflow_tui.cli.tables import table_called
from agentflow_tui.cli.values import iso_time
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.story.gathering import StoryMaterial, gather, gather_mails
from agentflow_tui.operations.story.mails import MailStory, mail_stories
from agentflow_tui.operations.story.timeline import StoryEvent, StoryRules, timeline
from agentflow_tui.schema import TABLES, Table
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import NOW
from agentflow_tui.store.views.by_id import public_id
from agentflow_tui.text import duration, fit, moment, safe

_WHOLE_IDS = 140
"""Cells of a terminal from which on ids are printed whole."""


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument(
        "subject",
        nargs="+",
        metavar="TABLE ID | ADDRESS",
        help="a row of a table, or a mail address: what became of the mail to it, and why",
    )
    parser.add_argument("--json", action="store_true", help="one object")


def run(options: argparse.Namespace) -> int:
    """Tell the story of a row, or of the mail to an address."""
    require_stdout()
    match options.subject:
        case [address] if "@" in address:
            return _of_address(options, address)
        case [table, id_]:
            return _of_row(options, table_called(table), id_)
    raise UsageError(
        "A story is of a row ('story email_queue ID') or of an address ('story ADDRESS')."
    )


def _of_row(options: argparse.Namespace, table: Table, typed: str) -> int:
    chosen = load_settings(options)

    async def work(database: Database) -> int:
        id_ = await meant_id(database, table, typed)
        material = None if id_ is None else await gather(database, table.name, id_)
        if material is None:
            raise AgentflowError(f"{table.name} has no row {typed}.")
        rules = await _rules(database, chosen)
        events, zone = timeline(material, rules), clock.zone(chosen.console.time_zone)
        if options.json:
            about = {"table": table.name, "id": public_id(table, material.id)}
            put(json.dumps({**about, "lines": list(map(_json, events)), "notes": material.notes}))
        else:
            _print(events, zone, rules.now)
            _say_notes(material, zone)
        return 0

    return connected(chosen, work)


def _of_address(options: argparse.Namespace, address: str) -> int:
    chosen = load_settings(options)

    async def work(database: Database) -> int:
        material = await gather_mails(database, address)
        rules = await _rules(database, chosen)
        stories, zone = mail_stories(material, rules), clock.zone(chosen.console.time_zone)
        if options.json:
            mails = [_mail_json(story) for story in stories]
            put(json.dumps({"address": address, "mails": mails, "notes": material.notes}))
        else:
            for story in stories:
                _print(story.events, zone, rules.now, indent=True)
            _say_notes(material, zone)
        if not stories:
            say(f"agentflow: there is no mail to {safe(address)}.")
        return 0 if stories else 1

    return connected(chosen, work)


async def _rules(database: Database, chosen: Settings) -> StoryRules:
    now = await database.fetch_one(NOW)
    return StoryRules.of(chosen, now or clock.now())


def _say_notes(material: StoryMaterial, zone: tzinfo) -> None:
    for note in material.notes:
        say(f"agentflow: {note}")
    say(f"agentflow: times are in {zone}.")


def _print(
    events: Sequence[StoryEvent], zone: tzinfo, now: datetime, *, indent: bool = False
) -> None:
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for place, event in enumerate(events):
        put(_line(event, zone, now, room, head="  " if indent and place else ""))


def _line(
    event: StoryEvent, zone: tzinfo, now: datetime, room: int | None, *, head: str = ""
) -> str:
    """One line; on a terminal cut to fit it, with the end of the id, which tells rows apart."""
    table = TABLES[event.table]
    id_ = public_id(table, event.id)
    if room is not None and room < _WHOLE_IDS:
        id_ = id_[-8:]
    when = moment(event.at, zone, now) if event.at else ""
    took = f" ({duration(event.took)})" if event.took is not None else ""
    text = f"{head}{'next: ' if event.comes else ''}{safe(event.text)}{took}"
    place = f"{event.table} {id_}"
    start = f"{when:<16}  {_GLYPHS.get(event.status, ' ')} "
    if room is None:
        return f"{start}{text}  {place}"
    return f"{start}{fit(text, max(20, room - len(start) - len(place) - 2))}  {place}"


_GLYPHS = {
    **dict.fromkeys(("completed", "sent", "ok"), "✓"),
    **dict.fromkeys(("failed", "error"), "✗"),
    **dict.fromkeys(("pending", "queued", "draft"), "○"),
    **dict.fromkeys(("running", "processing"), "◐"),
    **dict.fromkeys(("paused", "held"), "‖"),
    "warning": "▲",
    "cancelled": "⊘",
}


def _mail_json(story: MailStory) -> dict[str, Any]:
    return {
        **_json(story.head),
        "fate": list(map(_json, story.fate)),
        "origin": list(map(_json, story.origin)),
    }


def _json(event: StoryEvent) -> dict[str, Any]:
    return {
        "at": iso_time(event.at),
        "comes": event.comes,
        "text": event.text,
        "status": event.status or None,
        "seconds": event.took.total_seconds() if event.took is not None else None,
        "table": event.table,
        "id": public_id(TABLES[event.table], event.id),
    }
