"""What the text of a cron expression means, or the sentence that says what is wrong with it.

Five fields (minute, hour, day of the month, month, weekday) or six, the seconds in front, as
AgentFlow's own scheduler writes them; ``@daily`` and its kin; names of months and weekdays; ``L``,
``W`` and ``#``. Where day of the month and weekday are both given, either is enough.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.patterns import pattern
from agentflow_tui.text import plural, safe

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_LONGEST = 1000
"""Characters of an expression that is read."""

_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

Values = tuple[int, ...]
Days = tuple[Values, tuple[str, ...]]
"""The plain and the special values of a field."""


class CronError(AgentflowError):
    """A cron expression cannot be understood. ``field`` names the field at fault, if it is one."""

    def __init__(self, message: str, field: str = ""):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """One expression, taken apart. All values are ascending.

    No days, or no weekdays, neither plain nor special, means any. ``weekdays`` count from Sunday,
    0. Special ones are written as croniter reads them: ``l`` (the last day), ``15w`` (the weekday
    from Monday to Friday nearest the 15th); ``5#3`` (the third Friday), ``l5`` (the last Friday).
    ``every_minute_field`` is true where the minute field starts with ``*``: the job runs in
    intervals rather than at times. ``calendars`` are what croniter is asked for the days, those
    that any of them names; there is none for a date that never comes, such as 30 February.
    """

    seconds: Values
    minutes: Values
    hours: Values
    days: Values
    special_days: tuple[str, ...]
    months: Values
    weekdays: Values
    special_weekdays: tuple[str, ...]
    every_minute_field: bool
    calendars: tuple[str, ...]

    @property
    def every_hour(self) -> bool:
        return len(self.hours) == 24

    @property
    def any_day(self) -> bool:
        return not (self.days or self.special_days)

    @property
    def any_weekday(self) -> bool:
        return not (self.weekdays or self.special_weekdays)


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of an expression: what it is called, and the numbers and names it takes."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def error(self, part: str, why: str) -> CronError:
        return CronError(f"the {self.name} {safe(part, 40)!r} {why}", self.name)

    def values(self, parts: Sequence[str]) -> Values:
        return tuple(sorted({value for part in parts for value in self._values(part)}))

    @property
    def top(self) -> int:
        """The highest number that names something that no lower one does: Sunday is 0, not 7."""
        return 6 if self is _WEEKDAY else self.high

    def _values(self, part: str) -> Sequence[int]:
        """The values of ``*``, ``5``, ``1-5`` or ``22-2``; the first three may have a ``/step``."""
        base, step = self._step(part)
        if base == "*":
            return range(self.low, self.top + 1, step or 1)
        start, end = self._range(base, part, open_end=bool(step))
        if start <= end:
            return range(start, end + 1, step or 1)
        if step > 1:
            why = "begins anew within its steps, which is read in several ways; write two ranges"
            raise self.error(part, why)
        return [*range(start, self.top + 1), *range(self.low, end + 1)]

    def _step(self, part: str) -> tuple[str, int]:
        """What stands in front of ``/``, and the number behind it; 0 without one."""
        base, slash, step = part.partition("/")
        if not part:
            raise self.error(part, "is empty: there is a comma too many, or a blank after one")
        if not base:
            raise self.error(part, f"has nothing in front of /; did you mean */{step}?")
        if not slash:
            return base, 0
        if not (_is_number(step) and int(step)):
            raise self.error(part, "needs a whole number from 1 after /")
        return base, int(step)

    def _range(self, base: str, part: str, *, open_end: bool) -> tuple[int, int]:
        """The first and the last value of ``5`` or ``1-5``; a lone number with an open end goes on
        to the field's highest."""
        first, dash, last = base.partition("-")
        start = self.number(first, part)
        end = self.number(last, part) if dash else self.top if open_end else start
        if start > end and self is _WEEKDAY:  # Sunday is 0 as well as 7
            return (0, end) if start == self.high else (start, end or self.high)
        return start, end

    def number(self, word: str, part: str) -> int:
        """The value of a number or a name."""
        if not _is_number(word):
            return self._named(word, part)
        if self.low <= int(word) <= self.high:
            return int(word)
        hint = "; midnight is hour 0" if self is _HOUR and int(word) == 24 else ""
        raise self.error(part, f"is not between {self.low} and {self.high}{hint}")

    def _named(self, word: str, part: str) -> int:
        close = [name for name in self.names if len(word) > 1 and name.startswith(word[:2])]
        for name in close:
            if len(word) > 2 and name.startswith(word):
                return self.low + self.names.index(name)
        if close:
            meant = " or ".join(name[:3] for name in close)
            raise self.error(part, f"is not known; did you mean {meant}?")
        named = f", or {self.names[1][:3]} and the like" if self.names else ""
        raise self.error(part, f"is not a number from {self.low} to {self.high}{named}")


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 4


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12, tuple(map(str.lower, MONTHS)))
_WEEKDAY = _Field("weekday", 0, 7, tuple(map(str.lower, WEEKDAYS)))

