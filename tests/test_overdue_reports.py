"""Reports that should have come by now: by a rhythm, by the clock, and why they did not."""

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.overdue_reports import (
    ReportArrival,
    overdue_report,
    read_overdue_reports,
)
from tests.console.driving import console, sees
from tests.namings import NAMINGS

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 2)


def came(days: list[int], at: time = time(7, 10), zone: ZoneInfo = BERLIN) -> list[ReportArrival]:
    """Arrivals so many days after a Monday, a few minutes apart from day to day."""
    return [
        ReportArrival(
            "vAuto",
            "inventory",
            datetime.combine(MONDAY + timedelta(days=n), at, zone) + timedelta(minutes=n % 7),
        )
        for n in days
    ]


def on(day: int, at: str) -> datetime:
    return datetime.combine(MONDAY + timedelta(days=day), time.fromisoformat(at), BERLIN)


def test_a_daily_report_is_overdue_after_its_usual_time_and_not_before() -> None:
    arrivals = came(list(range(8)))
    assert overdue_report(arrivals, BERLIN, on(8, "07:30")) is None
    late = overdue_report(arrivals, BERLIN, on(8, "08:30"))
    assert late is not None
    assert (late.missed, late.last, late.usual.hour) == (1, arrivals[-1].at, 7)
    assert on(8, "07:45") < late.due < on(8, "08:15")
    assert overdue_report(came(list(range(9))), BERLIN, on(8, "23:59")) is None


def test_a_report_of_workdays_is_not_missed_at_the_weekend() -> None:
    workdays = [day for day in range(12) if day % 7 < 5]
    assert overdue_report(came(workdays), BERLIN, on(13, "23:59")) is None
    late = overdue_report(came(workdays), BERLIN, on(15, "12:00"))
    assert late is not None
    assert late.missed == 2


def test_a_weekly_report_is_missed_on_its_day() -> None:
    assert overdue_report(came([0, 7, 14]), BERLIN, on(20, "12:00")) is None
    late = overdue_report(came([0, 7, 14]), BERLIN, on(21, "12:00"))
    assert late is not None
    assert late.due.date() == MONDAY + timedelta(days=21)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=2, unique=True), st.integers(0, 60))
def test_one_or_two_reports_make_no_rhythm(days: list[int], later: int) -> None:
    arrivals = came(sorted(days))
    late = overdue_report(arrivals, BERLIN, arrivals[-1].at + timedelta(days=later))
    assert late is None


@given(st.lists(st.integers(0, 40), min_size=1, unique=True), st.integers(0, 2_000))
def test_what_came_today_is_never_overdue_and_what_is_was_due_after_the_last(
    days: list[int], hours: int
) -> None:
    arrivals = came(sorted(days))
    now = arrivals[-1].at + timedelta(hours=hours)
    late = overdue_report(arrivals, BERLIN, now)
    if now.astimezone(BERLIN).date() == arrivals[-1].at.date():
        assert late is None
    if late is not None:
        assert late.last < late.due < now


async def _report(database: Database, vendor: str, at: datetime) -> None:
    await database.execute(
        "INSERT INTO {reports} ({reports.id}, {reports.vendor}, {reports.reportType},"
        " {reports.reportDate}, {reports.createdAt}) VALUES (gen_random_uuid(), $1, 'inventory',"
        " $2::timestamptz::{reports.reportDate:type}, $2::timestamptz::{reports.createdAt:type})",
        vendor,
        at,
    )


async def _fill(database: Database, now: datetime) -> None:
    """Two vendors' reports of ten days, of which one's did not come today, and a failed import."""
    for days in range(10):
        await _report(database, "DealerTrack", now - timedelta(days=days, minutes=10))
        if days:
            await _report(database, "vAuto", now - timedelta(days=days, hours=2))
    await database.execute(
        "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.status},"
        " {task_logs.input}, {task_logs.error}, {task_logs.createdAt})"
        " VALUES (gen_random_uuid(), 'report.import', 'failed', $1, 'The file is cut off.', now())",
        json.dumps({"vendor": "vAuto", "reportType": "inventory"}),
    )


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_overdue_reports_are_read_with_the_reason(named: Database) -> None:
    noon = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), time(12), UTC)
    await _fill(named, noon)
    (late,) = await read_overdue_reports(named, UTC, noon)
    assert (late.vendor, late.report_type, late.missed) == ("vAuto", "inventory", 1)
    assert late.usual == time(10)
    assert late.why == "its file could not be read: The file is cut off."


