"""Finds what moved up or down as a whole, so that the terminal can move it."""

from collections import Counter
from operator import ne
from typing import NamedTuple

from agentflow_tui.console.terminal.cells import Row

_FEWEST_ROWS = 3
"""Changed rows below which nothing is searched for."""

_LOOKED_AT = 4
"""Rows with the same text that are followed to where they may have gone."""

_PRICE = 30
"""Bytes of the sequences that make a terminal move its rows."""

_MOVE = 8
"""Bytes that it takes to get to a row in which something is to be written."""


class Scroll(NamedTuple):
    """Rows ``top`` to ``bottom``, both included, of which each is to show what stands ``by`` rows
    below it; above it, if ``by`` is negative. The rows that have nothing to take are at one end."""

    top: int
    bottom: int
    by: int

    @property
    def exposed(self) -> range:
        """The rows that have nothing to take."""
        if self.by > 0:
            return range(self.bottom - self.by + 1, self.bottom + 1)
        return range(self.top, self.top - self.by)


def find_scroll(shown: list[Row], wanted: list[Row]) -> Scroll | None:
    """The move that saves most, of the one distance that most rows went; None if none saves."""
    changed = [y for y, row in enumerate(wanted) if row != shown[y]]
    if len(changed) < _FEWEST_ROWS:
        return None
    distances = _distances(shown, wanted, changed)
    if not distances:
        return None
    (by, _), *_ = distances.most_common(1)
    return _best(shown, wanted, by)


def _distances(shown: list[Row], wanted: list[Row], changed: list[int]) -> Counter[int]:
    """How many of the changed rows would be found how far away; colours do not count."""
    places: dict[str, list[int]] = {}
    for y, row in enumerate(shown):
        places.setdefault(_text(row), []).append(y)
    distances: Counter[int] = Counter()
    for y in changed:
        text = _text(wanted[y])
        if not text.isspace():
            distances.update(place - y for place in places.get(text, ())[:_LOOKED_AT])
    del distances[0]
    return distances


def _text(row: Row) -> str:
    return "".join([text for text, _ in row[:-2]])  # a scroll bar may stand in the last ones


def _best(shown: list[Row], wanted: list[Row], by: int) -> Scroll | None:
    """The rows for which a move by this distance saves most."""
    in_place = [_cost(before, after) for before, after in zip(shown, wanted, strict=True)]
    best, found = _PRICE, None
    saved, first = 0, 0
    for y in range(max(0, -by), min(len(wanted), len(wanted) - by)):
        if saved <= 0:
            saved, first = 0, y
        saved += in_place[y] - _cost(shown[y + by], wanted[y])
        scroll = Scroll(first, y + by, by) if by > 0 else Scroll(first + by, y, by)
        if saved > best:
            lost = sum(len(wanted[e]) - in_place[e] for e in scroll.exposed)
            if saved - lost > best:
                best, found = saved - lost, scroll
    return found


def _cost(before: Row, after: Row) -> int:
    """About how many bytes it takes to write what differs."""
    return 0 if before == after else _MOVE + sum(map(ne, before, after))
