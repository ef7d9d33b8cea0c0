"""What was typed, understood: the options of the one command that it names."""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn, Protocol, cast

from agentflow_tui import __version__
from agentflow_tui.cli.commands import Command, all_commands, find_command
from agentflow_tui.cli.output import STDOUT, say
from agentflow_tui.errors import UsageError

_NEGATED = re.compile(r"-[A-Za-z_][\w.]*[:~<>=!]")

_MARK = "\0"
"""Stands in front of an argument that begins with a dash and is no option."""

_TAKE_A_DASH = ("--sort", "--where")
"""Options whose values may begin with a dash."""

_TAKE_A_VALUE = ("--context", "--database", "--profile", "--screen")
"""Options before the command that take the next word."""

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


class CommandModule(Protocol):
    """What the module of a command has."""

    def add_options(self, parser: argparse.ArgumentParser, name: str) -> None: ...

    def run(self, options: argparse.Namespace) -> int: ...


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ``-status:sent`` is a filter and ``--sort -createdAt`` a column.

    Raises `UsageError` for a command that there is not.
    """
    name = command_word(arguments)
    parser = make_parser(name, wants_help=name == "" and bool({"-h", "--help"} & {*arguments}))
    options, rest = parser.parse_known_args(_mark(arguments))
    _gather(parser, options, rest)
    for key, value in vars(options).items():
        setattr(options, key, _unmarked(value))
    return options


def refuse_empty(arguments: Sequence[str]) -> None:
    """Raises `UsageError` for an empty argument: it is a variable of a script that was not set, and
    means nothing. Only completion is asked about one."""
    if command_word(arguments) == "__complete":
        return
    for before, word in zip(["", *arguments], arguments, strict=False):
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if (option and not equals) or value.strip():
            continue
        name = option or (before if before.startswith("--") and "=" not in before else "")
        if name != "--where":  # which says more about it
            raise UsageError(f"The value of {name} is empty." if name else "An argument is empty.")


def command_word(arguments: Sequence[str]) -> str:
    """The word that names the command; ``""`` where there is none."""
    before = ""
    for word in arguments:
        if not word.startswith("-") and before not in _TAKE_A_VALUE:
            return word
        before = word
    return ""


def _gather(
    parser: argparse.ArgumentParser, options: argparse.Namespace, rest: Sequence[str]
) -> None:
    """Take words that stand behind options, which argparse does not take for more of them."""
    several = next((name for name in ("filter", "ids") if name in options), None)
    if rest and (several is None or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}".replace(_MARK, ""))
    if several:
        getattr(options, several).extend(rest)


def _mark(arguments: Sequence[str]) -> list[str]:
    """The arguments, with those marked that only look like options: filters that begin with a
    dash, and whatever stands behind ``--``."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    marked = [
        _marked(before, word) for before, word in zip(["", *words], words[:end], strict=False)
    ]
    return marked + [_MARK + word if word.startswith("-") else word for word in words[end + 1 :]]


def _marked(before: str, word: str) -> str:
    value = before in _TAKE_A_DASH and word.startswith("-") and not word.startswith("--")
    if value or _NEGATED.match(word):
        return _MARK + word
    if word.startswith("--") and word.endswith("=--"):  # which argparse loses
        return f"{word[:-2]}{_MARK}--"
    return word


def _unmarked(value: object) -> object:
    if isinstance(value, list):
        return [_unmarked(each) for each in value]
    return value.removeprefix(_MARK) if isinstance(value, str) else value


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, as every other mistake is said; its help is data."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stderr:
            say(message, end="")
        else:
            STDOUT.write(message)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See '{self.prog} --help'.")


def make_parser(name: str, *, wants_help: bool = False) -> argparse.ArgumentParser:
    """The parser for one command, or where ``name`` is empty for the console; with
    ``wants_help`` all commands are listed. What does a command stands in ``options.run``."""
    parser = _Parser(
        prog="agentflow",
        description="The operations console for AgentFlow.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"agentflow {__version__}")
    add_shared(parser, root=True)
    parser.set_defaults(run=_open_console, screen=None, workers=False)
    parser.add_argument("--screen", help="the screen to open: overview, mail, workflows, …")
    parser.add_argument("--workers", action="store_true", help="start background workers, too")
    if not name and not wants_help:
        return parser
    below = parser.add_subparsers(title="commands", metavar="")
    if wants_help:
        for each, command in all_commands().items():
            below.add_parser(each, help=command.about)
    else:
        _add(below, name, find_command(name))
    return parser


def _add(below: Any, name: str, command: Command | None) -> None:
    if command is None:
        raise UsageError(_no_command(name))
    parser: argparse.ArgumentParser = below.add_parser(name, description=command.about)
    module = cast("CommandModule", import_module(f"agentflow_tui.cli.{command.module}"))
    parser.set_defaults(run=module.run, name=name)
    add_shared(parser)
    module.add_options(parser, name)


def _no_command(name: str) -> str:
    from agentflow_tui.filters.parsing import did_you_mean  # only a mistake pays for it

    hint = did_you_mean(name, all_commands()) or "'agentflow --help' lists them."
    return f"There is no command {name!r}. {hint}"


def add_shared(parser: argparse.ArgumentParser, *, root: bool = False) -> None:
    """Options that stand before or behind the command; behind, they keep what stood before."""
    default: Any = None if root else argparse.SUPPRESS
    parser.add_argument("--context", default=default, help="a context of the settings")
    parser.add_argument("--database", metavar="URL", default=default, help="a PostgreSQL URL")
    parser.add_argument(
        "--profile", metavar="FILE", default=default, help="write where time went, .json or text"
    )
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=False if root else argparse.SUPPRESS,
        help="open the database read-only",
    )


def _open_console(options: argparse.Namespace) -> int:
    # without the database, which comes after the first frame
    from agentflow_tui import settings_file
    from agentflow_tui.cli.terminal import open_console

    chosen = settings_file.load(
        context=options.context, database_url=options.database, read_only=options.read_only
    )
    return open_console(chosen, screen=options.screen, workers=options.workers)
