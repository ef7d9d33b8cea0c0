"""``agentflow credential``: the vault."""

import argparse
import sys
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

from agentflow_tui.settings import SECRET_FORMATS

Options = Callable[[argparse.ArgumentParser], None]


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
    parser.add_argument(
        "--api-key", action="store_true", help="the value of this row of api_keys instead"
    )


def _of_input(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--from-file", metavar="FILE", help="read the secret from a file: a JSON object or a text"
    )
    source.add_argument("--stdin", action="store_true", help="read it from the standard input")


def _of_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", required=True, help="such as vinsolutions")
    parser.add_argument("--label", required=True, help="what people call it")
    parser.add_argument("--user", metavar="ID", help="whose it is: an id of users")
    parser.add_argument("--format", choices=SECRET_FORMATS, help="default: [vault] format")
    _of_input(parser)
    _json(parser)


def _of_edit(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    parser.add_argument(
        "--field",
        metavar="NAME",
        help="change this field only; asked for at a terminal, it is the password",
    )
    parser.add_argument("--upgrade", action="store_true", help="bind the secret to its row")
    _of_input(parser)
    _json(parser)


def _of_disable(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="+")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, only")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    _json(parser)


def _of_rotation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--old-key-file", metavar="FILE", help="a file with the former key")
    parser.add_argument("--upgrade", action="store_true", help="bind every secret to its row")
    parser.add_argument(
        "--unauthenticated",
        action="store_true",
        help="take secrets whose tag was thrown away as they read",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, only")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    _json(parser, "print the outcome as one object")


_COMMANDS: dict[str, tuple[str, str, Options]] = {
    "list": ("looking:run_list", "List credentials and how their secrets stand.", _of_list),
    "show": ("looking:run_show", "Show one credential, without its secret.", _of_show),
    "reveal": ("revealing:run_reveal", "Show a secret; who and why is journalled.", _of_reveal),
    "add": ("writing:run_add", "Add a credential; its secret is asked for.", _of_add),
    "edit": ("writing:run_edit", "Change a secret, in the format that it has.", _of_edit),
    "disable": ("writing:run_disable", "Keep workflows from using credentials.", _of_disable),
    "rotate-key": (
        "rotating:run_rotate_key",
        "Write every secret anew under the present key.",
        _of_rotation,
    ),
    "check": ("looking:run_check", "Say what decrypts and what does not.", _of_list),
}
"""Each command: the module of `agentflow_tui.cli.credentials` and its function that does it, one
line about it, and its options."""


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
    function, _about, _options = _COMMANDS[options.below]
    code: int = resolve_name(f"agentflow_tui.cli.credentials.{function}")(options)
    return code
