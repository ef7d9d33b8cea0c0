"""Which rows kept their order when a list was read again, and where that leaves the view."""

from bisect import bisect_left
from collections.abc import Sequence


def unmoved(places: Sequence[int | None]) -> list[tuple[int, int]]:
    """(old place, new place) of as many rows as possible that have kept their order.

    The longest increasing subsequence: the rows outside it are the ones that moved.
    """
    ends: list[int] = []  # smallest new place that ends a run of each length
    last: list[int] = []  # and the old place it belongs to
    previous: dict[int, int] = {}
    for old, new in enumerate(places):
        if new is None:
            continue
        length = bisect_left(ends, new)
        if length:
            previous[old] = last[length - 1]
        ends[length : length + 1] = [new]
        last[length : length + 1] = [old]
    chain = last[-1:]
    while chain and chain[-1] in previous:
        chain.append(previous[chain[-1]])
    return [(old, new) for old in reversed(chain) if (new := places[old]) is not None]


def new_top(still: Sequence[tuple[int, int]], top: int) -> int:
    """Where the view starts if its first row that has not moved is to keep its line."""
    for old, new in still:
        if old >= top:
            return new - (old - top)
    return still[-1][1] + 1 if still else 0


def new_cursor(still: Sequence[tuple[int, int]], cursor: int, fallback: int) -> int:
    """Where the row stood that was under the cursor and has gone: at its successor."""
    for old, new in still:
        if old >= cursor:
            return new
    return still[-1][1] + 1 if still else fallback
