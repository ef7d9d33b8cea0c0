"""Workbooks of Office 2003 in one XML file, which are often called ``.xls``."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.parsers import expat

from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.reports.sources import Row, Source

_NAMESPACE = "urn:schemas-microsoft-com:office:spreadsheet "
MOST_COLUMNS = 16_384
MOST_ROWS = 1_048_576


def open_spreadsheet_xml(path: Path, options: ReadingOptions) -> list[Source]:
    """The sheets that hold anything. Raises `UnreadableReportError`."""
    sheets = _SheetParser()
    try:
        sheets.read(path.read_bytes())
    except expat.ExpatError as error:
        raise UnreadableReportError(f"The XML workbook is damaged or cut off: {error}.") from None

    def source(name: str, rows: list[list[Any]]) -> Source:
        def again() -> Iterator[Row]:
            return iter(rows)

        return Source(rows=again, format="workbook", name=name)

    found = [(name, rows) for name, rows in sheets.sheets if rows]
    if options.sheet and options.sheet not in dict(found):
        raise UnreadableReportError(f"There is no sheet {options.sheet!r}.")
    return [source(name, rows) for name, rows in found if options.sheet in ("", name)]


class _SheetParser:
    """Collects the cells. Entities of the document's own are refused: nothing here needs them."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, list[list[Any]]]] = []
        self._text: list[str] | None = None
        self._type = ""

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(data, True)

    def _refuse(self, *_args: Any) -> None:
        raise UnreadableReportError("The XML workbook declares entities, so it is not read.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.removeprefix(_NAMESPACE)
        if name == "Worksheet":
            self.sheets.append((attributes.get(f"{_NAMESPACE}Name", ""), []))
        elif not self.sheets:
            return
        elif name == "Row":
            rows = self.sheets[-1][1]
            rows += [[] for _ in range(_place(attributes, len(rows), MOST_ROWS) - len(rows) + 1)]
        elif name == "Cell" and self.sheets[-1][1]:
            row = self.sheets[-1][1][-1]
            row += [None] * (_place(attributes, len(row), MOST_COLUMNS) - len(row) + 1)
        elif name == "Data":
            self._text, self._type = [], attributes.get(f"{_NAMESPACE}Type", "")

    def _end(self, tag: str) -> None:
        if tag == f"{_NAMESPACE}Data" and self._text is not None:
            rows = self.sheets[-1][1]
            if rows and rows[-1]:
                rows[-1][-1] = _typed("".join(self._text), self._type)
            self._text = None

    def _characters(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)


def _place(attributes: dict[str, str], here: int, most: int) -> int:
    """Where a row or cell stands, from 0: it may say so itself."""
    index = attributes.get(f"{_NAMESPACE}Index", "")
    place = int(index) - 1 if index.isascii() and index.isdigit() else here
    if place >= most:
        raise UnreadableReportError("A cell stands outside of any sheet, so nothing is read.")
    return max(place, here)


def _typed(text: str, type_: str) -> Any:
    try:
        if type_ == "Number":
            return float(text)
        if type_ == "DateTime":
            return datetime.fromisoformat(text)
    except ValueError:
        return text
    return text == "1" if type_ == "Boolean" else text
