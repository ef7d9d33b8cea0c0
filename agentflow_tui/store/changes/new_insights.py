"""Insights that are stored, each once."""

from collections.abc import Sequence
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import insertion, unnested
from agentflow_tui.text import storable

_TABLE = "insights"
_VALUES = {
    "id": "d.id",
    "reportId": "d.report_id",
    "insightType": "d.insight_type",
    "content": "d.content",
    "score": "d.score",
    "metadata": "d.metadata",
    "createdAt": "now()",
}
_TYPES = ("text", "text", "text", "text", "int", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInsight:
    """A row of ``insights`` that may be there already. ``content`` and ``metadata`` are JSON."""

    id: str
    report_id: str
    insight_type: str
    content: dict[str, Any]
    score: int
    metadata: dict[str, Any]


async def insert_insights(session: Session, insights: Sequence[NewInsight]) -> list[str]:
    """Insert those that are not there, in one statement. Returns the ids of the inserted ones.

    Raises `NotAcceptedError` where the database asks for more than is known of an insight.
    """
    if not insights:
        return []
    return await session.fetch(
        session.binding.cached(insert),
        [each.id for each in insights],
        [each.report_id for each in insights],
        [storable(each.insight_type) for each in insights],
        [journal.as_json(each.content) for each in insights],
        [each.score for each in insights],
        [journal.as_json(each.metadata) for each in insights],
    )


def insert(binding: Binding) -> Statement[str]:
    """The INSERT of many insights; the primary key serves the conflict."""
    names, values = insertion(binding, _TABLE, _VALUES)
    columns = "id, report_id, insight_type, content, score, metadata"
    return Statement(
        str,
        f"INSERT INTO {{{_TABLE}}} ({names})\n"
        f"SELECT {values} FROM {unnested(_TYPES)} AS d ({columns})\n"
        f"ON CONFLICT DO NOTHING RETURNING {{{_TABLE}.id}}::text",
    )
