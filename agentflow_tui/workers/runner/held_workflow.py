"""One claimed workflow in this process, and what is to be written about it."""

import asyncio
import json
import os
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from time import monotonic
from typing import Any, Self
from uuid import uuid4

from agentflow_tui.documents import Document, kind_of, read
from agentflow_tui.steps.calls import Call, Mail, Outcome, mail_ids
from agentflow_tui.steps.plans import RESERVED, Plan, PlannedStep
from agentflow_tui.steps.redaction import scrub
from agentflow_tui.steps.references import Results
from agentflow_tui.steps.results import ResultError, for_journal, pack, storable
from agentflow_tui.store.queue.workflow_claims import Claimed
from agentflow_tui.store.queue.workflow_runs import Advance, Advanced, Entry, Letter
from agentflow_tui.text import plural, safe
from agentflow_tui.workers.runner.run_state import ALONE, CRASHES, LAPS, Account, recorded

CONTEXT_LIMIT = 64_000_000
"""Characters of context that are read."""

_ERROR_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What an attempt at a step gave: the outcome, its result as JSON text, its mails as rows."""

    outcome: Outcome
    packed: str
    result: Any
    """What ``packed`` is when it is read again."""
    letters: tuple[Letter, ...] = ()


def taken(found: Any, call: Call[Any], *, trusted: bool) -> Taken:
    """What a handler returned, fit for storing. Raises `ResultError`.

    ``trusted``: it is plain JSON that nobody changes afterwards, so it need not be read again.
    """
    outcome = found if isinstance(found, Outcome) else Outcome(result=found)
    _check(outcome)
    result = scrub(outcome.result, call.secrets)
    packed = pack(result)
    if not trusted:
        result = json.loads(packed)
    letters = tuple(_letter(call.key, at, mail) for at, mail in enumerate(outcome.mails))
    return Taken(outcome, packed, result, letters)


def _check(outcome: Outcome) -> None:
    until: Any = outcome.wait_until  # handlers need not be typed
    goto: Any = outcome.goto
    if until is not None and (not isinstance(until, datetime) or until.tzinfo is None):
        raise ResultError("wait_until has to be a datetime with a time zone")
    if goto is not None and not isinstance(goto, str):
        raise ResultError("goto has to be the id of a step, as text")


def _letter(key: str, index: int, mail: Mail) -> Letter:
    email_id, queue_id = mail_ids(key, index)
    return Letter(
        email_id=email_id,
        queue_id=queue_id,
        subject=storable(mail.subject),
        body=storable(mail.body),
        recipients=pack(mail.recipients),
        attachments=pack(mail.attachments),
        priority=mail.priority,
    )


@dataclass(frozen=True, slots=True)
class Move:
    """A write about a workflow, and how the workflow is seen here once it is committed."""

    advance: Advance
    account: Account
    name: str | None = None
    result: Any = None


@dataclass(slots=True, kw_only=True)
class Work:
    """A workflow that this process holds. ``lock`` keeps its writes apart: each changes the token.

    ``context`` is the workflow's without the runner's own account; one that is not ``readable``
    is left alone; ``replaces``: the next write has to give all of it, because what is
    stored cannot be patched. ``on_record``: the account is stored, so that the idempotency key will
    be the same after a crash.
    """

    id: str
    plan: Plan
    position: int
    token: datetime
    account: Account
    context: dict[str, Any]
    steps: dict[str, Any]
    replaces: bool
    always_replaces: bool
    on_record: bool
    readable: bool
    problem: str | None
    now_at_claim: datetime
    claimed_at: float
    results: Results = field(init=False)
    suffix: str
    """What the journal's rows say about the run, the end of a JSON object."""
    renewed_at: float
    """When the token was last renewed, like ``claimed_at`` by this process's monotonic clock."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def take(cls, claimed: Claimed, plan: Plan, *, merges: bool) -> Self:
        """Open what was claimed. Never raises; ``problem`` says what is wrong with it."""
        document = read(claimed.context, CONTEXT_LIMIT)
        context = document.value if isinstance(document.value, dict) else {}
        position = claimed.current_step or 0
        account = recorded(
            context.pop(RESERVED, None), status=claimed.status, current_step=position
        )
        unreadable = _unreadable(document)
        work = cls(
            id=claimed.id,
            plan=plan,
            position=position,
            token=claimed.token,
            account=account or Account.begin(),
            context=context,
            steps={name: context[name] for name in plan.index if name in context},
            replaces=not merges or document.problem is not None,
            always_replaces=not merges,
            on_record=account is not None and not claimed.taken_over,
            readable=unreadable is None,
            problem=_misplaced(position, len(plan.steps))
            or unreadable
            or plan.problem_from(position),
            now_at_claim=claimed.now,
            claimed_at=monotonic(),
            suffix="",
            renewed_at=monotonic(),
        )
        if not work.account.done:
            work._forget_results_of_earlier_runs()
        work.results = Results(work.steps, work.context)
        about = {"workflow": work.id, "run": work.account.run}
        work.suffix = json.dumps(about, ensure_ascii=False)[1:]
        if claimed.taken_over:
            work._count_crash()
        return work

    def _forget_results_of_earlier_runs(self) -> None:
        if self.steps and self.position == 0:
            self.replaces = True
            for name in self.steps:
                del self.context[name]
            self.steps = {}

    def _count_crash(self) -> None:
        if self.has_step:
            self.account = self.account.about(self.step.step.id).crashed()
            if self.account.crashes >= CRASHES:
                self.problem = self.named(
                    f"its worker died {self.account.crashes} times while it ran. "
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
        """On a closer look it is for another program: its own shape, or a step it has to take."""
        if self.plan.foreign or not self.has_step:
            return self.plan.foreign
        return self.step.handler is None and self.step.problem is None

    @property
    def is_suspect(self) -> bool:
        """Its current step may be what kills processes."""
        return self.has_step and self.account.about(self.step.step.id).crashes >= ALONE

    @property
    def ended(self) -> bool:
        return self.position >= len(self.plan.steps)

    @property
    def now(self) -> datetime:
        """The database's time, as far as can be told from the claim."""
        return self.now_at_claim + timedelta(seconds=monotonic() - self.claimed_at)

    @property
    def key(self) -> str:
        return self.account.key(self.id, self.step.step.id)

    def named(self, message: str) -> str:
        """A message about the current step that says which one it is."""
        return f"Step {self.position + 1} ({safe(self.step.step.name, 40)}): {message}"

    def settle(self, move: Move, advanced: Advanced) -> None:
        """The write is committed: this is how things stand now."""
        if advanced.token is not None:
            self.token = advanced.token
        self.renewed_at = monotonic()
        self.position = move.advance.current_step
        self.account = move.account
        self.replaces = self.always_replaces
        self.on_record = True
        if move.name is not None:
            self.steps[move.name] = self.context[move.name] = move.result

    # What can be written. Each is what becomes of the workflow if it is still ours.

    def recording(self) -> Move:
        """The account goes on record before the step runs."""
        account = replace(self.account, trying=self.is_suspect)
        return self._move(self.position, account, "running", holds=True)

    def completing(self) -> Move:
        """There is no step left."""
        return self._move(self.position, self.account, "completed")

    def rejecting(self, problem: str, entry: Entry | None = None) -> Move:
        """It cannot be run, or not any further. The attempts are forgotten, so that a retry by hand
        has all of them again."""
        account = Account(run=self.account.run, done=self.account.done, lap=self.account.lap)
        return self._move(self.position, account, "failed", error=problem, entry=entry)

    def deferring(self, seconds: float, reason: str) -> Move:
        """Something else than the step is in the way; the attempt does not count."""
        until = self.now + timedelta(seconds=seconds)
        account = replace(self.account, trying=False)
        return self._move(self.position, account, "running", error=reason, not_before=until)

    def taking(self, taken: Taken, seconds: float, *, stopping: bool) -> Move:
        """The step is done; on to the next, or to the one that it names."""
        name, goto = self.step.step.id, taken.outcome.goto
        following = self.position + 1 if goto is None else self.plan.position(goto)
        if following is None:
            nowhere = f"there is no step '{safe(str(goto), 40)}' to go to."
            return self.failing(nowhere, seconds, retry=False, wait=0.0)
        back = following <= self.position
        if back and self.account.lap >= LAPS:
            return self.rejecting(
                self.named(f"went back to an earlier step {LAPS} times; this looks endless.")
            )
        if self.account.since is not None and self.account.at == name:
            seconds += (self.now - self.account.since).total_seconds()
        return self._onwards(
            following,
            self.account.after(back=back),
            stopping=stopping,
            entry=self._entry(seconds, for_journal(taken.packed)),
            taken=taken,
            letters=taken.letters,
        )

    def skipping(self, *, stopping: bool) -> Move:
        """The step's ``when`` is false."""
        entry = self._entry(0.0, '{"skipped": true}')
        account = self.account.after(back=False)
        return self._onwards(self.position + 1, account, stopping=stopping, entry=entry)

    def waiting(self, until: datetime) -> Move:
        """The step asks to be called again later."""
        about = self.account.about(self.step.step.id)
        account = replace(about, since=about.since or self.now, until=until, trying=False)
        return self._move(self.position, account, "running", not_before=until)

    def failing(self, message: str, seconds: float, *, retry: bool, wait: float) -> Move:
        """The attempt failed: another one after a pause, or the end."""
        about = self.account.about(self.step.step.id)
        failures = about.attempts + 1
        message = self.named(message)
        entry = self._entry(seconds, None)
        if not retry or failures > self.step.retries:
            return self.rejecting(message, entry)
        pause = max(self.step.pause(failures), wait)
        return self._move(
            self.position,
            replace(about, attempts=failures, trying=False),
            "running",
            error=message,
            entry=entry,
            holds=pause == 0,
            not_before=self.now + timedelta(seconds=pause) if pause else None,
        )

    def _onwards(self, following: int, account: Account, *, stopping: bool, **rest: Any) -> Move:
        over = following >= len(self.plan.steps)
        holds = not over and not stopping and self.plan.steps[following].handler is not None
        return self._move(
            following, account, "completed" if over else "running", holds=holds, **rest
        )

    def _move(
        self,
        position: int,
        account: Account,
        status: str,
        *,
        taken: Taken | None = None,
        error: str | None = None,
        **rest: Any,
    ) -> Move:
        advance = Advance(
            workflow_id=self.id,
            token=self.token,
            current_step=position,
            patch=self._patch(account, taken) if self.readable else None,
            replaces=self.replaces,
            status=status,
            error=safe(error, _ERROR_LIMIT) if error else None,
            **rest,
        )
        if taken is None:
            return Move(advance, account)
        return Move(advance, account, self.step.step.id, taken.result)

    def _patch(self, account: Account, taken: Taken | None) -> str:
        parts = [f'"{RESERVED}":{account.text}']
        if taken is not None:
            parts.append(f"{self.step.quoted}:{taken.packed}")
        if self.replaces:
            name = None if taken is None else self.step.step.id
            kept = {key: value for key, value in self.context.items() if key != name}
            if kept:
                parts.append(json.dumps(kept, ensure_ascii=False)[1:-1])
        return "{" + ",".join(parts) + "}"

    def _entry(self, seconds: float, output: str | None) -> Entry:
        step, account = self.step, self.account
        attempts = account.attempts if account.at == step.step.id else 0
        return Entry(
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


def _misplaced(position: int, steps: int) -> str | None:
    """Why there is no such place; None for a step's, and for the one after the last."""
    if position < 0:
        return f"currentStep is {position}; steps are counted from 0. Reset the workflow."
    if position > steps:
        last = plural(steps, "step")
        return f"currentStep is {position}, beyond the end of {last}. Reset the workflow."
    return None


def _unreadable(document: Document) -> str | None:
    """Why a context cannot be added to; None for one that can, or that is not there yet."""
    if document.value is None:
        return document.problem and f"The context cannot be read: {document.problem}."
    if not isinstance(document.value, dict):
        return (
            f"The context is {kind_of(document.value)}, not an object. Make it one, such as {{}}."
        )
    return None
