"""Cron expressions: what they mean, when they fire, and what is wrong with them.

The zones are those whose changes are an hour in spring and autumn on either side of the Atlantic,
and the one whose changes are half an hour.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from croniter import CroniterBadDateError, CroniterError, croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.cron import Cron, CronError, fires, missed, next_fires, parse, previous
from agentflow_tui.cron import words as in_words

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    *(ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")),
    *(ZoneInfo("Asia/Kolkata"), ZoneInfo("America/St_Johns"), UTC),
]


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, sparse: bool = False) -> str:
    """One field that both readers understand alike: no wrapped and no one-value ranges."""
    part = st.one_of(
        st.integers(low, high).map(str),
        st.tuples(st.integers(low, high - 1), st.integers(1, high - low)).map(
            lambda ends: f"{ends[0]}-{min(high, ends[0] + ends[1])}"
        ),
        st.integers(2, high - low).map(lambda step: f"*/{step}"),  # */1 is read as * here only
        st.tuples(st.integers(low, high), st.integers(1, 20)).map(lambda it: f"{it[0]}/{it[1]}"),
    )
    if not sparse and draw(st.booleans()):
        return "*"
    return ",".join(draw(st.lists(part, min_size=1, max_size=3)))


weekday_fields = fields(0, 6) | st.sampled_from(
    ["mon-fri", "sun", "7", "6-7", "L5", "5#3", "fri#1,mon#2", "?"]
)
day_fields = fields(1, 31) | st.sampled_from(["L", "15,L", "15W", "1W", "31W", "?"])
five_fields = st.tuples(
    fields(0, 59),
    fields(0, 23),
    day_fields,
    fields(1, 12) | st.sampled_from(["jan,jul"]),
    weekday_fields,
)
expressions = five_fields.map(" ".join) | st.tuples(fields(0, 59), five_fields).map(
    lambda six: " ".join((six[0], *six[1]))
)
moments = st.timedeltas(timedelta(days=-2_000), timedelta(days=1_500)).map(lambda far: NOON + far)


RARE = 5
"""Years after which the reference library stops looking, as it takes its time."""

one_day_field = st.tuples(day_fields, st.just("*")) | st.tuples(
    st.just("*"), weekday_fields | st.sampled_from(["L5", "5#3", "fri#1,mon#2"])
)
plain_day_fields = st.tuples(fields(1, 31), fields(0, 6) | st.sampled_from(["mon-fri", "7"]))
comparable = st.builds(
    lambda minute, hour, month, days: f"{minute} {hour} {days[0]} {month} {days[1]}",
    fields(0, 59),
    fields(0, 23),
    fields(1, 12),
    one_day_field | plain_day_fields,
)


def reference(expression: str, after: datetime, count: int) -> list[datetime]:
    """What the reference library says, in the zone where it is right: UTC."""
    known: Any = croniter(expression, after, max_years_between_matches=RARE)
    found: list[datetime] = []
    while len(found) < count:
        try:
            found.append(known.get_next(datetime))
        except CroniterBadDateError:
            break
    return found


@given(comparable, moments)
@settings(deadline=None)
def test_without_clock_changes_it_agrees_with_the_reference(
    expression: str, after: datetime
) -> None:
    expected = reference(expression, after, 3)
    found = next_fires(expression, after, 3, UTC)
    assert found[: len(expected)] == expected
    for later in found[len(expected) :][:1]:
        assert later - [after, *expected][-1] > timedelta(days=365 * RARE)


@st.composite
def written_fields(draw: st.DrawFn, low: int, high: int, names: Sequence[str] = ()) -> str:
    """One field in all ways that crons know, but for ranges of one value and steps of one."""
    value = st.integers(low, high).map(str) | st.sampled_from([*names, str(low)])
    pair = st.tuples(value, value).filter(lambda ends: number(ends[0]) != number(ends[1]))
    spread = pair.map("-".join)
    stepped = st.tuples(value | spread | st.just("*"), st.integers(2, 40).map(str)).map("/".join)
    return ",".join(draw(st.lists(value | spread | stepped | st.just("*"), min_size=1, max_size=3)))


def number(value: str) -> str:
    """The same for two ways to write one value: both Sundays, a month and its name."""
    return {"sun": "0", "7": "0", "jul": "0", "mon": "1", "jan": "1", "sat": "6"}.get(value, value)


written_days = st.one_of(
    st.tuples(written_fields(1, 31), written_fields(0, 7, ["sun", "mon", "sat"])),
    st.tuples(st.sampled_from(["L", "15W", "w1", "31w", "3,L", "?"]), st.just("*")),
    st.tuples(st.just("*"), st.sampled_from(["5#3", "mon#1,4#5", "L7", "7#2", "?"])),
)
written = st.builds(
    lambda minute, hour, month, days: f"{minute} {hour} {days[0]} {month} {days[1]}",
    written_fields(0, 59),
    written_fields(0, 23),
    written_fields(1, 12, ["jan", "jul"]),
    written_days,
)


@given(written, moments)
@settings(deadline=None, max_examples=120)
def test_what_is_accepted_is_read_as_the_reference_reads_it(
    expression: str, after: datetime
) -> None:
    try:
        expected = reference(expression, after, 3)
        found = next_fires(expression, after, 3, UTC)
    except (CronError, CroniterError):
        return
    assert found[: len(expected)] == expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5-5 * * * *", "5 * * * *"),
        ("0 9 * jan-jan mon-mon", "0 9 * 1 1"),
        ("0 9 * * 7-7", "0 9 * * 0"),
        ("0 9 * * 5L", "0 9 * * l5"),
        ("0 9 */1 * mon", "0 9 * * mon"),
        ("0 9 13 */1 */1", "0 9 13 * *"),
        ("0 9 1-31 * */2", "0 9 * * */2"),
        ("0 9 * * friday", "0 9 * * 5"),
    ],
)
def test_what_the_reference_misreads_means_what_crontab_says(written: str, meant: str) -> None:
    assert next_fires(written, NOON, 20, UTC) == reference(meant, NOON, 20)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 1 * fri#2", [1, 11]),
        ("0 0 15W,20 * *", [15, 20]),
        ("0 0 1W * mon", [1, 7, 14, 21, 28]),
        ("0 0 L * 5L,tue#1", [1, 25, 31]),
        ("0 0 30 2 fri", []),
        ("0 0 */10 * sun", [1, 6, 11, 13, 20, 21, 27, 31]),
    ],
)
def test_either_of_day_and_weekday_is_enough(expression: str, days: list[int]) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    found = missed(expression, start - MINUTE, start + timedelta(days=31) - MINUTE, UTC)
    assert [at.day for at in found] == days


def observed(cron: Cron, after: datetime, until: datetime, zone: tzinfo) -> list[datetime]:
    """The fires by the rules, found by looking at every minute on the wall: a second opinion."""
    repeats = cron.every_hour or cron.every_minute_field
    found = []
    moment = after.replace(second=0, microsecond=0)
    before = moment.astimezone(zone)
    while moment < until:
        moment += MINUTE
        local = moment.astimezone(zone)
        due = shows(cron, local) and (local.fold == 0 or repeats)
        skipped = before.replace(tzinfo=None) + MINUTE
        while not cron.every_hour and skipped < local.replace(tzinfo=None):
            due = due or shows(cron, skipped)
            skipped += MINUTE
        if due and after < moment <= until:
            found.append(moment)
        before = local
    return found


def shows(cron: Cron, local: datetime) -> bool:
    in_time = local.minute in cron.minutes and local.hour in cron.hours
    in_month = local.month in cron.months
    return in_time and in_month and falls_on(cron, local)


def falls_on(cron: Cron, day: datetime) -> bool:
    """Whether the day fields allow a day, by looking at each way to allow it."""
    month = [day.replace(day=1) + timedelta(days=each) for each in range(31)]
    month = [each for each in month if each.month == day.month]
    alike = [each.day for each in month if each.weekday() == day.weekday()]
    weekday = day.isoweekday() % 7
    ways = [cron.any_day and cron.any_weekday, day.day in cron.days, weekday in cron.weekdays]
    for special in cron.special_days:
        wanted = min(int(special.strip("lw") or 31), len(month))
        working = [each.day for each in month if each.weekday() < 5]
        nearest = min(working, key=lambda each: abs(each - wanted)) if "w" in special else wanted
        ways.append(day.day == nearest)
    for special in cron.special_weekdays:
        named, _, nth = special.strip("l").partition("#")
        same = alike[-1:] if "l" in special else alike[int(nth) - 1 : int(nth)]
        ways.append(int(named) == weekday and day.day in same)
    return any(ways)


MINUTE = timedelta(minutes=1)

changes = st.sampled_from(
    [
        (ZoneInfo("Europe/Berlin"), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (ZoneInfo("Europe/Berlin"), datetime(2026, 10, 25, 1, tzinfo=UTC)),
        (ZoneInfo("America/New_York"), datetime(2026, 3, 8, 7, tzinfo=UTC)),
        (ZoneInfo("America/New_York"), datetime(2026, 11, 1, 6, tzinfo=UTC)),
        (ZoneInfo("Australia/Lord_Howe"), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        (ZoneInfo("Australia/Lord_Howe"), datetime(2026, 4, 4, 15, 0, tzinfo=UTC)),
        (ZoneInfo("America/Santiago"), datetime(2026, 9, 6, 4, tzinfo=UTC)),
        (ZoneInfo("America/Santiago"), datetime(2026, 4, 5, 3, tzinfo=UTC)),
        (ZoneInfo("Africa/Casablanca"), datetime(2026, 2, 15, 2, tzinfo=UTC)),
        (ZoneInfo("Pacific/Apia"), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        (ZoneInfo("Asia/Kolkata"), datetime(2026, 6, 1, tzinfo=UTC)),
    ]
)
night_hours = st.sampled_from(["*", "2", "1-3", "0,2", "*/2", "1", "3", "0"])
night_minutes = fields(0, 59) | st.sampled_from(["*/15", "30", "0", "0,30", "45", "*/30", "15/30"])


@given(night_minutes, night_hours, changes, st.integers(-1500, 120), st.integers(0, 59))
@settings(deadline=None, max_examples=150)
def test_clock_changes_double_and_miss_nothing(
    minute: str, hour: str, change: tuple[ZoneInfo, datetime], before: int, seconds: int
) -> None:
    zone, moment = change
    after = moment + timedelta(minutes=before, seconds=seconds)
    until = moment + timedelta(hours=7)
    expression = f"{minute} {hour} * * *"
    found = missed(expression, after, until, zone, cap=5_000)
    assert found == observed(parse(expression), after, until, zone)
    assert all(one < next_one for one, next_one in pairwise(found))


@given(five_fields, changes, st.integers(-1500, 120))
@settings(deadline=None, max_examples=100)
def test_any_expression_fires_by_the_rules_when_the_clocks_change(
    written: tuple[str, ...], change: tuple[ZoneInfo, datetime], before: int
) -> None:
    zone, moment = change
    after, until = moment + timedelta(minutes=before), moment + timedelta(hours=30)
    expression = " ".join(written)
    found = missed(expression, after, until, zone, cap=10_000)
    assert found == observed(parse(expression), after, until, zone)


def local_fires(expression: str, zone: str, day: str) -> list[str]:
    """The fires of one local night, as the clock on the wall and the offset show them."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    until = datetime.fromisoformat(f"{day} 04:00").replace(tzinfo=ZoneInfo(zone))
    found = missed(expression, start, until, ZoneInfo(zone))
    return [at.astimezone(ZoneInfo(zone)).strftime("%H:%M%z") for at in found]


