"""The rows of a table below its header, made equally long, in stretches of a few thousand.

Blank rows and repeated headers fall out, rows that are too long are set aside with their number:
a value is never shifted into another column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.blocks import Block
from agentflow_tui.reports.cells import plain_text
from agentflow_tui.reports.layout import looks_like_header
from agentflow_tui.reports.sources import Row
from agentflow_tui.reports.totals import HINTS, Label, label_of

STRETCH = 512
"""Rows at a time: as many as stay in the processor's cache, which is worth a third."""
MOST_REJECTED = 20
"""Rejected rows that are kept with their text; of all others the number is."""

_MOST_FOOTERS = 20

_HINTS = tuple(hint.encode() for hint in HINTS)
_NO_LETTERS = b"0123456789.,-$%/: \n"


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows of a table by column, or one row that has the label of totals. ``joined`` are the cells
    of each column by newlines where that was needed, None for columns that do not hold texts only.
    """

    columns: Sequence[Sequence[Any]]
    count: int
    label: Label | None = None
    joined: Sequence[str | None] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that has too many cells: its number in the source, and what is wrong with it."""

    row: int
    reason: str
    raw: str


@dataclass(slots=True)
class BodyRows:
    """The rows of a block, and what was done to them when they were last read."""

    block: Block
    separator: str
    rejected: list[Rejected] = field(default_factory=list)
    rejected_count: int = 0
    short_count: int = 0
    repeated_headers: int = 0
    footers: list[str] = field(default_factory=list)

    @property
    def _width(self) -> int:
        return len(self.block.layout.names)

    def stretches(self) -> Iterator[RowRange]:
        """All rows, once more from the first."""
        self.rejected, self.footers = [], []
        self.rejected_count = self.short_count = self.repeated_headers = 0
        above: Row = ()
        for at, rows in self._parts():
            columns = self._columns(rows)
            fitting = rows
            if columns is None:
                fitting = self._fitting(at, rows)
                columns = list(zip(*fitting, strict=True))
            yield from self._split(fitting, columns, above)
            above = fitting[-1] if fitting else above

    def _columns(self, rows: list[Row]) -> Sequence[Sequence[Any]] | None:
        """The rows by column, where all are as long as the header and none may be blank."""
        try:
            columns = list(zip(*rows, strict=True))
        except ValueError:
            return None
        if len(columns) != self._width:
            return None
        filled = any("" not in cells and None not in cells for cells in columns)
        return columns if filled or all(map(any, rows)) else None

    def _parts(self) -> Iterator[tuple[int, list[Row]]]:
        """The rows as they are, with the number of the first; footers taken from the last."""
        at = self.block.layout.first
        part: list[Row] = []
        for following in self._block_parts():
            if part:
                yield at, part
            at += len(part)
            part = following
        if part:
            self._take_footers(part)
            yield at, part

    def _block_parts(self) -> Iterator[list[Row]]:
        """The rows of the block as the source gives them."""
        first, end = self.block.layout.first, self.block.end
        at = 0
        for rows in self.block.source.stretches(STRETCH):
            if end is not None and at >= end:
                return
            inside = [*rows[max(0, first - at) : None if end is None else end - at]]
            at += len(rows)
            if inside:
                yield inside

    def _take_footers(self, rows: list[Row]) -> None:
        """Single sentences below a table of several columns are no rows of it."""
        while rows and self._width > 2 and len(self.footers) < _MOST_FOOTERS:
            filled = [cell for cell in rows[-1] if plain_text(cell)]
            if len(filled) > 1 or (
                filled and (not looks_like_header(filled) or label_of(rows[-1], ()))
            ):
                return
            rows.pop()
            self.footers[:0] = [plain_text(cell) for cell in filled]

    def _fitting(self, at: int, rows: list[Row]) -> list[Row]:
        """The rows that are as long as the header, or can be made so."""
        fitted = (self._fit(number, row) for number, row in enumerate(rows, at))
        return [row for row in fitted if row is not None]

    def _fit(self, number: int, row: Row) -> Row | None:
        """The row with as many cells as there are columns; None where it is left out."""
        if not any(map(plain_text, row)):
            return None
        missing = self._width - len(row)
        if missing < 0:
            if any(map(plain_text, row[missing:])):
                self._reject(number, row)
                return None
            return row[:missing]
        if missing and self.block.source.exact:
            self.short_count += 1
        return [*row, *[None] * missing]

    def _reject(self, number: int, row: Row) -> None:
        self.rejected_count += 1
        if len(self.rejected) < MOST_REJECTED:
            reason = f"{len(row)} fields where {self._width} are expected"
            raw = self.separator.join(map(plain_text, row))[:1_000]
            self.rejected.append(Rejected(number, reason, raw))

    def _split(
        self, rows: list[Row], columns: Sequence[Sequence[Any]], above: Row
    ) -> Iterator[RowRange]:
        """Stretches of rows, and the rows between them that are labelled as totals."""
        begin = 0
        joined = list(map(_joined, columns))
        special = sorted(self._special(columns, joined))
        for at, label in self._dividing_rows(rows, special, above):
            if begin < at:
                yield RowRange(list(zip(*rows[begin:at], strict=True)), at - begin)
            if label:
                yield RowRange([[cell] for cell in rows[at]], 1, label)
            else:
                self.repeated_headers += 1
            begin = at + 1
        if begin < len(rows):
            rest = list(zip(*rows[begin:], strict=True)) if begin else columns
            yield RowRange(rest, len(rows) - begin, joined=None if begin else joined)

    def _dividing_rows(
        self, rows: list[Row], special: list[int], above: Row
    ) -> Iterator[tuple[int, Label | None]]:
        """Those of the special rows that are totals, with their label, or repeat the header."""
        for at in special:
            row = rows[at]
            if tuple(map(plain_text, row)) == self.block.layout.header:
                yield at, None
            elif label := label_of(row, rows[at - 1] if at else above):
                yield at, label

    def _special(self, columns: Sequence[Sequence[Any]], joined: Sequence[str | None]) -> set[int]:
        """The rows that may be totals or a repeated header, at a first, cheap look."""
        found = self._rows_like_header(columns)
        for cells, texts in zip(columns, joined, strict=True):
            if _may_have_hint(_texts_of(cells) if texts is None else texts):
                found |= _rows_with_hint(cells)
        return found

    def _rows_like_header(self, columns: Sequence[Sequence[Any]]) -> set[int]:
        """The rows that hold the first name of the header in its column."""
        header = self.block.layout.header
        first = next((at for at, name in enumerate(header) if name), 0)
        if not header or first >= len(columns) or header[first] not in columns[first]:
            return set()
        return {at for at, cell in enumerate(columns[first]) if cell == header[first]}


def _may_have_hint(joined: str) -> bool:
    """Whether some text has a word of totals in it. What has no letters has none."""
    texts = joined.lower().encode("utf-8", "replace")
    return bool(texts.translate(None, _NO_LETTERS)) and any(hint in texts for hint in _HINTS)


def _rows_with_hint(cells: Sequence[Any]) -> set[int]:
    """The rows in which a column's text has a word of totals in it."""
    return {
        at
        for at, cell in enumerate(cells)
        if isinstance(cell, str) and any(hint in cell.lower() for hint in HINTS)
    }


def _joined(cells: Sequence[Any]) -> str | None:
    """The cells by newlines; None where some are no texts."""
    try:
        return "\n".join(cells)
    except TypeError:
        return None


def _texts_of(cells: Sequence[Any]) -> str:
    """All texts among the cells."""
    return "\n".join([cell for cell in cells if isinstance(cell, str)])
