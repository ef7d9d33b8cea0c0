"""The commands: one module each, which is imported when its command is run.

A command's module has ``add_options(parser, name)`` and ``run(options)``, which returns the exit
code. So ``agentflow list`` waits neither for the console nor for the operations.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Command(NamedTuple):
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
    "story": Command("story", "What happened around one row, or to the mail to an address."),
    "credential": Command("credential", "The vault: secrets listed, revealed, written, rotated."),
    "create": Command("create", "Make a workflow or a schedule of a file."),
    "check": Command("check", "Check workflow and schedule files, without a database."),
    "export": Command("export", "Write a workflow or a schedule as a file."),
    "clone": Command("export", "Make the same workflow once more, as a draft."),
    "steps": Command("steps", "The step types: a JSON Schema of workflow files."),
    "cron": Command("cron", "What a cron expression says, and its next ten fires."),
    "report": Command("report", "Reports in: files of vendors, each stored once."),
    "insight": Command("insight", "Insights: what is worth telling in reports."),
    "undo": Command("undo", "Take back your last change, or the one named."),
    "redo": Command("undo", "Do again what you took back last."),
    "completion": Command("completion", "Print a completion script."),
    "__complete": Command("completion", ""),
}


_FIRST = (
    *(
        "demo",
        "worker",
        "db",
        "doctor",
        "list",
        "show",
        "story",
        "create",
        "check",
        "export",
        "clone",
    ),
    *("steps", "cron", "credential", "report", "insight"),
)


OPERATIONS: Mapping[str, Command] = {
    "retry": Command("change", "On email_queue, workflows."),
    "cancel": Command("change", "On email_queue, workflows."),
    "hold": Command("change", "Keep waiting mail from leaving until it is released."),
    "release": Command("change", "Let held mail leave."),
    "priority": Command("change", "Say what leaves first: higher priorities do."),
    "unlock": Command("change", "On email_queue, workflows."),
    "delete": Command("change", "On email_queue, workflows, schedules, health_checks."),
    "edit": Command("change", "On email_queue, emails, workflows, schedules, credentials."),
    "pause": Command("change", "On workflows, schedules."),
    "resume": Command("change", "On workflows, schedules."),
    "run": Command("change", "On workflows, schedules."),
    "reset": Command("change", "Go back to a step and run from there."),
    "enable": Command("change", "On credentials, api_keys."),
    "disable": Command("change", "On credentials, api_keys."),
    "revoke": Command("change", "Sign people out by deleting their sessions."),
    "purge": Command("change", "Delete sessions that have expired."),
    "rerun": Command("change", "Have health checks done again at once."),
    "requeue": Command(
        "change",
        "Send failed distributions again, with new mail; AgentFlow's own are left to it.",
    ),
    "acknowledge": Command(
        "triage", "Out of attention until it comes back after an hour of quiet, or doubles."
    ),
    "snooze": Command("triage", "Out of attention until a time, or until it grows."),
    "claim": Command("triage", "Tell the others that you are looking at it."),
    "wake": Command("triage", "Forget that it was acknowledged, snoozed or claimed."),
}
"""What can be done to rows and about errors. The lines are the operations' own, which a test
compares: reading them there would import all that a change needs to print the help."""


def find_command(name: str) -> Command | None:
    """The command of this name; None when there is none."""
    return COMMANDS.get(name) or OPERATIONS.get(name)


def all_commands() -> dict[str, Command]:
    """Every command that the help lists, in its order."""
    listed = {name: command for name, command in COMMANDS.items() if command.about}
    first = {name: listed.pop(name) for name in _FIRST}
    last = {name: listed.pop(name) for name in ("undo", "redo")}
    return {**first, **OPERATIONS, **last, **listed}
