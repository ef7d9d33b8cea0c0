"""Which handler runs which type of step: an explicit table, and what installed packages add.

A package adds to it under the entry points' group ``agentflow_tui.steps``: a `Handler` makes steps
of that name a type of their own, a function can be called by ``custom`` steps.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.steps.agentflow_shapes import (
    is_our_analysis,
    is_our_ingestion,
    is_our_request,
    is_our_table,
)
from agentflow_tui.steps.calls import Handler
from agentflow_tui.steps.conditions import ConditionConfig, condition, targets
from agentflow_tui.steps.customs import Function, custom
from agentflow_tui.steps.delays import DelayConfig, delay
from agentflow_tui.steps.distribution import DistributionConfig, distribution
from agentflow_tui.steps.email_ingestion import EmailIngestionConfig, email_ingestion, verify
from agentflow_tui.steps.insight_generation import InsightGenerationConfig, insight_generation
from agentflow_tui.steps.mails import EmailConfig, email
from agentflow_tui.steps.requests import ApiConfig, request
from agentflow_tui.steps.tables import TableConfig, process

GROUP = "agentflow_tui.steps"

_log = logging.getLogger(__name__)


def _always(*members: str) -> Callable[[Mapping[str, Any]], tuple[str, ...]]:
    return lambda _config: members


def _of_table(config: Mapping[str, Any]) -> tuple[str, ...]:
    return () if config.get("single", False) is not False else ("rows", "count")


def _of_request(config: Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(config.get("body"), dict | list):
        return ("success", "data", "status", "timestamp")
    return ("status", "headers", "body")


BUILT_IN: dict[str, Handler[Any]] = {
    "api": Handler(
        config=ApiConfig, run=request, apart=False, is_ours=is_our_request, gives=_of_request
    ),
    "dataProcessing": Handler(
        config=TableConfig, run=process, keyed=False, is_ours=is_our_table, gives=_of_table
    ),
    "email": Handler(
        config=EmailConfig,
        run=email,
        apart=False,
        keyed=False,
        gives=_always("emailId", "queueId", "recipients"),
    ),
    "delay": Handler(
        config=DelayConfig, run=delay, apart=False, keyed=False, gives=_always("until")
    ),
    "condition": Handler(
        config=ConditionConfig,
        run=condition,
        keyed=False,
        targets=targets,
        gives=_always("holds", "goto"),
    ),
    "distribution": Handler(
        config=DistributionConfig,
        run=distribution,
        apart=False,
        keyed=False,
        gives=_always("success", "digests", "distributions", "known"),
    ),
    "emailIngestion": Handler(
        config=EmailIngestionConfig,
        run=email_ingestion,
        apart=False,
        is_ours=is_our_ingestion,
        verify=verify,
        gives=_always("success", "reports", "stored", "messages", "ignored", "leftOut", "more"),
    ),
    "insightGeneration": Handler(
        config=InsightGenerationConfig,
        run=insight_generation,
        apart=False,
        keyed=False,
        is_ours=is_our_analysis,
        gives=_always("success", "reports", "insights", "stored", "top"),
    ),
}
"""The handlers that come with AgentFlow, beside ``custom``, which depends on what is installed.
Each has its words in `agentflow_tui.steps.names`, which the console reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Handlers by step type. ``broken`` says in words why what is installed could not be loaded."""

    handlers: Mapping[str, Handler[Any]]
    broken: Mapping[str, str]

    @property
    def types(self) -> list[str]:
        return sorted(self.handlers)


def load(points: Iterable[EntryPoint] | None = None) -> Registry:
    """The built-in handlers and those of installed packages. One that cannot be loaded harms only
    the steps that use it."""
    handlers = dict(BUILT_IN)
    functions: dict[str, Function] = {}
    broken: dict[str, str] = {}
    for point in entry_points(group=GROUP) if points is None else points:
        if point.name in handlers or point.name == "custom":
            broken[point.name] = "the name belongs to a step type of AgentFlow itself"
            _log.error("step %s of %s is not used: %s", point.name, point.value, broken[point.name])
            continue
        found = _loaded(point, broken)
        if isinstance(found, Handler):
            handlers[point.name] = found
        elif callable(found):
            functions[point.name] = found
    handlers["custom"] = custom(functions, broken)
    return Registry(handlers=handlers, broken=broken)


def _loaded(point: EntryPoint, broken: dict[str, str]) -> Any:
    try:
        found = point.load()
    except Exception as error:  # noqa: BLE001  the boundary around code that is not ours
        broken[point.name] = f"{type(error).__name__}: {error}"
        _log.error("step %s of %s cannot be loaded", point.name, point.value, exc_info=True)
        return None
    if not callable(found) and not isinstance(found, Handler):
        broken[point.name] = "it is neither a function nor a Handler"
        _log.error("step %s of %s is not used: %s", point.name, point.value, broken[point.name])
        return None
    return found
