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

from collections.abc import Mapping

from agentflow_tui.console.key_entry import KeyEntry, app_key, change_key, view_key
from agentflow_tui.console.place import Place
from agentflow_tui.console.report_lanes import (
    LOST,
    OVERDUE_ID,
    OVERDUE_VIEW,
    UNREACHED,
    WAITING,
    Lane,
)
from agentflow_tui.console.report_lanes import VIEWS as LANED
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.view import View


def _undo(shell: Shell, view: View) -> None:
    from agentflow_tui.console import changing

    changing.undo(shell, view.operation())


def _redo(shell: Shell, _view: View) -> None:
    from agentflow_tui.console import changing

    changing.redo(shell)


def _lane_key(lane: Lane, key: str, title: str, about: str) -> KeyEntry:
    return app_key(
        lane.id,
        key,
        title,
        about,
        lambda shell, _view: shell.go(Place("insights", lane.filter)),
        only_on=LANED,
    )


KEYS: tuple[KeyEntry, ...] = (
    change_key(
        "row.retry",
        "r",
        "Retry",
        "Try again: requeue mail, go on with workflows, redo checks.",
        "retry",
        "requeue",
        "rerun",
    ),
    change_key("row.cancel", "c", "Cancel", "Take mail out of the queue, end workflows."),
    change_key(
        "row.pause",
        "p",
        "Pause",
        "Pause and resume workflows and schedules; enable and disable credentials and keys.",
        "pause",
        "resume",
        "disable",
        "enable",
    ),
    change_key("row.hold", "H", "Hold", "Hold mail back, or release it.", "hold", "release"),
    change_key("row.run", "t", "Run", "Start a workflow from its beginning, now."),
    change_key("row.unlock", "U", "Unlock", "Release a stale lock, after showing the evidence."),
    change_key("row.reset", "R", "Reset", "Go back to a step and run from there."),
    change_key("row.priority", "plus", "Priority", "Say which mail leaves first."),
    change_key(
        "row.edit", "i", "Edit", "Change a cron expression, recipients, a subject, a label."
    ),
    change_key(
        "row.delete", "D", "Delete", "Delete rows; sign people out.", "delete", "revoke", "purge"
    ),
    view_key(
        "list",
        "row.open",
        "enter,d",
        "Open",
        "Open the detail of this row.",
        lambda view: view.open_row(),
        shown=True,
    ),
    view_key(
        "list",
        "row.story",
        "h",
        "Story",
        "What happened around this row, in all tables, and what comes next.",
        lambda view: view.show_story(),
        shown=True,
    ),
    view_key(
        "list",
        "row.secret",
        "S",
        "Secret",
        "Show a secret, or customers' data in a report, for seconds; who and why is journalled.",
        lambda view: view.show_secret(),
        only_on=("credentials", "api_keys", "reports"),
    ),
    view_key(
        "list",
        "row.new_secret",
        "I",
        "New secret",
        "Put another secret in the place of a credential's.",
        lambda view: view.edit_secret(),
        only_on=("credentials",),
    ),
    view_key(
        "list",
        "row.snooze",
        "s",
        "Snooze",
        "Acknowledge, snooze or claim an error, or a line of what needs attention.",
        lambda view: view.snooze(),
    ),
    view_key(
        "list",
        "list.filter",
        "slash",
        "Filter",
        "Filter this list.",
        lambda view: view.open_filter(),
        shown=True,
    ),
    view_key(
        "list",
        "list.faults",
        "exclamation_mark",
        "Faults",
        "Show only what is wrong; again to show all.",
        lambda view: view.toggle_faults(),
        shown=True,
    ),
    view_key(
        "list",
        "list.sort",
        "o",
        "Sort",
        "Choose the column to sort by.",
        lambda view: view.choose_sort(),
        shown=True,
    ),
    view_key(
        "list",
        "list.reverse",
        "O",
        "Reverse",
        "Reverse the sort.",
        lambda view: view.reverse_sort(),
    ),
    view_key(
        "list",
        "list.errors",
        "e",
        "Errors",
        "The errors of this list, grouped.",
        lambda view: view.show_errors(),
    ),
    view_key(
        "list",
        "list.extend",
        "X",
        "Look further",
        "Let the filter look at ten times as many rows.",
        lambda view: view.look_further(),
    ),
    view_key(
        "list",
        "list.tab",
        "tab",
        "Next list",
        "Go to the next list of this screen, or to the other pane.",
        lambda view: view.next_pane(),
    ),
    view_key(
        "list",
        "list.export",
        "E",
        "Export",
        "Write this list to a CSV or JSON file.",
        lambda view: view.choose_export(),
    ),
    view_key(
        "list",
        "report.import",
        "A",
        "Add report",
        "Import a report from a file: asks for file, vendor, type and date.",
        lambda view: view.import_report(),
        only_on=("reports", "insights", "distributions"),
    ),
    view_key(
        "list",
        "row.copy",
        "y",
        "Copy id",
        "Copy the id of this row.",
        lambda view: view.copy_id(),
        shown=True,
    ),
    view_key(
        "list",
        "row.copy_menu",
        "Y",
        "Copy…",
        "Copy the row as JSON, its error, its SQL or a command.",
        lambda view: view.choose_copy(),
    ),
    view_key(
        "list",
        "list.views",
        "b",
        "Views",
        "Open a saved view.",
        lambda view: view.choose_saved_view(),
    ),
    view_key(
        "list",
        "list.save_view",
        "B",
        "Save view",
        "Save filter, sort and columns.",
        lambda view: view.save_view(),
    ),
    view_key(
        "detail",
        "detail.previous",
        "left_square_bracket",
        "Tab ‹",
        "Previous tab.",
        lambda view: view.turn_tab(-1),
    ),
    view_key(
        "detail",
        "detail.next",
        "right_square_bracket",
        "Tab ›",
        "Next tab.",
        lambda view: view.turn_tab(1),
        shown=True,
    ),
    view_key(
        "detail",
        "detail.maximise",
        "m",
        "Maximise",
        "Give this pane all the room.",
        lambda view: view.maximise(),
    ),
    app_key(
        "app.back",
        "escape",
        "Back",
        "One step back.",
        lambda shell, _view: shell.back(),
        shown=True,
    ),
    app_key(
        "app.previous",
        "minus",
        "Previous",
        "The screen before this one.",
        lambda shell, _view: shell.previous(),
    ),
    app_key(
        "app.up",
        "q",
        "Up",
        "One level up; at the top, ask to quit.",
        lambda shell, _view: shell.up(),
    ),
    app_key(
        "app.command",
        "colon",
        "Command",
        "Type a command.",
        lambda shell, _view: shell.open_command_line(),
        shown=True,
    ),
    app_key(
        "app.palette",
        "ctrl+p",
        "Palette",
        "Every screen, verb and setting.",
        lambda shell, _view: shell.open_palette(),
    ),
    app_key(
        "app.help",
        "question_mark,f1",
        "Help",
        "The keys that work here.",
        lambda shell, _view: shell.show_help(),
        shown=True,
    ),
    app_key(
        "app.refresh",
        "ctrl+r",
        "Refresh",
        "Look at the database now, and paint the whole screen.",
        lambda shell, _view: shell.refresh_all(),
    ),
    app_key(
        "app.repaint",
        "ctrl+l",
        "Repaint",
        "Paint the whole screen.",
        lambda shell, _view: shell.repaint(),
        everywhere=True,
    ),
    app_key(
        "app.suspend",
        "ctrl+z",
        "Suspend",
        "Go back to the shell; fg comes back.",
        lambda shell, _view: shell.action_suspend_process(),
        everywhere=True,
    ),
    app_key(
        "app.freeze",
        "f",
        "Freeze",
        "Stop the picture; again to go on.",
        lambda shell, _view: shell.freeze(),
    ),
    app_key("app.undo", "u", "Undo", "Take back the last change, or the one shown.", _undo),
    app_key("app.redo", "", "Redo", "Do again what was taken back last.", _redo),
    app_key(
        "app.actions",
        "at",
        "Changes",
        "What operators have changed.",
        lambda shell, _view: shell.go(Place("actions")),
    ),
    app_key(
        "app.follow_up",
        "C",
        "Followed",
        "Open the rows of the last change in bulk.",
        lambda shell, _view: shell.open_followed(),
    ),
    app_key("app.theme", "T", "Theme", "The next theme.", lambda shell, _view: shell.next_theme()),
    app_key(
        "app.cost",
        "M",
        "Cost",
        "What this console costs the database.",
        lambda shell, _view: shell.show_cost(),
    ),
    _lane_key(UNREACHED, "n", "Unreached", "Insights of a high score that reached nobody."),
    _lane_key(LOST, "l", "Lost", "Insights that did not get to someone: their mail failed."),
    _lane_key(WAITING, "w", "Waiting", "Insights that are on their way to someone."),
    app_key(
        OVERDUE_ID,
        "x",
        "Overdue",
        "Reports that should have come by now, and why they did not.",
        lambda shell, _view: shell.go(Place(OVERDUE_VIEW)),
        only_on=LANED,
    ),
    app_key(
        "app.workers",
        "W",
        "Workers on/off",
        "Start or stop the background workers of this console.",
        lambda shell, _view: shell.toggle_workers(),
        only_on=("workers",),
    ),
    app_key(
        "app.quit",
        "ctrl+q",
        "Quit",
        "Leave the console.",
        lambda shell, _view: shell.exit(),
        everywhere=True,
    ),
    app_key(
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
