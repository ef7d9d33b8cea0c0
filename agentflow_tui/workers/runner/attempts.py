"""One attempt at one step: config, handler, time limit, and whatever goes wrong in it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from inspect import isawaitable
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.steps import configs
from agentflow_tui.steps.calls import (
    Call,
    Handler,
    Services,
    StepError,
    StepMail,
    StepOutcome,
    mail_ids,
)
from agentflow_tui.steps.credentials import forms
from agentflow_tui.steps.expressions import ExpressionError
from agentflow_tui.steps.plans import LONGEST_BACKOFF
from agentflow_tui.steps.redaction import may_hold_secrets, redacted, scrub
from agentflow_tui.steps.references import StepResults
from agentflow_tui.steps.results import JOURNAL_LIMIT, ResultError, for_journal, pack
from agentflow_tui.store.queue.workflow_runs import StepMailRows
from agentflow_tui.text import safe, storable
from agentflow_tui.workers.logs import Log
from agentflow_tui.workers.runner.held_workflow import HeldWorkflow, StepResult
from agentflow_tui.workers.runner.threads import StepThreads, ThreadJob
from agentflow_tui.workers.runner.time_limits import TimeLimit, TimeLimits
from agentflow_tui.workers.shortages import shortage

_CAUSES = 3
"""Exceptions of a group that are passed on."""

_WORDS = 500
"""Characters of a stranger's error that are passed on."""


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """An attempt that failed, in words without secrets."""

    message: str
    retry: bool = True
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Postponed:
    """The step could not be tried: the database went away under it, or this process is short of
    something. The attempt does not count."""

    reason: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """What attempts need: the services of handlers, and threads for handlers that may block."""

    services: Services
    threads: StepThreads
    limits: TimeLimits
    log: Log

    async def make(
        self, held: HeldWorkflow, handler: Handler[Any]
    ) -> StepResult | AttemptFailure | Postponed:
        """Run the current step once. What its handler does wrong is an `AttemptFailure`."""
        limit = TimeLimit(self.limits, held.step.timeout)
        job = ThreadJob() if handler.apart else None
        call: Call[Any] | None = None
        try:
            results = await self._with_credentials(held)
            call = self._call(held, handler, results)
            attempt = partial(_attempt, handler, call, held.secrets.all())
            with limit:
                result: StepResult = await (
                    attempt() if job is None else self.threads.run(attempt, job)
                )
            held.secrets.add(call.secrets)
            return result
        except StepError as error:
            if (lacking := shortage(error)) is not None:
                return Postponed(lacking)
            return AttemptFailure(_masked(error, held, call), error.retry, _pause(error.wait))
        except UnreachableError as error:
            return Postponed(str(error))
        except AgentflowError as error:
            return AttemptFailure(_masked(error, held, call))
        except TimeoutError as error:
            if limit.passed:
                return await self._overdue(held, job)
            return self._accident(held, error, call)
        except Exception as error:  # noqa: BLE001  the boundary around steps that people write
            return self._accident(held, error, call)

    async def _with_credentials(self, held: HeldWorkflow) -> StepResults:
        """What the references of the step see. What credentials hold is masked in all of the run
        from now on. Raises `StepError`."""
        if not held.step.credentials:
            return held.results
        found = {label: await self.services.credential(label) for label in held.step.credentials}
        for data in found.values():
            held.secrets.add(forms(data))
        return replace(held.results, credentials=found)

    def _call(self, held: HeldWorkflow, handler: Handler[Any], results: StepResults) -> Call[Any]:
        step = held.step
        held.secrets.note(step, results)
        config = step.config
        if config is None or handler.apart:  # what may change its config gets one of its own
            config = configs.read(handler.config, step.step.config, results)
        state = held.state
        mine = state.at == step.step.id
        return Call(
            config=config,
            key=held.key,
            workflow_id=held.id,
            step_id=step.step.id,
            attempt=state.attempts + 1 if mine else 1,
            now=held.now,
            results=held.results,
            services=self.services,
            waited_for=state.until if mine else None,
            secrets=held.secrets.outside(step.step.id),
        )

    async def _overdue(self, held: HeldWorkflow, job: ThreadJob | None) -> AttemptFailure:
        """One that still runs is not tried again: each try would take a thread, and its time, from
        all others for good."""
        stuck = job is not None and not await self.threads.ends(job)
        self.log.warning(
            "a step ran past its time",
            workflow=held.id,
            step=held.step.step.id,
            seconds=held.step.timeout,
            blocked_threads=self.threads.stuck,
        )
        late = f"it did not end within {held.step.timeout:g} s"
        if stuck:
            return AttemptFailure(
                f"{late} and cannot be stopped: its thread still runs.", retry=False
            )
        return AttemptFailure(f"{late}.")

    def _accident(
        self, held: HeldWorkflow, error: Exception, call: Call[Any] | None
    ) -> AttemptFailure | Postponed:
        """An exception that the step let out. The log gets the place in the code and never a value:
        what stands in variables or in the message may be anybody's secret."""
        if (lacking := shortage(error)) is not None:
            return Postponed(lacking)
        causes = list(_causes(error))
        said = [_said(type(each).__name__, _masked(each, held, call)) for each in causes[:_CAUSES]]
        self.log.warning(
            "a step raised an exception",
            workflow=held.id,
            step=held.step.step.id,
            exception=type(causes[0]).__name__,
            place=_place(causes[0]),
        )
        return AttemptFailure("; ".join(dict.fromkeys(said)))


