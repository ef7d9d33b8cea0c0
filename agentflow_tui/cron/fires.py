"""When a cron expression fires, in a zone that changes its clocks.

The rules are those of the crons people know (Vixie's, and after it every Linux distribution's):

- The clock jumps over a slot: a job at a fixed time fires once, at the moment of the jump, however
  many of its slots were jumped over. A job that runs in every hour fires when the clock shows a
  matching time, so it goes on in real time and skips nothing that existed.
- The clock shows an hour twice: a job at a fixed time fires the first time only. A job that runs in
  every hour, or whose minute field starts with ``*``, fires both times.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, takewhile

from agentflow_tui.cron.expressions import Cron, CronError, parse

HORIZON = 41
"""Years that are searched. The rarest date, a fifth weekday in February, comes back in 40."""

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_LAST_YEAR = 9900


def next_fires(expression: str | Cron, after: datetime, count: int, zone: tzinfo) -> list[datetime]:
    """The next ``count`` fires after ``after``, in UTC; none for a date that never comes.

    Raises :class:`CronError` for an expression that cannot be understood.
    """
    return list(islice(fires(expression, after, zone), count))


def missed(
    expression: str | Cron, since: datetime, until: datetime, zone: tzinfo, cap: int = 1000
) -> list[datetime]:
    """The fires after ``since`` and not after ``until``, oldest first, at most ``cap``, in UTC."""
    return list(islice(takewhile(lambda at: at <= until, fires(expression, since, zone)), cap))


def previous(expression: str | Cron, before: datetime, zone: tzinfo) -> datetime | None:
    """The last fire before ``before``, in UTC, or None if there was none within the horizon."""
    cron = _parsed(expression)
    if not HORIZON * 2 < before.year < _LAST_YEAR:
        return None
    span = timedelta(minutes=1)
    found = None
    while found is None and span.days < HORIZON * 366:
        found = _first_between(cron, before - span, before, zone)
        span *= 4
    if found is None:
        return None
    low, high = found, before
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        later = _first_between(cron, middle, before, zone)
        if later is None:
            high = middle
        else:
            found = low = later
    return _first_between(cron, found, before, zone) or found


def _first_between(cron: Cron, low: datetime, high: datetime, zone: tzinfo) -> datetime | None:
    found = next(fires(cron, low, zone), None)
    return found if found is not None and found < high else None


def fires(expression: str | Cron, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The fires after ``after`` within the horizon, ascending, in UTC, made as they are taken."""
    cron = _parsed(expression)
    if not 1 < after.year < _LAST_YEAR:
        return
    last = after.astimezone(UTC)
    for at in _in_order(cron, _start(last, zone), zone):
        if at > last:
            yield at
            last = at


def _parsed(expression: str | Cron) -> Cron:
    return expression if isinstance(expression, Cron) else parse(expression)


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


def _in_order(cron: Cron, start: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The moments of all slots from the local time ``start`` on. Ascending, perhaps repeated."""
    repeats = cron.every_hour or cron.every_minute_field
    second_time: list[datetime] = []  # moments of slots shown twice wait for their turn
    for slot in _slots(cron, start):
        early, late = _offsets(slot, zone)
        if early < late:
            moment = None if cron.every_hour else _jump(slot, early, late, zone)
        else:
            moment = (slot - early).replace(tzinfo=UTC)
        if moment is None:
            continue
        while second_time and second_time[0] <= moment:
            yield second_time.pop(0)
        yield moment
        if early > late and repeats:
            second_time.append((slot - late).replace(tzinfo=UTC))
    yield from second_time


def _jump(slot: datetime, early: timedelta, late: timedelta, zone: tzinfo) -> datetime:
    """The moment at which the clock jumped over ``slot``."""
    low, high = ((slot - offset).replace(tzinfo=UTC) for offset in (late, early))
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == late:
            high = middle
        else:
            low = middle
    return high


def _slots(cron: Cron, start: datetime) -> Iterator[datetime]:
    """The local times, from ``start`` on, that the expression names."""
    for day in _dates(cron, start.date()):
        first = start.time() if day == start.date() else time()
        for hour in cron.hours[bisect_left(cron.hours, first.hour) :]:
            first_minute = first.minute if hour == first.hour else 0
            for minute in cron.minutes[bisect_left(cron.minutes, first_minute) :]:
                for second in cron.seconds:
                    at = time(hour, minute, second)
                    if at >= first:
                        yield datetime.combine(day, at)


def _dates(cron: Cron, start: date) -> Iterator[date]:
    for year in range(start.year, start.year + HORIZON):
        for month in cron.months:
            if (year, month) < (start.year, start.month):
                continue
            for day in cron.days_of(year, month):
                if (found := date(year, month, day)) >= start:
                    yield found


def ever(cron: Cron) -> bool:
    """Whether the date it names ever comes: there is no 30 February."""
    return next(_dates(cron, date(2000, 1, 1)), None) is not None


def load_forecast(
    schedules: Iterable[tuple[str, int]], start: datetime, zone: tzinfo, hours: int = 24
) -> list[int]:
    """How many fires fall into each of the ``hours`` hours from ``start``.

    ``schedules`` are expressions with how many schedules have them; those that cannot be understood
    never fire. Each expression is looked at once; where no clock changes, a whole hour at a time.
    """
    counts: dict[str, int] = {}
    for expression, count in schedules:
        counts[expression] = counts.get(expression, 0) + count
    load = [0] * hours
    begin = start.astimezone(UTC)
    whole = _whole_hours(begin, hours, zone)
    for expression, count in counts.items():
        try:
            cron = parse(expression)
        except CronError:
            continue
        per_hour = _per_whole_hour(cron, whole) if whole else _per_hour(cron, begin, hours, zone)
        for index, number in enumerate(per_hour):
            load[index] += number * count
    return load


def _whole_hours(begin: datetime, hours: int, zone: tzinfo) -> list[datetime]:
    """The hours as local times, if each is one whole hour on the clock."""
    local = [(begin + index * _HOUR).astimezone(zone) for index in range(hours + 1)]
    aligned = all((at.minute, at.second, at.microsecond) == (0, 0, 0) for at in local)
    return local[:-1] if aligned and len({at.utcoffset() for at in local}) == 1 else []


def _per_whole_hour(cron: Cron, local_hours: list[datetime]) -> list[int]:
    per_hour = len(cron.minutes) * len(cron.seconds)
    days = {at.date() for at in local_hours}
    firing = {day for day in days if day.month in cron.months}
    firing = {day for day in firing if day.day in cron.days_of(day.year, day.month)}
    return [per_hour if at.hour in cron.hours and at.date() in firing else 0 for at in local_hours]


def _per_hour(cron: Cron, begin: datetime, hours: int, zone: tzinfo) -> list[int]:
    load = [0] * hours
    end = begin + hours * _HOUR
    for at in takewhile(lambda at: at < end, fires(cron, begin - timedelta(microseconds=1), zone)):
        load[(at - begin) // _HOUR] += 1
    return load
