"""What is wrong with the steps of a workflow, each mistake with its path."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Document, Step, as_steps
from agentflow_tui.filters.parsing import did_you_mean
from agentflow_tui.schema import RESERVED_KEYS, spelling
from agentflow_tui.steps import configs
from agentflow_tui.steps.agentflow_shapes import is_left_to_agentflow
from agentflow_tui.steps.calls import Handler, StepError
from agentflow_tui.steps.configs import ConfigError
from agentflow_tui.steps.names import ELSEWHERE, waiting_reason
from agentflow_tui.steps.plans import (
    MEMBERS,
    check_members,
    check_targets,
    condition,
)
from agentflow_tui.steps.registry import Registry
from agentflow_tui.text import safe

Fault = tuple[str, str]
"""A path in the document, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class FileStep:
    """A step of a file. ``path`` is where it stands, ``handler`` None where its type is none of
    ours, ``config`` what its handler made of it, None where that hangs on references."""

    step: Step
    path: str
    handler: Handler[Any] | None = None
    config: Any = None

    def member(self, *names: str) -> str:
        """The path of the first of these members."""
        return f"{self.path}.{names[0]}"


def read_steps(entries: Sequence[Any], registry: Registry) -> list[FileStep]:
    """The steps with their handlers."""
    found = []
    for at, step in enumerate(as_steps(Document(value=list(entries)))):
        handler = registry.handlers.get(step.type)
        if handler is not None and not handler.is_ours(step.config):
            handler = None
        config = None
        if handler is not None and not configs.mistakes(handler.config, step.config):
            config = configs.check(handler.config, step.config)
        found.append(FileStep(step, f"steps[{at}]", handler, config))
    return found


def step_faults(
    steps: Sequence[FileStep], registry: Registry, context: Mapping[str, Any]
) -> Iterator[Fault]:
    """What is wrong with each step by itself, and with their ids."""
    index: dict[str, int] = {}
    for at, each in enumerate(steps):
        yield from _id_faults(each, at, index, context)
        index.setdefault(each.step.id, at)
    for each in steps:
        yield from _shape_faults(each, registry)
        if each.handler is not None and not each.step.problem:
            yield from _config_faults(each, each.handler, index)


def _id_faults(
    each: FileStep, at: int, index: Mapping[str, int], context: Mapping[str, Any]
) -> Iterator[Fault]:
    id_, name = each.step.id, safe(each.step.id, 40)
    where = each.member("id")
    if id_ in index:
        yield (
            where,
            f"steps {index[id_] + 1} and {at + 1} have the same id '{name}': give one another",
        )
    if id_ in RESERVED_KEYS:
        yield where, f"no step can be called '{name}', which is the runner's own name: take another"
    elif id_ in context:
        replaced = f"'{name}' is a member of the context, which the step's result would replace"
        yield where, f"{replaced}: rename one of them"


def _shape_faults(each: FileStep, registry: Registry) -> Iterator[Fault]:
    step = each.step
    for name in step.unknown:
        hint = did_you_mean(name, MEMBERS) or f"Known are {', '.join(MEMBERS)}."
        yield each.member(name), f"a step has no member '{safe(name, 40)}'. {hint}"
    if step.problem:
        yield _of_problem(each), step.problem
    elif each.handler is None and not _is_anothers(step):
        yield each.member("type"), _unknown_type(step.type, registry)
    if not step.unknown and not step.problem:
        yield from _member_faults(each)


def _is_anothers(step: Step) -> bool:
    """Whether a step that has no handler is run by AgentFlow's own backend."""
    return step.type in ELSEWHERE or is_left_to_agentflow(step.type, step.config)


def _member_faults(each: FileStep) -> Iterator[Fault]:
    try:
        check_members(each.step)
    except ConfigError as error:
        name = next((name for name in MEMBERS if str(error).startswith(f"{name} ")), "")
        yield each.member(name) if name else each.path, str(error)


def _of_problem(each: FileStep) -> str:
    words = spelling(each.step.problem or "")
    named = [name for name in MEMBERS if words.startswith(spelling(f"{name} "))]
    if "config" in words:
        named.append("config")
    return each.member(named[0]) if named else each.path


def _unknown_type(type_: str, registry: Registry) -> str:
    shown = safe(type_, 40)
    if type_ in registry.broken:
        return f"steps of type '{shown}' cannot be run: {registry.broken[type_]}"
    known = [*registry.types, *ELSEWHERE]
    hint = did_you_mean(type_, known) or f"There are {', '.join(known)}."
    return f"there are no steps of type '{shown}'. {hint}"


def _config_faults(
    each: FileStep, handler: Handler[Any], index: Mapping[str, int]
) -> Iterator[Fault]:
    config: type = handler.config
    declared = list(configs.declared_fields(config))
    for error in configs.mistakes(handler.config, each.step.config):
        yield f"{each.path}.{error.where or 'config'}", _worded(error, declared)
    try:
        if each.config is not None:
            handler.verify(each.config)
    except StepError as error:
        field = getattr(error, "where", "") or str(error).partition(":")[0]
        is_field = field.startswith("config.") and field.isascii() and " " not in field
        yield f"{each.path}.{field if is_field else 'config'}", str(error)
    yield from _target_faults(each, handler, index)
    try:
        condition(each.step.when)
    except ConfigError as error:
        yield each.member("when"), str(error)


def _target_faults(
    each: FileStep, handler: Handler[Any], index: Mapping[str, int]
) -> Iterator[Fault]:
    for target in handler.targets(each.config) if each.config is not None else ():
        try:
            check_targets([target], index)
        except ConfigError as error:
            field = next((n for n, value in each.step.config.items() if value == target), "")
            where = f"{each.path}.config.{field}" if field else f"{each.path}.config"
            yield where, f"{error}. {did_you_mean(target, index)}".strip()


def _worded(error: ConfigError, declared: Sequence[str]) -> str:
    """What is wrong, and for an unknown field the nearest one that there is."""
    said = str(error)
    if "is not a field of this step" not in said or error.where.count(".") != 1:
        return said
    hint = did_you_mean(error.where.removeprefix("config."), declared)
    return f"{said}. {hint}" if hint else said


def elsewhere(steps: Sequence[FileStep]) -> Iterator[Fault]:
    """Steps that no worker here runs, though nothing is wrong with them."""
    for each in steps:
        if is_left_to_agentflow(each.step.type, each.step.config):
            yield each.member("type"), f"{waiting_reason(each.step.type, config=each.step.config)}"
        elif each.handler is None and each.step.type in ELSEWHERE:
            about = ELSEWHERE[each.step.type]
            yield (
                each.member("type"),
                f"{about} is done by AgentFlow's own backend; no worker here takes this step",
            )
