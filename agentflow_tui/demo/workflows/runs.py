"""How a workflow ran: its steps in time, each with its result and its journal rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentflow_tui.demo.builder import SampleBuilder, later

Context = dict[str, Any]
StepEffect = Callable[[SampleBuilder, Context, datetime], object]
"""Does what a step does in the tables at the moment it ends, and returns its result."""

_SECONDS = {
    "api": (0.2, 2.5),
    "dataProcessing": (0.004, 0.4),
    "email": (0.015, 0.06),
    "condition": (0.001, 0.004),
    "custom": (0.4, 4.0),
    "emailIngestion": (4.0, 40.0),
    "insightGeneration": (7.0, 45.0),
    "distribution": (0.3, 2.0),
}
"""The least and the most that a step of a type takes."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOutage:
    """A service that answers with one of ``errors`` from ``first`` to ``last`` hours before now."""

    service: str
    first: float
    last: float
    errors: tuple[str, ...]


VINSOLUTIONS_OUTAGE = ServiceOutage(
    service="vinsolutions",
    first=34.5,
    last=32.5,
    errors=(
        "answered 503 Service Unavailable: upstream connect error",
        "answered 503 Service Unavailable: upstream connect error",
        "answered 429 Too Many Requests: rate limit of the dealer group exceeded",
    ),
)
DEALERTRACK_OUTAGE = ServiceOutage(
    service="dealertrack",
    first=30.0,
    last=-1.0,
    errors=("DealerTrack refused the sign-in: invalid_grant, the refresh token has expired",),
)


@dataclass(frozen=True, slots=True)
class StepFailure:
    """What goes wrong at one step of a run. ``permanent``: another attempt is no use."""

    step: int
    error: str
    permanent: bool = False


@dataclass(slots=True, kw_only=True)
class SimulatedRun:
    """One pass through a workflow's steps, as far as it got. ``at`` is when that was."""

    workflow: str
    owner: str | None
    at: datetime
    current: int = 0
    context: Context = field(default_factory=dict)
    status: str = "running"
    error: str | None = None
    locked_at: datetime | None = None
    locked: bool = False
    key: str = ""
    """The runner's name for this run, in hexadecimal digits; "" before it has begun."""
    done: int = 0

    def start_anew(self, context: Context, at: datetime) -> None:
        """Begin the next pass."""
        self.at, self.current, self.key, self.done = at, 0, "", 0
        self.context = dict(context)


def simulate(
    builder: SampleBuilder,
    run: SimulatedRun,
    steps: tuple[SimulatedStep, ...],
    *,
    until: int | None = None,
    failure: StepFailure | None = None,
) -> SimulatedRun:
    """Run the steps from ``run.current`` on, up to step ``until``, the end, a failure or now."""
    run.status, run.error, run.locked, run.locked_at = "running", None, False, None
    run.key = run.key or f"{builder.rng.getrandbits(128):032x}"
    run.context.setdefault("_run", {"id": run.key, "done": 0})
    for index in range(run.current, len(steps) if until is None else until):
        failing = failure if failure and failure.step == index else None
        if not _advance(builder, run, steps[index], failing):
            return run
        run.current = index + 1
        run.done += 1
        _keep_state(run)
    if run.current == len(steps):
        run.status = "completed"
    return run


def hold(
    builder: SampleBuilder, run: SimulatedRun, step: SimulatedStep, at: datetime, attempt: int = 1
) -> None:
    """Let a worker hold the workflow from ``at`` on, busy with ``step``."""
    run.at = at
    run.locked, run.locked_at = True, at
    _journal(builder, run, step, attempt, None)


def fail_once(
    builder: SampleBuilder, run: SimulatedRun, step: SimulatedStep, error: str, again: datetime
) -> None:
    """Let ``step`` fail once, to be tried again at ``again``."""
    _fail(builder, run, step, 1, later(run.at, 3), error)
    _keep_state(run, at=step.id, attempts=1, crashes=0)
    run.locked_at = again


