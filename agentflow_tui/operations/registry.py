"""The one registry of what can be done: keys, key bar, palette, help and tooltips read it.

A verb's ``id`` is stable, so that ``[console.keys]`` in the settings can remap its keys. ``about``
is the help text everywhere. ``scope`` says where it applies:

=============  ===================================================================
``app``        everywhere
``row``        on a list or a detail, for the row under the cursor, the marked ones, or all
``list``       on a list, for the row under the cursor or for the list
``detail``     in an open detail
``overview``   on the overview
=============  ===================================================================
"""

from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["row", "list", "detail", "overview", "app"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """Something a key does. ``keys`` are Textual key names, comma separated; ``shown`` says that
    the key bar offers it, earlier ones first; ``group`` is its heading in the help. ``words`` are
    the verbs of `agentflow_tui.operations.verbs` that the key stands for: which one, the row says.
    """

    id: str
    keys: str
    title: str
    about: str
    scope: Scope
    group: str
    shown: bool = False
    words: tuple[str, ...] = ()


def _verb(
    scope: Scope, group: str, id_: str, keys: str, title: str, about: str, *, shown: bool = False
) -> Verb:
    return Verb(id=id_, keys=keys, title=title, about=about, scope=scope, group=group, shown=shown)


def _change(id_: str, keys: str, title: str, about: str, *words: str) -> Verb:
    return Verb(
        id=id_,
        keys=keys,
        title=title,
        about=about,
        scope="row",
        group="Change",
        shown=True,
        words=words or (title.lower(),),
    )


VERBS: tuple[Verb, ...] = (
    _change(
        "row.retry",
        "r",
        "Retry",
        "Try again: requeue mail, go on with workflows, redo checks.",
        "retry",
        "requeue",
        "rerun",
    ),
    _change("row.cancel", "c", "Cancel", "Take mail out of the queue, end workflows."),
    _change(
        "row.pause",
        "p",
        "Pause",
        "Pause and resume workflows and schedules; enable and disable credentials and keys.",
        "pause",
        "resume",
        "disable",
        "enable",
    ),
    _change("row.hold", "H", "Hold", "Hold mail back, or release it.", "hold", "release"),
    _change("row.run", "t", "Run", "Start a workflow from its beginning, now."),
    _change("row.unlock", "U", "Unlock", "Release a stale lock, after showing the evidence."),
    _change("row.reset", "R", "Reset", "Go back to a step and run from there."),
    _change("row.priority", "plus", "Priority", "Say which mail leaves first."),
    _change("row.edit", "i", "Edit", "Change a cron expression, recipients, a subject, a label."),
    _change(
        "row.delete",
        "D",
        "Delete",
        "Delete rows; sign people out.",
        "delete",
        "revoke",
        "purge",
    ),
    _verb(
        "list", "Rows", "row.open", "enter,d", "Open", "Open the detail of this row.", shown=True
    ),
    _verb(
        "list",
        "Rows",
        "row.snooze",
        "s",
        "Snooze",
        "Acknowledge, snooze or claim an error, or a line of what needs attention.",
    ),
    _verb("list", "Find", "list.filter", "slash", "Filter", "Filter this list.", shown=True),
    _verb(
        "list",
        "Find",
        "list.faults",
        "exclamation_mark",
        "Faults",
        "Show only what is wrong; again to show all.",
        shown=True,
    ),
    _verb("list", "Find", "list.sort", "o", "Sort", "Choose the column to sort by.", shown=True),
    _verb("list", "Find", "list.reverse", "O", "Reverse", "Reverse the sort."),
    _verb("list", "Find", "list.errors", "e", "Errors", "The errors of this list, grouped."),
    _verb(
        "list",
        "Find",
        "list.extend",
        "X",
        "Look further",
        "Let the filter look at ten times as many rows.",
    ),
    _verb(
        "list", "Rows", "list.tab", "tab", "Pane", "Go to the other pane, or the next list here."
    ),
    _verb("list", "Take", "list.export", "E", "Export", "Write this list to a CSV or JSON file."),
    _verb("list", "Take", "row.copy", "y", "Copy id", "Copy the id of this row.", shown=True),
    _verb(
        "list",
        "Take",
        "row.copy_menu",
        "Y",
        "Copy…",
        "Copy the row as JSON, its error, its SQL or a command.",
    ),
    _verb("list", "Find", "list.views", "b", "Views", "Open a saved view."),
    _verb("list", "Find", "list.save_view", "B", "Save view", "Save filter, sort and columns."),
    _verb("detail", "Detail", "detail.previous", "left_square_bracket", "Tab ‹", "Previous tab."),
    _verb(
        "detail", "Detail", "detail.next", "right_square_bracket", "Tab ›", "Next tab.", shown=True
    ),
    _verb("detail", "Detail", "detail.maximise", "m", "Maximise", "Give this pane all the room."),
    _verb("app", "Move", "app.back", "escape", "Back", "One step back.", shown=True),
    _verb("app", "Move", "app.previous", "minus", "Previous", "The screen before this one."),
    _verb("app", "Move", "app.up", "q", "Up", "One level up; at the top, ask to quit."),
    _verb("app", "Move", "app.command", "colon", "Command", "Type a command.", shown=True),
    _verb("app", "Move", "app.palette", "ctrl+p", "Palette", "Every screen, verb and setting."),
    _verb(
        "app",
        "Look",
        "app.help",
        "question_mark,f1",
        "Help",
        "The keys that work here.",
        shown=True,
    ),
    _verb("app", "Look", "app.refresh", "ctrl+r", "Refresh", "Look at the database now."),
    _verb("app", "Look", "app.freeze", "f", "Freeze", "Stop the picture; again to go on."),
    _verb("app", "Change", "app.undo", "u", "Undo", "Take back the last change, or the one shown."),
    _verb("app", "Change", "app.redo", "", "Redo", "Do again what was taken back last."),
    _verb("app", "Move", "app.actions", "at", "Changes", "What operators have changed."),
    _verb(
        "app", "Move", "app.cohort", "C", "Followed", "Open the rows of the last change in bulk."
    ),
    _verb("app", "Look", "app.theme", "T", "Theme", "The next theme."),
    _verb("app", "Look", "app.cost", "M", "Cost", "What this console costs the database."),
    _verb(
        "app",
        "Look",
        "app.workers",
        "W",
        "Workers on/off",
        "Start or stop the background workers of this console.",
    ),
    _verb("app", "Move", "app.quit", "ctrl+q", "Quit", "Leave the console."),
)

BY_ID: dict[str, Verb] = {verb.id: verb for verb in VERBS}


def verbs(scope: Scope) -> tuple[Verb, ...]:
    """The verbs of one scope, in the order the key bar offers them."""
    return tuple(verb for verb in VERBS if verb.scope == scope)