_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    """What an expression means.

    Raises :class:`CronError` with the field at fault and why, in a sentence.
    """
    lowered = expression.strip().lower() if len(expression) <= _LONGEST else ""
    fields = _SHORTHANDS.get(lowered, lowered).split()
    known = lowered in _SHORTHANDS or not (lowered.startswith("@") or _ZONE.search(lowered))
    if len(fields) not in (5, 6) or not known:
        raise CronError(_refusal(expression, lowered, fields))
    try:
        return _parse(*fields) if len(fields) == 6 else _parse("0", *fields)
    except CronError as error:
        end = "" if str(error).endswith("?") else "."
        raise CronError(f"In {safe(expression.strip(), 80)!r} {error}{end}", error.field) from None


def _parse(second: str, minute: str, hour: str, day: str, month: str, weekday: str) -> Cron:
    days, special_days = _day_values(_DAY, day, _special_day)
    weekdays, special_weekdays = _day_values(_WEEKDAY, weekday, _special_weekday)
    weekdays = tuple(sorted({value % 7 for value in weekdays}))
    if "*" in weekday and len(days) == 31:  # as croniter and crontab(5) have it
        days, special_days = (), ()
    if "*" in day and len(weekdays) == 7:
        weekdays, special_weekdays = (), ()
    months = _MONTH.values(month.split(","))
    return Cron(
        seconds=_SECOND.values(second.split(",")),
        minutes=_MINUTE.values(minute.split(",")),
        hours=_HOUR.values(hour.split(",")),
        days=days,
        special_days=special_days,
        months=months,
        weekdays=weekdays,
        special_weekdays=special_weekdays,
        every_minute_field=minute.startswith("*"),
        calendars=_calendars(months, (days, special_days), (weekdays, special_weekdays)),
    )


def _calendars(months: Values, days: Days, weekdays: Days) -> tuple[str, ...]:
    """One expression for croniter for each thing of which one is enough.

    Both day of the month and weekday are wanted by croniter beside ``W`` or ``#``, and it takes
    neither of these in a list with others.
    """
    listed = ",".join(map(str, months))
    longest = max(_MONTH_LENGTHS[month - 1] for month in months)
    plain = ",".join(str(day) for day in days[0] if day <= longest)
    asked = [f"0 0 {day} {listed} *" for day in (plain, *days[1]) if day]
    plain = ",".join(map(str, weekdays[0]))
    asked += [f"0 0 * {listed} {weekday}" for weekday in (plain, *weekdays[1]) if weekday]
    restricted = any((*days, *weekdays))
    return tuple(asked) if restricted else (f"0 0 * {listed} *",)


def _day_values(field: _Field, written: str, special: Callable[[str], str]) -> Days:
    """The plain and the special values of a field that names days; none where it names all."""
    parts = ["*"] if written == "?" else written.split(",")
    specials = {part: special(part) for part in parts}
    plain = field.values([part for part in parts if not specials[part]])
    if "*" in parts or "*/1" in parts:
        return (), ()
    return plain, tuple(dict.fromkeys(filter(None, specials.values())))


def _special_day(part: str) -> str:
    """``l`` or ``15w`` for what is written ``L``, ``15W``, ``W15`` or ``LW``; else nothing."""
    if part in ("lw", "wl"):
        return "31w"
    if "w" in part:
        return f"{_DAY.number(part.strip('w'), part)}w"
    return "l" if part == "l" else ""


def _special_weekday(part: str) -> str:
    """``5#3`` or ``l5`` for what is written ``5#3``, ``fri#3``, ``5L`` or ``L5``; else nothing."""
    if part == "l":
        raise _WEEKDAY.error(part, "does not say which; the last Friday is 5L")
    if part.startswith("l") or part.endswith("l"):
        return f"l{_WEEKDAY.number(part.strip('l'), part) % 7}"
    name, sharp, nth = part.partition("#")
    if sharp and nth not in ("1", "2", "3", "4", "5"):
        raise _WEEKDAY.error(part, "needs a number from 1 to 5 after #")
    return f"{_WEEKDAY.number(name, part) % 7}#{nth}" if sharp else ""


_ZONE = pattern(r"(?:^|\s)(?:cron_)?tz=")
_EVERY = pattern(r"every (\d{1,2}) ?(m|min|minutes?|h|hours?)")
_TIME = pattern(r"(?:every day |daily )?(?:at )?(\d{1,2}):(\d\d)")


def _refusal(expression: str, lowered: str, fields: list[str]) -> str:
    """What is wrong with an expression as a whole."""
    shown = safe(expression.strip(), 80)
    if _ZONE.search(lowered):
        return (
            f"{shown!r} names a time zone of its own, which is not followed: all expressions are "
            "read in the workers' time_zone. Leave out TZ= or CRON_TZ=."
        )
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
    clock = _TIME.fullmatch(lowered)
    return f"{int(clock[2])} {int(clock[1])} * * *" if clock else ""
