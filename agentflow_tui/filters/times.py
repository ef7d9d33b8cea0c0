"""Reading times: dates and parts of them, clock times, words such as ``today``, distances."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern

SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
"""The units of a length of time, longest first."""

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

YEARS = range(1900, 3000)
"""What every clock involved can hold, with room for arithmetic."""

LONGEST = timedelta(days=36_500)

DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}

_LENGTH = pattern(r"(?:[0-9]{1,12}[smhdw])+", re.IGNORECASE)
_CLOCK = pattern(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_DATE = pattern(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2})(?:[Tt ]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Distance:
    """A length of time, back from now or ``ahead`` of it. ``now`` itself is 0 ahead."""

    length: timedelta
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` until before ``end``, in UTC; ``until`` as in `terms.Period`."""

    start: datetime
    end: datetime
    until: datetime | None = None


def read_distance(text: str) -> Distance | None:
    """``10m``, ``1h30m``, ``+2d``, ``now``; None for anything else.

    Raises ValueError with a sentence for one that is longer than a century.
    """
    if text.lower() == "now":
        return Distance(timedelta(0), ahead=True)
    ahead = text.startswith("+")
    digits = text.removeprefix("+").lower()
    if not _LENGTH.fullmatch(digits):
        return None
    seconds = sum(
        int(number) * SECONDS[unit] for number, unit in re.findall(r"([0-9]+)([smhdw])", digits)
    )
    if seconds > LONGEST.total_seconds():
        raise ValueError("A length of time may be at most a hundred years.")
    return Distance(timedelta(seconds=seconds), ahead)


def written_distance(distance: Distance) -> str:
    """The shortest writing of whole weeks, or of days, hours, minutes and seconds."""
    left = int(distance.length.total_seconds())
    if distance.ahead and not left:
        return "now"
    sign = "+" if distance.ahead else ""
    if left % SECONDS["w"] == 0 and left:
        return f"{sign}{left // SECONDS['w']}w"
    parts = []
    for unit in "dhms":
        count, left = divmod(left, SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return sign + ("".join(parts) or "0s")


def read_span(text: str, now: datetime, zone: tzinfo) -> Span | None:
    """The time that ``text`` names; None where it names none.

    Dates and clock times without an offset are times in ``zone``. Raises ValueError with a
    sentence for what looks like a time and is none.
    """
    if text.lower() in DAYS:
        return _day(now, zone, DAYS[text.lower()])
    if clock := _CLOCK.fullmatch(text):
        return _clock(clock, now, zone)
    if date := _DATE.fullmatch(text):
        return _date(date, zone)
    return None


def _midnight(now: datetime, zone: tzinfo, days: int) -> datetime:
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _day(now: datetime, zone: tzinfo, days: int) -> Span:
    return Span(_midnight(now, zone, days), _midnight(now, zone, days + 1), _midnight(now, zone, 1))


def _clock(match: re.Match[str], now: datetime, zone: tzinfo) -> Span:
    hour, minute = int(match[1]), int(match[2])
    day = now.astimezone(zone).date()
    try:
        start = datetime(day.year, day.month, day.day, hour, minute, int(match[3] or 0), 0, zone)
    except ValueError:
        raise ValueError(f"{match[0]} is no time of day. Clock times look like 12:30.") from None
    length = timedelta(seconds=1 if match[3] else 60)
    begins = start.astimezone(UTC)
    return Span(begins, begins + length, _midnight(now, zone, 1))


def _date(match: re.Match[str], zone: tzinfo) -> Span:
    fields = match.groupdict()
    numbers = {
        name: int(fields[name])
        for name in ("year", "month", "day", "hour", "minute", "second")
        if fields[name]
    }
    if numbers["year"] not in YEARS:
        raise ValueError(f"Years from {YEARS[0]} to {YEARS[-1]} can be asked for.")
    if fields["fraction"]:
        numbers["microsecond"] = int(fields["fraction"].ljust(6, "0"))
    try:
        local = datetime(
            **{"month": 1, "day": 1, **numbers},
            tzinfo=_offset(fields["offset"]) or zone,
        )
    except ValueError:
        raise ValueError(
            f"{match[0]} is not in the calendar. Times look like 2026-11-01 or 2026-11-01T12:30."
        ) from None
    return Span(local.astimezone(UTC), _end(local, numbers))


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-length if text[0] == "-" else length)


def _end(local: datetime, numbers: dict[str, int]) -> datetime:
    """The end of the year, month, day, minute, second or microsecond that starts at ``local``."""
    if "microsecond" in numbers:
        return local.astimezone(UTC) + timedelta(microseconds=1)
    if "hour" in numbers:
        return local.astimezone(UTC) + timedelta(seconds=1 if "second" in numbers else 60)
    if "day" in numbers:
        after = local + timedelta(days=1)
    elif "month" in numbers:
        after = (local + timedelta(days=31)).replace(day=1)
    else:
        after = local.replace(year=local.year + 1)
    return after.astimezone(UTC)
