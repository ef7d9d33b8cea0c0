"""A workflow's steps made ready to run: shape checked, configs checked, before anything runs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any
from zlib import crc32

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Step, as_steps, read
from agentflow_tui.schema import RESERVED_KEYS
from agentflow_tui.steps import configs
from agentflow_tui.steps.calls import END, Handler, Handlers, StepError
from agentflow_tui.steps.configs import ConfigError
from agentflow_tui.steps.expressions import Expression, ExpressionError
from agentflow_tui.steps.redaction import literals, redacted
from agentflow_tui.steps.references import has_references, secrets_named, steps_named
from agentflow_tui.steps.results import for_journal
from agentflow_tui.text import safe

LIMIT = 16_000_000
"""Characters of step definitions that are read."""

DEFAULT_TIMEOUT = 300.0
LONGEST_TIMEOUT = 3600.0
"""Seconds. A definition that counts in milliseconds is thereby no worse off than an hour."""

LONGEST_BACKOFF = 3600.0
"""Seconds between two attempts, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step, checked. ``handler`` is None when its type is run elsewhere; ``config`` is there
    when it holds no references; ``problem`` says why the step cannot work.

    ``journal`` is what the journal says about it, as a JSON object without its closing brace,
    ``quoted`` its id as JSON, ``secrets`` what its config holds that is shown nowhere, ``marked``
    its config for `configs.filled_secrets` where it holds references, ``sources`` the steps whose
    results these hand on, ``credentials`` the labels of those that they name. ``mark`` tells a step
    without an id of its own by the steps before it.
    """

    step: Step
    handler: Handler[Any] | None
    config: Any = None
    when: Expression | bool = True
    retries: int = 0
    backoff: float = 2.0
    timeout: float = DEFAULT_TIMEOUT
    journal: str = "{"
    quoted: str = '""'
    secrets: tuple[str, ...] = field(default=(), repr=False)
    marked: dict[str, Any] = field(default_factory=dict, repr=False)
    sources: frozenset[str] = frozenset()
    credentials: tuple[str, ...] = ()
    mark: str = ""
    problem: str | None = None

    def pause(self, failures: int) -> float:
        """Seconds before the next attempt after so many failed ones: ``backoffFactor ** failures``,
        as AgentFlow does."""
        try:
            return float(min(self.backoff**failures, LONGEST_BACKOFF))
        except OverflowError:
            return LONGEST_BACKOFF


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPlan:
    """A workflow's steps. ``problem``: why they cannot be run. ``foreign``: another
    program's own shape, which is left alone."""

    steps: tuple[PlannedStep, ...] = ()
    index: dict[str, int]
    problem: str | None = None
    foreign: bool = False

    def problem_from(self, current: int) -> str | None:
        """The first thing that is wrong with the steps still to come."""
        if self.problem:
            return self.problem
        return next((step.problem for step in self.steps[current:] if step.problem), None)

    def position(self, target: str) -> int | None:
        """The index to go on at for a ``goto``; None for a step that is not there."""
        if target in self.index:
            return self.index[target]
        return len(self.steps) if target == END else None


def plan(text: str | None, handlers: Handlers) -> WorkflowPlan:
    """Make ready what ``workflows.steps`` holds. Never raises, whatever that is."""
    document = read(text, LIMIT)
    found = as_steps(document)
    if not found and isinstance(document.value, dict) and document.value:
        return WorkflowPlan(index={}, foreign=True)
    if document.value is None or found.problem:
        reason = found.problem or "there is nothing in them"
        return WorkflowPlan(index={}, problem=f"The steps cannot be run: {reason}.")
    index: dict[str, int] = {}
    for position, step in enumerate(found):
        if step.id in index or step.id in RESERVED_KEYS:
            return WorkflowPlan(index={}, problem=_taken(step, position, index))
        index[step.id] = position
    marks = _marks(found)
    steps = tuple(
        replace(_planned(step, at, handlers, index), mark=marks[at])
        for at, step in enumerate(found)
    )
    return WorkflowPlan(steps=steps, index=index)


def _marks(steps: Sequence[Step]) -> list[str]:
    """For each step without an id of its own, how many steps there are, and a checksum of those
    before it; nothing for the others, which their ids tell."""
    marks, checksum = [], 0
    for at, step in enumerate(steps):
        marks.append(f"{len(steps)}.{checksum:08x}" if step.id == str(at) else "")
        about = json.dumps([step.type, step.name, step.config], sort_keys=True)
        checksum = crc32(about.encode("utf-8", "replace"), checksum)
    return marks


