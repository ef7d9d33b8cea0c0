"""Worker processes that have died, as their locks tell within a second."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.views.checks import (
    GIVEN_BACK,
    HAS_LOCK,
    HELD_LOCKS,
    LOCK_KEY,
    SETTLES_WITHIN,
)
from agentflow_tui.store.views.predicates import WORKER_PREFIX

STARTS_WITHIN = 15
"""Seconds before its death was noted in which the worker that took its place may have started:
where no other ran, the new one is the one that notes it."""


@dataclass(frozen=True, slots=True)
class DeadWorker:
    """A process whose lock is free though its row says that it holds it, or whose claims were
    given back as a dead one's (``given_back``). ``at`` is when that was, or when it last reported;
    ``replaced``: a worker has started since."""

    id: str
    at: datetime | None
    given_back: bool
    replaced: bool

    @property
    def name(self) -> str:
        """Host and process: ``web1 4711``."""
        return " ".join(self.id.removeprefix(WORKER_PREFIX).split(":")[:2])


DEAD_WORKERS = Statement(
    DeadWorker,
    f"""
WITH locks AS MATERIALIZED ({HELD_LOCKS}),
workers AS (
  SELECT {{h.health_checks.id}}::text AS id, {{h.health_checks.lastChecked}} AS at,
         {{h.health_checks.createdAt}} AS began,
         {GIVEN_BACK.format(details="{h.health_checks.details}")} AS given_back,
         {HAS_LOCK.format(details="{h.health_checks.details}")} AS has_lock,
         {LOCK_KEY.format(id="{h.health_checks.id}::text")} IN (SELECT key FROM locks) AS is_held
    FROM {{health_checks}} h WHERE {{h.health_checks.id}} LIKE '{WORKER_PREFIX}%'
)
SELECT w.id, w.at, w.given_back IS TRUE,
       EXISTS (SELECT FROM workers n
                WHERE n.is_held AND n.began > w.at - interval '{STARTS_WITHIN} seconds')
  FROM workers w
 WHERE w.given_back OR (w.has_lock AND NOT w.is_held
   AND clock_timestamp() - pg_postmaster_start_time() > {SETTLES_WITHIN} * interval '1 s')
 ORDER BY w.at DESC NULLS LAST, w.id
""",
)
"""The dead among the workers' rows, the last one first. A few rows and the lock table."""


async def read_dead_workers(database: Database) -> tuple[DeadWorker, ...]:
    """Those of which there is a row; none where rows cannot tell. Raises `UnreachableError`,
    `RefusedError`."""
    if not database.binding.has("health_checks", "id", "details", "lastChecked", "createdAt"):
        return ()
    return tuple(await database.fetch(DEAD_WORKERS))
