"""Everything that can be done to rows, one line each: the table that keys, dialogs, help and the
command line are made from."""

from agentflow_tui.operations import arguments
from agentflow_tui.operations.operation import Argument, Harm, Operation
from agentflow_tui.store.changes import accounts, checks, emails, reports, schedules, workflows
from agentflow_tui.store.changes.change import Change

_LEFT = "A mail that has left is not taken back."
_UNWRITTEN = "what was deleted is a secret, and the journal holds none"
_STARTED = "Steps that have run by then stay done."


def _do(
    verb: str,
    change: Change,
    past: str,
    about: str,
    *,
    field: str = "",
    in_editor: bool = False,
    argument: Argument | None = None,
    destroys: bool = False,
    irrevocable: str = "",
    warning: str = "",
) -> Operation:
    harm = Harm.IRREVERSIBLE if irrevocable else Harm.REVERSIBLE
    return Operation(
        verb=verb,
        change=change,
        past=past,
        about=about,
        field=field,
        in_editor=in_editor,
        argument=argument,
        harm=harm,
        destroys=destroys,
        irrevocable=irrevocable,
        warning=warning,
    )


OPERATIONS: tuple[Operation, ...] = (
    # mail
    _do(
        "retry",
        emails.RETRY,
        "requeued",
        "Put mail back in the queue, with its attempts forgotten.",
        warning=_LEFT,
    ),
    _do("cancel", emails.CANCEL, "cancelled", "Take mail out of the queue for good."),
    _do("hold", emails.HOLD, "held", "Keep waiting mail from leaving until it is released."),
    _do("release", emails.RELEASE, "released", "Let held mail leave.", warning=_LEFT),
    _do(
        "priority",
        emails.PRIORITY,
        "given another priority",
        "Say what leaves first: higher priorities do.",
        argument=arguments.PRIORITY,
    ),
    _do(
        "unlock",
        emails.UNLOCK,
        "freed",
        "Give mail back whose worker has died.",
        warning="It may have left already: the relay's log knows.",
    ),
    _do(
        "delete",
        emails.DELETE,
        "deleted",
        "Delete the queue's rows; the messages stay.",
        destroys=True,
    ),
    _do(
        "edit",
        emails.QUEUED_RECIPIENTS,
        "edited",
        "Change to whom the mail goes.",
        field="recipients",
        argument=arguments.RECIPIENTS,
    ),
    _do(
        "edit",
        emails.QUEUED_SUBJECT,
        "edited",
        "Change what the mail's subject says.",
        field="subject",
        argument=arguments.SUBJECT,
    ),
    _do(
        "edit",
        emails.RECIPIENTS,
        "edited",
        "Change to whom the message goes.",
        field="recipients",
        argument=arguments.RECIPIENTS,
    ),
    _do(
        "edit",
        emails.SUBJECT,
        "edited",
        "Change what the message's subject says.",
        field="subject",
        argument=arguments.SUBJECT,
    ),
    # workflows
    _do(
        "retry",
        workflows.RETRY,
        "put back to work",
        "Go on at the step that failed.",
        warning=_STARTED,
    ),
    _do("cancel", workflows.CANCEL, "cancelled", "End workflows after the step that runs now."),
    _do("pause", workflows.PAUSE, "paused", "Stop workflows before their next step."),
    _do("resume", workflows.RESUME, "resumed", "Let paused workflows go on.", warning=_STARTED),
    _do(
        "run",
        workflows.RUN,
        "started",
        "Start drafts, and ended workflows again, from their first step.",
        warning=_STARTED,
    ),
    _do(
        "reset",
        workflows.RESET,
        "reset",
        "Go back to a step and run from there.",
        argument=arguments.STEP,
        warning=_STARTED,
    ),
    _do(
        "edit",
        workflows.FILE,
        "edited",
        "Change name, steps and context in the editor.",
        in_editor=True,
    ),
    _do("unlock", workflows.UNLOCK, "unlocked", "Release locks that nobody holds any more."),
    _do(
        "delete",
        workflows.DELETE,
        "deleted",
        "Delete workflows, with all they have found out.",
        destroys=True,
    ),
    # schedules
    _do("pause", schedules.PAUSE, "paused", "Stop schedules from firing."),
    _do(
        "resume",
        schedules.RESUME,
        "resumed",
        "Let schedules fire from now on; what was missed stays missed.",
    ),
    _do(
        "run",
        schedules.RUN,
        "fired",
        "Start the schedules' workflows now; the timetable stays as it is.",
        warning=_STARTED,
    ),
    _do(
        "edit",
        schedules.CRON,
        "edited",
        "Change when schedules fire.",
        field="cron",
        argument=arguments.CRON,
    ),
    _do(
        "edit",
        schedules.WORKFLOW,
        "given another workflow",
        "Change which workflow schedules start.",
        field="workflowId",
        argument=arguments.WORKFLOW,
    ),
    _do(
        "edit",
        schedules.FILE,
        "edited",
        "Change expression, workflow and state in the editor.",
        in_editor=True,
    ),
    _do(
        "delete",
        schedules.DELETE,
        "deleted",
        "Delete schedules; their workflows stay.",
        destroys=True,
    ),
    # sign-ins
    _do("enable", accounts.ENABLE_CREDENTIAL, "enabled", "Let workflows use the credentials."),
    _do("disable", accounts.DISABLE_CREDENTIAL, "disabled", "Keep workflows from using them."),
    _do(
        "edit",
        accounts.LABEL,
        "edited",
        "Change what credentials are called.",
        field="label",
        argument=arguments.LABEL,
    ),
    _do("enable", accounts.ENABLE_KEY, "enabled", "Let workflow steps use the keys."),
    _do("disable", accounts.DISABLE_KEY, "disabled", "Keep workflow steps from using the keys."),
    _do(
        "revoke",
        accounts.REVOKE,
        "revoked",
        "Sign people out by deleting their sessions.",
        destroys=True,
        irrevocable=_UNWRITTEN,
    ),
    _do(
        "purge",
        accounts.PURGE,
        "purged",
        "Delete sessions that have expired.",
        destroys=True,
        irrevocable=_UNWRITTEN,
    ),
    # checks and distributions
    _do("rerun", checks.RERUN, "due at once", "Have health checks done again at once."),
    _do(
        "delete",
        checks.DELETE,
        "deleted",
        "Delete the rows of services that are no more, and of workers that have died.",
        destroys=True,
    ),
    _do(
        "requeue",
        reports.REQUEUE,
        "requeued",
        "Send failed distributions again, with new mail; AgentFlow's own are left to it.",
    ),
)


def operations_on(table: str) -> tuple[Operation, ...]:
    """What can be done to the rows of a table."""
    return tuple(operation for operation in OPERATIONS if operation.table == table)


def find(verb: str, table: str, field: str = "") -> Operation | None:
    """The operation of this name, None when the table has none."""
    return next((o for o in operations_on(table) if o.verb == verb and o.field == field), None)


VERB_WORDS: tuple[str, ...] = tuple(dict.fromkeys(operation.verb for operation in OPERATIONS))
"""The verbs of the command line."""
