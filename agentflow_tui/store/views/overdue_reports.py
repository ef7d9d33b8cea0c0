"""Reports that did not come: which types come by a rhythm, which of those are late, and why.

A report is expected on a day when it came on three quarters of the days like it: those of the same
weekday where there were three of them, else workdays or weekends, of which there must be four;
where there are fewer and it came on each of them, all days. It is late when it has not come three
quarters of an hour after the time by which it mostly was there.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import groupby
from statistics import median_low
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.counts import is_large

DAYS = 42
"""Days of arrivals that are looked at."""

MOST = 20_000
"""Reports of these days that are looked at, the latest."""

ALIKE, OF_THE_WEEK = 3, 4
"""Days of one weekday, and workdays or weekends, from which on there is a rhythm."""

SHARE = 0.75
"""Share of the days alike on which a report has to have come to be expected."""

MOSTLY = 0.9
"""Share of the arrivals after which a report is late …"""

GRACE = timedelta(minutes=45)
"""… and how much later it may come."""

FAILURES = 500
"""Failed imports among which reasons are looked for, the latest."""

REASONS = timedelta(days=3)
"""How far back reasons are looked for …"""

LOOKED_THROUGH = 20_000
"""… and among how many entries of the journal, the newest."""

_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueReport:
    """A type of report that should have come. ``usual`` is the middle of the times of day at which
    it comes, ``due`` when the first of those that are ``missed`` was late, ``last`` when the last
    one came; ``why`` says what is known, ``workflow`` is the one that failed to fetch it."""

    vendor: str
    report_type: str
    usual: time
    due: datetime
    last: datetime
    missed: int
    why: str = ""
    workflow: str = ""

    @property
    def key(self) -> str:
        return f"{self.vendor}\0{self.report_type}"

    @property
    def title(self) -> str:
        return f"{self.vendor} {self.report_type}".strip()


@dataclass(frozen=True, slots=True)
class ReportArrival:
    """When a report of a vendor and type came in."""

    vendor: str
    report_type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FailedImport:
    """An import, or a step that fetches from a mailbox, that failed: its ``input`` as JSON text,
    and the error."""

    input: str | None
    error: str | None
    at: datetime


def arrivals(binding: Binding) -> Statement[ReportArrival]:
    """The first arrival of each quarter of an hour, by vendor and type. An index on ``createdAt``
    or ``reportDate`` serves it; a large table without one is not read."""
    columns = binding.tables["reports"].columns
    names = [name for name in ("createdAt", "reportDate") if name in columns]
    served = [name for name in names if columns[name].indexed]
    if not is_large(binding, "reports"):
        served += names
    by = f"{{r.reports.{served[0]}}}" if served else "NULL::timestamptz"
    at = "coalesce({r.reports.createdAt}, {r.reports.reportDate})::timestamptz"
    return Statement(
        ReportArrival,
        f"""
SELECT coalesce(x.vendor, ''), coalesce(x.type, ''), min(x.at)
  FROM (SELECT {{r.reports.vendor}} AS vendor, {{r.reports.reportType}} AS type, {at} AS at
          FROM {{reports?}} r WHERE {by} > now() - interval '{DAYS} days'
         ORDER BY {by} DESC LIMIT {MOST}) x
 WHERE x.at <= now() AND (x.vendor <> '' OR x.type <> '')
 GROUP BY 1, 2, floor(extract(epoch FROM x.at) / 900) ORDER BY 1, 2, 3""",
    )


def failed_imports(binding: Binding) -> Statement[FailedImport]:
    """The imports and fetches that failed after a moment, the latest first, among the newest
    entries; an index on ``createdAt`` serves it, and a large journal without one is not read."""
    column = binding.tables["task_logs"].columns.get("createdAt")
    served = bool(column and column.indexed) or not is_large(binding, "task_logs")
    return Statement(
        FailedImport,
        f"""
