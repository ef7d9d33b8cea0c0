"""What every kind of file is read into first: rows of cells, which can be read again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from typing import Any

from agentflow_tui.dataclass import dataclass

Row = Sequence[Any]
"""Cells as the file has them: texts, and from workbooks and JSON also numbers, dates and None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One sheet, table or text, not yet understood.

    ``rows`` begins at the first row each time it is called, and so does ``parts``, which gives the
    same rows in lists as they come, where that is cheaper. ``lines`` tells on which line of the
    file the rows with these numbers begin, counted from 1. ``exact`` says that a row has as many
    cells as were written, so that too many or too few mean something. ``titles`` stand outside
    the rows, ``has_header`` where the form itself names the columns.
    """

    rows: Callable[[], Iterator[Row]]
    format: str
    name: str = ""
    exact: bool = False
    has_header: bool = False
    titles: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parts: Callable[[], Iterator[Sequence[Row]]] | None = None
    lines: Callable[[Sequence[int]], Mapping[int, int]] = lambda rows: {
        row: row + 1 for row in rows
    }

    def stretches(self, size: int) -> Iterator[Sequence[Row]]:
        """All rows in lists, of ``size`` rows where the source has no lists of its own."""
        if self.parts is not None:
            yield from self.parts()
            return
        rows = self.rows()
        while part := list(islice(rows, size)):
            yield part
