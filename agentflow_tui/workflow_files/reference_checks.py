"""References of a workflow's steps that lead nowhere, as far as that can be told before a run."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from agentflow_tui.documents import kind_of
from agentflow_tui.filters.parsing import did_you_mean
from agentflow_tui.schema import RESERVED_KEYS
from agentflow_tui.steps.conditions import ConditionConfig
from agentflow_tui.steps.references import (
    CREDENTIALS,
    LostReferenceError,
    path_segments,
    references_in,
)
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.step_checks import Fault, FileStep

ROOTS = ("steps", "context")


class Ways:
    """Which steps a run may come to after which. A step may be followed by the next one, and by
    those that its config names."""

    def __init__(self, steps: Sequence[FileStep]):
        self._steps = steps
        self._index = {each.step.id: at for at, each in enumerate(steps)}
        self._after: dict[int, set[int]] = {}

    def leads(self, first: int, then: int) -> bool:
        """Whether a run that was at ``first`` may be at ``then`` later."""
        if first < then:  # most often so, and nearly always true
            return True
        if not self._jumps:
            return False
        if first not in self._after:
            self._after[first] = self._reached(first)
        return then in self._after[first]

    @cached_property
    def _jumps(self) -> bool:
        return any(each.handler is not None and self._targets(each) for each in self._steps)

    def _reached(self, start: int) -> set[int]:
        reached: set[int] = set()
        waiting = [start]
        while waiting:
            for at in self._next(waiting.pop()) - reached:
                reached.add(at)
                waiting.append(at)
        return reached

    def _next(self, at: int) -> set[int]:
        each = self._steps[at]
        config = each.config
        decides = isinstance(config, ConditionConfig) and each.step.when is None
        both = decides and None not in (config.then, config.otherwise)
        following = set() if both or at + 1 >= len(self._steps) else {at + 1}
        return following | self._targets(each)

    def _targets(self, each: FileStep) -> set[int]:
        if each.handler is None or each.config is None:
            return set()
        named = each.handler.targets(each.config)
        return {self._index[target] for target in named if target in self._index}


def reference_faults(steps: Sequence[FileStep], context: Mapping[str, Any]) -> Iterator[Fault]:
    """Each reference that cannot lead to a value."""
    check = _Check(steps, context)
    for at, each in enumerate(steps):
        for where, written in references_in(dict(each.step.config), f"{each.path}.config"):
            reason = check.why_nowhere(at, written)
            if reason:
                yield where, f"{{{{{safe(written.strip(), 80)}}}}} leads nowhere: {reason}"


def maybe_skipped(steps: Sequence[FileStep]) -> Iterator[Fault]:
    """References to a step that may be skipped, from one that is not."""
    conditional = {each.step.id for each in steps if isinstance(each.step.when, str)}
    for each in steps:
        if each.step.when is not None:
            continue
        for where, written in references_in(dict(each.step.config), f"{each.path}.config"):
            segments = _segments(written)
            if len(segments) > 1 and segments[0] in ROOTS and segments[1] in conditional:
                skipped = f"step '{safe(segments[1], 40)}' may be skipped"
                yield where, f"{skipped}, then this leads nowhere: give this step its 'when'"


def _segments(written: str) -> list[str]:
    try:
        return path_segments(written)
    except LostReferenceError:
        return []


class _Check:
    def __init__(self, steps: Sequence[FileStep], context: Mapping[str, Any]):
        self._steps, self._context = steps, context
        self._ways = Ways(steps)
        self._index: dict[str, int] = {}
        for at, each in enumerate(steps):
            self._index.setdefault(each.step.id, at)

    def why_nowhere(self, at: int, written: str) -> str:
        """Why a reference in the step at ``at`` leads nowhere; ``""`` where it may be right."""
        try:
            root, *path = path_segments(written)
        except LostReferenceError:
            return "it is no reference; one looks like {{steps.fetch.body}}"
        if root == CREDENTIALS and path:
            return ""  # which labels there are is known to the database
        if root not in ROOTS:
            hint = did_you_mean(root, ROOTS)
            return f"it must begin with 'steps.' or 'context.'. {hint}".strip()
        if not path:
            return ""
        if root == "context" and path[0] not in self._index:
            return self._why_not_in_context(path)
        return self._why_not_in_steps(at, path[0], path[1:])

    def _why_not_in_context(self, path: Sequence[str]) -> str:
        if path[0] in RESERVED_KEYS:
            return ""
        value: Any = self._context
        walked = "the context"
        for segment in path:
            if isinstance(value, str) and "{{" in value:
                return ""
            if reason := self._why_not_below(value, segment):
                return f"{walked} {reason}"
            value = value[segment if isinstance(value, Mapping) else int(segment)]
            walked = f"'{safe(segment, 40)}'"
        return ""

    def _why_not_below(self, value: Any, segment: str) -> str:
        """Why a value of the context has no such part."""
        missing = safe(segment, 40)
        if isinstance(value, Mapping):
            if segment in value:
                return ""
            known = [str(name) for name in value]
            known += self._index if value is self._context else ()
            return f"has no '{missing}'. {did_you_mean(segment, known) or _has(known)}"
        if not isinstance(value, list) or not segment.lstrip("-").isdecimal():
            return f"is {kind_of(value)} and has no '{missing}'"
        inside = -len(value) <= int(segment) < len(value)
        return "" if inside else f"has {len(value)} entries and no '{missing}'"

    def _why_not_in_steps(self, at: int, id_: str, path: Sequence[str]) -> str:
        shown = safe(id_, 40)
        if id_ not in self._index:
            hint = did_you_mean(id_, self._index) or _has(list(self._index))
            return f"there is no step '{shown}'. {hint}"
        if not self._ways.leads(self._index[id_], at):
            if self._index[id_] == at:
                return "the step has no result before it has run"
            return f"step '{shown}' comes later: move it in front of this one"
        each = self._steps[self._index[id_]]
        gives = each.handler.gives(each.step.config) if each.handler is not None else ()
        if gives and path and path[0] not in gives:
            hint = did_you_mean(path[0], gives) or f"It has {', '.join(gives)}."
            return f"the result of '{shown}' has no '{safe(path[0], 40)}'. {hint}"
        return ""


def _has(names: Sequence[str]) -> str:
    if not names:
        return "It has nothing."
    more = ", …" if len(names) > 8 else ""
    return f"There are {', '.join(safe(name, 30) for name in names[:8])}{more}."
