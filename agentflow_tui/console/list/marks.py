"""Which rows are marked. Marks are kept by primary key, whatever the list does meanwhile."""

from collections.abc import Iterable, Sequence
from typing import Generic

from agentflow_tui.console.list.viewport import RowT


class Marks(Generic[RowT]):
    """Marked rows as last seen, in the order they were marked, and a range being drawn.

    A range is the path the cursor has taken: going back takes its end back.
    """

    def __init__(self) -> None:
        self._rows: dict[str, RowT] = {}
        self._path: dict[str, RowT] | None = None
        self.everything = False
        """Whatever the list holds is marked, seen or not."""

    def __bool__(self) -> bool:
        return self.everything or bool(self._rows) or self._path is not None

    def __contains__(self, key: object) -> bool:
        return (
            self.everything or key in self._rows or (self._path is not None and key in self._path)
        )

    @property
    def rows(self) -> dict[str, RowT]:
        """Every marked row by its key, those of the unfinished range included."""
        return {**self._rows, **(self._path or {})}

    @property
    def is_ranging(self) -> bool:
        return self._path is not None

    def toggle(self, row: RowT) -> None:
        """Mark a row, or take its mark away; where everything is marked, only this row then is."""
        if self.everything:
            self.everything = False
            self._rows = {row.key: row}
        elif row.key in self:
            self.remove([row.key])
        else:
            self._rows[row.key] = row

    def add(self, rows: Iterable[RowT]) -> None:
        self._rows.update((row.key, row) for row in rows)

    def remove(self, keys: Iterable[str]) -> None:
        """Take the marks of these rows away."""
        self.everything = False
        for key in keys:
            self._rows.pop(key, None)
            if self._path is not None:
                self._path.pop(key, None)

    def toggle_all(self, rows: Sequence[RowT]) -> None:
        """Mark these rows; where all of them are, take their marks away."""
        if all(row.key in self for row in rows):
            self.remove([row.key for row in rows])
        else:
            self.add(rows)

    def toggle_range(self, row: RowT | None) -> None:
        """Begin a range at this row; where one is being drawn, end it."""
        if self._path is not None:
            self.end_range()
        elif row is not None:
            self.start_range(row)

    def start_range(self, row: RowT) -> None:
        self._path = {row.key: row}

    def follow(self, rows: Sequence[RowT], before: str | None, cursor: int) -> None:
        """Mark what the cursor has passed on its way from the row ``before`` to where it is in
        ``rows``. A jump over rows that were never read ends the range."""
        start = next((i for i, row in enumerate(rows) if row.key == before), None)
        if start is None:
            self.end_range()
        elif start <= cursor:
            self.extend_range(rows[start : cursor + 1])
        else:
            self.extend_range(reversed(rows[cursor : start + 1]))

    def extend_range(self, rows: Iterable[RowT]) -> None:
        """The cursor has passed over ``rows``, in this order."""
        if self._path is None:
            return
        for row in rows:
            if row.key in self._path:
                while next(reversed(self._path)) != row.key:
                    self._path.popitem()
            else:
                self._path[row.key] = row

    def end_range(self) -> None:
        """Keep what the range has marked."""
        self._rows.update(self._path or {})
        self._path = None

    def step_back(self) -> None:
        """Give up the range; without one, all marks."""
        self.everything = False
        if self._path is None:
            self._rows.clear()
        self._path = None

    def see(self, rows: Iterable[RowT]) -> None:
        """Remember the present values of marked rows."""
        if not self:
            return
        for row in rows:
            if row.key in self._rows:
                self._rows[row.key] = row
            if self._path is not None and row.key in self._path:
                self._path[row.key] = row
