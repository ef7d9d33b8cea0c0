"""How a workflow ran: its steps in time, each with its result and its journal rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from agentflow_tui.demo.builder import World, later

Context = dict[str, object]
Perform = Callable[[World, Context, datetime], object]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step as it stands in ``workflows.steps``, and what it does.

    ``needs`` names the service it depends on, for outages; ``goes`` says whether its ``when``
    holds.
    """

    id: str
    type: str
    name: str
    config: dict[str, object]
    perform: Perform
    retries: int = 3
    backoff: float = 2.0
    timeout: int = 60
    when: str | None = None
    goes: Callable[[Context], bool] | None = None
    needs: str | None = None

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
class Outage:
    """A service that answers with one of ``errors`` from ``first`` to ``last`` hours before now."""

    needs: str
    first: float
    last: float
    errors: tuple[str, ...]


VINSOLUTIONS_OUTAGE = Outage(
    needs="vinsolutions",
    first=34.5,
    last=32.5,
    errors=(
        "answered 503 Service Unavailable: upstream connect error",
        "answered 503 Service Unavailable: upstream connect error",
        "answered 429 Too Many Requests: rate limit of the dealer group exceeded",
    ),
)
DEALERTRACK_TOKEN = Outage(
    needs="dealertrack",
    first=30.0,
    last=-1.0,
    errors=("DealerTrack refused the sign-in: invalid_grant, the refresh token has expired",),
)


@dataclass(frozen=True, slots=True)
class Mishap:
    """What goes wrong at the step ``index`` of one run. ``for_good``: another attempt is no use."""

    index: int
    words: str
    for_good: bool = False


@dataclass(slots=True, kw_only=True)
class Run:
    """One pass through a workflow's steps, as far as it got."""

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


def play(
    world: World,
    run: Run,
    steps: tuple[Step, ...],
    *,
    until: int | None = None,
    mishap: Mishap | None = None,
) -> Run:
    """Run the steps from ``run.current`` on, up to step ``until``, the end, a failure or now."""
    run.status, run.error, run.locked, run.locked_at = "running", None, False, None
    run.key = run.key or f"{world.rng.getrandbits(128):032x}"
    run.context.setdefault("_run", {"id": run.key, "done": 0})
    for index in range(run.current, len(steps) if until is None else until):
        harmed = mishap if mishap and mishap.index == index else None
        if not _advance(world, run, steps[index], harmed):
            return run
        run.current = index + 1
        _account(run)
    if run.current == len(steps):
        run.status = "completed"
    return run


def _account(run: Run, **further: object) -> None:
    """What the runner keeps of a run in its context (`agentflow_tui.workers.runner.run_state`)."""
    run.done = run.done if further else run.done + 1
    run.context["_run"] = {"id": run.key, "done": run.done, **further}


def seize(world: World, run: Run, step: Step, at: datetime, attempt: int = 1) -> Run:
    """Let a worker hold the workflow from ``at`` on, busy with ``step``."""
    run.at = at
    run.locked, run.locked_at = True, at
    _journal(world, run, step, attempt, None)
    return run


def stumble(world: World, run: Run, step: Step, error: str, again: datetime) -> Run:
    """Let ``step`` fail once, to be tried again at ``again``."""
    _fail(world, run, step, 1, later(run.at, 3), error)
    _account(run, at=step.id, attempts=1, crashes=0)
    run.locked_at = again
    return run


def _advance(world: World, run: Run, step: Step, mishap: Mishap | None) -> bool:
    """Take one step; False when it failed or is not over yet."""
    if step.goes and not step.goes(run.context):
        end = later(run.at, 0.002)
        _journal(world, run, step, 1, end, result={"skipped": True})
        run.at = end
        return True
    retries = 0 if mishap and mishap.for_good else step.retries
    for attempt in range(1, retries + 2):
        end = later(run.at, _seconds(world, step))
        if end > world.now:
            _wait(world, run, step, attempt, end)
            return False
        trouble = mishap.words if mishap else _outage(world, step, run.at)
        if trouble is None:
            _complete(world, run, step, attempt, end)
            return True
        _fail(world, run, step, attempt, end, trouble)
        if attempt <= retries:
            retry = later(end, step.backoff**attempt)
            if retry > world.now:
                run.locked_at = retry
                return False
            run.at = retry
    run.status = "failed"
    return False


def _complete(world: World, run: Run, step: Step, attempt: int, end: datetime) -> None:
    result = step.perform(world, run.context, end)
    _journal(world, run, step, attempt, end, result=result)
    run.context[step.id] = result
    run.error = None
    run.at = later(end, world.rng.uniform(0.003, 0.04))


def _fail(world: World, run: Run, step: Step, attempt: int, end: datetime, trouble: str) -> None:
    error = f"Step {run.current + 1} ({step.name}): {trouble}"
    _journal(world, run, step, attempt, end, error=error)
    run.at, run.error = end, error


def _wait(world: World, run: Run, step: Step, attempt: int, end: datetime) -> None:
    """The step is not over: a delay sleeps, anything else is being worked on."""
    if step.type == "delay":
        run.locked_at = end
        since, until = run.at.isoformat(), end.isoformat()
        _account(run, at=step.id, attempts=0, crashes=0, since=since, until=until)
    elif run.at < world.now:
        seize(world, run, step, run.at, attempt)


def _journal(
    world: World,
    run: Run,
    step: Step,
    attempt: int,
    end: datetime | None,
    *,
    result: object = None,
    error: str | None = None,
) -> None:
    world.journal(
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


def _seconds(world: World, step: Step) -> float:
    if step.type == "delay":
        return float(str(step.config["seconds"]))
    return world.rng.uniform(*_SECONDS[step.type])


def _outage(world: World, step: Step, when: datetime) -> str | None:
    hours = (world.now - when).total_seconds() / 3600
    for outage in (VINSOLUTIONS_OUTAGE, DEALERTRACK_TOKEN):
        if step.needs == outage.needs and outage.last <= hours <= outage.first:
            return f"{_place(step)}{world.rng.choice(outage.errors)}"
    if step.type == "api" and world.rng.random() < 0.015:
        return f"{_place(step)}did not answer within {step.config['timeout']} s."
    return None


def _place(step: Step) -> str:
    """What an api step called, as the runner's errors begin; nothing for other steps."""
    return f"{step.config['method']} {step.config['url']} " if step.type == "api" else ""