def _taken(step: Step, position: int, index: dict[str, int]) -> str:
    name = safe(step.id, 40)
    if step.id in RESERVED_KEYS:
        return f"Step {position + 1} cannot be called '{name}'; that name is the runner's own."
    return f"Steps {index[step.id] + 1} and {position + 1} have the same id '{name}'."


def _planned(step: Step, at: int, handlers: Handlers, index: dict[str, int]) -> PlannedStep:
    handler = handlers.get(step.type)
    if handler is not None and not handler.is_ours(step.config):
        handler = None
    if handler is None and step.type:
        return PlannedStep(step=step, handler=None)
    try:
        return _checked(step, handler, index)
    except (StepError, ExpressionError) as error:
        where = f"Step {at + 1} ({safe(step.name, 40)})"
        return PlannedStep(step=step, handler=handler, problem=f"{where}: {error}")


def _checked(step: Step, handler: Handler[Any] | None, index: dict[str, int]) -> PlannedStep:
    if step.problem or handler is None:
        raise ConfigError(step.problem or "the step has no type")
    check_members(step)
    config = configs.check(handler.config, step.config)
    if config is not None:
        handler.verify(config)
        check_targets(handler.targets(config), index)
    marked = configs.marked(handler.config, step.config)
    return PlannedStep(
        step=step,
        handler=handler,
        config=config,
        when=condition(step.when),
        retries=step.max_retries or 0,
        backoff=2.0 if step.backoff_factor is None else step.backoff_factor,
        timeout=min(step.timeout or DEFAULT_TIMEOUT, LONGEST_TIMEOUT),
        journal=_journal(step, marked, index[step.id]),
        quoted=json.dumps(step.id, ensure_ascii=False),
        # Longest first: blotting a part of a secret would leave the rest of it to be read.
        secrets=tuple(sorted(set(literals(marked)), key=len, reverse=True)),
        marked=marked if has_references(step.config) else {},
        sources=frozenset(steps_named(step.config)),
        credentials=tuple(sorted(secrets_named(step.config))),
    )


MEMBERS = ("id", "type", "name", "config", "maxRetries", "backoffFactor", "timeout", "when")
"""What a step may have, beside ``retries``, which AgentFlow writes."""


def check_members(step: Step) -> None:
    """Raises `ConfigError` for a member that no step has, or that is not what it must be."""
    if step.unknown:
        name = safe(step.unknown[0], 40)
        raise ConfigError(f"{name} is not a member of a step; known are: {', '.join(MEMBERS)}")
    given = step.retries_given
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 0):
        shown = f"'{safe(given, 20)}'" if isinstance(given, str) else safe(json.dumps(given), 20)
        raise ConfigError(f"maxRetries must be a whole number from 0 on, not {shown}")
    if (step.backoff_factor or 0.0) < 0:
        raise ConfigError("backoffFactor must not be negative")
    if (step.timeout or 0.0) < 0:
        raise ConfigError("timeout must not be negative")


def check_targets(targets: Iterable[str], index: Mapping[str, int]) -> None:
    """Raises `ConfigError` for a step to go to that is not there; ``index`` has those that are."""
    for target in targets:
        if target not in index and target != END:
            raise ConfigError(f"there is no step '{safe(target, 40)}' to go to")


def condition(when: Any) -> Expression | bool:
    """What a step's ``when`` says. Raises `ConfigError`."""
    if when is None or isinstance(when, bool):
        return when is not False
    if isinstance(when, str):
        return configs.expression(when, "when")
    raise ConfigError("when must be an expression in a text, or true or false")


def _secrets_used(step: Step) -> list[str]:
    """The secrets that a step uses, as the journal names them."""
    named = [
        f"credentials.{label}.{field}".rstrip(".")
        for label, fields in secrets_named(step.config).items()
        for field in sorted(fields)
    ]
    key = step.config.get("apiKey")
    return [*named, f"api_keys.{key}"] if isinstance(key, str) and step.type == "api" else named


def _journal(step: Step, marked: dict[str, Any], at: int) -> str:
    config = for_journal(json.dumps(redacted(marked), ensure_ascii=False))
    head: dict[str, Any] = {"step": step.id, "index": at, "type": step.type, "name": step.name}
    if used := _secrets_used(step):
        head["secrets"] = used
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "config": {config}'