@pytest.mark.parametrize(
    ("expression", "zone", "day", "shown"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["02:30+0200"]),
        ("*/30 2-3 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200", "03:30+0200"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-29", ["00:30+0100", "01:30+0100", "03:30+0200"]),
        (
            "30 * * * *",
            "Europe/Berlin",
            "2026-10-25",
            ["00:30+0200", "01:30+0200", "02:30+0200", "02:30+0100", "03:30+0100"],
        ),
        ("30 2 * * *", "America/New_York", "2026-03-08", ["03:00-0400"]),
        ("30 1 * * *", "America/New_York", "2026-11-01", ["01:30-0400"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["02:30+1100"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:45+1100"]),
        (
            "*/20 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-05",
            ["01:00+1100", "01:20+1100", "01:40+1100", "01:40+1030"],
        ),
    ],
)
def test_the_nights_when_the_clocks_change(
    expression: str, zone: str, day: str, shown: list[str]
) -> None:
    assert local_fires(expression, zone, day) == shown


@given(expressions, moments, st.sampled_from(ZONES))
@settings(deadline=None, max_examples=150)
def test_the_previous_fire_leads_to_the_next(
    expression: str, after: datetime, zone: tzinfo
) -> None:
    coming = next_fires(expression, after, 3, zone)
    for one, next_one in pairwise(coming):
        assert previous(expression, next_one, zone) == one
        assert previous(expression, next_one - timedelta(microseconds=1), zone) == one
    last = previous(expression, after, zone)
    if last is not None:
        assert next(fires(expression, last, zone), NEVER) >= after
        assert last < after


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "* * 30,31 2 *"])
def test_a_date_that_never_comes_is_said_to_be_one(expression: str) -> None:
    assert next_fires(expression, NOON, 5, BERLIN) == []
    assert previous(expression, NOON, BERLIN) is None
    assert in_words(expression).startswith("never: ")


def test_rare_dates_are_found() -> None:
    assert next_fires("0 0 29 2 *", NOON, 2, UTC) == [
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2032, 2, 29, tzinfo=UTC),
    ]
    assert next_fires("0 0 * 2 mon#5", NOON, 1, UTC) == [datetime(2044, 2, 29, tzinfo=UTC)]
    century = datetime(2096, 3, 1, tzinfo=UTC)
    assert next_fires("0 0 29 2 *", century, 1, UTC) == [datetime(2104, 2, 29, tzinfo=UTC)]


