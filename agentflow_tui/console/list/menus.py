"""What a list asks before it does something: which column, which copy, which file."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow_tui.console.dialogs.dialogs import AskText, Choice, Option
from agentflow_tui.console.list.exports import plain_value
from agentflow_tui.console.list.saved_views import SavedView, read_views
from agentflow_tui.console.list.saved_views import save_view as keep_view
from agentflow_tui.console.shell import Shell
from agentflow_tui.errors import AgentflowError
from agentflow_tui.schema import snake
from agentflow_tui.text import plural

if TYPE_CHECKING:
    from agentflow_tui.console.list.list_view import ListView


def choose_sort(view: "ListView") -> None:
    """Ask for the column to sort by; those that cannot be are named with the reason."""
    database = view.env.database
    if database is None:
        return
    field, descending = view.grid.sorted_by
    options = []
    for column in view.grid.columns:
        if column.sort:
            why = view.declared.listing.why_unsorted(database.binding, column.sort)
            options.append(
                Option(column.sort, column.title, why or column.sort, "dim" if why else "")
            )

    def chosen(name: str | None) -> None:
        if name is not None:
            view.sort_by(f"-{name}" if name == field and not descending else name)

    view.shell.open_dialog(Choice("Sort by", options, first=field), chosen)


def copy(shell: Shell, text: str, what: str) -> None:
    """Put a text on the operator's clipboard (OSC 52, which works over SSH), and say so."""
    if not text:
        shell.say("Not copied: it is a secret.")
        return
    shell.copy_to_clipboard(text)
    shell.say(f"Copied {what}.")


def choose_copy(view: "ListView") -> None:
    """Ask in which form to copy the row under the cursor."""
    row = view.grid.current
    if row is None:
        return
    forms = _forms(view, row)
    options = [Option(name, name, text[:60].replace("\n", " ")) for name, text in forms.items()]

    def chosen(name: str | None) -> None:
        if name is not None:
            copy(view.shell, forms[name], name)

    view.shell.open_dialog(Choice("Copy", options), chosen)


def _forms(view: "ListView", row: Any) -> dict[str, str]:
    table = view.declared.listing.table
    key = table.primary_key
    fields = [f for f in view.declared.listing.fields if not f.secret]
    values = {f.name: plain_value(getattr(row, snake(f.name))) for f in fields}
    forms = {"the row as JSON": json.dumps(values, ensure_ascii=False, indent=1)}
    error = values.get("error") or values.get("lastError")
    if error:
        forms["the error"] = str(error)
    if not key.secret:
        literal = "'" + row.key.replace("'", "''") + "'"
        forms["the SQL"] = f"SELECT * FROM {table.name} WHERE {key.name} = {literal};"
        forms["the command"] = f"agentflow show {table.name} {shlex.quote(row.key)}"
    filters = f" {shlex.quote(view.filter)}" if view.filter else ""
    forms["the list's command"] = f"agentflow list {table.name}{filters}"
    return forms


def choose_export(view: "ListView") -> None:
    """Ask for a file and write what the filter matches."""

    def chosen(path: str | None) -> None:
        if path is not None:
            view.run_worker(_export(view, Path(path).expanduser()), name="export")

    suggestion = f"{view.view_name}.csv"
    view.shell.open_dialog(AskText("Export this list to (.csv or .json)", suggestion), chosen)


async def _export(view: "ListView", path: Path) -> None:
    view.shell.say(f"Writing {path} …")
    try:
        written = await view.export(path)
    except AgentflowError as error:
        view.shell.fail(error)
    else:
        view.shell.say(f"{plural(written, 'row')} written to {path}.")


def choose_view(view: "ListView") -> None:
    """Ask for a saved view of this list."""
    try:
        saved = [v for v in read_views(view.env.settings) if v.view == view.view_name]
    except AgentflowError as error:
        view.shell.fail(error)
        return
    if not saved:
        view.shell.say("No views saved for this list yet; B saves this one.")
        return

    def chosen(name: str | None) -> None:
        found = next((v for v in saved if v.name == name), None)
        if found is not None:
            view.sort = found.sort
            view.try_filter(found.filter)

    options = [Option(v.name, v.name, v.filter or "everything") for v in saved]
    view.shell.open_dialog(Choice("Views", options), chosen)


def save_view(view: "ListView") -> None:
    """Ask for a name and save filter and sort under it."""

    def chosen(name: str | None) -> None:
        if name is None:
            return
        try:
            keep_view(view.env.settings, SavedView(view.view_name, name, view.filter, view.sort))
        except AgentflowError as error:
            view.shell.fail(error)
        else:
            view.shell.say(f"Saved as {name}; b opens it.")

    view.shell.open_dialog(AskText("Save this view as"), chosen)
