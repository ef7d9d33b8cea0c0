"""``agentflow credential``: the vault."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

Options = Callable[[argparse.ArgumentParser], None]


def _no_more(_parser: argparse.ArgumentParser) -> None:
    """A command without options of its own."""


def _id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")


def _json(parser: argparse.ArgumentParser, about: str = "print one object") -> None:
    parser.add_argument("--json", action="store_true", help=about)


def _of_list(parser: argparse.ArgumentParser) -> None:
    _json(parser, "one object a line")


def _of_show(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    _json(parser)


def _of_reveal(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    _json(parser)
    parser.add_argument("--why", metavar="TEXT", default="", help="the reason, for the journal")
    parser.add_argument(
        "--unauthenticated",
        action="store_true",
        help="read it also where its tag was thrown away and nothing proves it",
    )


_COMMANDS: dict[str, tuple[str, str, Options]] = {
    "list": ("looking", "List credentials and how their secrets stand.", _of_list),
    "show": ("looking", "Show one credential, without its secret.", _of_show),
    "reveal": ("revealing", "Show a secret; who and why is journalled.", _of_reveal),
    "check": ("looking", "Say what decrypts and what does not.", _of_list),
}
"""Each command: the module of `agentflow_tui.cli.credentials` whose function of that name does it,
one line about it, and its options."""

NAMES = tuple(_COMMANDS)


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """The commands below this one, and their options."""
    from agentflow_tui.cli.parser import add_shared

    parser.set_defaults(run=run, parser=parser, below=None)
    below: Any = parser.add_subparsers(title="commands", metavar="")
    for name, (_module, about, options) in _COMMANDS.items():
        each: argparse.ArgumentParser = below.add_parser(name, help=about, description=about)
        each.set_defaults(below=name)
        add_shared(each)
        options(each)


def run(options: argparse.Namespace) -> int:
    """Do what was asked of the vault, in a process that leaves no memory behind on a crash."""
    from agentflow_tui.vault.memory import keep_memory_private

    if options.below is None:
        options.parser.print_help(sys.stderr)
        return 2
    keep_memory_private()
    module, _about, _options = _COMMANDS[options.below]
    work = getattr(import_module(f"agentflow_tui.cli.credentials.{module}"), f"run_{options.below}")
    code: int = work(options)
    return code