def _keep_state(run: SimulatedRun, **step_state: object) -> None:
    """Put into the context what the runner keeps there of a run."""
    run.context["_run"] = {"id": run.key, "done": run.done, **step_state}


def _advance(
    builder: SampleBuilder, run: SimulatedRun, step: SimulatedStep, failure: StepFailure | None
) -> bool:
    """Take one step; False when it failed or is not over yet."""
    if step.is_skipped(run.context):
        end = later(run.at, 0.002)
        _journal(builder, run, step, 1, end, result={"skipped": True})
        run.at = end
        return True
    retries = 0 if failure and failure.permanent else step.retries
    for attempt in range(1, retries + 2):
        end = later(run.at, _seconds(builder, step))
        if end > builder.now:
            _wait(builder, run, step, attempt, end)
            return False
        error = failure.error if failure else _service_error(builder, step, run.at)
        if error is None:
            _complete(builder, run, step, attempt, end)
            return True
        _fail(builder, run, step, attempt, end, error)
        if attempt <= retries:
            retry = later(end, step.backoff**attempt)
            if retry > builder.now:
                run.locked_at = retry
                return False
            run.at = retry
    run.status = "failed"
    return False


def _complete(
    builder: SampleBuilder, run: SimulatedRun, step: SimulatedStep, attempt: int, end: datetime
) -> None:
    result = step.effect(builder, run.context, end)
    _journal(builder, run, step, attempt, end, result=result)
    run.context[step.id] = result
    run.error = None
    run.at = later(end, builder.rng.uniform(0.003, 0.04))


def _fail(
    builder: SampleBuilder,
    run: SimulatedRun,
    step: SimulatedStep,
    attempt: int,
    end: datetime,
    error: str,
) -> None:
    run.error = f"Step {run.current + 1} ({step.name}): {error}"
    _journal(builder, run, step, attempt, end, error=run.error)
    run.at = end


def _wait(
    builder: SampleBuilder, run: SimulatedRun, step: SimulatedStep, attempt: int, end: datetime
) -> None:
    """The step is not over: a delay sleeps, anything else is being worked on."""
    if step.type == "delay":
        run.locked_at = end
        since, until = run.at.isoformat(), end.isoformat()
        _keep_state(run, at=step.id, attempts=0, crashes=0, since=since, until=until)
    elif run.at < builder.now:
        hold(builder, run, step, run.at, attempt)


def _journal(
    builder: SampleBuilder,
    run: SimulatedRun,
    step: SimulatedStep,
    attempt: int,
    end: datetime | None,
    *,
    result: object = None,
    error: str | None = None,
) -> None:
    builder.journal(
        "workflow.step",
        run.owner,
        run.at,
        end,
        given={
            "step": step.id,
            "index": run.current,
            "type": step.type,
            "name": step.name,
            "config": step.config,
            "workflow": run.workflow,
            "run": run.key,
            "attempt": attempt,
        },
        result=result,
        error=error,
    )


def _seconds(builder: SampleBuilder, step: SimulatedStep) -> float:
    if step.type == "delay":
        return float(step.config["seconds"])
    return builder.rng.uniform(*_SECONDS[step.type])


def _service_error(builder: SampleBuilder, step: SimulatedStep, when: datetime) -> str | None:
    """What the service that the step needs answers, or None where all is well."""
    hours = (builder.now - when).total_seconds() / 3600
    call = f"{step.config['method']} {step.config['url']} " if step.type == "api" else ""
    for outage in (VINSOLUTIONS_OUTAGE, DEALERTRACK_OUTAGE):
        if step.needs == outage.service and outage.last <= hours <= outage.first:
            return f"{call}{builder.rng.choice(outage.errors)}"
    if step.type == "api" and builder.rng.random() < 0.015:
        return f"{call}did not answer within {step.config['timeout']} s."
    return None
