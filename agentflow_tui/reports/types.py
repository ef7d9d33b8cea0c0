"""Which type each column of a table has: what its cells have in common, and what it is called."""

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.cells import CellForm, Evidence
from agentflow_tui.reports.numbers import DECIMALS, NumberForm


class ColumnType(StrEnum):
    """What the values of a column are. The words stand in a report's metadata."""

    TEXT = "text"
    ID = "id"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


NUMERIC = frozenset({ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.MONEY, ColumnType.PERCENT})
_NUMBERS = CellForm.POINT | CellForm.COMMA
_PLAIN = NumberForm.PLAIN
SUMMED = NUMERIC - {ColumnType.PERCENT}
DATED = frozenset({ColumnType.DATE, ColumnType.TIMESTAMP})

_MONEY_NAME = re.compile(
    r"\b(pric\w*|cost\w*|gross|profit|amount|amt|front|back|list|msrp|invoice|revenue|spend|payment"
    r"|sales? amount|reserve|holdback|commission|value|preis\w*|betrag|umsatz|kosten|erlös|prix"
    r"|montant|precio|importe|fee|fees|tax|financed|down|total)\b",
    re.IGNORECASE,
)
_RATE_NAME = re.compile(r"(%|\b(pct|percent\w*|rate|ratio|share|apr)\b)", re.IGNORECASE)
_PHONE_NAME = re.compile(r"\b(phone|telephone|tel|mobile|cell|fax)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """How the cells of a column are read: ``mark`` stands before the decimals of its numbers."""

    name: str
    type: ColumnType
    mark: str = "."
    day_first: bool = False
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class TablePlan:
    """The columns of a table, and what was assumed where the file does not decide."""

    columns: tuple[ColumnPlan, ...]
    notes: tuple[str, ...]


def plan_table(
    names: Sequence[str], evidence: Sequence[Evidence], *, separator: str, day_first: bool
) -> TablePlan:
    """The types of all columns: what one leaves open, the others of the file decide."""
    named = tuple(zip(names, evidence, strict=True))
    mark, assumed_mark = _mark(named, separator)
    columns = [
        ColumnPlan(
            name=name,
            type=_type(name, known, _own_mark(known) or mark),
            mark=_own_mark(known) or mark,
            evidence=known,
        )
        for name, known in named
    ]
    order, assumed_order = _day_first(columns, day_first=day_first)
    columns = [
        replace(column, day_first=_own_order(column.evidence, default=order)) for column in columns
    ]
    return TablePlan(
        tuple(_with_money(columns)), tuple(filter(None, (assumed_mark, assumed_order)))
    )


def _type(name: str, known: Evidence, mark: str) -> ColumnType:
    forms = known.forms
    if not known.filled or forms is CellForm.NOTHING:
        return ColumnType.TEXT
    if forms & (CellForm.MONTH_FIRST | CellForm.DAY_FIRST):
        return ColumnType.TIMESTAMP if known.timed else ColumnType.DATE
    if CellForm.DIGITS in forms and known.identifiers:
        return ColumnType.ID
    if forms & _NUMBERS:
        return _number_type(name, known, mark)
    return ColumnType.BOOLEAN if CellForm.TRUTH in forms else ColumnType.TEXT


def _number_type(name: str, known: Evidence, mark: str) -> ColumnType:
    written = known.numbers
    if known.phones or _PHONE_NAME.search(name):
        return ColumnType.TEXT
    if NumberForm.PERCENT in written:
        return ColumnType.PERCENT
    if written & (NumberForm.CURRENCY | NumberForm.ACCOUNTING):
        return ColumnType.MONEY
    if NumberForm.ROUNDED in written:
        return ColumnType.NUMBER
    if DECIMALS[mark] not in written:
        return ColumnType.INTEGER
    return ColumnType.MONEY if _is_money_name(name) else ColumnType.NUMBER


def _is_money_name(name: str) -> bool:
    return bool(_MONEY_NAME.search(name)) and not _RATE_NAME.search(name)


def _with_money(columns: list[ColumnPlan]) -> list[ColumnPlan]:
    """Whole amounts beside amounts with cents are money as well."""
    if not any(column.type is ColumnType.MONEY for column in columns):
        return columns
    return [
        replace(column, type=ColumnType.MONEY)
        if column.type is ColumnType.INTEGER and _is_money_name(column.name)
        else column
        for column in columns
    ]


def _own_mark(known: Evidence) -> str:
    """The decimal mark where the column itself decides; else empty."""
    marks = known.forms & _NUMBERS
    return {CellForm.POINT: ".", CellForm.COMMA: ","}.get(marks, "")


def _mark(named: Sequence[tuple[str, Evidence]], separator: str) -> tuple[str, str]:
    """The decimal mark of columns that do not decide, and a note where nothing does."""
    numeric = [(name, known) for name, known in named if known.filled and known.forms & _NUMBERS]
    own = [mark for _, known in numeric if (mark := _own_mark(known))]
    if own:
        return max(".,", key=own.count), ""
    mark = "," if separator == ";" else "."
    both = DECIMALS["."] | DECIMALS[","]
    unclear = [name for name, known in numeric if known.numbers & both not in (both, _PLAIN)]
    words = {".": "1,234 is taken for a thousand", ",": "1.234 is taken for a thousand"}[mark]
    return mark, f"{', '.join(unclear)}: {words}" if unclear else ""


def _own_order(known: Evidence, *, default: bool) -> bool:
    orders = known.forms & (CellForm.MONTH_FIRST | CellForm.DAY_FIRST)
    return {CellForm.MONTH_FIRST: False, CellForm.DAY_FIRST: True}.get(orders, default)


def _day_first(columns: Sequence[ColumnPlan], *, day_first: bool) -> tuple[bool, str]:
    """Whether days come first in columns that do not decide, and a note where nothing does."""
    dated = [c for c in columns if c.type in DATED and not c.evidence.native_dates]
    own = [c.evidence.forms & (CellForm.MONTH_FIRST | CellForm.DAY_FIRST) for c in dated]
    firsts = own.count(CellForm.DAY_FIRST), own.count(CellForm.MONTH_FIRST)
    if firsts[0] != firsts[1]:
        return firsts[0] > firsts[1], ""
    unclear = ", ".join(c.name for c in dated if c.evidence.unclear_order)
    words = "the day is taken to stand first" if day_first else "the month is taken to stand first"
    return day_first, f"{unclear}: {words}" if unclear else ""
