"""Reports that are brought in."""

from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement, same
from agentflow_tui.store.schema.insertions import insertion
from agentflow_tui.text import storable

_TABLE = "reports"
_VALUES = {
    "id": "given.p1",
    "vendor": "given.p2",
    "reportType": "given.p3",
    "reportDate": "given.p4",
    "filePath": "given.p5",
    "reportData": "given.p6",
    "metadata": "given.p7",
    "createdAt": "now()",
    "updatedAt": "now()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """A row of ``reports`` that may be there already. ``data`` is JSON text, ``metadata`` JSON;
    ``file_path`` None where the file is kept nowhere."""

    id: str
    vendor: str
    report_type: str
    report_date: datetime
    file_path: str | None
    data: str
    metadata: dict[str, Any]


REPORT_ID = Statement(
    same, "SELECT r.{reports.id}::text FROM {reports} r WHERE r.{reports.id} = $1"
)
"""The id ``$1`` where such a report is stored; the primary key serves it."""


async def insert_report(session: Session, report: NewReport) -> bool:
    """Insert the report unless it is there. Returns whether it was inserted.

    Raises `NotAcceptedError` where the database asks for more than is known of a report.
    """
    touched = await session.execute(
        session.binding.cached(_insert),
        report.id,
        storable(report.vendor),
        storable(report.report_type),
        report.report_date,
        None if report.file_path is None else storable(report.file_path),
        report.data,
        journal.as_json(report.metadata),
    )
    return touched == 1


def _insert(binding: Binding) -> str:
    """The primary key serves the conflict. All parameters are used, whatever columns there are."""
    names, values = insertion(binding, _TABLE, _VALUES)
    given = ", ".join(f"${at}::text AS p{at}" for at in (1, 2, 3, 5, 6, 7))
    return (
        f"INSERT INTO {{{_TABLE}}} ({names})\n"
        f"SELECT {values} FROM (SELECT {given}, $4::timestamptz AS p4) given\n"
        "ON CONFLICT DO NOTHING"
    )
