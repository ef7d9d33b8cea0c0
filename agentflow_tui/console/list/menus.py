"""The part of a list that sorts it, copies and exports from it, and keeps views of it."""

from functools import cached_property
from typing import TYPE_CHECKING

from agentflow_tui.console.list.list_changes import ListChanges

if TYPE_CHECKING:
    from agentflow_tui.console.list.questions import ListQuestions


class ListMenus(ListChanges):
    """Does what keys ask for, or asks further; the questions are imported with the first one."""

    sort: str | None

    def try_filter(self, text: str) -> bool:
        """Filter by this text; a mistake is explained and the last result stays."""
        raise NotImplementedError

    @cached_property
    def _questions(self) -> "ListQuestions":
        from agentflow_tui.console.list.questions import ListQuestions

        return ListQuestions(self)

    def choose_sort(self) -> None:
        self._questions.choose_sort()

    def reverse_sort(self) -> None:
        field, descending = self.grid.sorted_by
        self.sort_by(field if descending else f"-{field}")

    def sort_by(self, sort: str) -> None:
        """Sort by a field, ``-`` in front for descending; says why where that is not possible."""
        database = self.env.database
        if database is None:
            return
        why = self.declared.listing.why_unsorted(database.binding, sort.removeprefix("-"))
        if why:
            self.shell.say(f"Not sorted: {why}.")
            return
        self.sort = sort
        self.try_filter(self.filter)

    def show_secret(self) -> object:
        return self._questions.show_secret()

    def edit_secret(self) -> object:
        return self._questions.edit_secret()

    def import_report(self) -> object:
        return self._questions.import_report()

    def copy_id(self) -> None:
        self._questions.copy_id()

    def choose_copy(self) -> None:
        self._questions.choose_copy()

    def choose_export(self) -> None:
        self._questions.choose_export()

    def choose_saved_view(self) -> None:
        self._questions.choose_saved_view()

    def save_view(self) -> None:
        self._questions.save_view()
