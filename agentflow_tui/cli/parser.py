"""The commands and their options."""

import argparse
import re
from collections.abc import Sequence
from typing import Any

from agentflow_tui import __version__
from agentflow_tui.cli import commands

_NEGATED = re.compile(r"-[A-Za-z_][\w.]*[:~<>=!]")

_HELD = "\0"
"""Stands in front of an argument that begins with a dash and is no option."""

_EXAMPLES = """\
examples:
  agentflow                                 the console, on the configured database
  agentflow demo                            the console, on sample data of its own
  agentflow list email_queue status:failed  what could not be sent
  agentflow list workflows age:>1h --json   one object a line
  agentflow show workflows 3fa85f64-…       one row and its relations
  agentflow doctor                          what is wrong with the set-up
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ``-status:sent`` is a filter and ``--sort -createdAt`` a column."""
    held = [
        _HELD + word
        if _NEGATED.match(word) or (before == "--sort" and word.startswith("-"))
        else word
        for before, word in zip(["", *arguments], arguments, strict=False)
    ]
    parser = make_parser()
    options, rest = parser.parse_known_args(held)
    if rest and ("filter" not in options or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # a filter behind options, which argparse does not take for one
        options.filter += rest
    for name, value in vars(options).items():
        if isinstance(value, str):
            setattr(options, name, value.removeprefix(_HELD))
        elif isinstance(value, list):
            setattr(options, name, [word.removeprefix(_HELD) for word in value])
    return options


def make_parser() -> argparse.ArgumentParser:
    """The parser; each command's function stands in ``options.command``."""
    parser = argparse.ArgumentParser(
        prog="agentflow",
        description="The operations console for AgentFlow.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"agentflow {__version__}")
    _shared(parser, root=True)
    parser.set_defaults(command=commands.console, screen=None, workers=False)
    parser.add_argument("--screen", help="the screen to open: overview, mail, workflows, …")
    parser.add_argument("--workers", action="store_true", help="start background workers, too")
    verbs = parser.add_subparsers(title="commands", metavar="")
    _demo(verbs)
    _worker(verbs)
    _db(verbs)
    _doctor(verbs)
    _list(verbs)
    _show(verbs)
    _completion(verbs)
    return parser


def _shared(parser: argparse.ArgumentParser, *, root: bool = False) -> None:
    """Options that stand before or behind the command; behind, they keep what stood before."""
    default: Any = None if root else argparse.SUPPRESS
    parser.add_argument("--context", default=default, help="a context of the settings")
    parser.add_argument("--database", metavar="URL", default=default, help="a PostgreSQL URL")
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=False if root else argparse.SUPPRESS,
        help="open the database read-only",
    )


def _add(verbs: Any, name: str, command: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=about, description=about)
    parser.set_defaults(command=command)
    _shared(parser)
    return parser


def _demo(verbs: Any) -> None:
    parser = _add(
        verbs, "demo", commands.demo, "Open the console on sample data in the embedded database."
    )
    parser.add_argument("--scale", type=int, metavar="N", help="rows in the large tables")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data")
    parser.add_argument("--reset", action="store_true", help="replace what the database holds")
    parser.add_argument("--no-console", action="store_true", help="fill the database only")


def _worker(verbs: Any) -> None:
    parser = _add(verbs, "worker", commands.worker, "Run the background workers until stopped.")
    parser.add_argument("--only", metavar="ROLES", help="scheduler,sender,runner,monitor")
    parser.add_argument("--drain", action="store_true", help="leave when nothing is due")
    parser.add_argument("--log-json", action="store_true", help="log JSON lines")


def _db(verbs: Any) -> None:
    parser: argparse.ArgumentParser = verbs.add_parser("db", help="Look after the database.")
    parser.set_defaults(command=commands.db, parser=parser)
    below = parser.add_subparsers(title="commands", metavar="")
    _add(below, "init", commands.db_init, "Create the documented tables where they are missing.")
    uri = _add(below, "uri", commands.db_uri, "Print the URL of the database in use.")
    uri.add_argument("--show-password", action="store_true", help="do not mask the password")
    accelerate = _add(
        below, "accelerate", commands.db_accelerate, "Build optional indexes, after saying which."
    )
    accelerate.add_argument("--drop", action="store_true", help="remove them again")
    accelerate.add_argument("--notify", action="store_true", help="triggers that announce changes")
    accelerate.add_argument("--yes", action="store_true", help="do not ask")


def _doctor(verbs: Any) -> None:
    parser = _add(verbs, "doctor", commands.doctor, "Check the set-up, one line each.")
    parser.add_argument("--json", action="store_true", help="one object a line")


def _list(verbs: Any) -> None:
    parser = _add(verbs, "list", commands.list_rows, "List a table.")
    parser.add_argument("table", help="email_queue, workflows, …; emailQueue is as good")
    parser.add_argument("filter", nargs="*", help="as in the console: status:failed age:>1h word")
    _formats(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many rows")
    parser.add_argument("--sort", metavar="COL", help="a column; -column for descending")


def _show(verbs: Any) -> None:
    parser = _add(verbs, "show", commands.show, "Show one row and its relations.")
    parser.add_argument("table")
    parser.add_argument("id")
    parser.add_argument("--json", action="store_true", help="one object")


def _formats(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true", help="one object a line")
    group.add_argument("--csv", action="store_true", help="comma-separated values")


def _completion(verbs: Any) -> None:
    parser = _add(verbs, "completion", commands.completion, "Print a completion script.")
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])
    hidden: argparse.ArgumentParser = verbs.add_parser("__complete")
    hidden.add_argument("words", nargs="*")
    hidden.set_defaults(command=commands.complete)
