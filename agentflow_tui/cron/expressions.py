"""From a cron expression's text to the times it names, or to the sentence that says why not."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from agentflow_tui.errors import AgentflowError
from agentflow_tui.text import plural, safe

LAST = -1
"""In place of the how-manieth weekday of a month: the last one."""


class CronError(AgentflowError):
    """A cron expression cannot be understood. ``field`` names the field at fault, if it is one."""

    def __init__(self, message: str, field: str = ""):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """One expression, taken apart. All values are ascending.

    ``weekdays`` count from Sunday, 0. ``nearest`` are days of the month (``15W``) moved to the
    nearest weekday from Monday to Friday; ``nth`` are pairs of weekday and how-manieth,
    :data:`LAST` for the last. ``every_minute_field`` is true where the minute field starts with
    ``*``: the job runs in intervals rather than at times.
    """

    expression: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    last_day: bool
    nearest: tuple[int, ...]
    nth: tuple[tuple[int, int], ...]
    any_day: bool
    any_weekday: bool
    every_minute_field: bool

    @property
    def every_hour(self) -> bool:
        return len(self.hours) == 24

    def days_of(self, year: int, month: int) -> list[int]:
        """The days of that month on which it fires, ascending."""
        length = _length(year, month)
        if self.any_day and self.any_weekday:
            return list(range(1, length + 1))
        first = (date(year, month, 1).weekday() + 1) % 7
        found: set[int] = set()
        if not self.any_day:
            found.update(day for day in self.days if day <= length)
            found.update(_nearest(min(day, length), length, first) for day in self.nearest)
            if self.last_day:
                found.add(length)
        if not self.any_weekday:
            found.update(self._weekdays_of(length, first))
        return sorted(found)

    def _weekdays_of(self, length: int, first: int) -> Iterator[int]:
        for weekday in self.weekdays:
            yield from range(1 + (weekday - first) % 7, length + 1, 7)
        for weekday, nth in self.nth:
            all_of_them = range(1 + (weekday - first) % 7, length + 1, 7)
            if nth <= len(all_of_them):
                yield all_of_them[LAST if nth == LAST else nth - 1]


def _length(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


def _nearest(day: int, length: int, first: int) -> int:
    """The weekday from Monday to Friday nearest to a day, in the same month."""
    weekday = (first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else 3
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def fail(self, part: str, why: str) -> CronError:
        return CronError(f"the {self.name} {safe(part, 40)!r} {why}", self.name)

    def number(self, word: str, part: str) -> int:
        if word.isascii() and word.isdigit() and len(word) <= 4:
            found = int(word)
            if self.low <= found <= self.high:
                return found
            hint = "; midnight is hour 0" if self.name == "hour" and found == 24 else ""
            raise self.fail(part, f"is not between {self.low} and {self.high}{hint}")
        named = [index for index, name in enumerate(self.names) if _is_short_for(word, name)]
        if len(named) == 1:
            return named[0] + (1 if self.name == "month" else 0)
        raise self.fail(part, self._not_a_number(word))

    def _not_a_number(self, word: str) -> str:
        close = [name for name in self.names if len(word) >= 2 and name.startswith(word[:2])]
        if close:
            return f"is not known; did you mean {' or '.join(name[:3] for name in close)}?"
        known = f", or {self.names[1][:3]} and the like" if self.names else ""
        return f"is not a number from {self.low} to {self.high}{known}"


def _is_short_for(word: str, name: str) -> bool:
    return len(word) >= 3 and name.startswith(word)


_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")

_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("weekday", 0, 7, _WEEKDAYS)

_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


_LONGEST = 1000


@lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    """What an expression means.

    Raises :class:`CronError` with the field at fault and why, in a sentence.
    """
    lowered = expression.strip().lower() if len(expression) <= _LONGEST else ""
    fields = _SHORTHANDS.get(lowered, lowered).split()
    known = not lowered.startswith("@") or lowered in _SHORTHANDS
    if len(fields) not in (5, 6) or not known:
        raise CronError(_not_five(expression, lowered, fields))
    try:
        return _parse(lowered, fields if len(fields) == 6 else ["0", *fields])
    except CronError as error:
        end = "" if str(error).endswith("?") else "."
        raise CronError(f"In {safe(expression.strip(), 80)!r} {error}{end}", error.field) from None


_EVERY = re.compile(r"every (\d{1,2}) ?(m|min|minutes?|h|hours?)")
_TIME = re.compile(r"(?:every day |daily )?(?:at )?(\d{1,2}):(\d\d)")


def _not_five(expression: str, lowered: str, fields: list[str]) -> str:
    shown = safe(expression.strip(), 80)
    meant = _meant(lowered)
    if meant:
        return f"{shown!r} is not a cron expression. Did you mean {meant!r}?"
    if lowered.startswith("@"):
        return f"{shown!r} is not known. Known are {', '.join(_SHORTHANDS)}."
    if len(expression) > _LONGEST:
        return f"A cron expression of {plural(len(expression), 'character')} is too long."
    if not fields:
        return "The cron expression is empty. An example: '30 7 * * 1-5', every weekday at 07:30."
    hint = " There may be no blank after a comma." if ", " in lowered or " ," in lowered else ""
    return (
        f"{shown!r} has {plural(len(fields), 'field')}. A cron expression has five: "
        f"minute, hour, day of the month, month, weekday; or six, the second in front.{hint}"
    )


def _meant(lowered: str) -> str:
    if f"@{lowered}" in _SHORTHANDS:
        return f"@{lowered}"
    if lowered.startswith("@"):
        alike = [name for name in _SHORTHANDS if name[:3] == lowered[:3] and len(lowered) > 3]
        return alike[0] if alike else ""
    interval = _EVERY.fullmatch(lowered)
    if interval:
        return f"*/{interval[1]} * * * *" if interval[2][0] == "m" else f"0 */{interval[1]} * * *"
    time = _TIME.fullmatch(lowered)
    return f"{int(time[2])} {int(time[1])} * * *" if time else ""


_ANY = frozenset(["*", "?", "*/1"])


def _parse(expression: str, fields: list[str]) -> Cron:
    second, minute, hour, day, month, weekday = fields
    days, last_day, nearest = _days(day)
    weekdays, nth = _weekdays(weekday)
    return Cron(
        expression=" ".join(expression.split()),
        seconds=_values(_SECOND, second.split(",")),
        minutes=_values(_MINUTE, minute.split(",")),
        hours=_values(_HOUR, hour.split(",")),
        days=_values(_DAY, days),
        months=_values(_MONTH, month.split(",")),
        weekdays=tuple(sorted({each % 7 for each in _values(_WEEKDAY, weekdays)})),
        last_day=last_day,
        nearest=nearest,
        nth=nth,
        any_day=day in _ANY,
        any_weekday=weekday in _ANY,
        every_minute_field=minute.startswith("*"),
    )


def _days(written: str) -> tuple[list[str], bool, tuple[int, ...]]:
    """The plain parts of a day field, whether ``L`` is among them, and the days written ``15W``."""
    plain: list[str] = []
    nearest: set[int] = set()
    last_day = False
    for part in written.split(","):
        if part == "l":
            last_day = True
        elif part in ("lw", "wl"):
            nearest.add(_DAY.high)
        elif part != "w" and (part.endswith("w") or part.startswith("w")):
            nearest.add(_DAY.number(part.strip("w"), part))
        else:
            plain.append(part)
    return plain, last_day, tuple(sorted(nearest))


def _weekdays(written: str) -> tuple[list[str], tuple[tuple[int, int], ...]]:
    """The plain parts of a weekday field, and those written ``5#3``, ``fri#3``, ``5L``, ``L5``."""
    plain: list[str] = []
    nth: set[tuple[int, int]] = set()
    for part in written.split(","):
        name, sharp, count = part.partition("#")
        if sharp:
            if count not in ("1", "2", "3", "4", "5"):
                raise _WEEKDAY.fail(part, "needs a number from 1 to 5 after #")
            nth.add((_WEEKDAY.number(name, part) % 7, int(count)))
        elif part == "l":
            raise _WEEKDAY.fail(part, "does not say which; the last Friday is 5L")
        elif part.endswith("l") or (part.startswith("l") and len(part) > 1):
            nth.add((_WEEKDAY.number(part.strip("l"), part) % 7, LAST))
        else:
            plain.append(part)
    return plain, tuple(sorted(nth))


