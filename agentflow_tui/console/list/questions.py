"""What a list asks before it does something: which column, which copy, which file, which view.

Imported when a key asks for it.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from agentflow_tui.console.clipboard import copy
from agentflow_tui.console.dialogs.dialogs import AskText, Choice, Option
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.declarations import AnyListScreen
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.console.list.saved_views import SavedView, delete_view, read_views, save_view
from agentflow_tui.console.loading import load
from agentflow_tui.console.shell import Shell
from agentflow_tui.console.view import NOT_HERE
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations import list_export
from agentflow_tui.operations.list_export import ExportFormat, plain_value
from agentflow_tui.schema import snake
from agentflow_tui.store.reading.queries import Query
from agentflow_tui.text import plural

DELETE = "delete"
"""The option that deletes a saved view."""


class AskingList(Protocol):
    """The list that asks."""

    env: Environment
    view_name: str
    declared: AnyListScreen
    grid: Grid[Any]
    filter: str
    sort: str | None
    wanted: Query[Any] | None

    @property
    def shell(self) -> Shell: ...

    def try_filter(self, text: str) -> bool: ...

    def sort_by(self, sort: str) -> None: ...


class ListQuestions:
    """Sorts a list, copies and exports from it, and keeps views of it."""

    def __init__(self, view: AskingList) -> None:
        self.view = view

    # Sorting

    def choose_sort(self) -> None:
        """Ask for the column to sort by; those that cannot be are named with the reason."""
        database = self.view.env.database
        if database is None:
            return
        field, descending = self.view.grid.sorted_by
        options = []
        for column in self.view.grid.columns:
            if column.sort:
                why = self.view.declared.listing.why_unsorted(database.binding, column.sort)
                options.append(
                    Option(column.sort, column.title, why or column.sort, "dim" if why else "")
                )

        def chosen(name: str | None) -> None:
            if name is not None:
                self.view.sort_by(f"-{name}" if name == field and not descending else name)

        self.view.shell.open_dialog(Choice("Sort by", options, first=field), chosen)

    # Secrets, which only these keys show

    def show_secret(self) -> object:
        row, table = self.view.grid.current, self.view.declared.table
        if row is None or table not in ("credentials", "api_keys", "reports"):
            return NOT_HERE
        if table == "reports":
            show = load("agentflow_tui.console.details.personal:show_personal")
            show(self.view.shell, str(row.key), row.title)
            return None
        from agentflow_tui.console import revealing  # with its ciphers

        revealing.show_secret(self.view.shell, table, str(row.key), row.title)
        return None

    def edit_secret(self) -> object:
        row = self.view.grid.current
        if row is None or self.view.declared.table != "credentials":
            return NOT_HERE
        from agentflow_tui.console import revealing  # with its ciphers

        revealing.edit_secret(self.view.shell, str(row.key), row.title)
        return None

    # Reports from files

    def import_report(self) -> object:
        if self.view.view_name not in ("reports", "insights", "distributions"):
            return NOT_HERE
        from agentflow_tui.console import importing  # with the readers of files

        row = self.view.grid.current
        vendor, report_type = getattr(row, "vendor", ""), getattr(row, "report_type", "")
        importing.begin(self.view.shell, vendor, report_type)
        return None

    # Copying: OSC 52, which works over SSH

    def copy_id(self) -> None:
        if self.view.grid.current is not None:
            secret = self.view.declared.listing.table.primary_key.secret
            self._copy("" if secret else str(self.view.grid.current.key), "the id")

    def choose_copy(self) -> None:
        row = self.view.grid.current
        if row is None:
            return
        forms = self._forms(row)
        options = [Option(name, name, text[:60].replace("\n", " ")) for name, text in forms.items()]

        def chosen(name: str | None) -> None:
            if name is not None:
                self._copy(forms[name], name)

        self.view.shell.open_dialog(Choice("Copy", options), chosen)

    def _copy(self, text: str, what: str) -> None:
        if not text:
            self.view.shell.say("Not copied: it is a secret.")
            return
        copy(self.view.shell, text, what)

    def _forms(self, row: Any) -> dict[str, str]:
        """The forms in which a row can be copied, each with its text."""
        table = self.view.declared.listing.table
        key = table.primary_key
        fields = [f for f in self.view.declared.listing.fields if not f.secret]
        values = {f.name: plain_value(getattr(row, snake(f.name))) for f in fields}
        forms = {"the row as JSON": json.dumps(values, ensure_ascii=False, indent=1)}
        error = values.get("error") or values.get("lastError")
        if error:
            forms["the error"] = str(error)
        if not key.secret:
            literal = "'" + row.key.replace("'", "''") + "'"
            forms["the SQL"] = f"SELECT * FROM {table.name} WHERE {key.name} = {literal};"
            forms["the command"] = f"agentflow show {table.name} {shlex.quote(row.key)}"
        filters = f" {shlex.quote(self.view.filter)}" if self.view.filter else ""
        forms["the list's command"] = f"agentflow list {table.name}{filters}"
        return forms

    # Exporting

    def choose_export(self) -> None:
        """Ask for a file and write what the filter matches."""

        def chosen(path: str | None) -> None:
            if path is not None:
                self.view.shell.run_worker(
                    self._export(Path(path).expanduser().absolute()), name="export"
                )

        suggestion = f"{self.view.view_name}.csv"
        self.view.shell.open_dialog(
            AskText("Export to .csv for people, .raw.csv or .json for programs", suggestion), chosen
        )

    async def _export(self, path: Path) -> None:
        self.view.shell.say(f"Writing {path} …")
        try:
            database = await self.view.env.connected()
            if self.view.wanted is None:
                raise AgentflowError("There is nothing to export yet.")
            env = self.view.env
            format_ = ExportFormat(zone=env.zone, now=env.now(), filter=self.view.filter)
            written = await list_export.write(database, self.view.wanted, path, format_)
        except AgentflowError as error:
            self.view.shell.fail(error)
        else:
            self.view.shell.say(f"{plural(written, 'row')} written to {path}.")

    # Saved views

    def choose_saved_view(self) -> None:
        try:
            saved = [v for v in read_views(self.view.env.settings) if v.view == self.view.view_name]
        except AgentflowError as error:
            self.view.shell.fail(error)
            return
        if not saved:
            self.view.shell.say("No views saved for this list yet; B saves this one.")
            return

        views = {str(place): view for place, view in enumerate(saved)}

        def chosen(picked: str | None) -> None:
            found = views.get(picked or "")
            if found is not None:
                self.view.sort = found.sort
                self.view.try_filter(found.filter)
            elif picked == DELETE:
                self._choose_deleted_view(views)

        options = [Option(p, v.name, v.filter or "everything") for p, v in views.items()]
        options.append(Option(DELETE, "Delete one …", "", "dim"))
        self.view.shell.open_dialog(Choice("Views", options), chosen)

    def _choose_deleted_view(self, views: Mapping[str, SavedView]) -> None:
        def chosen(picked: str | None) -> None:
            found = views.get(picked or "")
            if found is not None:
                self._keep(
                    lambda: delete_view(self.view.env.settings, found), f"Deleted {found.name}."
                )

        options = [Option(place, view.name) for place, view in views.items()]
        self.view.shell.open_dialog(Choice("Delete which view?", options), chosen)

    def save_view(self) -> None:
        def chosen(name: str | None) -> None:
            if name is not None:
                self._save_as(
                    SavedView(self.view.view_name, name, self.view.filter, self.view.sort)
                )

        self.view.shell.open_dialog(AskText("Save this view as"), chosen)

    def _save_as(self, view: SavedView) -> None:
        """Save a view; asks where one of its name is there already."""
        save = partial(save_view, self.view.env.settings, view)
        said = f"Saved as {view.name}; b opens it."

        def chosen(picked: str | None) -> None:
            if picked == "replace":
                self._keep(save, said)

        try:
            known = {(v.view, v.name) for v in read_views(self.view.env.settings)}
        except AgentflowError as error:
            self.view.shell.fail(error)
            return
        if (view.view, view.name) in known:
            options = [Option("leave", "Leave it"), Option("replace", "Replace it")]
            self.view.shell.open_dialog(Choice(f"There is a view {view.name}", options), chosen)
        else:
            self._keep(save, said)

    def _keep(self, change: Callable[[], None], said: str) -> None:
        """Change what is saved, and say how that went."""
        try:
            change()
        except AgentflowError as error:
            self.view.shell.fail(error)
        else:
            self.view.shell.say(said)
