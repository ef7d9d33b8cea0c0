"""``condition``: go on at one step or another, by what an expression finds."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.steps.calls import Call, StepOutcome
from agentflow_tui.steps.expressions import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionConfig:
    """``then`` and ``otherwise`` are ids of steps, or ``end``; what is left out is the next step.

    The expression sees ``steps`` and ``context``.
    """

    expression: Expression
    then: str | None = None
    otherwise: str | None = None


async def condition(call: Call[ConditionConfig]) -> StepOutcome:
    """Decide, and leave the decision as the result."""
    holds = call.config.expression.is_true(call.results.roots())
    goto = call.config.then if holds else call.config.otherwise
    return StepOutcome(result={"holds": holds, "goto": goto}, goto=goto)


def targets(config: ConditionConfig) -> tuple[str, ...]:
    """The steps that may come next."""
    return tuple(step for step in (config.then, config.otherwise) if step is not None)