def _values(field: _Field, parts: Iterable[str]) -> tuple[int, ...]:
    found: set[int] = set()
    for part in parts:
        found.update(_range(field, part))
    return tuple(sorted(found))


def _range(field: _Field, part: str) -> list[int]:
    """The values of one part between commas: ``*``, ``5``, ``1-5``, ``22-2``, with ``/step``."""
    base, slash, step_written = part.partition("/")
    if not part:
        raise field.fail(part, "is empty: there is a comma too many, or a blank after one")
    if not base:
        raise field.fail(part, f"has nothing in front of /; did you mean */{step_written}?")
    step = _step(field, part, step_written) if slash else 1
    top = 6 if field is _WEEKDAY else field.high
    if base in ("*", "?"):
        return list(range(field.low, top + 1, step))
    first, dash, last = base.partition("-")
    start = field.number(first, part)
    if not dash:
        return list(range(start, top + 1, step)) if slash else [start]
    end = field.number(last, part)
    if start <= end:
        return list(range(start, end + 1, step))
    return [*range(start, top + 1), *range(field.low, end + 1)][::step]


def _step(field: _Field, part: str, written: str) -> int:
    if not (written.isascii() and written.isdigit() and len(written) <= 4 and int(written)):
        raise field.fail(part, "needs a whole number from 1 after /")
    return int(written)
