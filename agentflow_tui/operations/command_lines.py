"""The command line that does the same as a key: for dialogs, for copying, for notes in a ticket."""

import shlex
from collections.abc import Sequence
from typing import TypedDict

from agentflow_tui.operations.operation import Operation
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.urls import masked
from agentflow_tui.text import number

SHOWN = 20
"""Ids that a command line spells out before it is cut."""


class DatabaseOptions(TypedDict, total=False):
    """Which database a command is for, where that is not the one it would find by itself."""

    context: str
    database: str


def command_line(
    operation: Operation,
    *,
    ids: Sequence[str] = (),
    where: str | None = None,
    everything: bool = False,
    argument: str | None = None,
    context: str = "",
    database: str = "",
    expect: int | None = None,
    most: int | None = SHOWN,
) -> str:
    """An operation as words for a shell, quoted where they need it.

    The rows are ``ids``, or those that the filter ``where`` matches, or ``everything`` (a filter
    that says nothing is everything). Ids beyond ``most`` become a comment; None spells all out.
    Secret ids stand as their digests, which the command line takes as well. ``context`` and
    ``database`` come from `database_options`. What comes from the database is in it as it is: make
    it safe before it is drawn.
    """
    words = [*_program(context, database), operation.verb, operation.table]
    if operation.argument is not None and argument is not None:
        said = f"{operation.field}={argument}" if operation.field else argument
        words += _option(f"--{operation.argument.name}", said)
    if expect is not None:
        words += ["--expect", str(expect)]
    if everything or (where is not None and not where.strip()):
        return shlex.join([*words, "--all"])
    if where is not None:
        return shlex.join([*words, *_option("--where", where)])
    return _with_ids(words, [operation.change.public_id(id_) for id_ in ids], most)


def journal_line(
    verb: str, journal: str | None = None, *, context: str = "", database: str = ""
) -> str:
    """``undo`` or ``redo`` as words for a shell."""
    return shlex.join([*_program(context, database), verb, *([journal] if journal else [])])


def import_line(
    file: str,
    vendor: str,
    report_type: str,
    day: str = "",
    *,
    context: str = "",
    database: str = "",
) -> str:
    """The import of a report as words for a shell."""
    words = [*_program(context, database), "report", "import"]
    words += [
        *_option("--vendor", vendor),
        *_option("--type", report_type),
        *_option("--date", day),
    ]
    return shlex.join([*words, file])


def _program(context: str, database: str) -> list[str]:
    return ["agentflow", *_option("--context", context), *_option("--database", database)]


def _option(name: str, value: str) -> list[str]:
    """An option with its value, in one word where the value looks like an option itself."""
    if not value:
        return []
    return [f"{name}={value}"] if value.startswith("-") else [name, value]


def _with_ids(words: Sequence[str], ids: Sequence[str], most: int | None) -> str:
    shown = ids if most is None else ids[:most]
    marker = ["--"] if any(id_.startswith("-") for id_ in shown) else []
    line = shlex.join([*words, *marker, *shown])
    left = len(ids) - len(shown)
    return f"{line}  # … and {number(left)} more" if left else line


def database_options(settings: Settings) -> DatabaseOptions:
    """``context`` or ``database`` for `command_line`: how another shell with the same settings and
    environment reaches the database in use. A password is masked."""
    context = settings.context
    known = settings.contexts.get(context.name)
    if known is not None and known.database_url == context.database_url:
        return DatabaseOptions(context=context.name)
    environ = settings.environ
    default = environ.get("AGENTFLOW_DATABASE_URL") or environ.get("DATABASE_URL") or ""
    if context.database_url and context.database_url != default:
        return DatabaseOptions(database=masked(context.database_url))
    return DatabaseOptions()
