"""Health: how each service is doing, as ``health_checks`` says."""

import re
from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import HEALTH_CHECKS, Kind
from agentflow_tui.store.reading.listings import Computed, listing, stored
from agentflow_tui.store.views.predicates import (
    INTERVAL,
    IS_FAILING,
    IS_SILENT,
    IS_STALE_CHECK,
    SILENT_AFTER,
    STALE_AFTER,
    USUAL_INTERVAL,
    WORKER_PREFIX,
)

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

    @property
    def interval(self) -> timedelta:
        """The time between two looks."""
        said = INTERVAL.search(self.details or "")
        return timedelta(seconds=float(said[1]) if said else USUAL_INTERVAL)

    def is_stale(self, now: datetime) -> bool:
        """Whether this is a check that nothing has looked at for long (`IS_STALE_CHECK`)."""
        if self.is_worker:
            return False
        seen = self.last_checked
        return seen is None or now - seen > STALE_AFTER * self.interval

    def is_silent(self, now: datetime) -> bool:
        """Whether this is a worker that died or has not reported (`IS_SILENT`)."""
        if not self.is_worker:
            return False
        seen = self.last_checked
        return (
            self.status not in {"ok", None}
            or seen is None
            or now - seen > timedelta(seconds=SILENT_AFTER)
        )


CHECK_LIST = listing(
    HealthCheck,
    HEALTH_CHECKS,
    {"details": stored("health_checks.details", cut=4000)},
    further={
        "stale": Computed(IS_STALE_CHECK, Kind.FLAG),
        "wrong": Computed(
            f"coalesce({IS_FAILING} OR {IS_STALE_CHECK} OR {IS_SILENT}, false)", Kind.FLAG
        ),
    },
)