async def _attempt(handler: Handler[Any], call: Call[Any], secrets: Sequence[str]) -> StepResult:
    found = handler.run(call)
    if isawaitable(found):
        found = await found
    return step_result(found, call, secrets, trusted=not handler.apart)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, or those that a group of groups holds: a group itself says nothing."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    else:
        yield error


def _said(kind: str, words: str) -> str:
    words = safe(words.strip(), _WORDS)
    return f"{kind}: {words}" if words else f"it raised {kind} and said nothing"


def _masked(error: BaseException, held: HeldWorkflow, call: Call[Any] | None) -> str:
    """An error's words without the secrets of the run."""
    if call is not None:
        held.secrets.add(call.secrets)
    masked: str = scrub(str(error), held.secrets.all())
    return masked


def _pause(wait: object) -> float:
    """The seconds that a step asks for before the next attempt; none where that is no time."""
    if not isinstance(wait, int | float) or not wait > 0:
        return 0.0
    return float(min(wait, LONGEST_BACKOFF))


def is_wanted(held: HeldWorkflow) -> bool | AttemptFailure:
    """Whether the current step's ``when`` holds."""
    when = held.step.when
    if isinstance(when, bool):
        return when
    try:
        return when.is_true(held.results.roots())
    except ExpressionError as error:
        return AttemptFailure(f"when: {error}", retry=False)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def step_result(
    found: Any, call: Call[Any], secrets: Sequence[str], *, trusted: bool
) -> StepResult:
    """What a handler returned, fit for storing. Raises `ResultError`.

    ``secrets`` are all of the run, of which ``call.secrets`` may not stand in this result.
    ``trusted``: it is plain JSON that is not changed afterwards, so it need not be read again.
    """
    outcome = found if isinstance(found, StepOutcome) else StepOutcome(result=found)
    _check(outcome)
    result = scrub(outcome.result, _longest_first(call.secrets))
    packed = pack(result)
    if not trusted:
        result = json.loads(packed)
    journal = packed
    shown = packed[:JOURNAL_LIMIT]  # of a longer one the journal keeps less, so none is cut in two
    if may_hold_secrets(shown) or any(secret in shown for secret in secrets):
        journal = pack(scrub(redacted(result), _longest_first([*secrets, *call.secrets])))
    mails = tuple(_mail_rows(call.key, at, mail) for at, mail in enumerate(outcome.mails))
    return StepResult(outcome, packed, result, for_journal(journal), mails)


def _longest_first(secrets: Sequence[str]) -> list[str]:
    return sorted(secrets, key=len, reverse=True)


def _check(outcome: StepOutcome) -> None:
    until: Any = outcome.wait_until  # handlers need not be typed
    goto: Any = outcome.goto
    if until is not None and (not isinstance(until, datetime) or until.tzinfo is None):
        raise ResultError("wait_until has to be a datetime with a time zone")
    if goto is not None and not isinstance(goto, str):
        raise ResultError("goto has to be the id of a step, as text")


def _mail_rows(key: str, index: int, mail: StepMail) -> StepMailRows:
    email_id, queue_id = mail_ids(key, index)
    return StepMailRows(
        email_id=email_id,
        queue_id=queue_id,
        subject=storable(mail.subject),
        body=storable(mail.body),
        recipients=pack(
            {"recipients": mail.recipients, "format": mail.format}
            if mail.format
            else mail.recipients
        ),
        attachments=pack(mail.attachments),
        priority=mail.priority,
    )
