"""Where a claimed workflow's run is, and what keeps it from going on."""

from collections.abc import Iterable
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Document, kind_of
from agentflow_tui.schema import LAST_RESULT_KEY
from agentflow_tui.steps.plans import WorkflowPlan
from agentflow_tui.text import plural, safe
from agentflow_tui.workers.runner.run_state import RunState, has_run


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run is. ``is_lost``: the step that it was at is not among its steps any more.

    ``forgets``: the context holds results of an earlier run, which a new one drops. ``problem``
    says why it cannot go on.
    """

    position: int
    is_lost: bool
    forgets: bool
    problem: str | None


def place(
    plan: WorkflowPlan,
    current: int,
    state: RunState | None,
    stored: object,
    document: Document,
) -> RunPlace:
    """Find a run's place among its steps. ``current`` is ``currentStep``, ``stored`` the state as
    the context has it, ``state`` what was read of it. Never raises."""
    found = _position(plan, current, state)
    position = current if found is None else found
    context = context_of(document)
    names = [name for name in plan.index if name in context] if _begins(position, state) else []
    forgets = bool(names) and (
        has_run(stored)
        or LAST_RESULT_KEY in context
        or all(_is_agentflows_result(context[name]) for name in names)
    )
    problems = (
        plan.problem,
        _lost(state) if found is None and state is not None else None,
        _misplaced(position, len(plan.steps)),
        unreadable(document),
        plan.problem_from(position),
        _taken_names(plan, names) if names and not forgets else None,
    )
    problem = next(filter(None, problems), None)
    return RunPlace(position, found is None, forgets, problem)


def _is_agentflows_result(value: object) -> bool:
    """Whether a value is what AgentFlow's own backend keeps of a step; not every generation of it
    leaves the last result beside."""
    is_told = isinstance(value, dict) and isinstance(value.get("success"), bool)
    return is_told and isinstance(value, dict) and isinstance(value.get("timestamp"), str)


def _begins(position: int, state: RunState | None) -> bool:
    return position == 0 and (state is None or not state.done)


def _position(plan: WorkflowPlan, current: int, state: RunState | None) -> int | None:
    """Where the run is. The steps may have been edited under it, then its step is found by its id;
    None where it is not among them any more. A ``currentStep`` that was moved counts as it is."""
    if state is None or not state.at or state.index != current or not plan.steps:
        return current
    if not state.mark:
        return plan.index.get(state.at)
    mark = plan.steps[current].mark if 0 <= current < len(plan.steps) else ""
    steps_then, _, before_then = state.mark.partition(".")
    steps_now, _, before_now = mark.partition(".")
    return current if steps_then == steps_now or before_then == before_now else None


def _lost(state: RunState) -> str:
    return (
        f"The steps were changed while the run was at step '{safe(state.at, 40)}', which cannot be "
        "found among them any more. Reset the workflow to the step to go on with, or run it anew."
    )


def _taken_names(plan: WorkflowPlan, names: Iterable[str]) -> str:
    """What to say of a step whose result would take the place of the workflow's input."""
    name = min(names, key=plan.index.__getitem__)
    step = plan.steps[plan.index[name]].step
    return (
        f"Step {plan.index[name] + 1} ({safe(step.name, 40)}): the context has a member "
        f"'{safe(name, 40)}', which the step's result would replace. Give the step another id."
    )


def _misplaced(position: int, steps: int) -> str | None:
    """Why there is no such place; None for a step's, and for the one after the last."""
    if position < 0:
        return f"currentStep is {position}; steps are counted from 0. Reset the workflow."
    if position > steps:
        last = plural(steps, "step")
        return f"currentStep is {position}, beyond the end of {last}. Reset the workflow."
    return None


def context_of(document: Document) -> dict[str, Any]:
    """The context that a document holds; an empty one for what is none."""
    return document.value if isinstance(document.value, dict) else {}


def unreadable(document: Document) -> str | None:
    """Why a context cannot be added to; None for one that can, or that is not there yet."""
    if document.value is None:
        return document.problem and f"The context cannot be read: {document.problem}."
    if not isinstance(document.value, dict):
        return (
            f"The context is {kind_of(document.value)}, not an object. Make it one, such as {{}}."
        )
    return None