def test_the_infinities_of_the_database_have_no_fires() -> None:
    for end in (datetime(1, 1, 1, tzinfo=UTC), NEVER):
        assert next_fires("* * * * *", end, 1, BERLIN) == []
        assert previous("* * * * *", end, BERLIN) is None


def test_missed_fires_are_those_after_the_last_up_to_now() -> None:
    last = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    hourly = [last + timedelta(hours=1), last + timedelta(hours=2)]
    assert missed("0 * * * *", last, NOON, BERLIN) == hourly
    assert missed("0 * * * *", last, NOON - timedelta(seconds=1), BERLIN) == hourly[:1]
    assert missed("0 * * * *", last, NOON, BERLIN, cap=1) == hourly[:1]
    assert missed("0 * * * *", NOON, last, BERLIN) == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("5-59/15 * * * *", "every 15 minutes from minute 5"),
        ("*/7 * * * *", "every 7 minutes within the hour"),
        ("3,5,9 * * * *", "at minutes 3, 5 and 9 of every hour"),
        ("@hourly", "every hour"),
        ("5 * * * *", "every hour at :05"),
        ("0 */2 * * *", "every 2 hours"),
        ("10 */5 * * *", "every 5 hours at :10 within the day"),
        ("@daily", "every day at 00:00"),
        ("30 7 * * 1-5", "every weekday at 07:30"),
        ("0 9,12,18 * * *", "every day at 09:00, 12:00 and 18:00"),
        ("*/10 9-17 * * 1-5", "every 10 minutes from 09:00 to 17:59 on weekdays"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("*/15 * * * mon,fri", "every 15 minutes on Mondays and Fridays"),
        ("0 0 * * 7,6", "every Saturday and Sunday at 00:00"),
        ("0 18 * * 5L", "on the last Friday of the month at 18:00"),
        ("0 18 * * L5", "on the last Friday of the month at 18:00"),
        ("0 9 * * mon#1", "on the first Monday of the month at 09:00"),
        ("0 0 L * *", "on the last day of the month at 00:00"),
        ("0 0 LW * *", "on the last weekday of the month at 00:00"),
        ("0 0 15W * *", "on the weekday nearest the 15th of the month at 00:00"),
        ("0 0 13 * 5", "on the 13th of the month and every Friday at 00:00"),
        ("@yearly", "on the 1st of January at 00:00"),
        ("0 0 1 1,7 *", "on the 1st of January and July at 00:00"),
        ("0 6 * jun-aug mon", "every Monday in June, July and August at 06:00"),
        ("0 0 */2 * *", "on every 2nd day of the month at 00:00"),
        ("0 0 1-7,20 * *", "on the 1st to 7th and 20th of the month at 00:00"),
        ("0 0 1-31 * *", "every day at 00:00"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("15 30 7 * * *", "every day at 07:30:15"),
        ("0 0 30 2 *", "never: February has no day 30"),
    ],
)
def test_expressions_in_english(expression: str, said: str) -> None:
    assert in_words(expression) == said


