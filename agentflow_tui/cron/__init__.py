"""Cron expressions and when they fire: an adapter over croniter.

Croniter is handed plain numbers (:attr:`Cron.calendars`), which it cannot misread as it does
``5-5``, and finds the days; the times within a day are the product of three fields. All this
happens on a clock without a zone. Slots are brought to UTC by the rules of the crons that people
know (Vixie's, and after it every Linux distribution's):

- The clock jumps over a slot: a job at a fixed time fires once, at the moment of the jump, however
  many of its slots were jumped over. A job that runs in every hour fires when the clock shows a
  matching time, so it goes on in real time and skips nothing that existed.
- The clock shows an hour twice: a job at a fixed time fires the first time only. A job that runs in
  every hour, or whose minute field starts with ``*``, fires both times.

Times come in and go out aware; what goes out is UTC, because two moments of one local zone do not
compare rightly across a change of the clocks.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from copy import copy
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any

from agentflow_tui.cron.syntax import Cron, CronError, parse
from agentflow_tui.cron.words import words

__all__ = ["Cron", "CronError", "fires", "missed", "next_fires", "parse", "previous", "words"]

HORIZON = 41
"""Years that are searched. The rarest date, a fifth weekday in February, comes back in 40."""

_YEARS = range(2, 9900)
"""Years from which times are looked for; the database's infinities lie outside."""

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def next_fires(expression: str, after: datetime, count: int, zone: tzinfo) -> list[datetime]:
    """The next ``count`` fires after ``after``, in UTC; none for a date that never comes.

    Raises :class:`CronError` for an expression that cannot be understood.
    """
    return list(islice(fires(expression, after, zone), count))


def missed(
    expression: str, since: datetime, until: datetime, zone: tzinfo, cap: int = 1000
) -> list[datetime]:
    """The fires after ``since`` and not after ``until``, oldest first, at most ``cap``, in UTC."""
    return list(islice(takewhile(lambda at: at <= until, fires(expression, since, zone)), cap))


def previous(expression: str, before: datetime, zone: tzinfo) -> datetime | None:
    """The last fire before ``before``, in UTC, or None if there was none within the horizon.

    Searches by halving, so that it takes as long however many fires lie in between.
    """
    if before.year - 2 * HORIZON not in _YEARS:
        return None
    seconds = range(HORIZON * 366 * 86_400)
    start = before.astimezone(UTC).replace(microsecond=0) - seconds[-1] * _SECOND

    def none_after(second: int) -> bool:
        return next(fires(expression, start + second * _SECOND, zone), before) >= before

    last = bisect_left(seconds, True, key=none_after)
    return start + last * _SECOND if last else None


def fires(expression: str, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The fires after ``after`` within the horizon, ascending, in UTC, made as they are taken."""
    cron = parse(expression)
    if after.year not in _YEARS:
        return
    last = after.astimezone(UTC)
    for moment in _moments(cron, _start(last, zone), zone):
        if moment > last:
            yield moment
            last = moment


def _start(after: datetime, zone: tzinfo) -> datetime:
    """The local time to look from: before an hour that comes twice if ``after`` is in it."""
    local = after.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
    early, late = _offsets(local, zone)
    return local - max(timedelta(), early - late)


def _offsets(local: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    """The offsets before and after a change of the clocks that makes ``local`` odd, else one twice.

    The first is the smaller one where the clock jumps over ``local`` and the larger one where it
    shows it twice (PEP 495).
    """
    early = zone.utcoffset(local.replace(tzinfo=zone)) or timedelta()
    late = zone.utcoffset(local.replace(tzinfo=zone, fold=1)) or timedelta()
    return early, late


def _moments(cron: Cron, start: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The moments of all slots from the local time ``start`` on. Ascending, perhaps repeated."""
    repeats = cron.every_hour or cron.every_minute_field
    second_time: deque[datetime] = deque()  # moments of slots shown twice wait for their turn
    for slot in _slots(cron, start):
        early, late = _offsets(slot, zone)
        moment = (slot - early).replace(tzinfo=UTC)
        if early < late:
            if cron.every_hour:
                continue
            moment = _jump(slot, early, late, zone)
        while second_time and second_time[0] <= moment:
            yield second_time.popleft()
        yield moment
        if early > late and repeats:
            second_time.append((slot - late).replace(tzinfo=UTC))
    yield from second_time


def _jump(slot: datetime, early: timedelta, late: timedelta, zone: tzinfo) -> datetime:
    """The moment at which the clock jumped over ``slot``."""
    start = (slot - late).replace(tzinfo=UTC)

    def jumped(second: int) -> bool:
        return (start + second * _SECOND).astimezone(zone).utcoffset() == late

    return start + bisect_left(range((late - early) // _SECOND), True, key=jumped) * _SECOND


def _slots(cron: Cron, start: datetime) -> Iterator[datetime]:
    """The local times, from ``start`` on, that the expression names."""
    for day in _days(cron, start.date()):
        first = start.time() if day == start.date() else time()
        for hour in cron.hours[bisect_left(cron.hours, first.hour) :]:
            first_minute = first.minute if hour == first.hour else 0
            for minute in cron.minutes[bisect_left(cron.minutes, first_minute) :]:
                for second in cron.seconds:
                    at = time(hour, minute, second)
                    if at >= first:
                        yield datetime.combine(day, at)


def _days(cron: Cron, start: date) -> Iterator[date]:
    """The days within the horizon, from ``start`` on, that the expression names."""
    last = start.year + HORIZON
    while True:
        found = filter(None, [_day_from(calendar, start) for calendar in cron.calendars])
        day = min(found, default=None)
        if day is None or day.year >= last:
            return
        yield day
        start = day + _DAY


@lru_cache(maxsize=4096)
def _day_from(calendar: str, start: date) -> date | None:
    """The first day, from ``start`` on, that croniter finds for an expression."""
    from croniter import CroniterBadDateError

    before = datetime.combine(start, time()) - _SECOND
    finder = copy(_finder(calendar))  # it holds where it is: a thread each
    try:
        found: datetime = finder.get_next(datetime, before)
    except CroniterBadDateError:
        return None
    return found.date()


@lru_cache(maxsize=1024)
def _finder(calendar: str) -> Any:
    from croniter import croniter  # takes 50 ms to import

    return croniter(calendar, max_years_between_matches=HORIZON)
