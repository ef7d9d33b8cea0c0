"""Cells turned into the values that are stored, a column of a few thousand rows at a time.

What a column holds is mostly regular, so a whole stretch of it is checked by one expression and
converted by one call of C; only what is not regular is read cell by cell, each different cell once.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from agentflow_tui.reports.cells import EMPTY_WORDS, CellForm, cell_evidence, plain_text
from agentflow_tui.reports.dates import DateForm, date_form, read_date, stored_date, stored_time
from agentflow_tui.reports.numbers import as_json_number, read_number
from agentflow_tui.reports.types import DATED, NUMERIC, ColumnPlan, ColumnType

LONGEST_TEXT = 32_767
"""Characters that a cell keeps, as many as a spreadsheet's cell."""

_INTEGERS = re.compile(r"(?:(?:0|-?[1-9]\d{0,14})?\n)*", re.ASCII)
_DECIMALS = re.compile(
    r"(?:(?:-?\$?(?:0|[1-9]\d{0,10}|[1-9]\d{0,2}(?:,\d{3}){1,3})(?:\.\d{1,4})?)?\n)*", re.ASCII
)
_UNDECIMAL = str.maketrans("", "", "$,")
_UNTIDY = re.compile("[\0\r\ud800-\udfff]|^=", re.MULTILINE)
_MEMORY = 50_000
"""Different cells of a column that are remembered with their values."""


class MisfitError(Exception):
    """A cell does not have the type that its column was taken to have."""


