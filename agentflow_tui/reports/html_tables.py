"""Tables in HTML pages, which many systems save as ``.xls``. Nothing is fetched or run."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from agentflow_tui.reports.encodings import read_text
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.reports.sources import Row, Source

_UNSEEN = {"script", "style", "head", "template"}
_BREAKS = {"br", "p", "div", "li"}
MOST_SPAN = 1_000
"""Columns or rows that one cell may cover."""


def open_html(path: Path, options: ReadingOptions) -> list[Source]:
    """The tables of a page. Raises `UnreadableReportError` where it has none."""
    text, encoding = read_text(path, options.encoding)
    parser = _TableParser()
    parser.feed(text)
    parser.close()
    tables = [table for table in parser.tables if table]
    if not tables:
        raise UnreadableReportError("The file is a web page without a table: is it a login page?")

    def source(at: int, table: list[list[str]]) -> Source:
        def again() -> Iterator[Row]:
            return iter(table)

        name = f"table {at}" if len(tables) > 1 else ""
        return Source(rows=again, format="html", name=name, details={"encoding": encoding.codec})

    return [source(at, table) for at, table in enumerate(tables, 1)]


class _TableParser(HTMLParser):
    """Collects the tables of a page; a table inside a cell is a table of its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self._open: list[_OpenTable] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "table":
            self.tables.append([])
            self._open.append(_OpenTable(self.tables[-1]))
        elif self._open:
            self._open[-1].start(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif self._open and tag == "table":
            self._open.pop().finish()
        elif self._open and tag in {"td", "th", "tr"}:
            self._open[-1].finish_cell()

    def handle_data(self, data: str) -> None:
        if self._open and not self._unseen:
            self._open[-1].text(data)

    def close(self) -> None:
        super().close()
        while self._open:
            self._open.pop().finish()


class _OpenTable:
    """A table whose end has not come yet. Cells that cover several rows or columns stand in the
    first of them; the others are empty."""

    def __init__(self, rows: list[list[str]]) -> None:
        self._rows = rows
        self._cell: list[str] | None = None
        self._across = 1
        self._covered: dict[int, int] = {}

    def start(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag == "tr":
            self.finish_cell()
            self._rows.append([])
            self._covered = {at: left - 1 for at, left in self._covered.items() if left > 1}
            self._skip_covered()
        elif tag in {"td", "th"}:
            self.finish_cell()
            if not self._rows:
                self._rows.append([])
            self._cell = []
            self._across = _span(attributes.get("colspan"))
            down = _span(attributes.get("rowspan"))
            if down > 1:
                at = len(self._rows[-1])
                self._covered |= dict.fromkeys(range(at, at + self._across), down)
        elif tag in _BREAKS and self._cell:
            self._cell.append("\n")

    def text(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(" ".join(data.split()) if data.strip() else " ")

    def finish_cell(self) -> None:
        if self._cell is not None:
            text = "\n".join(line.strip() for line in "".join(self._cell).split("\n"))
            self._rows[-1] += [text.strip(), *[""] * (self._across - 1)]
            self._cell = None
            self._skip_covered()

    def finish(self) -> None:
        self.finish_cell()
        width = max(map(len, self._rows), default=0)
        for row in self._rows:
            row += [""] * (width - len(row))

    def _skip_covered(self) -> None:
        """Leave room for cells of rows above that reach down here."""
        row = self._rows[-1]
        while self._covered.get(len(row), 0) and len(self._rows) > 1 and self._from_above(len(row)):
            row.append("")

    def _from_above(self, at: int) -> bool:
        return len(self._rows[-2]) > at


def _span(text: str | None) -> int:
    digits = (text or "").strip()
    return min(max(int(digits), 1), MOST_SPAN) if digits.isascii() and digits.isdigit() else 1
