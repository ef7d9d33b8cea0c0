"""The step types by name, and why a step of one waits. Imports nothing heavy, for the console."""

from collections.abc import Mapping

from agentflow_tui.steps.agentflow_shapes import is_left_to_agentflow

HANDLED: dict[str, str] = {
    "api": "calls an HTTP service",
    "dataProcessing": "filters, reshapes, joins and sums up earlier results",
    "email": "puts a mail into the queue",
    "delay": "waits for a while or until a time",
    "condition": "goes on at another step",
    "custom": "calls a registered function",
    "emailIngestion": "brings in reports from a mailbox",
    "insightGeneration": "finds what is worth telling in reports",
    "distribution": "mails insights to those who should know",
}
"""Types that the runner handles by itself, with what their steps do."""

AGENTFLOW = "AgentFlow's own backend"
"""What the other program on the database is called."""

ELSEWHERE: dict[str, str] = {
    "browserAction": "work in a browser",
    "http": "calling a service",
    "crm": "work in a CRM",
}
"""Types of AgentFlow that its own backend handles, with what their steps do."""


def waiting_reason(
    step_type: str,
    registered: frozenset[str] = frozenset(),
    config: Mapping[str, object] | None = None,
) -> str | None:
    """Why no worker of ours takes a workflow whose current step has this type; None when one does.

    ``registered`` are further types that installed packages bring a handler for; ``config`` is the
    step's, which tells whose step it is where both programs have the type.
    """
    if is_left_to_agentflow(step_type, config):
        return f"waits for {AGENTFLOW}: its '{step_type}' step is written for that"
    if step_type in HANDLED or step_type in registered:
        return None
    if step_type in ELSEWHERE:
        return f"waits for {AGENTFLOW}: {ELSEWHERE[step_type]} is not done here"
    if not step_type:
        return "the step has no type, so nobody can run it"
    return f"no worker here runs steps of type '{step_type}': waits for a program that does"
