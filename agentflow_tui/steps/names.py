"""The step types by name, and why a step of one waits. Imports nothing heavy, for the console."""

from collections.abc import Mapping

HANDLED: dict[str, str] = {
    "api": "calls an HTTP service",
    "dataProcessing": "filters, reshapes, joins and sums up earlier results",
    "email": "puts a mail into the queue",
    "delay": "waits for a while or until a time",
    "condition": "goes on at another step",
    "custom": "calls a registered function",
    "insightGeneration": "finds what is worth telling in reports",
}
"""Types that the runner handles by itself, with what their steps do."""

ELSEWHERE: dict[str, str] = {
    "emailIngestion": "collecting mail from vendor platforms",
    "distribution": "distributing insights",
}
"""Types of AgentFlow that its own backend handles, with what their steps do."""


NEEDS: dict[str, str] = {"insightGeneration": "reports"}
"""Types that AgentFlow's own backend has as well, with the member of a config that makes it one of
ours."""


def waiting_reason(
    step_type: str,
    registered: frozenset[str] = frozenset(),
    config: Mapping[str, object] | None = None,
) -> str | None:
    """Why no worker of ours takes a workflow whose current step has this type; None when one does.

    ``registered`` are further types that installed packages bring a handler for; ``config`` is the
    step's, which tells whose step it is where both programs have the type.
    """
    if config is not None and step_type in NEEDS and NEEDS[step_type] not in config:
        needed = NEEDS[step_type]
        return f"waits for AgentFlow's own backend: the step is written for it, without '{needed}'"
    if step_type in HANDLED or step_type in registered:
        return None
    if step_type in ELSEWHERE:
        return f"waits for AgentFlow's own backend: {ELSEWHERE[step_type]} is not done here"
    if not step_type:
        return "the step has no type, so nobody can run it"
    return f"no worker here runs steps of type '{step_type}': waits for a program that does"
