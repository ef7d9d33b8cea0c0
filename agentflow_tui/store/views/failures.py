"""The newest failed rows of all tables, with the words they failed with."""

from collections.abc import Collection, Sequence
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.fingerprints import fingerprint
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.reading.counts import has_index, is_large
from agentflow_tui.store.reading.listings import Computed
from agentflow_tui.store.reading.pages import SNAPSHOT

NEWEST = 3_000
"""Failures of each table that are looked at, newest first."""

SOURCES = (
    ("email_queue", "error", "lastAttempt"),
    ("workflows", "lastError", "lastUpdated"),
    ("task_logs", "error", "endTime"),
)
"""(table, column of the words, column of the time) of everything that can fail."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed row. ``domain`` is the recipient's, for mail."""

    source: str
    id: str
    error: str
    at: datetime | None
    domain: str | None
    created_at: datetime | None


SAMPLE = 10_000
"""Rows of a large table without an index that are looked at, highest keys first."""


def unserved(binding: Binding) -> list[str]:
    """Tables so large that without an index failures are only looked for among `SAMPLE` rows."""
    return [
        table
        for table, _, _ in SOURCES
        if is_large(binding, table) and not has_index(binding, table, "failed_at")
    ]


def failures_sql(binding: Binding, tables: Sequence[str] = ()) -> str:
    """The newest failures of each table, or of these, by when they failed."""
    sampled = unserved(binding)
    return " UNION ALL ".join(
        _part(table, words, at, sampled=table in sampled)
        for table, words, at in SOURCES
        if not tables or table in tables
    )


def _part(table: str, words: str, at: str, *, sampled: bool) -> str:
    source = f"{{{table}?}} q"
    if sampled:
        source = f"(SELECT q.* FROM {source} ORDER BY {{q.{table}.id}} DESC LIMIT {SAMPLE}) q"
    domain, joins = "NULL::text", ""
    if table == "email_queue":
        domain = "lower(substring({e.emails.recipients}::text from '@([A-Za-z0-9.-]+)'))"
        joins = "LEFT JOIN {emails?} e ON {e.emails.id} = {q.email_queue.emailId}"
    return (
        f"(SELECT '{table}' AS source, {{q.{table}.id}}::text, "
        f"left(coalesce({{q.{table}.{words}}}, ''), 2000), "
        f"coalesce({{q.{table}.{at}}}, {{q.{table}.createdAt}})::timestamptz, {domain}, "
        f"{{q.{table}.createdAt}}::timestamptz "
        f"FROM (SELECT q.* FROM {source} WHERE {{q.{table}.status}} = 'failed' "
        f"ORDER BY {{q.{table}.{at}}} DESC LIMIT {NEWEST}) q {joins})"
    )


async def read_failures(database: Database) -> list[Failure]:
    """The newest failures. Raises `UnreachableError`, `RefusedError`."""
    return await database.fetch(Statement(Failure, failures_sql(database.binding)))


@dataclass(frozen=True, slots=True)
class FailureSnapshot:
    """The newest failures at ``now``; ``snapshot`` tells whether anything was committed since."""

    snapshot: str
    now: datetime
    failures: list[Failure]


async def read_new_failures(
    database: Database, *, seen: str | None = None, tables: Sequence[str] = ()
) -> FailureSnapshot | None:
    """The newest failures of each table, or of these; None, without reading a table, when nothing
    was committed since the snapshot ``seen``. Raises `UnreachableError`, `RefusedError`."""
    sql = new_failures_sql(database.binding, tables)
    rows = await database.fetch(Statement(as_tuple, sql), seen)
    snapshot, now = rows[0][:2]
    if snapshot == seen:
        return None
    return FailureSnapshot(snapshot, now, [Failure(*row[2:]) for row in rows if row[2] is not None])


def new_failures_sql(binding: Binding, tables: Sequence[str] = ()) -> str:
    """`failures_sql` unless the snapshot is still ``$1``."""
    return (
        f"SELECT s.snapshot, now(), f.* FROM (SELECT {SNAPSHOT} AS snapshot) s "
        f"LEFT JOIN LATERAL (SELECT * FROM ({failures_sql(binding, tables)}) f "
        "WHERE s.snapshot IS DISTINCT FROM $1::text OFFSET 0) f ON true"
    )


def error_group(table: str) -> Computed:
    """The field that asks for the rows of a table that make a group of errors, by its key: exactly
    those that the group counts, which are among the newest failures."""

    async def lookup(
        database: Database, keys: Collection[str], seen: str | None
    ) -> tuple[str, tuple[str, ...]] | None:
        found = await read_new_failures(database, seen=seen, tables=[table])
        if found is None:
            return None
        wanted = {key.lower() for key in keys}
        ids = (f.id for f in found.failures if fingerprint(f.error).key in wanted)
        return found.snapshot, tuple(sorted(ids))

    return Computed("NULL::text", lookup=lookup)