@given(expressions)
@settings(deadline=None)
def test_every_expression_has_words(expression: str) -> None:
    said = in_words(expression)
    assert said
    assert "  " not in said
    assert said == said.strip()


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("61 * * * *", "In '61 * * * *' the minute '61' is not between 0 and 59."),
        (
            "0 24 * * *",
            "In '0 24 * * *' the hour '24' is not between 0 and 23; midnight is hour 0.",
        ),
        ("*/0 * * * *", "In '*/0 * * * *' the minute '*/0' needs a whole number from 1 after /."),
        (
            "/5 * * * *",
            "In '/5 * * * *' the minute '/5' has nothing in front of /; did you mean */5?",
        ),
        ("0 0 * * mo", "In '0 0 * * mo' the weekday 'mo' is not known; did you mean mon?"),
        (
            "0 0 * * 5#6",
            "In '0 0 * * 5#6' the weekday '5#6' needs a number from 1 to 5 after #.",
        ),
        (
            "every 5 minutes",
            "'every 5 minutes' is not a cron expression. Did you mean '*/5 * * * *'?",
        ),
        ("07:30", "'07:30' is not a cron expression. Did you mean '30 7 * * *'?"),
        ("daily", "'daily' is not a cron expression. Did you mean '@daily'?"),
        (
            "\x1b[2j * * * *",
            "In '␛[2j * * * *' the minute '␛[2j' is not a number from 0 to 59.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(expression: str, sentence: str) -> None:
    with pytest.raises(CronError) as caught:
        parse(expression)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "expression",
    [
        *("h h * * *", "r * * * *", "h(0-5)/2 * * * *", "0~9 * * * *", "? * * * *", "*-5 * * * *"),
        *(
            "0 22-6/2 * * *",
            "0 0 L-3 * *",
            "0 0 1-15W * *",
            "0 0 ?,1 * *",
            "0 0 * * L",
            "0 0 0 * *",
        ),
        *("0 0 * * 1#0", "0 0 * * 1-5#2", "0 0 * * 5#", "0 0 1 1 * 2027 0", "@reboot", "@every 5m"),
    ],
)
def test_what_crons_read_in_several_ways_is_refused(expression: str) -> None:
    with pytest.raises(CronError):
        parse(expression)


