"""Dates and times as reports write them."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Flag, auto
from zoneinfo import ZoneInfo


class DateForm(Flag):
    """Which orders of day and month a text allows, and what else it tells about its column."""

    NONE = 0
    MONTH_FIRST = auto()
    DAY_FIRST = auto()
    TIMED = auto()
    EMPTY = auto()
    """A date that says that there is none, as 0000-00-00 does."""
    UNCLEAR = auto()
    """Both orders name a day, and not the same one."""


EITHER = DateForm.MONTH_FIRST | DateForm.DAY_FIRST

_MONTHS = {
    name: at
    for at, names in enumerate(
        (
            "jan january januar janvier enero",
            "feb february februar février febrero",
            "mar march mär märz mars marzo mrz",
            "apr april avril abril",
            "may mai mayo",
            "jun june juni juin junio",
            "jul july juli juillet julio",
            "aug august août agosto",
            "sep sept september septembre septiembre",
            "oct october okt oktober octobre octubre",
            "nov november novembre noviembre",
            "dec december dez dezember décembre diciembre",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_TIME = (
    r"(?:(?:\s+|,\s*|T|\s+at\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
    r"(?:[.,](?P<fraction>\d{1,9}))?\s*(?P<half>[ap]\.?m\.?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_DATES = tuple(
    re.compile(_WEEKDAY + pattern + _TIME, re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<one>\d{1,2})(?P<mark>[/.-])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})\.?",
        r"(?P<day>\d{1,2})\.?[ -]?(?P<name>[^\W\d_]{3,10})\.?[ ,-]{0,2}(?P<year>\d{4}|\d{2})",
        r"(?P<name>[^\W\d_]{3,10})\.?[ -](?P<day>\d{1,2})(?:st|nd|rd|th)?,?[ -](?P<year>\d{4})",
    )
)
_NO_DATE = re.compile(r"0{1,4}[-/.]0{1,2}[-/.]0{1,4}(?:[ T]0{1,2}:00(?::00)?(?:\.0+)?)?(?: ?AM)?")
_CENTURY = 69
"""Two digits below it are of this century, the others of the last, as POSIX has it."""


def date_form(text: str) -> DateForm:
    """What the writing allows; `DateForm.NONE` where it is no date."""
    if _NO_DATE.fullmatch(text):
        return EITHER | DateForm.EMPTY
    found = _match(text)
    if found is None:
        return DateForm.NONE
    parts = found.groupdict()
    if "one" in parts:
        form = _orders(parts)
    else:
        form = EITHER if _moment(parts, day_first=False) else DateForm.NONE
    return form | DateForm.TIMED if form and parts["hour"] else form


def _orders(parts: dict[str, str | None]) -> DateForm:
    """Which orders two numbers allow that may be a day and a month; between points, as in
    1.2.2024, the day comes first where it can."""
    form = DateForm.NONE
    if days := _moment(parts, day_first=True):
        form |= DateForm.DAY_FIRST
    if (months := _moment(parts, day_first=False)) and (parts["mark"] != "." or not form):
        form |= DateForm.MONTH_FIRST
    if form == EITHER and days != months:
        form |= DateForm.UNCLEAR
    return form


def read_date(text: str, *, day_first: bool) -> datetime | None:
    """The moment that a text of a `date_form` names, naive where it says no zone."""
    found = _match(text)
    return None if found is None else _moment(found.groupdict(), day_first=day_first)


def _match(text: str) -> re.Match[str] | None:
    if not 6 <= len(text) <= 60:
        return None
    return next((found for shape in _DATES if (found := shape.fullmatch(text))), None)


def _moment(parts: dict[str, str | None], *, day_first: bool) -> datetime | None:
    one, two = parts.get("one"), parts.get("two")
    if one and two:
        day, month = (int(one), int(two)) if day_first else (int(two), int(one))
    else:
        day = int(parts["day"] or 0)
        name = parts.get("name")
        month = _MONTHS.get(name.lower(), 0) if name else int(parts["month"] or 0)
    try:
        return datetime.combine(date(_year(parts["year"] or ""), month, day), _time(parts))
    except ValueError:
        return None


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) > 2 else year + (2000 if year < _CENTURY else 1900)


def _time(parts: dict[str, str | None]) -> time:
    hour = int(parts["hour"] or 0)
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(half)
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    micro = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    return time(
        hour, int(parts["minute"] or 0), int(parts["second"] or 0), micro, _zone(parts["zone"])
    )


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def stored_date(moment: datetime) -> str:
    """A date as reports keep it: ISO."""
    return moment.date().isoformat()


def stored_time(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as reports keep it: ISO, in UTC, without an offset. One that says no zone is in
    ``zone``."""
    if moment.tzinfo is None:
        if zone.key == "UTC":
            return moment.isoformat()
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    except OverflowError:
        return moment.replace(tzinfo=None).isoformat()
