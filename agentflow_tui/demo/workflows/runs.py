"""How a workflow ran: its steps in time, each with its result and its journal rows."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo.builder import SampleBuilder, later
from agentflow_tui.demo.workflows.steps import Context, SampleWorkflow, SimulatedStep
from agentflow_tui.schema import RUN_STATE_KEY


@dataclass(frozen=True, slots=True)
class StepFailure:
    """What goes wrong at one step of a run. ``permanent``: another attempt is no use."""

    step: int
    error: str
    permanent: bool = False


class SimulatedRun:
    """A workflow that was created at ``at`` and starts then, as far as it got.

    ``id`` is that of its row, ``at`` the moment until which it is simulated, ``current`` the index
    of the next step.
    """

    def __init__(
        self,
        builder: SampleBuilder,
        workflow: SampleWorkflow,
        at: datetime,
        owner: str | None = None,
    ):
        self._builder = builder
        self._created = at
        self.id = builder.uuid(at)
        self.owner = owner or builder.rng.choice(builder.users)
        self.status = "running"
        self.error: str | None = None
        self._locked = False
        self._locked_at: datetime | None = None
        self.start_anew(workflow, at)

    def start_anew(self, workflow: SampleWorkflow, at: datetime) -> None:
        """Begin another pass at ``at``, through the steps that the workflow has then."""
        self._steps = workflow.steps
        self._context: Context = dict(workflow.context)
        self.at, self.current = at, 0
        self._key = ""  # the runner's name for the pass, in hexadecimal digits
        self._done = 0

    def simulate(self, *, until: int | None = None, failure: StepFailure | None = None) -> None:
        """Run the steps from ``current`` on, up to step ``until``, the end, a failure or now."""
        self.status, self.error, self._locked, self._locked_at = "running", None, False, None
        self._key = self._key or f"{self._builder.rng.getrandbits(128):032x}"
        self._context.setdefault(RUN_STATE_KEY, {"id": self._key, "done": 0})
        for index in range(self.current, len(self._steps) if until is None else until):
            failing = failure if failure and failure.step == index else None
            if not self._advance(self._steps[index], failing):
                return
            self.current = index + 1
            self._done += 1
            self._keep_state()
        if self.current == len(self._steps):
            self.status = "completed"

    def hold(self, at: datetime, attempt: int = 1) -> None:
        """Let a worker hold the workflow from ``at`` on, busy with the current step."""
        self.at = self._locked_at = at
        self._locked = True
        self._journal(attempt, None)

    def fail_once(self, error: str, again: datetime) -> None:
        """Let the current step fail, to be tried again at ``again``."""
        self._fail(1, later(self.at, 3), error)
        self._keep_state(at=self._steps[self.current].id, attempts=1, crashes=0)
        self._locked_at = again

    def add_row(self, steps: object = None) -> None:
        """Add the workflow's row. ``steps`` is what stands in the column instead of a list."""
        self._builder.add(
            "workflows",
            id=self.id,
            userId=self.owner,
            steps=[step.as_json() for step in self._steps] if steps is None else steps,
            currentStep=self.current,
            context=self._context,
            status=self.status,
            lastError=self.error,
            lastUpdated=self.at,
            locked=self._locked,
            lockedAt=self._locked_at,
            createdAt=self._created,
        )

    def _keep_state(self, **step_state: object) -> None:
        """Put into the context what the runner keeps there of a run."""
        self._context[RUN_STATE_KEY] = {"id": self._key, "done": self._done, **step_state}

    def _advance(self, step: SimulatedStep, failure: StepFailure | None) -> bool:
        """Take one step; False when it failed or is not over yet."""
        if step.is_skipped(self._context):
            end = later(self.at, 0.002)
            self._journal(1, end, result={"skipped": True})
            self.at = end
            return True
        retries = 0 if failure and failure.permanent else step.retries
        for attempt in range(1, retries + 2):
            end = later(self.at, step.seconds(self._builder))
            if end > self._builder.now:
                self._wait(step, attempt, end)
                return False
            error = failure.error if failure else step.service_error(self._builder, self.at)
            if error is None:
                self._complete(step, attempt, end)
                return True
            self._fail(attempt, end, error)
            if attempt <= retries:
                retry = later(end, step.backoff**attempt)
                if retry > self._builder.now:
                    self._locked_at = retry
                    return False
                self.at = retry
        self.status = "failed"
        return False

    def _complete(self, step: SimulatedStep, attempt: int, end: datetime) -> None:
        result = step.effect(self._builder, self._context, end)
        self._journal(attempt, end, result=result)
        self._context[step.id] = result
        self.error = None
        self.at = later(end, self._builder.rng.uniform(0.003, 0.04))

    def _fail(self, attempt: int, end: datetime, error: str) -> None:
        self.error = f"Step {self.current + 1} ({self._steps[self.current].name}): {error}"
        self._journal(attempt, end, error=self.error)
        self.at = end

    def _wait(self, step: SimulatedStep, attempt: int, end: datetime) -> None:
        """The step is not over: a delay sleeps, anything else is being worked on."""
        if step.type == "delay":
            self._locked_at = end
            since, until = self.at.isoformat(), end.isoformat()
            self._keep_state(at=step.id, attempts=0, crashes=0, since=since, until=until)
        elif self.at < self._builder.now:
            self.hold(self.at, attempt)

    def _journal(
        self, attempt: int, end: datetime | None, *, result: object = None, error: str | None = None
    ) -> None:
        step = self._steps[self.current]
        self._builder.journal(
            "workflow.step",
            self.owner,
            self.at,
            end,
            given={
                "step": step.id,
                "index": self.current,
                "type": step.type,
                "name": step.name,
                "config": step.config,
                "workflow": self.id,
                "run": self._key,
                "attempt": attempt,
            },
            result=result,
            error=error,
        )
