"""Where the table stands in its rows: titles above it, one or two header lines, the first row."""

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median_low
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.cells import CellForm, cell_evidence, plain_text
from agentflow_tui.reports.sources import Row

LOOKED_AT = 200
"""Rows from which the layout is told."""

LONGEST_NAME = 200

_UNFIT = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no name of a column needs: control characters, and halves of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table's place. ``first`` is the number of its first row below the header, ``header`` the
    header's lowest line as texts, to know it again where it is repeated."""

    titles: tuple[str, ...]
    names: tuple[str, ...]
    nameless: frozenset[int]
    """Columns without a name in the file."""
    header: tuple[str, ...]
    first: int
    notes: tuple[str, ...] = ()


def layout_of(rows: Sequence[Row], *, has_header: bool = False) -> Layout | None:
    """The layout of a table that begins with these rows; None where all of them are blank."""
    filled = [sum(map(bool, map(plain_text, row))) for row in rows]
    if not any(filled):
        return None
    top = 0 if has_header else _top(rows, filled)
    titles = tuple(" ".join(" ".join(map(plain_text, row)).split()) for row in rows[:top])
    titles = tuple(title for title in titles if title)
    width = _width(rows[top:])
    if not has_header and not looks_like_header(rows[top]):
        names, nameless = unique_names([""] * width)
        notes = ("the file has no header, so the columns are numbered",)
        return Layout(
            titles=titles, names=names, nameless=nameless, header=(), first=top, notes=notes
        )
    lowest = top + (not has_header and _is_group_line(rows, top))
    labels = _labels(rows[top : lowest + 1], width)
    names, nameless = unique_names(labels)
    header = tuple(plain_text(cell) for cell in rows[lowest])
    return Layout(titles=titles, names=names, nameless=nameless, header=header, first=lowest + 1)


def _top(rows: Sequence[Row], filled: Sequence[int]) -> int:
    """The first row that is about as full as the rows of the table: titles stand above."""
    wide = [count for count in filled if count > 1]
    least = median_low(wide) // 2 + 1 if wide else 1
    return next(at for at, count in enumerate(filled) if count >= least)


def _width(rows: Sequence[Row]) -> int:
    """How many columns the table has: as many as its header, or as most rows where those have more.

    Empty cells at the end of a row count only as far as the header reaches.
    """
    header = len(rows[0])
    body = Counter(_length(row) for row in rows[1:] if _length(row))
    if not body:
        return header
    length, count = body.most_common(1)[0]
    return max(header, length) if count * 2 > sum(body.values()) else header


def _length(row: Row) -> int:
    return next((at for at in range(len(row), 0, -1) if plain_text(row[at - 1])), 0)


def looks_like_header(row: Row) -> bool:
    """Whether most of the cells that are filled are words, neither numbers nor dates."""
    filled = [cell for cell in row if plain_text(cell)]
    words = sum(_is_word(cell) for cell in filled)
    return bool(filled) and words * 2 > len(filled)


def _is_word(cell: Any) -> bool:
    return isinstance(cell, str) and cell_evidence(cell).forms is CellForm.NOTHING


def _is_group_line(rows: Sequence[Row], top: int) -> bool:
    """Whether the header has two lines, the upper of which names groups of columns: it has gaps,
    the line below is full of words, and further below these columns hold numbers or dates."""
    if len(rows) < top + 3:
        return False
    upper, lower = ([plain_text(cell) for cell in row] for row in rows[top : top + 2])
    gaps = any(not cell for cell in upper[: _length(lower)])
    full = [cell for cell in lower if cell]
    if not gaps or len(full) <= sum(map(bool, upper)) or not all(map(_is_word, full)):
        return False
    return any(_has_figure(row, lower) for row in rows[top + 2 : top + 12])


def _has_figure(row: Row, names: Sequence[str]) -> bool:
    """Whether the row has a number or a date in a column that has a name."""
    return any(
        name and plain_text(cell) and not _is_word(cell)
        for cell, name in zip(row, names, strict=False)
    )


def _labels(lines: Sequence[Row], width: int) -> list[str]:
    """The names as written; a group's name stands in front of those of its columns."""
    texts = [[plain_text(cell) for cell in line] for line in lines]
    texts = [line + [""] * (width - len(line)) for line in texts]
    lowest = texts[-1]
    if len(texts) == 1:
        return lowest
    labels, group = [], ""
    for upper, lower in zip(texts[0], lowest, strict=True):
        group = upper or group
        labels.append(f"{group} / {lower}" if group and lower else lower or upper)
    return labels


def unique_names(labels: Sequence[str]) -> tuple[tuple[str, ...], frozenset[int]]:
    """Names that differ, and which columns had none. Spaces are tidied."""
    names: list[str] = []
    taken: set[str] = set()
    nameless = set()
    for at, label in enumerate(labels):
        name = _UNFIT.sub("", re.sub(r"\s+", " ", label)).strip()[:LONGEST_NAME]
        if not name:
            nameless.add(at)
            name = f"column {at + 1}"
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name} ({number})", number + 1
        taken.add(unique)
        names.append(unique)
    return tuple(names), frozenset(nameless)
