"""The commands and their options."""

import argparse
import re
from collections.abc import Sequence
from typing import Any

from agentflow_tui import __version__
from agentflow_tui.cli import attention, commands, verbs
from agentflow_tui.operations.verbs import VERB_WORDS

_NEGATED = re.compile(r"-[A-Za-z_][\w.]*[:~<>=!]")

_HELD = "\0"
"""Stands in front of an argument that begins with a dash and is no option."""

_TAKE_A_DASH = ("--sort", "--where")
"""Options whose values may begin with a dash."""

_EXAMPLES = """\
examples:
  agentflow                                 the console, on the configured database
  agentflow demo                            the console, on sample data of its own
  agentflow list email_queue status:failed  what could not be sent
  agentflow list workflows age:>1h --json   one object a line
  agentflow show workflows 3fa85f64-…       one row and its relations
  agentflow retry email_queue --where status:failed --dry-run
                                            what would be done
  agentflow undo                            take back one's last change
  agentflow doctor                          what is wrong with the set-up
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ``-status:sent`` is a filter and ``--sort -createdAt`` a column."""
    parser = make_parser()
    options, rest = parser.parse_known_args(_hold(arguments))
    gathered = next((name for name in ("filter", "ids") if name in options), None)
    if rest and (gathered is None or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}".replace(_HELD, ""))
    if rest and gathered:  # words behind options, which argparse does not take for more of them
        getattr(options, gathered).extend(rest)
    for name, value in vars(options).items():
        if isinstance(value, str):
            setattr(options, name, value.removeprefix(_HELD))
        elif isinstance(value, list):
            setattr(options, name, [word.removeprefix(_HELD) for word in value])
    return options


def _hold(arguments: Sequence[str]) -> list[str]:
    """The arguments, with those marked that only look like options: filters that begin with a
    dash, and whatever stands behind ``--``."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    held = []
    for before, word in zip(["", *words], words[:end], strict=False):
        value = before in _TAKE_A_DASH and word.startswith("-") and not word.startswith("--")
        if value or _NEGATED.match(word):
            word = _HELD + word
        elif word.startswith("--") and word.endswith("=--"):  # which argparse loses
            word = f"{word[:-2]}{_HELD}--"
        held.append(word)
    return held + [_HELD + word if word.startswith("-") else word for word in words[end + 1 :]]


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
    below = parser.add_subparsers(title="commands", metavar="")
    _demo(below)
    _worker(below)
    _db(below)
    _doctor(below)
    _list(below)
    _show(below)
    _changes(below)
    _completion(below)
    attention.add_to(below, _add)
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


def _add(below: Any, name: str, command: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = below.add_parser(name, help=about, description=about)
    parser.set_defaults(command=command)
    _shared(parser)
    return parser


def _demo(below: Any) -> None:
    parser = _add(
        below, "demo", commands.demo, "Open the console on sample data in the embedded database."
    )
    parser.add_argument("--scale", type=int, metavar="N", help="rows in the large tables")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data")
    parser.add_argument("--reset", action="store_true", help="replace what the database holds")
    parser.add_argument("--no-console", action="store_true", help="fill the database only")


def _worker(below: Any) -> None:
    parser = _add(below, "worker", commands.worker, "Run the background workers until stopped.")
    parser.add_argument("--only", metavar="ROLES", help="scheduler,sender,runner,monitor")
    parser.add_argument("--drain", action="store_true", help="leave when nothing is due")
    parser.add_argument("--log-json", action="store_true", help="log JSON lines")


def _db(below: Any) -> None:
    parser: argparse.ArgumentParser = below.add_parser("db", help="Look after the database.")
    parser.set_defaults(command=commands.db, parser=parser)
    inner = parser.add_subparsers(title="commands", metavar="")
    _add(inner, "init", commands.db_init, "Create the documented tables where they are missing.")
    uri = _add(inner, "uri", commands.db_uri, "Print the URL of the database in use.")
    uri.add_argument("--show-password", action="store_true", help="do not mask the password")
    accelerate = _add(
        inner, "accelerate", commands.db_accelerate, "Build optional indexes, after saying which."
    )
    accelerate.add_argument("--drop", action="store_true", help="remove them again")
    accelerate.add_argument("--notify", action="store_true", help="triggers that announce changes")
    accelerate.add_argument("--yes", action="store_true", help="do not ask")


def _doctor(below: Any) -> None:
    parser = _add(below, "doctor", commands.doctor, "Check the set-up, one line each.")
    parser.add_argument("--json", action="store_true", help="one object a line")


def _list(below: Any) -> None:
    parser = _add(below, "list", commands.list_rows, "List a table.")
    parser.add_argument("table", help="email_queue, …, emailQueue is as good; or errors")
    parser.add_argument("filter", nargs="*", help="as in the console: status:failed age:>1h word")
    _formats(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many rows")
    parser.add_argument("--sort", metavar="COL", help="a column; -column for descending")


def _show(below: Any) -> None:
    parser = _add(below, "show", commands.show, "Show one row and its relations.")
    parser.add_argument("table")
    parser.add_argument("id")
    parser.add_argument("--json", action="store_true", help="one object")


def _changes(below: Any) -> None:
    for verb in VERB_WORDS:
        verbs.add_options(_add(below, verb, commands.change, verbs.summary(verb)), verb)
    about = "Take back your last change, or the one named."
    undo = _add(below, "undo", commands.undo, about)
    undo.add_argument("journal", nargs="?", help="the operation's id in the journal")
    undo.add_argument("--json", action="store_true", help="print the outcome as one object")
    redo = _add(below, "redo", commands.redo, "Do again what you took back last.")
    redo.add_argument("--json", action="store_true", help="print the outcome as one object")


def _formats(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true", help="one object a line")
    group.add_argument("--csv", action="store_true", help="comma-separated values")


def _completion(below: Any) -> None:
    parser = _add(below, "completion", commands.completion, "Print a completion script.")
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])
    hidden: argparse.ArgumentParser = below.add_parser("__complete")
    hidden.add_argument("words", nargs="*")
    hidden.set_defaults(command=commands.complete)
