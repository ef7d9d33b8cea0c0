"""The overview, read by one statement that is free when nothing has changed."""

import json
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.counts import CAP, Count, by_status, has_index, is_large
from agentflow_tui.store.reading.pages import SNAPSHOT
from agentflow_tui.store.views.failures import SOURCES
from agentflow_tui.store.views.health_summary import HealthSummary

MINUTES = 60
"""Length of the series of throughput."""

FEW = 8
"""Coming fires that are named."""

MOST = 100
"""Rows of each kind of trouble that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRow:
    """A row that needs attention: a failing check, a stale lock, an overdue schedule.

    ``steady`` tells that ``since`` is when it began, and stays what it is while it lasts.
    """

    id: str
    what: str
    detail: str = ""
    since: datetime | None = None
    steady: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of all tables at a glance. Counts and series are None where only a scan of a large
    table would tell.

    ``sent`` and ``steps`` count per minute, oldest first.
    """

    snapshot: str
    now: datetime
    health: HealthSummary
    workflows: dict[str, Count] = field(default_factory=dict)
    mail: dict[str, Count] = field(default_factory=dict)
    failed_workflows: int | None = None
    failed_mail: int | None = None
    oldest_waiting: datetime | None = None
    stale_locks: int | None = None
    sent: tuple[int, ...] | None = None
    steps: tuple[int, ...] | None = None
    checks: tuple[OverviewRow, ...] = ()
    locks: tuple[OverviewRow, ...] = ()
    overdue: tuple[OverviewRow, ...] = ()
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
    values = dict(zip(_PARTS, parts, strict=True))
    for name in _LISTS:
        values[name] = tuple(_rows(values[name]))
    return Overview(
        snapshot=snapshot,
        now=now,
        health=HealthSummary(*(json.loads(values.pop("health")) or [0, 0, 0, 0])),
        workflows=_counts(values.pop("workflows")),
        mail=_counts(values.pop("mail")),
        sent=_series(values.pop("sent")),
        steps=_series(values.pop("steps")),
        **values,
    )


def _counts(text: str | None) -> dict[str, Count]:
    return {status: Count.of(value) for status, value in json.loads(text or "{}").items()}


