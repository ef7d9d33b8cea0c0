"""What a stretch of a column adds to its aggregates, found without making the values: of a file
that is too large for the database all but the first rows are only counted and added up.

What is regular, as most of such a file is, is told by a few calls of C over the whole stretch;
where anything is not, the values are made after all.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.conversion import LONGEST_TEXT, ColumnReader, is_untidy
from agentflow_tui.reports.types import DATED, NUMERIC, SUMMED, ColumnType

_PLAIN_NUMBERS = b"0123456789.-\n"
_ODD = ("\n.", ".\n", "-.", "\n-0", "\n\n")
"""Where one of these occurs the numbers have to be looked at one by one: a point without digits, a
negative zero, an empty cell."""

_ZEROS = tuple(f"\n0{digit}" for digit in range(10))
"""Zeros in front, as identifiers have them."""

_LONGEST_NUMBER = 16
"""Characters up to which a number with sign and point is exact as a double."""


@dataclass(frozen=True, slots=True)
class StretchFigures:
    """The empty cells of a stretch, its least and most value where they have an order, and the sum
    of its numbers."""

    empty: int
    least: Any = None
    most: Any = None
    sum: Decimal = Decimal(0)


def figures(reader: ColumnReader, cells: Sequence[Any], joined: str | None) -> StretchFigures:
    """The figures of a stretch; ``joined`` are its cells by newlines, None where some are no texts.
    Raises `MisfitError`."""
    type_ = reader.plan.type
    found = None
    if joined is not None and type_ is ColumnType.TEXT:
        found = _of_texts(cells, joined)
    elif joined is not None and type_ in NUMERIC and reader.plan.mark == ".":
        found = _of_numbers(cells, joined, whole=type_ is ColumnType.INTEGER)
    elif type_ in DATED:
        found = _of_dates(reader, cells)
    return found or figures_of(type_, reader.values(cells))


def figures_of(type_: ColumnType, values: Sequence[Any]) -> StretchFigures:
    """The figures of values that were made."""
    present = [value for value in values if value is not None] if None in values else values
    empty = len(values) - len(present)
    total = exact_sum(present) if type_ in SUMMED else Decimal(0)
    if not present or not _is_ordered(type_, present):
        return StretchFigures(empty, sum=total)
    return StretchFigures(empty, min(present), max(present), total)


def _is_ordered(type_: ColumnType, present: Sequence[Any]) -> bool:
    """Whether least and most mean something: numbers among themselves, and dates, which are ISO."""
    if type_ in NUMERIC:
        return str not in set(map(type, present))
    return type_ in DATED


def exact_sum(values: Sequence[Any]) -> Decimal:
    """The sum of numbers as they are written: six decimals, without binary noise."""
    kinds = set(map(type, values))
    if kinds <= {int}:
        return Decimal(sum(values))
    if kinds <= {int, float}:
        return _rounded(math.fsum(values))
    return sum((Decimal(str(value)) for value in values), Decimal(0))


def _rounded(total: float) -> Decimal:
    return Decimal(repr(round(total, 6)))


def _of_texts(cells: Sequence[Any], joined: str) -> StretchFigures | None:
    """The figures of texts; None where one of them has to be mended."""
    if len(joined) > LONGEST_TEXT or is_untidy(f"{joined}\n"):
        return None
    return StretchFigures(list(map(str.strip, cells)).count(""))


def _of_numbers(cells: Sequence[Any], joined: str, *, whole: bool) -> StretchFigures | None:
    """The figures of plain numbers; None where one of them is written in another way."""
    framed = f"\n{joined}\n"
    if (
        not joined.isascii()
        or joined.encode().translate(None, _PLAIN_NUMBERS)
        or any(odd in framed for odd in _ODD)
        or ("\n0" in framed and any(zero in framed for zero in _ZEROS))
        or joined.count("\n") != len(cells) - 1
        or max(map(len, cells)) > _LONGEST_NUMBER
    ):
        return None
    try:
        if whole or "." not in joined:
            numbers: list[Any] = list(map(int, cells))
            return StretchFigures(0, min(numbers), max(numbers), Decimal(sum(numbers)))
        numbers = list(map(float, cells))
    except ValueError:
        return None
    total = _rounded(math.fsum(numbers))
    return StretchFigures(0, _shortest(min(numbers)), _shortest(max(numbers)), total)


def _shortest(value: float) -> int | float:
    """A whole number as such."""
    return int(value) if value.is_integer() else value


def _of_dates(reader: ColumnReader, cells: Sequence[Any]) -> StretchFigures:
    """The figures of dates, of which many are the same."""
    different = list(dict.fromkeys(cells))
    values = reader.values(different)
    empty = sum(cells.count(c) for c, v in zip(different, values, strict=True) if v is None)
    present = [value for value in values if value is not None]
    return StretchFigures(empty, min(present, default=None), max(present, default=None))
