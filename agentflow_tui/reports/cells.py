"""What a single cell may be: the evidence that it gives about its column."""

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from enum import Flag, auto
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.dates import DateForm, date_form
from agentflow_tui.reports.numbers import DECIMALS, NumberForm, read_number


class CellForm(Flag):
    """Ways in which a cell can be read. A column can be read in those that all its cells allow."""

    NOTHING = 0
    POINT = auto()
    """A number with a decimal point."""
    COMMA = auto()
    """A number with a decimal comma."""
    MONTH_FIRST = auto()
    DAY_FIRST = auto()
    DIGITS = auto()
    """Digits only: a number or an identifier."""
    TRUTH = auto()


EVERY = (
    CellForm.POINT
    | CellForm.COMMA
    | CellForm.MONTH_FIRST
    | CellForm.DAY_FIRST
    | (CellForm.DIGITS | CellForm.TRUTH)
)
_NUMBERS = CellForm.POINT | CellForm.COMMA
_DATES = CellForm.MONTH_FIRST | CellForm.DAY_FIRST

EMPTY_WORDS = frozenset(
    [
        "n/a",
        "na",
        "nan",
        "null",
        "none",
        "nil",
        "(null)",
        "(blank)",
        "-",
        "--",
        "---",
        "–",
        "—",
        ".",
        "#n/a",
        "#div/0!",
        "#value!",
        "#ref!",
        "#name?",
        "#num!",
        "#null!",
        "$-",
    ]
)
"""What stands for an empty cell in columns of numbers and dates; in texts it is kept."""

LONGEST_NUMBER = 15
"""Digits that every reader of JSON takes exactly; longer ones are an identifier."""

_TRICK = re.compile(r'="(.*)"', re.DOTALL)
_PLUS = re.compile(r"\+\d{7,}")
_EXACT_INTEGERS = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the cells of a column have in common (``forms``) and what occurs among them."""

    forms: CellForm = EVERY
    numbers: NumberForm = NumberForm.PLAIN
    filled: bool = False
    identifiers: bool = False
    """Zeros in front, the spreadsheet trick ``="007"``, or more digits than a number has."""
    phones: bool = False
    timed: bool = False
    no_dates: bool = False
    empty_words: bool = False
    native_dates: bool = False
    unclear_order: bool = False
    """A date whose day and month may change places: 3/4/2026."""

    def __and__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            forms=self.forms & other.forms,
            numbers=self.numbers | other.numbers,
            filled=self.filled or other.filled,
            identifiers=self.identifiers or other.identifiers,
            phones=self.phones or other.phones,
            timed=self.timed or other.timed,
            no_dates=self.no_dates or other.no_dates,
            empty_words=self.empty_words or other.empty_words,
            native_dates=self.native_dates or other.native_dates,
            unclear_order=self.unclear_order or other.unclear_order,
        )


NO_EVIDENCE = Evidence()
TEXT_EVIDENCE = Evidence(forms=CellForm.NOTHING, filled=True)


def evidence_of(values: Iterable[Any], known: Evidence = NO_EVIDENCE) -> Evidence:
    """The evidence of these cells together with what is known already."""
    for value in values:
        if known.filled and not known.forms:
            break
        known &= cell_evidence(value)
    return known


def cell_evidence(value: Any) -> Evidence:
    """What one cell, as the file has it, allows."""
    if isinstance(value, str):
        return _text_evidence(value.strip())
    match value:
        case None:
            return NO_EVIDENCE
        case bool():
            return Evidence(forms=CellForm.TRUTH, filled=True)
        case int() | float():
            return _number_evidence(value)
        case datetime():
            timed = (value.hour, value.minute, value.second, value.microsecond) != (0, 0, 0, 0)
            return Evidence(forms=_DATES, filled=True, timed=timed, native_dates=True)
        case date():
            return Evidence(forms=_DATES, filled=True, native_dates=True)
    return TEXT_EVIDENCE


def _number_evidence(value: float) -> Evidence:
    if not math.isfinite(value):
        return Evidence(empty_words=True)
    whole = value == int(value)
    form = NumberForm.PLAIN if whole else DECIMALS["."] | DECIMALS[","]
    return Evidence(forms=_NUMBERS, filled=True, numbers=form)


def _text_evidence(text: str) -> Evidence:
    if not text:
        return NO_EVIDENCE
    if text.lower() in EMPTY_WORDS:
        return Evidence(empty_words=True)
    if trick := _TRICK.fullmatch(text):
        digits = trick[1].isascii() and trick[1].isdigit()
        forms = CellForm.DIGITS if digits else CellForm.NOTHING
        return Evidence(forms=forms, filled=True, identifiers=True)
    if text.isascii() and text.isdigit():
        identifier = (text[0] == "0" and len(text) > 1) or len(text) > LONGEST_NUMBER
        return Evidence(forms=_NUMBERS | CellForm.DIGITS, filled=True, identifiers=identifier)
    if (dates := date_form(text)) is not DateForm.NONE:
        return _date_evidence(dates)
    return _written_number(text)


def _date_evidence(dates: DateForm) -> Evidence:
    forms = CellForm.NOTHING
    if DateForm.MONTH_FIRST in dates:
        forms |= CellForm.MONTH_FIRST
    if DateForm.DAY_FIRST in dates:
        forms |= CellForm.DAY_FIRST
    empty = DateForm.EMPTY in dates
    return Evidence(
        forms=forms,
        filled=not empty,
        timed=DateForm.TIMED in dates,
        no_dates=empty,
        unclear_order=DateForm.UNCLEAR in dates,
    )


def _written_number(text: str) -> Evidence:
    found = TEXT_EVIDENCE
    for mark, form in ((".", CellForm.POINT), (",", CellForm.COMMA)):
        if read := read_number(text, mark):
            found = replace(
                found,
                forms=found.forms | form,
                numbers=found.numbers | read[1],
                phones=_PLUS.fullmatch(text) is not None,
            )
    return found


def plain_text(value: Any) -> str:
    """A cell's text without the spreadsheet trick ``="007"`` around it."""
    text = value.strip() if isinstance(value, str) else _native_text(value)
    trick = _TRICK.fullmatch(text) if text[:1] == "=" else None
    return trick[1] if trick else text


def _native_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGERS:
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return "" if value is None else str(value)
