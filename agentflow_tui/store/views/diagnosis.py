"""Facts about a server, its load, and the way to it."""

from datetime import datetime
from time import perf_counter

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.accelerators import buildable


@dataclass(frozen=True, slots=True)
class _Answer:
    version: str
    now: datetime


_ASK = Statement(
    _Answer,
    "SELECT current_setting('server_version') AS version, clock_timestamp() AS now",
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server's version, and in seconds a round trip and how far its clock is ahead of ours."""

    version: str
    round_trip: float
    clock_offset: float


async def read_server_facts(database: Database) -> ServerFacts:
    """The facts, asked for twice so that the second answer is a bare round trip.

    Raises `UnreachableError`.
    """
    await database.fetch(_ASK)
    before, sent = perf_counter(), clock.now()
    (answer,) = await database.fetch(_ASK)
    took = perf_counter() - before
    return ServerFacts(
        answer.version.split()[0], took, (answer.now - sent).total_seconds() - took / 2
    )


@dataclass(frozen=True, slots=True)
class ServerActivity:
    """How many connections are in use, allowed, and this product's own; bytes on disk."""

    connections: int
    most: int
    ours: int
    size: int


SERVER_LOAD = Statement(
    ServerActivity,
    """
SELECT (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')
         AS connections,
       current_setting('max_connections')::int AS most,
       (SELECT count(*)::int FROM pg_stat_activity WHERE application_name LIKE 'agentflow%')
         AS ours,
       pg_database_size(current_database()) AS size
""",
)


@dataclass(frozen=True, slots=True)
class Headroom:
    """How many connections this role could still make, and how many the server allows in all."""

    free: int
    most: int


HEADROOM = Statement(
    Headroom,
    """
SELECT least(m.most - m.reserved - m.used,
             CASE WHEN r.rolconnlimit < 0 THEN m.most ELSE r.rolconnlimit - m.own END)::int,
       m.most
  FROM (SELECT current_setting('max_connections')::int AS most,
               current_setting('superuser_reserved_connections')::int AS reserved,
               (SELECT sum(numbackends) FROM pg_stat_database) AS used,
               count(*) FILTER (WHERE usename = current_user) AS own
          FROM pg_stat_activity) m, pg_roles r WHERE r.rolname = current_user
""",
)


@dataclass(frozen=True, slots=True)
class Timetable:
    """An active schedule and the slot that it waits for."""

    id: str
    cron: str | None
    next_run: datetime | None


TIMETABLES = Statement(
    Timetable,
    """
SELECT {q.schedules.id}::text, {q.schedules.cron}::text, {q.schedules.nextRun}
  FROM {schedules?} q WHERE {q.schedules.active} LIMIT 1000
""",
)


def worth_accelerating(binding: Binding) -> list[str]:
    """``table.index`` of the indexes that a large table would gain from."""
    return [f"{a.table}.{a.name}" for a in buildable(binding, large_only=True)]