class ColumnReader:
    """Turns the cells of one column into values, and counts what it mended."""

    def __init__(self, plan: ColumnPlan, zone: ZoneInfo) -> None:
        self.plan = plan
        self.mended: dict[str, int] = {}
        self._zone = zone
        self._known: dict[Any, Any] = {}
        self._read = self._reader(plan.type)

    def values(self, cells: Sequence[Any]) -> list[Any]:
        """The values of a stretch of the column. Raises `MisfitError`."""
        kinds = set(map(type, cells))
        if kinds == {str}:
            return self._of_texts(cells)
        if bool in kinds or kinds & {list, dict}:  # True and 1 would be remembered as one
            return [self.value(cell) for cell in cells]
        return self._remembered(cells)

    def value(self, cell: Any) -> Any:
        """The value of one cell; None for an empty one. Raises `MisfitError`."""
        if cell is None or cell == "":
            return None
        return self._read(cell)

    def _of_texts(self, cells: Sequence[str]) -> list[Any]:
        joined = "\n".join(cells) + "\n"
        if self.plan.type is ColumnType.TEXT:
            return self._plain_texts(cells, joined)
        if self.plan.type in NUMERIC and self.plan.mark == "." and joined.count("\n") == len(cells):
            if _INTEGERS.fullmatch(joined):
                return [int(cell) if cell else None for cell in cells]
            if self.plan.type is not ColumnType.INTEGER and _DECIMALS.fullmatch(joined):
                return _decimals(joined)
        return self._remembered(cells)

    def _plain_texts(self, cells: Sequence[str], joined: str) -> list[Any]:
        if is_untidy(joined) or max(map(len, cells)) > LONGEST_TEXT:
            return self._remembered(cells)
        return [text.strip() or None for text in cells]

    def _remembered(self, cells: Sequence[Any]) -> list[Any]:
        different = dict.fromkeys(cells)  # in their order, in which the notes are told
        known = self._known
        if len(known) + len(different) > _MEMORY:
            known = self._known = {}
        for cell in different:
            if cell not in known:
                known[cell] = self.value(cell)
        return [known[cell] for cell in cells]

    def _reader(self, type_: ColumnType) -> Callable[[Any], Any]:
        if type_ in NUMERIC:
            return self._number
        if type_ in DATED:
            return self._date
        if type_ is ColumnType.BOOLEAN:
            return self._truth
        return self._identifier if type_ is ColumnType.ID else self._text

    def _number(self, cell: Any) -> Any:
        if isinstance(cell, bool | date):
            raise MisfitError
        if isinstance(cell, int | float):
            if not math.isfinite(cell):
                self._count_empty("no number")
                return None
            whole = isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53
            return self._fitting(int(cell) if whole else cell)
        text = cell.strip() if isinstance(cell, str) else plain_text(cell)
        if text.lower() in EMPTY_WORDS:
            self._count_empty(text)
            return None
        read = read_number(text, self.plan.mark)
        if read is None or cell_evidence(text).identifiers:
            raise MisfitError
        return self._fitting(as_json_number(read[0]))

    def _fitting(self, value: int | float | str) -> int | float | str:
        if self.plan.type is ColumnType.INTEGER and not isinstance(value, int):
            raise MisfitError
        return value

    def _date(self, cell: Any) -> str | None:
        moment = self._moment(cell)
        if moment is None:
            return None
        if self.plan.type is ColumnType.TIMESTAMP:
            return stored_time(moment, self._zone)
        if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
            raise MisfitError
        return stored_date(moment)

    def _moment(self, cell: Any) -> datetime | None:
        if isinstance(cell, datetime):
            return cell
        if isinstance(cell, date):
            return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  the zone is added later
        text = plain_text(cell)
        if not text or text.lower() in EMPTY_WORDS or DateForm.EMPTY in date_form(text):
            self._count_empty(text)
            return None
        moment = read_date(text, day_first=self.plan.day_first)
        if moment is None:
            raise MisfitError
        return moment

    def _truth(self, cell: Any) -> bool | None:
        if isinstance(cell, bool):
            return cell
        if isinstance(cell, str) and cell.strip().lower() in EMPTY_WORDS | {""}:
            self._count_empty(cell)
            return None
        raise MisfitError

    def _identifier(self, cell: Any) -> str | None:
        text = plain_text(cell)
        if not text or text.lower() in EMPTY_WORDS:
            self._count_empty(text)
            return None
        if CellForm.DIGITS not in cell_evidence(cell).forms:
            raise MisfitError
        return text

    def _text(self, cell: Any) -> str | None:
        if isinstance(cell, float) and not math.isfinite(cell):
            self._count_empty("no number")
            return None
        return self._tidy(plain_text(cell)) or None

    def _tidy(self, text: str) -> str:
        """Text that PostgreSQL can hold: no NUL, no half of a surrogate pair, not too long."""
        mended = text.replace("\r\n", "\n").replace("\r", "\n")
        if "\0" in mended:
            mended = mended.replace("\0", "")
            self._count("NUL characters removed")
        whole = mended.encode("utf-8", "replace").decode()
        if whole != mended:
            self._count("half characters replaced")
        if len(whole) > LONGEST_TEXT:
            self._count(f"texts cut to {LONGEST_TEXT:,} characters")
        return whole[:LONGEST_TEXT]

    def _count_empty(self, text: str) -> None:
        if text.strip():
            self._count(f"cells {text.strip()!r} counted as empty"[:80])

    def _count(self, what: str) -> None:
        self.mended[what] = self.mended.get(what, 0) + 1


def _decimals(joined: str) -> list[int | float | None]:
    """The numbers of lines of `_DECIMALS`: whole ones as such."""
    values = [
        float(text) if text else None for text in joined.translate(_UNDECIMAL).split("\n")[:-1]
    ]
    return [int(v) if v is not None and v.is_integer() else v for v in values]


def is_untidy(joined: str) -> bool:
    """Whether one of the texts, joined by newlines, holds what the database does not take, or a
    spreadsheet's trick."""
    if joined.isascii():
        return "\0" in joined or "\r" in joined or "\n=" in joined or joined[0] == "="
    return _UNTIDY.search(joined) is not None


def mended_notes(readers: Sequence[ColumnReader]) -> list[str]:
    """A sentence for everything that was mended."""
    counted: Mapping[str, Mapping[str, int]] = {r.plan.name: r.mended for r in readers}
    return [f"{name}: {what}: {n}" for name, all_ in counted.items() for what, n in all_.items()]
