"""Which of our tables are locked by others, and since when."""

from datetime import timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.text import age, safe


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A session that holds a lock by which a table can be neither read nor written, or not written:
    ``reads`` says whether it can be read. ``held`` is how long its transaction has lasted."""

    oid: int
    pid: int
    user: str | None
    application: str | None
    held: timedelta | None
    reads: bool

    def words(self, binding: Binding) -> str:
        """The holder in a sentence without its stop."""
        bound = binding.tables
        table = next((name for name in TABLES if bound[name].oid == self.oid), "a table")
        by = safe(self.user or "another user", 60)
        application = f", {safe(self.application, 60)}" if self.application else ""
        return (
            f"{table} {'cannot be written' if self.reads else 'is locked'}: {by} has held it for "
            f"{age(self.held)} (process {self.pid}{application})"
        )


LOCK_HOLDERS = Statement(
    LockHolder,
    """
SELECT l.relation::int8, l.pid, a.usename::text, a.application_name::text,
       clock_timestamp() - a.xact_start, l.mode <> 'AccessExclusiveLock'
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.granted AND l.relation = ANY($1::oid[]) AND l.pid <> pg_backend_pid()
   AND l.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
 ORDER BY l.mode <> 'AccessExclusiveLock', a.xact_start LIMIT 20
""",
)
"""The strongest locks first, of the tables with these oids; reads no table of ours."""


def oids_of(binding: Binding) -> list[int]:
    """The oids of the documented tables that are there."""
    return [bound.oid for bound in binding.tables.values() if bound.oid is not None]
