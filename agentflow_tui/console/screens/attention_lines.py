"""The kinds of lines under "needs attention", one function each."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.report_lanes import OVERDUE_VIEW
from agentflow_tui.console.screens.links import stale_link
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.timetables import timetable_words
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.issue_state import Issue, doubled
from agentflow_tui.store.views.overdue_reports import OverdueReport
from agentflow_tui.store.views.overview import Overview, OverviewRow
from agentflow_tui.store.views.predicates import WORKER_PREFIX
from agentflow_tui.store.views.workflow_names import title_of
from agentflow_tui.text import number, plural

LATE = timedelta(minutes=15)
"""Mail that has waited longer than this needs attention."""

LOCKS, LATE_MAIL = "locks", "mail.late"
"""Subjects of which there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLine:
    """One line. ``kind`` are those that are cut together where there are many. It leads to
    ``link``, or to the rows of ``group``."""

    issue: Issue
    kind: str
    glyph: str
    style: str
    since: datetime | None
    link: Link | None = None
    group: ErrorGroup | None = None


def stale_locks(overview: Overview, env: Environment) -> Iterable[IssueLine]:
    stale = overview.stale_locks
    if not stale:
        return
    since = sorted(lock.since for lock in overview.locks if lock.since is not None)
    first = title_of(overview.locks[0].what, "a workflow") if overview.locks else "a workflow"
    yield IssueLine(
        issue=Issue(
            subject=LOCKS,
            label=f"{plural(stale, 'stale lock')}, the oldest on {first}",
            size=stale,
            bearable=stale + 1,
            times=tuple(at + env.lease for at in since),
        ),
        kind=LOCKS,
        glyph="▲",
        style="warning",
        since=since[0] if since else None,
        link=stale_link(env),
    )


def wrong_schedules(
    schedules: Sequence[OverviewRow], zone: str, now: datetime
) -> Iterable[IssueLine]:
    for schedule in schedules:
        words, problem = timetable_words(schedule.what, zone)
        if schedule.since is None:
            trouble = "schedule without a next run"
        elif schedule.since < now:
            trouble = "schedule not fired"
        else:
            trouble = "schedule starts nothing"
        name = title_of(schedule.detail)
        yield IssueLine(
            issue=Issue(
                subject=f"schedule:{schedule.id}",
                label=": ".join(filter(None, (trouble, name, problem or words))),
                mark=_iso(schedule.since),
            ),
            kind="schedules",
            glyph="▲",
            style="warning",
            since=schedule.since,
            link=Link("schedules", schedule.id),
        )


def missing_roles(overview: Overview) -> dict[str, str]:
    """What there is to do that no living worker does, by role, in loud words."""
    if overview.workers is None:
        return {}
    alive = [worker for worker in overview.workers if not worker.steady]
    wanted = {
        "sender": overview.mail.get("pending") is not None,
        "scheduler": bool(overview.schedules or overview.upcoming),
    }
    return {
        role: trouble
        for role, trouble in _NEEDED.items()
        if wanted[role] and not any(_has_role(worker, role) for worker in alive)
    }


def no_worker(overview: Overview) -> Iterable[IssueLine]:
    """A line for each thing that no living worker does."""
    for role, trouble in missing_roles(overview).items():
        yield IssueLine(
            issue=Issue(subject=f"no:{role}", label=trouble),
            kind=f"no {role}",
            glyph="✗",
            style="alarm",
            since=None,
            link=Link("health_checks", view="workers"),
        )


_NEEDED = {"sender": "NO WORKER SENDS MAIL", "scheduler": "NO WORKER FIRES SCHEDULES"}
"""Roles without which nothing moves, and how that is said."""


def _has_role(worker: OverviewRow, role: str) -> bool:
    """Whether a worker has a role, and what it takes to do it."""
    return f'"{role}"' in worker.what and not (role == "sender" and "idle" in worker.what)


def silent_workers(workers: Sequence[OverviewRow]) -> Iterable[IssueLine]:
    for worker in workers:
        if worker.steady:
            name = worker.id.removeprefix(WORKER_PREFIX)
            yield IssueLine(
                issue=Issue(
                    subject=f"worker:{worker.id}", label=f"worker {name} is silent: {worker.detail}"
                ),
                kind="workers",
                glyph="✗",
                style="failed",
                since=worker.since,
                link=Link("health_checks", worker.id, view="workers"),
            )


