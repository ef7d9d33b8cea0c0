"""The overview, read by one statement that is free when nothing has changed."""

import json
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.counts import Count
from agentflow_tui.store.views.health_summary import HealthSummary
from agentflow_tui.store.views.overview_sql import LISTS, MINUTES, PARTS, overview_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRow:
    """A row that needs attention, or is told of: a failing check, a stale lock, a late schedule, a
    worker.

    ``steady`` tells that ``since`` is when it began, and stays what it is while it lasts; of a
    worker it tells that it is silent.
    """

    id: str
    what: str
    detail: str = ""
    since: datetime | None = None
    steady: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What got done in the last `MINUTES`: by minute, oldest first, and of it what ``failed``.

    ``usual`` and ``slow`` are the median and the 95th percentile of the seconds that one took; None
    where nothing got done.
    """

    done: tuple[int, ...]
    failed: tuple[int, ...]
    usual: float | None = None
    slow: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of all tables at a glance. Counts and flows are None where only a scan of a large
    table would tell.

    Of ``mail`` that was sent the seconds are those since it was written; of ``steps`` those that
    they ran. ``workers`` is None where they cannot report themselves.
    """

    snapshot: str
    now: datetime
    health: HealthSummary
    workflows: dict[str, Count] = field(default_factory=dict)
    mail: dict[str, Count] = field(default_factory=dict)
    failed_workflows: int | None = None
    failed_mail: int | None = None
    failed_distributions: int | None = None
    oldest_waiting: datetime | None = None
    reasons: dict[str, Count] = field(default_factory=dict)
    stale_locks: int | None = None
    sent: Flow | None = None
    steps: Flow | None = None
    checks: tuple[OverviewRow, ...] = ()
    stale_checks: tuple[OverviewRow, ...] = ()
    workers: tuple[OverviewRow, ...] | None = ()
    locks: tuple[OverviewRow, ...] = ()
    schedules: tuple[OverviewRow, ...] = ()
    upcoming: tuple[OverviewRow, ...] = ()
    expiring: tuple[OverviewRow, ...] = ()


async def read_overview(
    database: Database, lease: float, *, seen: str | None = None
) -> Overview | None:
    """The overview, or None when nothing was committed since ``seen``. ``lease`` in seconds.

    Raises `UnreachableError`, `RefusedError`.
    """
    statement = Statement(as_tuple, overview_sql(database.binding))
    row = await database.fetch_one(statement, seen, lease)
    assert row is not None
    snapshot, now, *parts = row
    if seen is not None and snapshot == seen:
        return None
    values = dict(zip(PARTS, parts, strict=True))
    is_told_of = values["workers"] is not None
    for name in LISTS:
        values[name] = tuple(_rows(values[name]))
    values["workers"] = values["workers"] if is_told_of else None
    return Overview(
        snapshot=snapshot,
        now=now,
        health=HealthSummary(*values.pop("health")),
        workflows=_counts(values.pop("workflows")),
        mail=_counts(values.pop("mail")),
        reasons=_counts(values.pop("reasons")),
        sent=_flow(values.pop("sent")),
        steps=_flow(values.pop("steps")),
        **values,
    )


def _counts(text: str | None) -> dict[str, Count]:
    return {status: Count.of(value) for status, value in json.loads(text or "{}").items()}


def _flow(text: str | None) -> Flow | None:
    if text is None:
        return None
    done, failed, percentiles = json.loads(text)
    usual, slow = percentiles or (None, None)
    return Flow(done=_by_minute(done), failed=_by_minute(failed), usual=usual, slow=slow)


def _by_minute(counted: dict[str, int] | None) -> tuple[int, ...]:
    counts = counted or {}
    return tuple(counts.get(str(minute), 0) for minute in reversed(range(MINUTES)))


def _rows(text: str | None) -> Iterable[OverviewRow]:
    for id_, what, detail, since, steady in json.loads(text or "[]"):
        at = datetime.fromisoformat(since) if since else None
        yield OverviewRow(
            id=id_, what=what or "", detail=detail or "", since=at, steady=bool(steady)
        )
