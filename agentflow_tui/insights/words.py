"""Figures in sentences. No locale has a say in it."""

from collections.abc import Sequence
from datetime import date


def amount(value: float, unit: str) -> str:
    """A figure in its unit: ``$1,240``, ``12.4``, ``1,240``."""
    if unit == "percent":
        return percent(value / 100)
    small = abs(value) < 100 and value != round(value)
    digits = f"{abs(value):,.1f}" if small else f"{abs(value):,.0f}"
    sign = "-" if value < 0 and digits.strip("0.,") else ""
    return f"{sign}${digits}" if unit == "money" else f"{sign}{digits}"


def percent(share: float) -> str:
    """A share of 0 to 1 in per cent."""
    value = 100 * share
    return f"{value:.1f} %" if abs(value) < 10 and value != round(value) else f"{value:.0f} %"


def rounded(value: float) -> float:
    """A figure as it is stored: to six significant digits, so that the last bits of a machine's
    logarithm are never seen."""
    return float(f"{value:.6g}")


def day(value: date) -> str:
    """``3 Nov 2026``, in English on every machine."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def of_subject(subject: str) -> str:
    """What is said behind a metric to name the rows that it is about."""
    return f" of {subject}" if subject else ""
