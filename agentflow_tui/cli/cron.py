"""``agentflow cron``: what an expression says, and when it fires."""

import argparse
import json
from datetime import datetime

from agentflow_tui import clock
from agentflow_tui.cli.connection import load_settings
from agentflow_tui.cli.output import put, say
from agentflow_tui.cli.values import written_time
from agentflow_tui.operations.timetables import next_fires, timetable_words, zone_of
from agentflow_tui.text import safe

FIRES = 10
"""Coming fires that are told."""


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument(
        "expression", metavar="EXPR", nargs="+", help="in quotes, such as '30 7 * * 1-5'"
    )
    parser.add_argument(
        "--zone", metavar="ZONE", help="the zone it is read in; else that of the workers"
    )
    parser.add_argument("--json", action="store_true", help="one object")


def run(options: argparse.Namespace) -> int:
    """Say what an expression means, or why it is refused. Returns 1 for one that is."""
    zone = options.zone or load_settings(options).workers.time_zone
    clock.zone(zone)  # a wrong one is a mistake of the command line's
    expression = " ".join(options.expression).strip()
    words, problem = timetable_words(expression, zone)
    fires = [] if problem else coming_fires(expression, zone)
    if options.json:
        put(json.dumps(timetable_json(expression, words, problem, fires, zone)))
    elif not problem:
        for line in timetable_lines(expression, words, fires, zone):
            put(line)
    if problem:
        say(f"agentflow: {safe(problem)}")
    return 1 if problem else 0


def coming_fires(expression: str, zone: str) -> list[datetime]:
    """The next fires of an expression that is right."""
    return list(next_fires(expression, clock.now(), FIRES, zone_of(zone)))


def timetable_lines(expression: str, words: str, fires: list[datetime], zone: str) -> list[str]:
    """An expression for people: words, zone, and its next fires."""
    at = zone_of(zone)
    lines = [f"{'cron':<20} {safe(expression)}", f"{'says':<20} {words}", f"{'zone':<20} {zone}"]
    for place, fire in enumerate(fires):
        lines.append(f"{'next' if not place else '':<20} {fire.astimezone(at):%a} "
                     f"{written_time(fire, at)}")  # fmt: skip
    return lines if fires else [*lines, f"{'next':<20} never"]


def timetable_json(
    expression: str, words: str, problem: str, fires: list[datetime], zone: str
) -> dict[str, object]:
    """The same for scripts."""
    at = zone_of(zone)
    return {
        "cron": expression,
        "says": words or None,
        "problem": problem or None,
        "timeZone": zone,
        "nextFires": [fire.astimezone(at).isoformat() for fire in fires],
    }
