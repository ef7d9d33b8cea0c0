"""Screens 6 and 9: services and workers, as ``health_checks`` reports them."""

from collections import deque
from dataclasses import replace
from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import age_column, status_column, text_column
from agentflow_tui.console.statuses import STALE, status_cell
from agentflow_tui.store.views.checks import CHECK_LIST, HealthCheck
from agentflow_tui.store.views.predicates import WORKER_PREFIX
from agentflow_tui.text import NOTHING, duration, spark

TREND = 10
"""Response times that a sparkline shows."""


def _check_columns(env: Environment) -> tuple[ListColumn[HealthCheck], ...]:
    blocks = not env.settings.console.ascii
    seen: dict[str, deque[tuple[datetime | None, int]]] = {}

    def trend(row: HealthCheck, _now: datetime) -> Cell:
        """The response times that this console has seen: the table holds the last one only."""
        times = seen.setdefault(row.id, deque(maxlen=TREND))
        if row.response_time is not None and (not times or times[-1][0] != row.last_checked):
            times.append((row.last_checked, row.response_time))
        drawn = spark([float(took) for _, took in times], len(times), blocks=blocks)
        return ((drawn, "running"),)

    def response(row: HealthCheck, _now: datetime) -> Cell:
        return NOTHING if row.response_time is None else duration(row.response_time / 1000)

    def status(row: HealthCheck, now: datetime) -> Cell:
        return (STALE,) if row.is_stale(now) else status_cell(row.status)

    return (
        replace(status_column(), cell=status, ticks=True),
        text_column("Service", lambda row: row.name or row.id, width=18, sort="name"),
        ListColumn("Took", response, width=7, right=True, sort="responseTime", key="response"),
        ListColumn("Trend", trend, width=TREND, drop=2, key="trend"),
        age_column("Checked", lambda row: row.last_checked, sort="lastChecked"),
        age_column("Since", lambda row: row.updated_at, sort="updatedAt", drop=1),
        text_column("Message", lambda row: row.message),
    )


def _worker_columns(env: Environment) -> tuple[ListColumn[HealthCheck], ...]:
    def alive(row: HealthCheck, now: datetime) -> Cell:
        if row.is_gone or any(dead.id == row.id for dead in env.dead_workers):
            return (("✗ dead", "failed"),)
        if row.is_silent(now):
            return (("✗ silent", "failed"),)
        return (("● alive", "ok"),)

    return (
        ListColumn("State", alive, width=9, ticks=True, key="state"),
        text_column("Worker", lambda row: row.id.removeprefix(WORKER_PREFIX), width=30),
        age_column("Seen", lambda row: row.last_checked, sort="lastChecked"),
        age_column("Up", lambda row: row.created_at, sort="createdAt"),
        text_column("Doing", lambda row: row.message),
    )


HEALTH_SCREEN = ListScreen(
    listing=CHECK_LIST,
    columns=_check_columns,
    base=f"-id:{WORKER_PREFIX}*",
    faults="wrong:yes",
    empty="No health checks. Workers write one for each service that they watch.",
    tabs="agentflow_tui.console.details.health:CHECK_TABS",
)

WORKERS_SCREEN = ListScreen(
    listing=CHECK_LIST,
    columns=_worker_columns,
    base=f"id:{WORKER_PREFIX}*",
    faults="wrong:yes",
    empty="No worker runs. {app.workers} starts those of this console, 'agentflow worker' others.",
    keys=("app.workers",),
    tabs="agentflow_tui.console.details.health:WORKER_TABS",
)
