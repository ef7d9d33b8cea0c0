"""The one table of what keys do: key bar, help, palette, tooltips and remapping read it.

An entry's ``id`` is stable, so that ``[console.keys]`` in the settings can give it other keys.
``about`` is its help text everywhere. ``scope`` says where it applies:

=============  ===================================================================
``app``        everywhere
``row``        on a list or a detail, for the row under the cursor, the marked ones, or all
``list``       on a list, for the row under the cursor or for the list
``detail``     in an open detail
=============  ===================================================================

Keys that move within a list, a pane or a field stand in the bindings of those widgets.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from agentflow_tui.console.place import Place
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.view import View

Scope = Literal["row", "list", "detail", "app"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """Something a key does. ``keys`` are Textual key names, comma separated; ``shown`` says that
    the key bar offers it, earlier ones first, and ``everywhere`` that it works in windows and
    fields, too. ``do`` gets the console and its visible view. ``verbs`` are the operations that a
    change stands for: which of them, the row says.
    """

    id: str
    keys: str
    title: str
    about: str
    scope: Scope
    do: Callable[[Shell, View], object]
    shown: bool = False
    everywhere: bool = False
    verbs: tuple[str, ...] = ()


def _app(
    id_: str,
    keys: str,
    title: str,
    about: str,
    do: Callable[[Shell, View], object],
    *,
    shown: bool = False,
    everywhere: bool = False,
) -> KeyEntry:
    return KeyEntry(
        id=id_,
        keys=keys,
        title=title,
        about=about,
        scope="app",
        do=do,
        shown=shown,
        everywhere=everywhere,
    )


def _on(
    scope: Scope,
    id_: str,
    keys: str,
    title: str,
    about: str,
    do: Callable[[View], object],
    *,
    shown: bool = False,
) -> KeyEntry:
    return KeyEntry(
        id=id_,
        keys=keys,
        title=title,
        about=about,
        scope=scope,
        do=lambda _shell, view: do(view),
        shown=shown,
    )


def _changes(title: str, verbs: tuple[str, ...]) -> Callable[[Shell, View], None]:
    def do(shell: Shell, view: View) -> None:
        from agentflow_tui.console import changing  # its dialogs are not needed before

        changing.change(shell, view, title, verbs)

    return do


def _undo(shell: Shell, view: View) -> None:
    from agentflow_tui.console import changing

    changing.undo(shell, view.operation())


def _redo(shell: Shell, _view: View) -> None:
    from agentflow_tui.console import changing

    changing.redo(shell)


def _change(id_: str, keys: str, title: str, about: str, *verbs: str) -> KeyEntry:
    meant = verbs or (title.lower(),)
    return KeyEntry(
        id=id_,
        keys=keys,
        title=title,
        about=about,
        scope="row",
        do=_changes(title, meant),
        shown=True,
        verbs=meant,
    )


KEYS: tuple[KeyEntry, ...] = (
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
        "row.delete", "D", "Delete", "Delete rows; sign people out.", "delete", "revoke", "purge"
    ),
    _on(
        "list",
        "row.open",
        "enter,d",
        "Open",
        "Open the detail of this row.",
        lambda view: view.open_row(),
        shown=True,
    ),
    _on(
        "list",
        "row.snooze",
        "s",
        "Snooze",
        "Acknowledge, snooze or claim an error, or a line of what needs attention.",
        lambda view: view.snooze(),
    ),
    _on(
        "list",
        "list.filter",
        "slash",
        "Filter",
        "Filter this list.",
        lambda view: view.open_filter(),
        shown=True,
    ),
    _on(
        "list",
        "list.faults",
        "exclamation_mark",
        "Faults",
        "Show only what is wrong; again to show all.",
        lambda view: view.toggle_faults(),
        shown=True,
    ),
    _on(
        "list",
        "list.sort",
        "o",
        "Sort",
        "Choose the column to sort by.",
        lambda view: view.choose_sort(),
        shown=True,
    ),
    _on(
        "list",
        "list.reverse",
        "O",
        "Reverse",
        "Reverse the sort.",
        lambda view: view.reverse_sort(),
    ),
    _on(
        "list",
        "list.errors",
        "e",
        "Errors",
        "The errors of this list, grouped.",
        lambda view: view.show_errors(),
    ),
    _on(
        "list",
        "list.extend",
        "X",
        "Look further",
        "Let the filter look at ten times as many rows.",
        lambda view: view.look_further(),
    ),
    _on(
        "list",
        "list.tab",
        "tab",
        "Pane",
        "Go to the other pane, or the next list here.",
        lambda view: view.next_pane(),
    ),
    _on(
        "list",
        "list.export",
        "E",
        "Export",
        "Write this list to a CSV or JSON file.",
        lambda view: view.choose_export(),
    ),
    _on(
        "list",
        "row.copy",
        "y",
        "Copy id",
        "Copy the id of this row.",
        lambda view: view.copy_id(),
        shown=True,
    ),
    _on(
        "list",
        "row.copy_menu",
        "Y",
        "Copy…",
        "Copy the row as JSON, its error, its SQL or a command.",
        lambda view: view.choose_copy(),
    ),
    _on(
        "list",
        "list.views",
        "b",
        "Views",
        "Open a saved view.",
        lambda view: view.choose_saved_view(),
    ),
    _on(
        "list",
        "list.save_view",
        "B",
        "Save view",
        "Save filter, sort and columns.",
        lambda view: view.save_view(),
    ),
    _on(
        "detail",
        "detail.previous",
        "left_square_bracket",
        "Tab ‹",
        "Previous tab.",
        lambda view: view.turn_tab(-1),
    ),
    _on(
        "detail",
        "detail.next",
        "right_square_bracket",
        "Tab ›",
        "Next tab.",
        lambda view: view.turn_tab(1),
        shown=True,
    ),
    _on(
        "detail",
        "detail.maximise",
        "m",
        "Maximise",
        "Give this pane all the room.",
        lambda view: view.maximise(),
    ),
    _app(
        "app.back",
        "escape",
        "Back",
        "One step back.",
        lambda shell, _view: shell.back(),
        shown=True,
    ),
    _app(
        "app.previous",
        "minus",
        "Previous",
        "The screen before this one.",
        lambda shell, _view: shell.previous(),
    ),
    _app(
        "app.up",
        "q",
        "Up",
        "One level up; at the top, ask to quit.",
        lambda shell, _view: shell.up(),
    ),
    _app(
        "app.command",
        "colon",
        "Command",
        "Type a command.",
        lambda shell, _view: shell.open_command_line(),
        shown=True,
    ),
    _app(
        "app.palette",
        "ctrl+p",
        "Palette",
        "Every screen, verb and setting.",
        lambda shell, _view: shell.open_palette(),
    ),
    _app(
        "app.help",
        "question_mark,f1",
        "Help",
        "The keys that work here.",
        lambda shell, _view: shell.show_help(),
        shown=True,
    ),
    _app(
        "app.refresh",
        "ctrl+r",
        "Refresh",
        "Look at the database now, and paint the whole screen.",
        lambda shell, _view: shell.refresh_all(),
    ),
    _app(
        "app.repaint",
        "ctrl+l",
        "Repaint",
        "Paint the whole screen.",
        lambda shell, _view: shell.repaint(),
        everywhere=True,
    ),
    _app(
        "app.suspend",
        "ctrl+z",
        "Suspend",
        "Go back to the shell; fg comes back.",
        lambda shell, _view: shell.action_suspend_process(),
        everywhere=True,
    ),
    _app(
        "app.freeze",
        "f",
        "Freeze",
        "Stop the picture; again to go on.",
        lambda shell, _view: shell.freeze(),
    ),
    _app("app.undo", "u", "Undo", "Take back the last change, or the one shown.", _undo),
    _app("app.redo", "", "Redo", "Do again what was taken back last.", _redo),
    _app(
        "app.actions",
        "at",
        "Changes",
        "What operators have changed.",
        lambda shell, _view: shell.go(Place("actions")),
    ),
    _app(
        "app.cohort",
        "C",
        "Followed",
        "Open the rows of the last change in bulk.",
        lambda shell, _view: shell.open_followed(),
    ),
    _app("app.theme", "T", "Theme", "The next theme.", lambda shell, _view: shell.next_theme()),
    _app(
        "app.cost",
        "M",
        "Cost",
        "What this console costs the database.",
        lambda shell, _view: shell.show_cost(),
    ),
    _app(
        "app.workers",
        "W",
        "Workers on/off",
        "Start or stop the background workers of this console.",
        lambda shell, _view: shell.toggle_workers(),
    ),
    _app(
        "app.quit",
        "ctrl+q",
        "Quit",
        "Leave the console.",
        lambda shell, _view: shell.exit(),
        everywhere=True,
    ),
    _app(
        "app.interrupt",
        "ctrl+c",
        "Interrupt",
        "Say how to leave: nothing is interrupted by this key.",
        lambda shell, _view: shell.say_how_to_leave(),
        everywhere=True,
    ),
)

BY_ID: dict[str, KeyEntry] = {entry.id: entry for entry in KEYS}


def in_scope(scope: str) -> tuple[KeyEntry, ...]:
    """The entries of one scope, in the order the key bar offers them."""
    return tuple(entry for entry in KEYS if entry.scope == scope)


CHANGES: Mapping[str, tuple[str, ...]] = {entry.id: entry.verbs for entry in KEYS if entry.verbs}
"""The operations that each change stands for, by its id."""

_NAMES = {
    "slash": "/",
    "exclamation_mark": "!",
    "question_mark": "?",
    "colon": ":",
    "minus": "-",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "enter": "⏎",
    "asterisk": "*",
    "at": "@",
    "plus": "+",
    "space": "space",
}


def key_name(keys: str) -> str:
    """The first of an entry's keys as a person would call it."""
    first = keys.split(",", maxsplit=1)[0]
    return _NAMES.get(first, first)


def key_of(id_: str, remapped: Mapping[str, str]) -> str:
    """The key of an entry as a person would call it; ``remapped`` are the settings' own."""
    return key_name(remapped.get(id_, BY_ID[id_].keys))


def with_keys(text: str, remapped: Mapping[str, str]) -> str:
    """A text in which each entry's id in braces, ``{app.workers}``, has become its key."""
    return re.sub(r"{([\w.]+)}", lambda found: key_of(found[1], remapped), text)
