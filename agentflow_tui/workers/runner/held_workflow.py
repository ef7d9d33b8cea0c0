"""One claimed workflow in this process, and what is to be written about it."""

import json
import os
from dataclasses import field, replace
from datetime import datetime, timedelta
from itertools import count
from time import monotonic
from typing import Any, Self
from uuid import uuid4

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.schema import LAST_RESULT_KEY, RUN_STATE_KEY
from agentflow_tui.steps.calls import StepOutcome
from agentflow_tui.steps.plans import PlannedStep, WorkflowPlan
from agentflow_tui.steps.references import StepResults
from agentflow_tui.store.queue.workflow_claims import ClaimedWorkflow
from agentflow_tui.store.queue.workflow_runs import Advance, Advanced, StepEntry, StepMailRows
from agentflow_tui.text import safe
from agentflow_tui.workers.runner.run_place import context_of, place, unreadable
from agentflow_tui.workers.runner.run_secrets import RunSecrets
from agentflow_tui.workers.runner.run_state import ALONE, RunLimits, RunState, recorded

CONTEXT_LIMIT = 64_000_000
"""Characters of context that are read."""

REST = 1.0
"""Seconds of a wait from which on a loop rests, and is no endless one."""

_ERROR_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class StepResult:
    """What an attempt at a step gave: the outcome, its result as JSON text, its mails as rows."""

    outcome: StepOutcome
    packed: str
    result: Any
    """What ``packed`` is when it is read again."""
    journal: str
    """What the journal keeps of it, without secrets."""
    mails: tuple[StepMailRows, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PendingWrite:
    """What is to be written about a workflow, and how it is seen here once that is committed."""

    held: "HeldWorkflow"
    advance: Advance
    state: RunState
    name: str | None = None
    result: Any = None
    locks: list[datetime] = field(default_factory=list)
    """The values that it has given to the lock, one for each time that it was sent."""

    @property
    def token(self) -> datetime:
        """The lock that the write is about, at the time when it is sent."""
        return self.held.token


@dataclass(slots=True, kw_only=True)
class HeldWorkflow:
    """A workflow that this process holds.

    ``token`` is the value of its lock, which each write and renewal changes; ``renewed_at`` is when
    it was last told to the database, by this process's monotonic clock. ``context`` is the
    workflow's without the run's state; one that is not ``readable`` is left alone; ``replaces``:
    the next write has to give all of it, because what is stored cannot be patched. ``on_record``:
    the state is stored, so that the idempotency key will be the same after a crash. ``suffix`` is
    what the journal's rows say about the run, the end of a JSON object. ``is_writing``: something
    is being written about it. ``hands_over`` is the status in which it is left before a step of
    another program; ``is_agentflows``: that has begun the run. ``is_lost``: the step that it was at
    is not among its steps any more.
    """

    id: str
    plan: WorkflowPlan
    position: int
    token: datetime
    state: RunState
    context: dict[str, Any]
    steps: dict[str, Any]
    replaces: bool
    always_replaces: bool
    on_record: bool
    readable: bool
    problem: str | None
    now_at_claim: datetime
    claimed_at: float
    suffix: str
    renewed_at: float
    limits: RunLimits = field(default_factory=RunLimits)
    hands_over: str = "running"
    is_agentflows: bool = False
    is_lost: bool = False
    secrets: RunSecrets = field(default_factory=RunSecrets, repr=False)
    is_writing: bool = False
    results: StepResults = field(init=False)

    @classmethod
    def take(
        cls,
        claimed: ClaimedWorkflow,
        plan: WorkflowPlan,
        *,
        merges: bool,
        limits: RunLimits | None = None,
        hands_over: str = "running",
    ) -> Self:
        """Open what was claimed. Never raises; ``problem`` says what is wrong with it."""
        document = read(claimed.context, CONTEXT_LIMIT)
        context = context_of(document)
        current = claimed.current_step or 0
        stored = context.pop(RUN_STATE_KEY, None)
        state = recorded(stored, status=claimed.status, current_step=current)
        found = place(plan, current, state, stored, document)
        held = cls(
            id=claimed.id,
            plan=plan,
            position=found.position,
            token=claimed.token,
            state=state or RunState.begin(),
            context=context,
            steps={name: context[name] for name in plan.index if name in context},
            replaces=not merges or document.problem is not None,
            always_replaces=not merges,
            on_record=state is not None and not claimed.crashed,
            readable=unreadable(document) is None,
            problem=found.problem,
            is_lost=found.is_lost,
            now_at_claim=claimed.now,
            claimed_at=monotonic(),
            suffix="",
            renewed_at=monotonic(),
            limits=limits or RunLimits(),
            hands_over=hands_over,
            is_agentflows=stored is None and LAST_RESULT_KEY in context,
        )
        if found.forgets:
            held._forget_results_of_earlier_runs()
        held.results = StepResults(held.steps, held.context)
        for step in plan.steps[: max(0, held.position)]:
            held.secrets.note(step, held.results)
        about = {"workflow": held.id, "run": held.state.id}
        held.suffix = json.dumps(about, ensure_ascii=False)[1:]
        if claimed.crashed:
            held._count_crash()
        return held

    def _forget_results_of_earlier_runs(self) -> None:
        self.replaces = True
        for name in self.steps:
            del self.context[name]
        self.steps = {}

    def _count_crash(self) -> None:
        if self.has_step:
            self.state = self.state.about(self.step.step.id).crashed()
            if self.state.crashes >= self.limits.crashes:
                self.problem = self.named(
                    f"its worker died {self.state.crashes} times while it ran. "
                    "Retry the workflow to give it another chance."
                )

    @property
    def has_step(self) -> bool:
        """Whether there is a current step: ``currentStep`` may be any number."""
        return 0 <= self.position < len(self.plan.steps)

    @property
    def step(self) -> PlannedStep:
        return self.plan.steps[self.position]

    @property
    def is_foreign(self) -> bool:
        """On a closer look it is for another program: its own shape, or a step it has to take. What
        that has begun never fails here for a shape that is not ours."""
        if self.is_agentflows and self.problem is not None:
            return True
        if self.plan.foreign or not self.has_step:
            return self.plan.foreign
        return self.step.handler is None and self.step.problem is None

    @property
    def is_suspect(self) -> bool:
        """Its current step may be what kills processes."""
        return self.has_step and self.state.about(self.step.step.id).crashes >= ALONE

    @property
    def ended(self) -> bool:
        return self.position >= len(self.plan.steps)

    @property
    def now(self) -> datetime:
        """The database's time, as far as can be told from the claim."""
        return self.now_at_claim + timedelta(seconds=monotonic() - self.claimed_at)

    @property
    def key(self) -> str:
        return self.state.key(self.id, self.step.step.id)

    def named(self, message: str) -> str:
        """A message about the current step that says which one it is."""
        return f"Step {self.position + 1} ({safe(self.step.step.name, 40)}): {message}"

    def settle(self, write: PendingWrite, advanced: Advanced) -> None:
        """The write is committed: this is how things stand now."""
        if advanced.token is not None:
            self.token = advanced.token
        self.renewed_at = monotonic()
        self.position = write.advance.current_step
        self.state = write.state
        self.replaces = self.always_replaces
        self.on_record = True
        if write.name is not None:
            self.steps[write.name] = self.context[write.name] = write.result
            self.context[LAST_RESULT_KEY] = write.result

    # What can be written. Each is what becomes of the workflow if it is still ours.

    def recording(self) -> PendingWrite:
        """The state goes on record before the step runs."""
        state = replace(self.state, trying=self.is_suspect)
        return self._write(self.position, state, "running", holds=True)

    def completing(self) -> PendingWrite:
        """There is no step left."""
        return self._write(self.position, self.state, "completed")

    def rejecting(self, problem: str, entry: StepEntry | None = None) -> PendingWrite:
        """It cannot be run, or not any further. The attempts are forgotten, so that a retry by hand
        has all of them again."""
        run = self.state
        state = RunState(
            id=run.id, done=run.done, lap=run.lap, at=run.at, index=run.index, mark=run.mark
        )
        return self._write(self.position, state, "failed", error=problem, entry=entry)

    def deferring(self, seconds: float, reason: str) -> PendingWrite:
        """Something else than the step is in the way; the attempt does not count."""
        until = self.now + timedelta(seconds=seconds)
        state = replace(self.state, trying=False)
        return self._write(self.position, state, "running", error=reason, not_before=until)

    def taking(self, result: StepResult, seconds: float, *, stopping: bool) -> PendingWrite:
        """The step is done; on to the next, or to the one that it names."""
        name, goto = self.step.step.id, result.outcome.goto
        following = self.position + 1 if goto is None else self.plan.position(goto)
        if following is None:
            nowhere = f"there is no step '{safe(str(goto), 40)}' to go to."
            return self.failing(nowhere, seconds, retry=False, wait=0.0)
        back = following <= self.position
        if back and self.state.spins >= self.limits.laps:
            return self.rejecting(
                self.named(
                    f"went back to an earlier step {self.limits.laps} times without a rest; "
                    "this looks endless."
                )
            )
        if self.state.since is not None and self.state.at == name:
            seconds += (self.now - self.state.since).total_seconds()
        return self._onwards(
            following,
            self.state.after(back=back),
            stopping=stopping,
            entry=self._entry(seconds, result.journal),
            result=result,
            mails=result.mails,
        )

    def skipping(self, *, stopping: bool) -> PendingWrite:
        """The step's ``when`` is false."""
        entry = self._entry(0.0, '{"skipped": true}')
        state = self.state.after(back=False)
        return self._onwards(self.position + 1, state, stopping=stopping, entry=entry)

    def waiting(self, until: datetime) -> PendingWrite:
        """The step asks to be called again later."""
        about = self.state.about(self.step.step.id)
        rests = (until - self.now).total_seconds() >= REST
        spins = 0 if rests else about.spins
        state = replace(
            about, since=about.since or self.now, until=until, trying=False, spins=spins
        )
        return self._write(self.position, state, "running", not_before=until)

    def failing(self, message: str, seconds: float, *, retry: bool, wait: float) -> PendingWrite:
        """The attempt failed: another one after a pause, or the end."""
        about = self.state.about(self.step.step.id)
        failures = about.attempts + 1
        message = self.named(message)
        entry = self._entry(seconds, None)
        if not retry or failures > self.step.retries:
            return self.rejecting(message, entry)
        pause = max(self.step.pause(failures), wait)
        return self._write(
            self.position,
            replace(about, attempts=failures, trying=False),
            "running",
            error=message,
            entry=entry,
            holds=pause == 0,
            not_before=self.now + timedelta(seconds=pause) if pause else None,
        )

    def _onwards(
        self, following: int, state: RunState, *, stopping: bool, **rest: Any
    ) -> PendingWrite:
        over = following >= len(self.plan.steps)
        if over:
            return self._write(following, state, "completed", holds=False, **rest)
        is_ours = self.plan.steps[following].handler is not None
        status = "running" if is_ours else self.hands_over
        return self._write(following, state, status, holds=is_ours and not stopping, **rest)

    def _write(
        self,
        position: int,
        state: RunState,
        status: str,
        *,
        result: StepResult | None = None,
        error: str | None = None,
        **rest: Any,
    ) -> PendingWrite:
        if not self.is_lost:
            in_plan = 0 <= position < len(self.plan.steps)
            state = state.placed(self.plan.steps[position] if in_plan else None, position)
        advance = Advance(
            workflow_id=self.id,
            current_step=position,
            patch=self._patch(state, result) if self.readable else None,
            replaces=self.replaces,
            status=status,
            error=safe(error, _ERROR_LIMIT) if error else None,
            **rest,
        )
        if result is None:
            return PendingWrite(self, advance, state)
        return PendingWrite(self, advance, state, self.step.step.id, result.result)

    def _patch(self, state: RunState, result: StepResult | None) -> str:
        parts = [f'"{RUN_STATE_KEY}":{state.text}']
        if result is not None:
            parts.append(f"{self.step.quoted}:{result.packed}")
            parts.append(f'"{LAST_RESULT_KEY}":{result.packed}')
        if self.replaces:
            new = () if result is None else (self.step.step.id, LAST_RESULT_KEY)
            kept = {key: value for key, value in self.context.items() if key not in new}
            if kept:
                parts.append(json.dumps(kept, ensure_ascii=False)[1:-1])
        return "{" + ",".join(parts) + "}"

    def _entry(self, seconds: float, output: str | None) -> StepEntry:
        step, state = self.step, self.state
        attempts = state.attempts if state.at == step.step.id else 0
        return StepEntry(
            id=_entry_id(),
            input=f'{step.journal}, "attempt": {attempts + 1}, {self.suffix}',
            output=output,
            seconds=max(0.0, seconds),
        )


_PROCESS = str(uuid4())[:24]
_numbers = count(int.from_bytes(os.urandom(5), "big"))


def _entry_id() -> str:
    """A new id for a row of the journal: random for the process, counted within it, which costs a
    tenth of a random one and keeps the rows of a process together in the index."""
    return f"{_PROCESS}{next(_numbers):012x}"
