"""A cron expression in English: ``every weekday at 07:30``."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from agentflow_tui.cron.syntax import MONTHS, WEEKDAYS, Cron, parse

_NTH = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "l": "last"}

_TIMES = 6
"""Times of day that are listed one by one; more are described."""


def words(expression: str) -> str:
    """What an expression says, in English; a date that never comes is said to be one.

    Raises :class:`~agentflow_tui.cron.syntax.CronError` for one that cannot be understood.
    """
    cron = parse(expression)
    if not cron.calendars:
        months = _and(MONTHS[month - 1] for month in cron.months)
        verb = "has" if len(cron.months) == 1 else "have"
        return f"never: {months} {verb} no day {_and(map(str, cron.days))}"
    times = _times_of_day(cron)
    if times:
        return f"{_day_phrase(cron) or 'every day'}{_in_months(cron)} at {times}"
    days = _day_phrase(cron, among=True)
    return f"{_interval(cron)}{days and ' ' + days}{_in_months(cron)}"


def _times_of_day(cron: Cron) -> str:
    """``07:30 and 12:00``, or nothing where that would be a long list."""
    if len(cron.hours) * len(cron.minutes) * len(cron.seconds) > _TIMES:
        return ""
    if len(cron.hours) > 3 and _step(cron.hours, 24) > 1:
        return ""  # every six hours says more than four times
    return _and(
        f"{hour:02}:{minute:02}" + (f":{second:02}" if cron.seconds != (0,) else "")
        for hour in cron.hours
        for minute in cron.minutes
        for second in cron.seconds
    )


def _interval(cron: Cron) -> str:
    """What happens within a day."""
    if cron.seconds != (0,):
        return _seconds(cron) + _of_minutes(cron)
    if len(cron.minutes) == 1:
        return _hourly(cron)
    step = _step(cron.minutes, 60)
    if not step:
        return f"{_at_minutes(cron.minutes)} of {_of_hours(cron.hours)}"
    start = f" from minute {cron.minutes[0]}" if cron.minutes[0] else ""
    return f"{_each(step, 'minute', start)}{_within(cron)}"


def _seconds(cron: Cron) -> str:
    step = _step(cron.seconds, 60)
    if step:
        start = f" from second {cron.seconds[0]}" if cron.seconds[0] else ""
        return _each(step, "second", start)
    return f"at second{'s'[: len(cron.seconds) > 1]} {_and(map(str, cron.seconds))}"


def _of_minutes(cron: Cron) -> str:
    if len(cron.minutes) == 60:
        return _within(cron) if _step(cron.seconds, 60) else f" of every minute{_within(cron)}"
    return f", {_at_minutes(cron.minutes)} of {_of_hours(cron.hours)}"


def _at_minutes(minutes: Sequence[int]) -> str:
    step = _step(minutes, 60)
    if step:
        start = f" from minute {minutes[0]}" if minutes[0] else ""
        return _each(step, "minute", start)
    return f"at minute{'s'[: len(minutes) > 1]} {_ranges(minutes)}"


def _hourly(cron: Cron) -> str:
    minute = cron.minutes[0]
    at = f" at :{minute:02}" if minute else ""
    step = _step(cron.hours, 24)
    if step and cron.hours[0] < step:
        start = f" from {cron.hours[0]:02}:{minute:02}" if cron.hours[0] else at
        return _each(step, "hour", start)
    if len(cron.hours) > 1 and _contiguous(cron.hours):
        return f"every hour from {cron.hours[0]:02}:{minute:02} to {cron.hours[-1]:02}:{minute:02}"
    return f"at minute {minute} of {_of_hours(cron.hours)}"


def _within(cron: Cron) -> str:
    """The part of the day, where it is not all of it."""
    if cron.every_hour:
        return ""
    if _contiguous(cron.hours):
        return f" from {cron.hours[0]:02}:00 to {cron.hours[-1]:02}:59"
    return f" of {_of_hours(cron.hours)}"


def _of_hours(hours: Sequence[int]) -> str:
    if len(hours) == 24:
        return "every hour"
    step = _step(hours, 24)
    if step > 1 and hours[0] == 0:
        return f"every {_nth(step)} hour"
    return f"hour{'s'[: len(hours) > 1]} {_ranges(hours)}"


def _day_phrase(cron: Cron, *, among: bool = False) -> str:
    """The days: ``every Monday`` at the head of a sentence, ``on Mondays`` behind an interval."""
    if _is_every_day(cron):
        return ""
    phrases = []
    if not cron.any_day:
        phrases.append(f"on {_days_of_month(cron)} of {_month_named(cron)}")
    if cron.weekdays:
        phrases.append(_plain_weekdays(cron.weekdays, among=among))
    if cron.special_weekdays:
        named = [_nth_weekday(special) for special in cron.special_weekdays]
        phrases.append(f"on the {_and(named)} of {_month_named(cron)}")
    return " and ".join(phrases)


def _is_every_day(cron: Cron) -> bool:
    unrestricted = cron.any_day and cron.any_weekday
    return unrestricted or len(cron.days) == 31 or len(cron.weekdays) == 7


def _nth_weekday(special: str) -> str:
    """``third Friday`` or ``last Friday`` for ``5#3`` or ``l5``."""
    weekday, _, nth = special.partition("#")
    return f"{_NTH[nth or 'l']} {WEEKDAYS[int(weekday.strip('l'))]}"


