"""Reports analysed by an operator's command."""

from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.settings import InsightSettings
from agentflow_tui.steps.insight_generation import GeneratedInsights, generate
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.insight_inputs import WITHOUT_INSIGHTS


async def reports_without_insights(
    database: Database, vendor: str | None, report_type: str | None, most: int
) -> list[str]:
    """The ids of the latest reports that have no insight, the oldest of them first, so that each
    finds what was told before it."""
    found = await database.fetch(WITHOUT_INSIGHTS, vendor, report_type, most)
    return found[::-1]


async def generate_for(
    context: OperationContext, report_id: str, settings: InsightSettings
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
    return await generate(context.database, report_id, settings, about)
