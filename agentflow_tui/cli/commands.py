"""The commands: one module each, which is imported when its command is run.

A command's module has ``add_options(parser, name)`` and ``run(options)``, which returns the exit
code. So ``agentflow list`` waits neither for the console nor for the operations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the module of `agentflow_tui.cli` that does it, and one line for the help."""

    module: str
    about: str


COMMANDS: Mapping[str, Command] = {
    "demo": Command("demo", "Open the console on sample data in the embedded database."),
    "worker": Command("worker", "Run the background workers until stopped."),
    "db": Command("db", "Look after the database."),
    "doctor": Command("doctor", "Check the set-up, one line each."),
    "list": Command("list_rows", "List a table."),
    "show": Command("show", "Show one row and its relations."),
    "credential": Command("credential", "The vault: secrets listed, revealed, written, rotated."),
    "create": Command("create", "Make a workflow or a schedule of a file."),
    "check": Command("check", "Check workflow and schedule files, without a database."),
    "report": Command("report", "Reports in: files of vendors, each stored once."),
    "undo": Command("undo", "Take back your last change, or the one named."),
    "redo": Command("undo", "Do again what you took back last."),
    "completion": Command("completion", "Print a completion script."),
    "__complete": Command("completion", ""),
}


_FIRST = (
    "demo",
    "worker",
    "db",
    "doctor",
    "list",
    "show",
    "create",
    "check",
    "credential",
    "report",
)


def find_command(name: str) -> Command | None:
    """The command of this name; None when there is none."""
    return COMMANDS.get(name) or dict(_of_operations()).get(name)


def all_commands() -> dict[str, Command]:
    """Every command that the help lists, in its order."""
    listed = {name: command for name, command in COMMANDS.items() if command.about}
    first = {name: listed.pop(name) for name in _FIRST}
    last = {name: listed.pop(name) for name in ("undo", "redo")}
    return {**first, **dict(_of_operations()), **last, **listed}


def _of_operations() -> Iterator[tuple[str, Command]]:
    """The verbs on rows, and what is decided about errors: their texts are the operations' own."""
    from agentflow_tui.cli.verbs import summary
    from agentflow_tui.operations.triage.decisions import DECISIONS
    from agentflow_tui.operations.verbs import VERB_WORDS

    for verb in VERB_WORDS:
        yield verb, Command("change", summary(verb))
    for decision in DECISIONS:
        yield decision.verb, Command("triage", decision.about)
