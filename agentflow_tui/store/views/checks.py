"""Health: how each service is doing, as ``health_checks`` says."""

import re
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import HEALTH_CHECKS, Kind
from agentflow_tui.store.reading.listings import Computed, listing, stored

WORKER_PREFIX = "worker:"
"""Ids of the rows in which worker processes report themselves: ``worker:<host>:<pid>:<random>``."""

SILENT_AFTER = 90.0
"""Seconds after which a worker that has not reported is called silent."""

LOCK_KEY = "hashtextextended({id}, 0)"
"""The key of a worker's lock, from its id: SQL, so that the watch needs nothing but the rows."""

HELD_LOCKS = """
SELECT (l.classid::int8 << 32) | l.objid::int8 AS key FROM pg_locks l
 WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""The keys of the advisory locks that are held in this database."""

GIVEN_BACK = "{details}::text ~ '\"gone\": ?true'"
"""Whether what a worker held has been given back as a dead one's: SQL."""

HAS_LOCK = "{details}::text ~ '\"lock\": ?true'"
"""Whether a worker says that it holds its lock: SQL. Behind a transaction pooler none does."""

SETTLES_WITHIN = 10
"""Seconds after a restart of the server in which a free lock proves nothing: its owner may be on
its way back."""

_GONE = re.compile(r'"gone": ?true')


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The state of one service, or of one worker process."""

    id: str
    name: str | None
    status: str | None
    response_time: int | None
    last_checked: datetime | None
    message: str | None
    created_at: datetime | None
    updated_at: datetime | None
    details: str | None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return self.name or ""

    @property
    def is_worker(self) -> bool:
        return self.id.startswith(WORKER_PREFIX)

    @property
    def is_gone(self) -> bool:
        """A worker that died, as `store.queue.leases.give_back_of_dead` has put down."""
        return self.is_worker and _GONE.search(self.details or "") is not None


CHECK_LIST = listing(
    HealthCheck,
    HEALTH_CHECKS,
    {"details": stored("health_checks.details", cut=4000)},
    further={
        "wrong": Computed(
            f"CASE WHEN starts_with({{q.health_checks.id}}::text, '{WORKER_PREFIX}') "
            "THEN {q.health_checks.status} <> 'ok' OR {q.health_checks.lastChecked} IS NULL "
            f"OR {{q.health_checks.lastChecked}} < now() - interval '{SILENT_AFTER} seconds' "
            "ELSE {q.health_checks.status} IN ('warning', 'error') END",
            Kind.FLAG,
        )
    },
)