async def test_the_workflow_that_failed_to_fetch_a_report_is_named(database: Database) -> None:
    noon = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), time(12), UTC)
    for days in range(1, 10):
        await _report(database, "vAuto", noon - timedelta(days=days, hours=2))
    rule = {"vendor": "vAuto", "type": "inventory", "sender": "reports@vauto.example"}
    step = {"type": "emailIngestion", "workflow": "w-1", "config": {"vendors": [rule]}}
    await database.execute(
        "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.status},"
        " {task_logs.input}, {task_logs.error}, {task_logs.createdAt})"
        " VALUES (gen_random_uuid(), 'workflow.step', 'failed', $1, 'It refused us.', now())",
        json.dumps(step),
    )
    (late,) = await read_overdue_reports(database, UTC, noon)
    assert (late.why, late.workflow) == ("It refused us.", "w-1")


async def test_reasons_are_looked_for_among_the_last_days_only(database: Database) -> None:
    noon = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), time(12), UTC)
    for days in range(10, 20):
        await _report(database, "vAuto", noon - timedelta(days=days))
    for days, error in ((5, "It was too long ago."), (2, "The file is cut off.")):
        (late,) = await read_overdue_reports(database, UTC, noon)
        assert late.why == "nothing of it came in since"
        await database.execute(
            "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.status},"
            " {task_logs.input}, {task_logs.error}, {task_logs.createdAt}) VALUES"
            " (gen_random_uuid(), 'report.import', 'failed', $1, $2,"
            " $3::timestamptz::{task_logs.createdAt:type})",
            json.dumps({"vendor": "vAuto", "reportType": "inventory"}),
            error,
            noon - timedelta(days=days),
        )
    (late,) = await read_overdue_reports(database, UTC, noon)
    assert late.why == "its file could not be read: The file is cut off."


async def test_screen_5_says_what_did_not_get_through_and_leads_there(database: Database) -> None:
    await database.execute(
        "INSERT INTO {insights} ({insights.id}, {insights.insightType}, {insights.score},"
        " {insights.content}, {insights.createdAt}) SELECT x.id::{insights.id:type}, 'trend',"
        ' x.score, \'{"title": "Leads fall"}\', now() FROM (VALUES'
        " ('0b0f6a52-02a6-4d4b-9a06-0a9e0f10aa01', 90), ('0b0f6a52-02a6-4d4b-9a06-0a9e0f10aa02',"
        " 91), ('0b0f6a52-02a6-4d4b-9a06-0a9e0f10aa03', 40)) x(id, score)"
    )
    await database.execute(
        "INSERT INTO {insight_distributions} ({insight_distributions.id},"
        " {insight_distributions.insightId}, {insight_distributions.status})"
        " SELECT gen_random_uuid(), x.id::{insight_distributions.insightId:type}, x.status FROM"
        " (VALUES ('0b0f6a52-02a6-4d4b-9a06-0a9e0f10aa01', 'sent'),"
        " ('0b0f6a52-02a6-4d4b-9a06-0a9e0f10aa03', 'failed')) x(id, status)"
    )
    for days in range(1, 10):
        await _report(database, "vAuto", datetime.now(UTC) - timedelta(days=days, hours=2))
    async with console(database.url, "reports", size=(100, 30)) as pilot:
        await sees(pilot, "n 1 reached nobody", "l 1 failed", "w 0 waiting", "x 1 overdue")
        await pilot.press("n")
        await sees(pilot, "reached:0 score:>80", "91", "1 rows")
        await pilot.press("l")
        await sees(pilot, "lost:>0", "40", "1 rows")
        await pilot.press("x")
        await sees(pilot, "nothing of it came in", "n 1 reached nobody")
        await pilot.press("enter")
        await sees(pilot, 'vendor:"vAuto" reportType:"inventory"', "9 rows")