SELECT {{t.task_logs.input}}::text, {{t.task_logs.error}}, {{t.task_logs.createdAt}}::timestamptz
  FROM (SELECT n.* FROM {{task_logs?}} n
         WHERE {{n.task_logs.createdAt}} > $1 AND {"true" if served else "false"}
         ORDER BY {{n.task_logs.createdAt}} DESC LIMIT {LOOKED_THROUGH}) t
 WHERE {{t.task_logs.status}} = 'failed' AND ({{t.task_logs.taskType}} = 'report.import'
        OR {{t.task_logs.taskType}} = 'workflow.step'
       AND {{t.task_logs.input}}::text LIKE '%"emailIngestion"%')
 ORDER BY {{t.task_logs.createdAt}} DESC LIMIT {FAILURES}""",
    )


async def read_overdue_reports(
    database: Database, zone: tzinfo, now: datetime
) -> list[OverdueReport]:
    """The reports that should have come by now, the longest overdue first; days and times are
    those of the zone. Raises `UnreachableError`, `RefusedError`."""
    found = await database.fetch(database.binding.cached(arrivals))
    late = [
        overdue
        for _, group in groupby(found, lambda each: (each.vendor, each.report_type))
        if (overdue := overdue_report(list(group), zone, now)) is not None
    ]
    if not late:
        return []
    since = max(min(each.last for each in late), now - REASONS)
    failed = await database.fetch(database.binding.cached(failed_imports), since)
    return sorted((_explained(each, failed) for each in late), key=lambda each: each.due)


def overdue_report(
    came: Sequence[ReportArrival], zone: tzinfo, now: datetime
) -> OverdueReport | None:
    """What is late of a vendor and type, from its arrivals, the oldest first; None where nothing
    is, or where there is no rhythm. The first arrival of a day counts."""
    times = [each.at.astimezone(zone) for each in reversed(came)]
    by_day = {at.date(): at for at in times}
    last, today = max(by_day), now.astimezone(zone).date()
    missed: list[datetime] = []
    usual: list[datetime] = []
    for ahead in range(1, (today - last).days + 1):
        day = last + timedelta(days=ahead)
        alike = _alike(day, by_day)
        if not alike:
            continue
        due = _at(day, sorted(map(_seconds, alike))[int(MOSTLY * (len(alike) - 1))], zone) + GRACE
        if due < now:
            usual = usual or alike
            missed.append(due)
    if not missed:
        return None
    return OverdueReport(
        vendor=came[0].vendor,
        report_type=came[0].report_type,
        usual=_at(last, median_low(map(_seconds, usual)), zone).time(),
        due=missed[0],
        last=by_day[last],
        missed=len(missed),
    )


def _alike(day: date, by_day: dict[date, datetime]) -> list[datetime]:
    """The arrivals on earlier days like this one, where there are enough for it to be expected."""
    first, last = min(by_day), max(by_day)
    days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
    same = [each for each in days if each.weekday() == day.weekday()]
    if len(same) < ALIKE:
        weekend = day.weekday() >= _SATURDAY
        same = [each for each in days if (each.weekday() >= _SATURDAY) == weekend]
        if len(same) < OF_THE_WEEK and same and by_day.keys() >= set(same):
            same = days
        if len(same) < OF_THE_WEEK:
            return []
    found = [by_day[each] for each in same if each in by_day]
    return found if len(found) >= SHARE * len(same) else []


def _seconds(at: datetime) -> int:
    """The time of day in seconds."""
    return at.hour * 3600 + at.minute * 60 + at.second


def _at(day: date, seconds: int, zone: tzinfo) -> datetime:
    hours, rest = divmod(seconds, 3600)
    return datetime.combine(day, time(hours, rest // 60, rest % 60), zone)


def _explained(overdue: OverdueReport, failed: Sequence[FailedImport]) -> OverdueReport:
    """The same with what is known about why it did not come."""
    about = overdue.vendor, overdue.report_type
    for each in failed:
        given = read(each.input).value
        if each.at <= overdue.last or not isinstance(given, dict):
            continue
        error = each.error or "no reason was given"
        if (given.get("vendor"), given.get("reportType")) == about:
            return replace(overdue, why=f"its file could not be read: {error}")
        if about in _fetched_by(given):
            return replace(overdue, why=error, workflow=str(given.get("workflow") or ""))
    return replace(overdue, why="nothing of it came in since")


def _fetched_by(step: dict[str, Any]) -> list[tuple[object, object]]:
    """Vendors and types that a step brings in by rules of its own, from what the journal has."""
    config = step.get("config")
    rules = config.get("vendors") if isinstance(config, dict) else None
    found = rules if isinstance(rules, list) else []
    return [(rule.get("vendor"), rule.get("type")) for rule in found if isinstance(rule, dict)]
