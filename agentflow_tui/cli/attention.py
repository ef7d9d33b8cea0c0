"""``agentflow acknowledge|snooze|claim|wake errors KEY…``."""

import argparse
from collections.abc import Callable
from typing import Any

from agentflow_tui.cli import commands
from agentflow_tui.operations.triage.decisions import DECISIONS, SNOOZE

TABLE = "errors"
"""What stands where the name of a table would."""


def add_to(verbs: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """The commands that decide about kinds of errors."""
    for decision in DECISIONS:
        parser = add(verbs, decision.verb, commands.attend, decision.about)
        parser.set_defaults(verb=decision.verb)
        parser.add_argument("table", choices=[TABLE], help="kinds of errors")
        parser.add_argument("keys", nargs="+", metavar="KEY", help="as 'list errors' tells them")
        parser.add_argument("--json", action="store_true", help="one object")
        if decision is SNOOZE:
            parser.add_argument(
                "--until",
                required=True,
                metavar="WHEN",
                help="30m, 2h, 'tomorrow 8:00', 2026-11-01T08:00; or a growth: +20, +50%%, x2",
            )