def _series(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    counted = {int(minute): count for minute, count in json.loads(text).items()}
    return tuple(counted.get(minute, 0) for minute in reversed(range(MINUTES)))


def _rows(text: str | None) -> Iterable[OverviewRow]:
    for id_, what, detail, since, steady in json.loads(text or "[]"):
        at = datetime.fromisoformat(since) if since else None
        yield OverviewRow(
            id=id_, what=what or "", detail=detail or "", since=at, steady=bool(steady)
        )


def overview_sql(binding: Binding) -> str:
    """The statement: ``$1`` is the snapshot seen last, ``$2`` the lease in seconds.

    On small tables each part is a short scan. On large ones parts without an index that serves
    them are left out.
    """
    parts = _parts(binding)
    columns = ", ".join(f"{sql} AS {name}" for name, sql in parts.items())
    names = ", ".join(f"o.{name}" for name in parts)
    return (
        f"SELECT s.snapshot, now(), {names} FROM (SELECT {SNAPSHOT} AS snapshot) s "
        f"LEFT JOIN LATERAL (SELECT {columns}, $2::float8 AS lease "
        "WHERE s.snapshot IS DISTINCT FROM $1::text OFFSET 0) o ON true"
    )


def _parts(binding: Binding) -> dict[str, str]:
    lease = "make_interval(secs => $2::float8)"
    return {
        "health": (
            "(SELECT jsonb_build_array(count(*), count(*) FILTER (WHERE {c} = 'ok'), "
            "count(*) FILTER (WHERE {c} = 'warning'), count(*) FILTER (WHERE {c} = 'error')) "
            "FROM {health_checks?} h)::text"
        ).replace("{c}", "{h.health_checks.status}"),
        "workflows": f"{by_status(binding, 'workflows')}::text",
        "mail": f"{by_status(binding, 'email_queue')}::text",
        "failed_workflows": failed_since(binding, "workflows", _AN_HOUR_AGO),
        "failed_mail": failed_since(binding, "email_queue", _AN_HOUR_AGO),
        "oldest_waiting": _oldest(binding),
        "stale_locks": _stale(binding, f"now() - {lease}", "count(*)::int"),
        "sent": _per_minute(binding, "emails", "sentAt", ""),
        "steps": _per_minute(
            binding,
            "task_logs",
            "createdAt",
            "AND starts_with({q.task_logs.taskType}, 'workflow.')",
        ),
        "checks": _few(
            "{h.health_checks.id}::text, coalesce({h.health_checks.name}, {h.health_checks.id}), "
            "concat_ws(': ', {h.health_checks.status}, {h.health_checks.message}), "
            "{h.health_checks.updatedAt}, "
            "{h.health_checks.updatedAt} < {h.health_checks.lastChecked}",
            "FROM {health_checks?} h WHERE {h.health_checks.status} IN ('warning', 'error') "
            "ORDER BY {h.health_checks.status}, {h.health_checks.name}",
        ),
        "locks": _locks(binding, f"now() - {lease}"),
        "overdue": _few(
            "{h.schedules.id}::text, {h.schedules.cron}, '', {h.schedules.nextRun}",
            "FROM {schedules?} h WHERE {h.schedules.active} AND {h.schedules.nextRun} < "
            "now() - interval '1 minute' ORDER BY {h.schedules.nextRun}",
        ),
        "upcoming": _few(
            "{h.schedules.id}::text, {h.schedules.cron}, left({w.workflows.steps}::text, 1000), "
            "{h.schedules.nextRun}",
            "FROM {schedules?} h LEFT JOIN {workflows?} w ON {w.workflows.id} = "
            "{h.schedules.workflowId} WHERE {h.schedules.active} AND {h.schedules.nextRun} >= "
            "now() ORDER BY {h.schedules.nextRun}",
            few=FEW,
        ),
        "expiring": _few(
            "{h.credentials.id}::text, {h.credentials.label}, {h.credentials.platform}, "
            "{h.credentials.refreshTokenExpiry}",
            "FROM {credentials?} h WHERE {h.credentials.active} AND "
            "{h.credentials.refreshTokenExpiry} < now() + interval '3 days' "
            "ORDER BY {h.credentials.refreshTokenExpiry}",
        ),
    }


_AN_HOUR_AGO = "now() - interval '1 hour'"

_MOVED = {table: moved for table, _, moved in SOURCES}

_LISTS = ("checks", "locks", "overdue", "upcoming", "expiring")
_PARTS = (
    "health",
    "workflows",
    "mail",
    "failed_workflows",
    "failed_mail",
    "oldest_waiting",
    "stale_locks",
    "sent",
    "steps",
    *_LISTS,
)


def _few(columns: str, rest: str, *, few: int = MOST) -> str:
    """SQL for the first rows as JSON: id, what, detail, since and whether that is steady."""
    id_, what, detail, since, steady = [*_split(columns), "false"][:5]
    return (
        "(SELECT jsonb_agg(jsonb_build_array(a, b, c, d, e)) FROM (SELECT "
        f"{id_} AS a, {what} AS b, {detail} AS c, ({since})::timestamptz AS d, {steady} AS e "
        f"{rest} LIMIT {few}) x)::text"
    )


def _split(columns: str) -> list[str]:
    """Expressions that are separated by commas outside parentheses."""
    result, depth, start = [], 0, 0
    for place, character in enumerate(columns):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            result.append(columns[start:place])
            start = place + 1
    return [*result, columns[start:]]


def failed_since(binding: Binding, table: str, moment: str) -> str:
    """SQL for how many failed after a moment, counted up to `CAP`; NULL where that would take a
    scan."""
    if is_large(binding, table) and not has_index(binding, table, "failed_at"):
        return "NULL::int"
    return (
        f"(SELECT count(*)::int FROM (SELECT FROM {{{table}?}} q WHERE {{q.{table}.status}} = "
        f"'failed' AND {{q.{table}.{_MOVED[table]}}} > {moment} LIMIT {CAP}) f)"
    )


def _oldest(binding: Binding) -> str:
    """When the mail that waits longest was queued; one step of the index for each priority."""
    created, priority = "{q.email_queue.createdAt}", "{q.email_queue.priority}"
    pending = "{email_queue?} q WHERE {q.email_queue.status} = 'pending'"
    if not is_large(binding, "email_queue"):
        return f"(SELECT min({created})::timestamptz FROM {pending})"
    if not has_index(binding, "email_queue", "pending"):
        return "NULL::timestamptz"
    order = f"ORDER BY {priority} DESC, {created} LIMIT 1"
    return (
        f"(WITH RECURSIVE step AS ((SELECT {priority} AS p, {created} AS at FROM {pending} "
        f"{order}) UNION ALL SELECT n.p, n.at FROM step, LATERAL (SELECT {priority} AS p, "
        f"{created} AS at FROM {pending} AND {priority} < step.p {order}) n) "
        "SELECT min(at)::timestamptz FROM step)"
    )


def _stale(binding: Binding, before: str, what: str, rest: str = "") -> str:
    if is_large(binding, "workflows") and not has_index(binding, "workflows", "running"):
        return "NULL"
    return (
        f"(SELECT {what} FROM {{workflows?}} q WHERE {{q.workflows.status}} = 'running' "
        f"AND {{q.workflows.locked}} AND {{q.workflows.lockedAt}} < {before} {rest})"
    )


def _locks(binding: Binding, before: str) -> str:
    if is_large(binding, "workflows") and not has_index(binding, "workflows", "running"):
        return "NULL::text"
    return _few(
        "{q.workflows.id}::text, left({q.workflows.steps}::text, 1000), "
        "{q.workflows.currentStep}::text, {q.workflows.lockedAt}",
        "FROM {workflows?} q WHERE {q.workflows.status} = 'running' AND {q.workflows.locked} "
        f"AND {{q.workflows.lockedAt}} < {before} ORDER BY {{q.workflows.lockedAt}}",
    )


def _per_minute(binding: Binding, table: str, column: str, condition: str) -> str:
    bound = binding.tables[table].columns.get(column)
    if is_large(binding, table) and not (bound and bound.indexed):
        return "NULL::text"
    at = f"{{q.{table}.{column}}}"
    return (
        "(SELECT coalesce(jsonb_object_agg(m, n), '{}')::text FROM (SELECT "
        f"floor(extract(epoch FROM now() - {at}) / 60)::int AS m, count(*) AS n "
        f"FROM {{{table}?}} q WHERE {at} > now() - interval '{MINUTES} minutes' AND {at} <= now() "
        f"{condition} GROUP BY 1) x)"
    )
