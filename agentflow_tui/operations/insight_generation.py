"""Reports analysed by an operator's command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.settings import InsightSettings, WordingSettings
from agentflow_tui.steps.insight_generation import GeneratedInsights, generate
from agentflow_tui.steps.insight_wording import Wording
from agentflow_tui.steps.requests import make_client
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.insight_inputs import WITHOUT_INSIGHTS
from agentflow_tui.store.views.secrets import API_KEY


async def reports_without_insights(
    database: Database, vendor: str | None, report_type: str | None, most: int
) -> list[str]:
    """The ids of the latest reports that have no insight, the oldest of them first, so that each
    finds what was told before it."""
    found = await database.fetch(WITHOUT_INSIGHTS, vendor, report_type, most)
    return found[::-1]


@asynccontextmanager
async def wording_by(database: Database, settings: WordingSettings) -> AsyncIterator[Wording]:
    """The model of the settings, for one command; its client is made when it is needed."""
    clients: list[Any] = []

    def http() -> Any:
        if not clients:
            clients.append(make_client())
        return clients[0]

    async def api_key(name: str) -> str | None:
        return await database.fetch_one(API_KEY, name)

    try:
        yield Wording(settings=settings, http=http, api_key=api_key)
    finally:
        for client in clients:
            await client.aclose()


async def generate_for(
    context: OperationContext, report_id: str, settings: InsightSettings, wording: Wording
) -> GeneratedInsights:
    """Analyse a report and store what is found, with a row of the journal.

    Raises `NoReportError`, `RefusedError`, `UnreachableError`.
    """
    if refused := context.database.read_only_reason("insights"):
        raise AgentflowError(f"Nothing was analysed: {refused}.")
    about = {
        "operator": context.operator.name,
        "host": context.operator.host,
        "report": report_id,
    }
    return await generate(context.database, report_id, settings, about, wording=wording)
