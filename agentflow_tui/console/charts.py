"""Charts of block characters: bars by minute with an axis and a scale, what failed marked.

One spike does not flatten the rest: the scale is that of the usual minutes, and what is beyond it
is cut and marked. On a terminal that shows ASCII only the same characters stand for steps.
"""

import math
from collections.abc import Sequence

from agentflow_tui.console.widgets.line import Piece

LABEL = 5
"""Cells of the scale on the left."""

SPIKE = 3.0
"""How many times what nine of ten minutes have a minute must have to be a spike."""

_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_LEVELS = " ▁▂▃▄▅▆▇█"


def scale(values: Sequence[float]) -> float:
    """The top of the axis: a round number that the usual values fit under."""
    known = sorted(value for value in values if value > 0)
    if not known:
        return 1.0
    usual, peak = known[math.ceil(0.9 * len(known)) - 1], known[-1]
    wanted = 1.5 * usual if peak > SPIKE * usual else peak
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in _STEPS if step * power >= wanted * 0.999)


def bars(
    done: Sequence[int], failed: Sequence[int], *, width: int, height: int
) -> list[tuple[Piece, ...]]:
    """``height`` lines of bars and one below with the times, each of ``width`` cells.

    ``done`` and ``failed`` count by minute, the newest last. Where there are more minutes than
    cells the oldest are left out; where there are more cells, each minute gets several.
    """
    room = max(10, width - LABEL)
    shown = min(len(done), room)
    cells = room // shown
    bad = failed[-shown:]
    totals = [a + b for a, b in zip(done[-shown:], bad, strict=True)]
    top = scale(totals)
    lines = [
        (Piece(_label(row, height, top), "dim"), *_row(totals, bad, top, row, height, cells))
        for row in reversed(range(height))
    ]
    return [*lines, (Piece(_times(shown, shown * cells), "dim"),)]


def _label(row: int, height: int, top: float) -> str:
    """The scale in front of a row, counted from below."""
    middle = height >= 5 and height % 2 == 1 and row == height // 2
    marked = {0: 0.0, height - 1: top}.get(row, top / 2 if middle else None)
    text = "" if marked is None else _short(marked)
    return f"{text:>{LABEL - 1}}{'┤' if text else '│'}"


def _short(value: float) -> str:
    """``7.5``, ``150``, ``1.5k``, ``20k``."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _row(
    totals: Sequence[float], bad: Sequence[float], top: float, row: int, height: int, cells: int
) -> list[Piece]:
    pieces: list[Piece] = []
    for total, failed in zip(totals, bad, strict=True):
        character, style = _cell(total, failed, top, row, height)
        if pieces and pieces[-1].style == style:
            pieces[-1] = Piece(pieces[-1].text + character * cells, style)
        else:
            pieces.append(Piece(character * cells, style))
    return pieces


def _cell(total: float, failed: float, top: float, row: int, height: int) -> tuple[str, str]:
    """What stands in one cell, the lowest row first: failures below, the rest above them."""
    if total > top and row == height - 1:
        return "▲", "failed" if failed > top else "warning"
    filled = min(8 * height, total / top * 8 * height)
    level = max(0, min(8, round(filled - 8 * row)))
    if total > 0 and row == 0:
        level = max(1, level)
    is_failed = failed > 0 and row < max(1, round(failed / top * height))
    return _LEVELS[level], "failed" if is_failed else "chart"


def _times(minutes: int, cells: int) -> str:
    """The line below: how long ago, to the left, the middle and the right."""
    first, middle, last = f"{minutes}m ago", f"{minutes // 2}m", "now"
    gap = cells - len(first) - len(middle) - len(last)
    left = max(1, cells // 2 - len(first) - len(middle) // 2)
    return f"{'':{LABEL}}{first}{'':{left}}{middle}{'':{max(1, gap - left)}}{last}"
