"""A document of columns and rows as a table, as wide as its pane."""

from collections.abc import Sequence

from agentflow_tui.console.widgets.pane import PaneLine, heading, text_line
from agentflow_tui.text import cell_width, fit, plural, safe

MOST_ROWS = 200
"""Rows that are drawn; a pane is no place for more."""

WIDEST = 28
"""Cells of a column, at most."""

_GAP = "  "


def table_lines(value: object, width: int) -> list[PaneLine]:
    """The rows under the names of their columns, with as many columns as there is room for; the
    others are named. Nothing for a document of another shape."""
    if not isinstance(value, dict):
        return []
    names, rows = value.get("columns"), value.get("rows")
    if not isinstance(names, list) or not isinstance(rows, list) or not names:
        return []
    if not all(isinstance(name, str) for name in names) or not all(map(_is_row, rows)):
        return []
    shown = rows[:MOST_ROWS]
    columns = [
        _column(name, [row[at] if at < len(row) else None for row in shown])
        for at, name in enumerate(names)
    ]
    fitting = _fitting(columns, width)
    title, *drawn = (_GAP.join(line) for line in zip(*columns[:fitting], strict=True))
    lines = [heading(title), *map(text_line, drawn)]
    if len(rows) > MOST_ROWS:
        lines.append(text_line(f"and {plural(len(rows) - MOST_ROWS, 'further row')}", "dim"))
    if fitting < len(names):
        further = fit(f"Also: {safe(', '.join(names[fitting:]), 300)}", width)
        lines += [text_line(""), text_line(further, "dim")]
    return lines


def _is_row(row: object) -> bool:
    return isinstance(row, list)


def _column(name: str, values: Sequence[object]) -> list[str]:
    """A column's title and cells, all of one width; numbers stand to the right."""
    texts = [safe(name, WIDEST), *(_text(value) for value in values)]
    width = min(WIDEST, max(map(cell_width, texts)))
    given = [value for value in values if value is not None]
    to_the_right = bool(given) and all(_is_number(value) for value in given)
    return [fit(text, width, right=to_the_right) for text in texts]


def _fitting(columns: Sequence[Sequence[str]], width: int) -> int:
    """How many columns there is room for, one at least."""
    taken = 0
    for count, column in enumerate(columns):
        taken += cell_width(column[0]) + (len(_GAP) if count else 0)
        if taken > width:
            return max(1, count)
    return len(columns)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str:
    return "" if value is None else safe(str(value), WIDEST)
