"""Numbers as reports write them: money, percents, groups of digits, five kinds of minus."""

import re
from decimal import Decimal
from enum import Flag, auto


class NumberForm(Flag):
    """What the writing of a number tells about its column."""

    PLAIN = 0
    POINT_DECIMALS = auto()
    COMMA_DECIMALS = auto()
    CURRENCY = auto()
    PERCENT = auto()
    ACCOUNTING = auto()
    """DR or CR behind it, as only money has."""
    ROUNDED = auto()
    """Scientific notation: a spreadsheet has thrown digits away."""


DECIMALS = {".": NumberForm.POINT_DECIMALS, ",": NumberForm.COMMA_DECIMALS}
"""Decimals behind each mark. Those of a number that a workbook holds stand behind both."""

_CODES = (
    "USD|EUR|GBP|CAD|AUD|NZD|CHF|MXN|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|BRL|ZAR|ILS|TRY|KRW"
    "|RUB|UAH|Kč|kr|zł"
)
_CURRENCY = rf"(?:US\$|C\$|CA\$|A\$|[$€£¥₹₽₪₩฿₺]|\b(?:{_CODES})\b\.?)"
_AFFIXES = re.compile(
    rf"(?P<open>\()?(?P<minus>[-−–+])?\s*(?P<before>{_CURRENCY})?\s*(?P<open2>\()?(?P<minus2>[-−–])?\s*"
    rf"(?P<core>[0-9.,'’   ]*[0-9][0-9.,'’   ]*?(?:[eE][+-]?[0-9]{{1,3}})?)"
    rf"\s*(?P<percent>%)?(?P<after>{_CURRENCY})?\s*(?P<minus3>[-−–])?\s*(?P<close>\))?"
    rf"\s*(?P<after2>{_CURRENCY})?\s*(?P<side>CR|DR|Cr|Dr)?"
)
_SPACES = "   '’"
_GROUPED = rf"\d{{1,3}}(?:(?:[{_SPACES}]\d{{3}})+|(?:GROUP\d{{3}})+|(?:GROUP\d{{2}})+GROUP\d{{3}})"
_TAIL = r"(?:POINT\d*)?(?:[eE][+-]?\d{1,3})?"
_CORES = {
    mark: re.compile(
        rf"(?:(?:{_GROUPED}|\d+){_TAIL}|POINT\d+)".replace("GROUP", group).replace("POINT", point)
    )
    for mark, group, point in ((".", ",", r"\."), (",", r"\.", ","))
}
_DROPPED = {mark: str.maketrans("", "", _SPACES + {".": ",", ",": "."}[mark]) for mark in ".,"}


def read_number(text: str, mark: str) -> tuple[Decimal, NumberForm] | None:
    """The number that a text is where ``mark`` stands before the decimals; None where it is none.

    ``12E45`` is none: a stock number is more likely than a number of 46 digits.
    """
    whole = _AFFIXES.fullmatch(text)
    if whole is None or not _is_balanced(whole):
        return None
    core = whole["core"].strip(_SPACES)
    if _CORES[mark].fullmatch(core) is None:
        return None
    digits = core.translate(_DROPPED[mark]).replace(",", ".")
    form = NumberForm.PLAIN
    if "e" in digits.lower():
        if not _is_scientific(digits):
            return None
        form |= NumberForm.ROUNDED
    elif "." in digits:
        form |= DECIMALS[mark]
    return _signed(Decimal(digits), whole), form | _affix_forms(whole)


def _is_scientific(digits: str) -> bool:
    exponent = digits.lower().partition("e")[2]
    return ("." in digits or exponent[:1] in {"+", "-"}) and abs(int(exponent)) <= 30


def _is_balanced(whole: re.Match[str]) -> bool:
    """A parenthesis closes what one opens, and a number has one minus and one currency at most."""
    opened = (whole["open"] is not None) + (whole["open2"] is not None)
    minuses = sum(whole[name] is not None for name in ("minus", "minus2", "minus3"))
    currencies = sum(whole[name] is not None for name in ("before", "after", "after2"))
    closed = whole["close"] is not None
    return opened == closed and minuses <= 1 and currencies <= 1 and not (closed and minuses)


def _signed(number: Decimal, whole: re.Match[str]) -> Decimal:
    minus = (whole["minus"] or whole["minus2"] or whole["minus3"] or "+") != "+"
    negative = minus or whole["close"] is not None or (whole["side"] or "").upper() == "CR"
    return -number if negative and number else number


def _affix_forms(whole: re.Match[str]) -> NumberForm:
    form = NumberForm.PLAIN
    if whole["before"] or whole["after"] or whole["after2"]:
        form |= NumberForm.CURRENCY
    if whole["percent"]:
        form |= NumberForm.PERCENT
    if whole["side"]:
        form |= NumberForm.ACCOUNTING
    return form


def as_json_number(number: Decimal) -> int | float | str:
    """The number as JSON writes it without binary noise; text where a double would change it."""
    if number == number.to_integral_value():
        return int(number)
    value = float(number)
    return value if Decimal(repr(value)) == number else format(number, "f")
