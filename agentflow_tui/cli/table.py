"""Rows of cells under their titles, printed."""

import shutil
import sys
from collections.abc import Sequence

from agentflow_tui.cli.output import put
from agentflow_tui.text import cell_width, fit

WIDEST = 40
"""Cells of a column."""


def print_table(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Rows of cells under their titles, as wide as they are; on a terminal cut to fit it."""
    widths = _widths(titles, cells, shutil.get_terminal_size().columns)
    for row in (titles, *cells):
        line = "  ".join(fit(text, width) for text, width in zip(row, widths, strict=True))
        put(line.rstrip())


def _widths(titles: Sequence[str], cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """As wide as the cells are, the widest columns cut until the line fits; on a pipe nothing."""
    widths = [
        min(WIDEST, max([cell_width(title), *(cell_width(row[i]) for row in cells)]))
        for i, title in enumerate(titles)
    ]
    while sys.stdout.isatty() and sum(widths) + 2 * len(widths) > room and max(widths) > 6:
        widths[widths.index(max(widths))] -= 1
    return widths
