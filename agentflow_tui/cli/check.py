"""``agentflow check``: workflow and schedule files checked, without a database."""

import argparse
import json

from agentflow_tui.cli.connection import load_settings
from agentflow_tui.cli.files import STDIN, mistake_json, mistake_lines, read_and_check, shown_name
from agentflow_tui.cli.output import put, say
from agentflow_tui.errors import AgentflowError
from agentflow_tui.text import plural, safe
from agentflow_tui.workflow_files.checking import CheckedFile


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("files", nargs="+", metavar="FILE", help=f"YAML or JSON; {STDIN} for stdin")
    parser.add_argument("--json", action="store_true", help="one object a file")


def run(options: argparse.Namespace) -> int:
    """Check each file. Returns 1 where one of them has a mistake or cannot be read."""
    zone = load_settings(options).workers.time_zone
    right = [_check(name, zone, as_json=options.json) for name in options.files]
    return 0 if all(right) else 1


def _check(name: str, zone: str, *, as_json: bool) -> bool:
    """Whether the file is right; what is wrong with it has been printed."""
    try:
        checked = read_and_check(name, zone)
    except AgentflowError as error:
        if as_json:
            unread = {"file": name, "kind": None, "error": str(error)}
            put(json.dumps({**unread, "mistakes": [], "remarks": []}))
        say(safe(str(error)))
        return False
    if as_json:
        put(json.dumps(_as_json(name, checked)))
        return not checked.mistakes
    for line in mistake_lines(name, checked.mistakes):
        put(line)
    for line in mistake_lines(name, checked.remarks):
        put(line.replace(": ", ": note: ", 1))
    count = plural(len(checked.mistakes), "mistake") if checked.mistakes else "no mistake"
    say(f"{shown_name(name)}: a {checked.kind}, {count}.")
    return not checked.mistakes


def _as_json(name: str, checked: CheckedFile) -> dict[str, object]:
    return {
        "file": name,
        "kind": checked.kind,
        "error": None,
        "mistakes": [mistake_json(mistake) for mistake in checked.mistakes],
        "remarks": [mistake_json(remark) for remark in checked.remarks],
    }
