"""How long something is put off: until a time, or until it has grown."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import UsageError
from agentflow_tui.filters.times import DAYS, read_distance, read_span

MORNING = "8:00"

_MORE = re.compile(r"\+([0-9]{1,9})(%?)")
_TIMES = re.compile(r"x([0-9]{1,6}(?:\.[0-9]{1,3})?)", re.IGNORECASE)
_EXAMPLES = "30m, 2h, tomorrow 8:00, 2026-11-01T08:00, +20, +50% or x2"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeLimit:
    """A time, or a growth: ``factor`` times as large, and by ``more`` at least."""

    at: datetime | None = None
    factor: float = 1.0
    more: int = 0

    def limit(self, size: int) -> int | None:
        """The size from which on it is back, None where only time counts."""
        if self.at is not None:
            return None
        return max(ceil(size * self.factor), size + self.more, size + 1)


GROWN = SnoozeLimit(factor=1.5, more=10)
"""By half, and by ten at least."""


def tomorrow_morning(now: datetime, zone: tzinfo) -> SnoozeLimit:
    return read_until(f"tomorrow {MORNING}", now, zone)


def read_until(text: str, now: datetime, zone: tzinfo) -> SnoozeLimit:
    """What an operator wrote. Raises `UsageError`, which says what can be written."""
    written = " ".join(text.split())
    if more := _MORE.fullmatch(written):
        amount = int(more[1])
        until = SnoozeLimit(factor=1 + amount / 100) if more[2] else SnoozeLimit(more=amount)
        if amount:
            return until
    elif times := _TIMES.fullmatch(written):
        if float(times[1]) > 1:
            return SnoozeLimit(factor=float(times[1]))
    elif (at := _time(written, now, zone)) is not None:
        if at <= now:
            raise UsageError(f"{text} is over. Something can be snoozed until {_EXAMPLES}.")
        return SnoozeLimit(at=at)
    raise UsageError(f"{text!r} is no time and no growth. It looks like {_EXAMPLES}.")


def _time(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    try:
        distance = read_distance(text)
        if distance is not None:
            return now + distance.length
        day, _, rest = text.partition(" ")
        if day.lower() in DAYS and rest:
            return _on_a_day(DAYS[day.lower()], rest, now, zone)
        span = read_span(text, now, zone)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if span is None:
        return None
    if ":" in text and "-" not in text and span.start <= now:
        return _on_a_day(1, text, now, zone)  # a time of day that is over means tomorrow's
    return span.start


def _on_a_day(days: int, clock_time: str, now: datetime, zone: tzinfo) -> datetime | None:
    noon = now.astimezone(zone).replace(hour=12, tzinfo=None) + timedelta(days=days)
    span = read_span(clock_time, noon.replace(tzinfo=zone).astimezone(UTC), zone)
    return span.start if span is not None and ":" in clock_time else None
