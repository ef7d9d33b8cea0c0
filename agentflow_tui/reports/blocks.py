"""The tables that stand below each other in one text or sheet, told apart by blank lines."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.cells import plain_text
from agentflow_tui.reports.layout import LOOKED_AT, Layout, layout_of, looks_like_header
from agentflow_tui.reports.sources import Row, Source

OUTLINED = 20_000
"""Rows in which further tables are looked for; what comes later belongs to the last of them."""

_MOST_TITLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One table of a source: ``end`` is the number of the row behind its last, None at the end of
    the source. ``rows`` are those that were seen when tables were looked for."""

    source: Source
    layout: Layout
    begin: int
    end: int | None
    rows: int


def blocks_of(source: Source) -> list[Block]:
    """The tables of a source, from top to bottom."""
    seen = list(islice(source.rows(), OUTLINED + 1))
    complete = len(seen) <= OUTLINED
    blocks: list[Block] = []
    begin = 0
    while begin < len(seen):
        layout = layout_of(seen[begin : begin + LOOKED_AT], has_header=source.has_header)
        if layout is None:
            begin += LOOKED_AT
            continue
        layout = replace(layout, first=begin + layout.first)
        end = _end(seen, layout) if not source.has_header else len(seen)
        rows = sum(not _is_blank(row) for row in seen[layout.first : end])
        last = None if end == len(seen) and not complete else end
        blocks.append(Block(source=source, layout=layout, begin=begin, end=last, rows=rows))
        begin = end
    return blocks


def _end(rows: Sequence[Row], layout: Layout) -> int:
    """The number of the row that begins the next table, or of the one behind the last."""
    body = next((row for row in rows[layout.first :] if not _is_blank(row)), ())
    typed = not _is_all_words(body)
    for at in range(layout.first + 1, len(rows)):
        if _is_blank(rows[at - 1]) and not _is_blank(rows[at]):
            header = _header_from(rows, at)
            if header is not None and _begins_table(rows, header, at, layout, typed=typed):
                return at
    return len(rows)


def _header_from(rows: Sequence[Row], at: int) -> int | None:
    """The next row of at least two cells, where only titles and blanks stand before it."""
    for place in range(at, min(at + _MOST_TITLES, len(rows))):
        if sum(map(bool, map(plain_text, rows[place]))) > 1:
            return place
    return None


def _begins_table(
    rows: Sequence[Row], header: int, at: int, layout: Layout, *, typed: bool
) -> bool:
    """Whether words stand above figures once more, and they are other words than before."""
    words = tuple(plain_text(cell) for cell in rows[header])
    below = rows[header + 1] if header + 1 < len(rows) else ()
    if not _is_all_words(rows[header]) or _is_blank(below) or words == layout.header:
        return False
    if typed and not _is_all_words(below):
        return True
    return header > at and sum(map(bool, words)) != sum(map(bool, layout.header))


def _is_all_words(row: Row) -> bool:
    filled = [cell for cell in row if plain_text(cell)]
    return bool(filled) and all(looks_like_header([cell]) for cell in filled)


def _is_blank(row: Row) -> bool:
    return not any(map(plain_text, row))
