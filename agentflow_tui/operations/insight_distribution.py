"""Insights distributed by an operator's command."""

import json
from collections.abc import Sequence
from pathlib import Path

from agentflow_tui.errors import AgentflowError, NotAcceptedError
from agentflow_tui.filters.identifiers import is_uuid
from agentflow_tui.operations.carry_out import wake_workers
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.settings import DistributionSettings
from agentflow_tui.steps.audiences import Audience, audiences_of, audiences_of_rules
from agentflow_tui.steps.distribution import Distributed, distribute, distribute_again


def audiences(settings: DistributionSettings, rules: Path | None) -> list[Audience]:
    """Who gets what: by a file of AgentFlow's rules, else by the settings. Raises `RuleError`,
    `AgentflowError` for a file that cannot be read, or where there are no rules at all."""
    if rules is None:
        found = audiences_of(settings)
        if not found:
            raise AgentflowError(
                "There are no recipients. Name some in [distribution.recipients] of the settings."
            )
        return found
    try:
        value = json.loads(rules.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AgentflowError(f"{rules} cannot be read as rules: {error}.") from None
    if not isinstance(value, dict):
        raise AgentflowError(f"{rules} holds no rules: {{ROLE: {{emails, insightTypes}}}}.")
    return audiences_of_rules(value)


async def distribute_for(
    context: OperationContext,
    insights: Sequence[str],
    reports: Sequence[str],
    to: Sequence[Audience],
    settings: DistributionSettings,
) -> Distributed:
    """Queue digests of these insights, and of all of these reports, with a row of the journal.

    Raises `AgentflowError`, `RefusedError`, `UnreachableError`.
    """
    _check_writable(context)
    about = {
        "operator": context.operator.name,
        "host": context.operator.host,
        "insights": list(insights),
        "reports": list(reports),
    }
    try:
        done = await distribute(context.database, insights, reports, to, settings, about)
    except NotAcceptedError as error:
        if all(map(is_uuid, (*insights, *reports))):
            raise
        raise AgentflowError(f"One of these is no id: {error}") from None
    if done.digests:
        await wake_workers(context)
    return done


async def distribute_pending(
    context: OperationContext, settings: DistributionSettings
) -> Distributed:
    """Queue new mail for what was requeued. Raises `AgentflowError`, `UnreachableError`."""
    _check_writable(context)
    done = await distribute_again(context.database, settings)
    if done.digests:
        await wake_workers(context)
    return done


def _check_writable(context: OperationContext) -> None:
    for table in ("insight_distributions", "emails", "email_queue"):
        if refused := context.database.read_only_reason(table):
            raise AgentflowError(f"Nothing was distributed: {refused}.")