def stale_checks(checks: Sequence[OverviewRow]) -> Iterable[IssueLine]:
    for check in checks:
        yield IssueLine(
            issue=Issue(
                subject=f"stale:{check.id}",
                label=f"{check.what}: not looked at any more; it said {check.detail}",
                mark=_iso(check.since),
            ),
            kind="stale checks",
            glyph="◌",
            style="warning",
            since=check.since,
            link=Link("health_checks", check.id),
        )


def missing_reports(reports: Sequence[OverdueReport]) -> Iterable[IssueLine]:
    for report in reports:
        more = f", {number(report.missed)} missed" if report.missed > 1 else ""
        yield IssueLine(
            issue=Issue(
                subject=f"report:{report.vendor}:{report.report_type}",
                label=f"report did not come: {report.title}, usual at {report.usual:%H:%M}{more}: "
                f"{report.why}",
                mark=_iso(report.last),
            ),
            kind="reports",
            glyph="▲",
            style="warning",
            since=report.due,
            link=Link("reports", view=OVERDUE_VIEW),
        )


def lost_insights(lost: int | None) -> Iterable[IssueLine]:
    if lost:
        yield IssueLine(
            issue=Issue(
                subject="distributions",
                label=f"{plural(lost, 'distribution')} failed: the insight reached nobody there",
                size=lost,
                bearable=lost + 1,
            ),
            kind="distributions",
            glyph="▲",
            style="warning",
            since=None,
            link=Link("insight_distributions", filter="status:failed"),
        )


def failing_checks(checks: Sequence[OverviewRow], status: str) -> Iterable[IssueLine]:
    glyph, style = ("✗", "failed") if status == "error" else ("▲", "warning")
    for check in checks:
        if check.detail.startswith(status):
            detail = check.detail.removeprefix(status).removeprefix(": ")
            steady = check.since if check.steady else None
            yield IssueLine(
                issue=Issue(
                    subject=f"check:{check.id}",
                    label=f"{check.what}: {detail}",
                    mark=status,
                    times=() if steady is None else (steady,),
                    quiet=timedelta(0),
                ),
                kind=f"check {status}",
                glyph=glyph,
                style=style,
                since=check.since,
                link=Link("health_checks", check.id),
            )


def failures(groups: Sequence[ErrorGroup], *, fresh: bool) -> Iterable[IssueLine]:
    for found in groups:
        if (found.is_new or found.is_back) != fresh or not (fresh or found.counts[2]):
            continue
        mark = "NEW " if found.is_new else "BACK " if found.is_back else ""
        issue = found.issue
        yield IssueLine(
            issue=replace(issue, label=f"{found.amount}: {mark}{found.label}"),
            kind="new" if fresh else "errors",
            glyph="✗" if fresh else "▲",
            style="new" if fresh else "warning",
            since=found.last,
            group=found,
        )


def late_mail(overview: Overview, now: datetime) -> Iterable[IssueLine]:
    waiting = overview.oldest_waiting
    if waiting is not None and now - waiting > LATE:
        minutes = round((now - waiting).total_seconds() / 60)
        yield IssueLine(
            issue=Issue(
                subject=LATE_MAIL,
                label="mail waits longer than it should",
                size=minutes,
                bearable=doubled(minutes),
                times=(waiting + LATE,),
            ),
            kind=LATE_MAIL,
            glyph="▲",
            style="warning",
            since=waiting,
            link=Link("email_queue", filter="status:pending age:>15m"),
        )


def expiring(credentials: Sequence[OverviewRow], now: datetime) -> Iterable[IssueLine]:
    for credential in credentials:
        gone = credential.since is not None and credential.since < now
        word = "has expired" if gone else "expires soon"
        yield IssueLine(
            issue=Issue(
                subject=f"credential:{credential.id}",
                label=f"{credential.detail} credential {credential.what} {word}",
                mark=f"{word} {_iso(credential.since)}",
            ),
            kind="expiring",
            glyph="▲",
            style="warning",
            since=credential.since,
            link=Link("credentials", credential.id),
        )


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()
