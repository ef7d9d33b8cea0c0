"""What measurements of our own database mean: a grade and a sentence. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from agentflow_tui import cron
from agentflow_tui.cron import CronError
from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.store.queue.check_claims import (
    CheckFinding,
    ConnectionLoad,
    QueueFigures,
    SchedulePunctuality,
    StandingSchedule,
    Status,
)
from agentflow_tui.store.queue.other_senders import OtherSenders
from agentflow_tui.store.views.predicates import STARTED_FROM
from agentflow_tui.text import plural

CONNECTIONS = (0.8, 0.95)
"""Share of the allowed ones in use: warning, error. As in all pairs below."""
LAG = (30.0, 300.0)
OLDEST = (600.0, 3600.0)
"""Seconds that the oldest mail has been waiting."""
FAILING = (0.1, 0.5)
"""Share of the mails of the last hour that failed for good, from `ENOUGH` on."""
ENOUGH = 10
OVERDUE = (60.0, 300.0)
"""Seconds by which a slot is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTimes:
    """What is slow, in seconds.

    ``round_trip`` to the database: warning, error; ``service``: warning. A measurement of our own
    tables is stopped after ``measurement``.
    """

    round_trip: tuple[float, float] = (0.25, 1.0)
    service: float = 2.0
    measurement: float = 2.0


DEFAULT_TIMES = AnswerTimes()


def _grade(value: float, thresholds: tuple[float, float]) -> Status:
    warning, error = thresholds
    return "error" if value >= error else "warning" if value >= warning else "ok"


def _worst(*grades: Status) -> Status:
    return max(grades, key=("ok", "warning", "error").index)


def database_finding(
    load: ConnectionLoad, took: float, times: AnswerTimes = DEFAULT_TIMES
) -> CheckFinding:
    """How the server is, by its load and one round trip in seconds."""
    share = load.connections / max(1, load.allowed)
    status = _worst(_grade(took, times.round_trip), _grade(share, CONNECTIONS))
    said = f"It answers in {took * 1000:.0f} ms; {load.connections} of {load.allowed} connections"
    if load.replicas and load.lag is not None:
        status = _worst(status, _grade(load.lag, LAG))
        said += f"; the replica is {load.lag:.0f} s behind"
    details = {"connections": load.connections, "allowed": load.allowed, "lag": load.lag}
    return CheckFinding(status=status, message=f"{said}.", response=took, details=details)


def queue_finding(queue: QueueFigures, others: OtherSenders, took: float) -> CheckFinding:
    """How the mail queue is, and whether it is ours alone."""
    through = queue.failed + queue.completed
    share = queue.failed / through if through >= ENOUGH else 0.0
    oldest = queue.oldest or 0.0
    said = "No mail is waiting"
    if queue.waiting:
        said = f"{plural(queue.waiting, 'mail')} waiting, the oldest for {_age(oldest)}"
    if queue.failed:
        said += f"; {queue.failed} of {through} failed in the last hour"
    if others.sentence:
        said += f"; {others.sentence}"
    alone: Status = "warning" if others.sentence else "ok"
    return CheckFinding(
        status=_worst(_grade(oldest, OLDEST), _grade(share, FAILING), alone),
        message=f"{said}.",
        response=took,
        details={
            "waiting": queue.waiting,
            "oldest": round(oldest),
            "failed": queue.failed,
            "completed": queue.completed,
            "others": others.claimed + others.sent,
        },
    )


def scheduler_finding(
    found: SchedulePunctuality, took: float, standing: "Standing | None" = None
) -> CheckFinding:
    """How punctual the schedulers are, by the schedules and by what they report themselves."""
    reports = _scheduler_reports(found.workers or ())
    missed, skipped = (sum(_count(r, name) for r in reports) for name in ("missed", "skipped"))
    wrong = max((_count(report, "wrong") for report in reports), default=0)
    late = max((_count(report, "late_ms") for report in reports), default=0)
    held, strays = (standing.held, standing.strays) if standing else (0, 0)
    warnings = [
        (missed, f"{plural(missed, 'slot')} missed in the last hour"),
        (skipped, f"{plural(skipped, 'slot')} started nothing in the last hour"),
        (wrong, f"{plural(wrong, 'schedule')} with an expression that cannot be read"),
        (held, f"{plural(held, 'schedule')} with a workflow that is paused or cannot be started"),
        (strays, f"{plural(strays, 'schedule')} with a next run that the expression does not name"),
    ]
    said = [sentence for holds, sentence in warnings if holds]
    return CheckFinding(
        status=_worst(_grade(found.latest or 0.0, OVERDUE), "warning" if said else "ok"),
        message=f"{'; '.join([_punctuality(found, late if reports else None), *said])}.",
        response=took,
        details={
            "overdue": found.overdue,
            "missed": missed,
            "skipped": skipped,
            "wrong": wrong,
            "held": held,
            "strays": strays,
            "late_ms": late,
        },
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """Active schedules whose workflow cannot be started, and those that wait for a time which their
    expression does not name."""

    held: int
    strays: int


def standing(schedules: Sequence[StandingSchedule], zone: tzinfo) -> Standing:
    """What these schedules will do. An expression is looked at once, however many have it."""
    first: dict[str, datetime | None] = {}
    strays = 0
    for each in schedules:
        if each.next_run is None or each.next_run <= each.now or not each.cron:
            continue
        if each.cron not in first:
            first[each.cron] = _first_slot(each.cron, each.now, zone)
        slot = first[each.cron]
        strays += slot is not None and each.next_run != slot
    held = sum(
        each.workflow_status is not None and each.workflow_status not in STARTED_FROM
        for each in schedules
    )
    return Standing(held=held, strays=strays)


def _first_slot(expression: str, now: datetime, zone: tzinfo) -> datetime | None:
    try:
        fires = cron.next_fires(expression, now, 1, zone)
    except CronError:  # it is counted among those that cannot be read
        return None
    return fires[0] if fires else None


def _punctuality(found: SchedulePunctuality, late: int | None) -> str:
    if found.overdue:
        return f"{plural(found.overdue, 'schedule')} overdue, by up to {_age(found.latest or 0)}"
    if late is None:
        return "No schedule is overdue"
    return (
        f"Slots fire within {_age(late / 1000)}" if late >= 1000 else f"Slots fire within {late} ms"
    )


def _scheduler_reports(workers: Sequence[str]) -> list[dict[str, Any]]:
    """What the schedulers say in the rows of their processes."""
    found = (_member(_member(read(text).value, "reports"), "scheduler") for text in workers)
    return [report for report in found if isinstance(report, dict)]


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _count(report: Mapping[str, Any], name: str) -> int:
    value = report.get(name)
    return value if isinstance(value, int) else 0


def _age(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return plural(int(seconds // size), unit)
    return plural(int(seconds), "second")
