"""``agentflow cron``: what an expression says, and when it fires."""

import argparse
import json
from datetime import datetime

from agentflow_tui import clock
from agentflow_tui.cli.connection import load_settings
from agentflow_tui.cli.output import put, say
from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.timetables import next_fires, timetable_words, zone_of
from agentflow_tui.text import safe, written_time

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
    timetable = CronTimetable.of(" ".join(options.expression).strip(), zone)
    if options.json:
        put(json.dumps(timetable.as_json()))
    elif not timetable.problem:
        put(f"{'cron':<20} {safe(timetable.expression)}")
        put("\n".join(timetable.lines()))
    if timetable.problem:
        say(f"agentflow: {safe(timetable.problem)}")
    return 1 if timetable.problem else 0


@dataclass(frozen=True, slots=True)
class CronTimetable:
    """What an expression says in ``words``, and its next ``fires``, or what is wrong with it."""

    expression: str
    zone: str
    words: str
    problem: str
    fires: tuple[datetime, ...] = ()

    @classmethod
    def of(cls, expression: str, zone: str) -> "CronTimetable":
        words, problem = timetable_words(expression, zone)
        if problem:
            return cls(expression, zone, words, problem)
        fires = next_fires(expression, clock.now(), FIRES, zone_of(zone))
        return cls(expression, zone, words, problem, tuple(fires))

    def lines(self) -> list[str]:
        """Words, zone and fires, for people."""
        if self.problem:
            return [f"{'says':<20} {safe(self.problem)}"]
        at = zone_of(self.zone)
        fires = [f"{fire.astimezone(at):%a} {written_time(fire, at)}" for fire in self.fires]
        labels = ["next", *[""] * FIRES]
        return [
            f"{'says':<20} {self.words}",
            f"{'zone':<20} {self.zone}",
            *(
                f"{label:<20} {fire}"
                for label, fire in zip(labels, fires or ["never"], strict=False)
            ),
        ]

    def as_json(self) -> dict[str, object]:
        """The same for scripts."""
        at = zone_of(self.zone)
        return {
            "cron": self.expression,
            "says": self.words or None,
            "problem": self.problem or None,
            "timeZone": self.zone,
            "nextFires": [fire.astimezone(at).isoformat() for fire in self.fires],
        }