def test_a_backward_range_with_a_step_is_refused_with_the_reason() -> None:
    with pytest.raises(CronError) as caught:
        parse("0 22-6/2 * * *")
    assert str(caught.value) == (
        "In '0 22-6/2 * * *' the hour '22-6/2' begins anew within its steps, "
        "which is read in several ways; write two ranges."
    )


@pytest.mark.parametrize(
    "expression",
    ["CRON_TZ=UTC 0 9 * * *", "tz=UTC @daily", "@daily TZ=UTC", "0 9 * * * TZ=UTC", "TZ=UTC"],
)
def test_a_time_zone_in_an_expression_is_refused_as_one(expression: str) -> None:
    with pytest.raises(CronError, match="names a time zone of its own"):
        parse(expression)


def test_an_error_names_the_field_at_fault() -> None:
    for expression, field in {"* * * 13 *": "month", "70 * * * * *": "second", "* *": ""}.items():
        with pytest.raises(CronError) as caught:
            parse(expression)
        assert caught.value.field == field


@given(st.text(max_size=40) | st.lists(st.sampled_from(list("0159*/-,#LW? @")), max_size=30))
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_cron_expression_or_a_sentence(written: str | list[str]) -> None:
    assert said_or_refused("".join(written)).isprintable()


def said_or_refused(expression: str) -> str:
    try:
        return in_words(expression)
    except CronError as error:
        return str(error)


def test_six_fields_have_the_seconds_in_front() -> None:
    assert parse("30 15 7 * * *").seconds == (30,)
    assert parse("15 7 * * *").seconds == (0,)
    assert parse("30 15 7 * * *").hours == (7,)


def test_day_of_month_or_weekday_is_enough() -> None:
    found = next_fires("0 0 13 * 5", datetime(2026, 11, 10, tzinfo=UTC), 3, UTC)
    assert [at.day for at in found] == [13, 20, 27]
    found = next_fires("0 0 14 * 5", datetime(2026, 11, 10, tzinfo=UTC), 3, UTC)
    assert [at.day for at in found] == [13, 14, 20]