def _days_of_month(cron: Cron) -> str:
    step = _step([day - 1 for day in cron.days], 31)
    if len(cron.days) > 3 and step:
        start = f" from the {_nth(cron.days[0])}" if cron.days[0] > 1 else ""
        parts = [f"every {_nth(step)} day{start}"]
    else:
        parts = [f"the {_ranges(cron.days, _nth)}"] if cron.days else []
    parts += [_special_day(special) for special in cron.special_days]
    return _and(parts)


def _special_day(special: str) -> str:
    if special == "l":
        return "the last day"
    day = special.strip("w")
    return "the last weekday" if day == "31" else f"the weekday nearest the {_nth(int(day))}"


def _month_named(cron: Cron) -> str:
    """The months where nothing but days of the month depends on them, else ``the month``."""
    if len(cron.months) == 12 or cron.weekdays:
        return "the month"
    return _and(MONTHS[month - 1] for month in cron.months)


def _plain_weekdays(weekdays: Sequence[int], *, among: bool) -> str:
    if tuple(weekdays) == (1, 2, 3, 4, 5):
        return "on weekdays" if among else "every weekday"
    monday_first = sorted(weekdays, key=lambda weekday: (weekday - 1) % 7)
    if among:
        return f"on {_and(WEEKDAYS[weekday] + 's' for weekday in monday_first)}"
    return f"every {_and(WEEKDAYS[weekday] for weekday in monday_first)}"


def _in_months(cron: Cron) -> str:
    """The months, where the days have not named them."""
    days = _day_phrase(cron)
    if len(cron.months) == 12 or (" of " in days and "of the month" not in days):
        return ""
    return f" in {_and(MONTHS[month - 1] for month in cron.months)}"


def _step(values: Sequence[int], size: int) -> int:
    """The distance between values that are evenly spread over the whole of a field, else 0."""
    if len(values) < 2:
        return 0
    step = values[1] - values[0]
    even = all(b - a == step for a, b in pairwise(values))
    return step if even and values[-1] + step >= size and values[0] < step else 0


def _contiguous(values: Sequence[int]) -> bool:
    return values[-1] - values[0] == len(values) - 1


def _each(step: int, unit: str, start: str = "") -> str:
    """``every 15 minutes``; where steps begin anew in every hour or day it says so."""
    if step == 1:
        return f"every {unit}{start}"
    size, whole = (24, "day") if unit == "hour" else (60, "hour" if unit == "minute" else "minute")
    anew = "" if size % step == 0 else f" within the {whole}"
    return f"every {step} {unit}s{start}{anew}"


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number // 10 == 1 else ending}"


def _ranges(values: Sequence[int], name: Callable[[int], str] = str) -> str:
    """``0, 5 to 9 and 30``."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    parts: list[str] = []
    for run in runs:
        parts += [f"{name(run[0])} to {name(run[-1])}"] if len(run) > 2 else map(name, run)
    return _and(parts)


def _and(parts: Iterable[str]) -> str:
    *head, tail = parts
    return f"{', '.join(head)} and {tail}" if head else tail
