"""A report's documents replaced by compare-and-set."""

from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.schema.insertions import assignments
from agentflow_tui.store.views.personal_reports import FINGERPRINT, StoredReport


def _replacement(binding: Binding) -> str:
    """The primary key serves it. All parameters are used, whatever columns there are."""
    values = {
        "reportData": "given.data::{reports.reportData:type}",
        "metadata": "given.metadata::{reports.metadata:type}",
        "updatedAt": "now()",
    }
    return (
        f"UPDATE {{reports}} r SET {assignments(binding, 'reports', values)}\n"
        "  FROM (SELECT $2::text AS data, $3::text AS metadata) given\n"
        f" WHERE r.{{reports.id}} = $1 AND {FINGERPRINT} = $4"
    )


async def replace_documents(
    session: Session, stored: StoredReport, data: str | None, metadata: str | None
) -> bool:
    """Put other documents in the place of those that were read. Returns whether they were still
    there. Raises `LockedError`, `UnreachableError`, `RefusedError`."""
    statement = session.binding.cached(_replacement)
    touched = await session.execute(statement, stored.id, data, metadata, stored.fingerprint)
    return touched == 1
