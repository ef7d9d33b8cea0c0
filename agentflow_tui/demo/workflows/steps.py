"""The steps of a workflow, how long they take, and the outages of the services that they need."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import data
from agentflow_tui.demo.builder import SampleBuilder

Context = dict[str, Any]
StepEffect = Callable[[SampleBuilder, Context, datetime], object]
"""Does what a step does in the tables at the moment it ends, and returns its result."""

_DATA = data.read("workflows")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOutage:
    """A service that answers with one of ``errors`` from ``first`` to ``last`` hours before now."""

    service: str
    first: float
    last: float
    errors: list[str]


OUTAGES = {row["service"]: ServiceOutage(**row) for row in _DATA["outages"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedStep:
    """A step as it stands in ``workflows.steps``, and what it does.

    ``when`` names the condition that must hold, as ``steps.<id>.holds``. ``needs`` is the service
    that it depends on.
    """

    id: str
    type: str
    name: str
    config: dict[str, Any]
    effect: StepEffect
    retries: int
    backoff: float = 2.0
    timeout: int = 60
    when: str | None = None
    needs: str | None = None

    def is_skipped(self, context: Context) -> bool:
        if self.when is None:
            return False
        condition = self.when.split(".")[1]
        return not context.get(condition, {}).get("holds")

    def as_json(self) -> dict[str, object]:
        definition: dict[str, object] = {
            "id": self.id,
            "type": self.type,
            "name": self.name,
            "config": self.config,
            "maxRetries": self.retries,
            "backoffFactor": self.backoff,
            "timeout": self.timeout,
        }
        return {**definition, "when": self.when} if self.when else definition

    def seconds(self, builder: SampleBuilder) -> float:
        """How long it takes this time."""
        if self.type == "delay":
            return float(self.config["seconds"])
        return builder.rng.uniform(*_DATA["seconds"][self.type])

    def service_error(self, builder: SampleBuilder, when: datetime) -> str | None:
        """What the service that it needs answers, or None where all is well."""
        hours = (builder.now - when).total_seconds() / 3600
        is_api = self.type == "api"
        call = f"{self.config['method']} {self.config['url']} " if is_api else ""
        outage = OUTAGES.get(self.needs or "")
        if outage and outage.last <= hours <= outage.first:
            return f"{call}{builder.rng.choice(outage.errors)}"
        if is_api and builder.rng.random() < 0.015:
            return f"{call}did not answer within {self.config['timeout']} s."
        return None


@dataclass(frozen=True, slots=True)
class SampleWorkflow:
    """The steps of a workflow, and the context it starts with."""

    steps: tuple[SimulatedStep, ...]
    context: Context
