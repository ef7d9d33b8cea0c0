"""One attempt at one step: config, handler, time limit, and whatever goes wrong in it."""

from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from agentflow_tui.errors import AgentflowError, UnreachableError
from agentflow_tui.steps import configs
from agentflow_tui.steps.calls import Call, Handler, Services, StepError
from agentflow_tui.steps.expressions import ExpressionError
from agentflow_tui.steps.plans import LONGEST_BACKOFF
from agentflow_tui.steps.redaction import scrub
from agentflow_tui.text import safe
from agentflow_tui.workers.logs import Log
from agentflow_tui.workers.runner.held_workflow import Taken, Work, taken
from agentflow_tui.workers.runner.threads import Benches, Seat
from agentflow_tui.workers.runner.time_limits import Limit, Limits

_WORDS = 500
"""Characters of a stranger's error that are passed on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed, in words without secrets."""

    message: str
    retry: bool = True
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The step could not be tried: the database went away under it. The attempt does not count."""

    reason: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """What attempts need: the services of handlers, and benches for those that may block."""

    services: Services
    benches: Benches
    limits: Limits
    log: Log

    async def make(self, work: Work, handler: Handler[Any]) -> Taken | Failure | Obstacle:
        """Run the current step once. What its handler does wrong comes back as a `Failure`."""
        secrets = list(work.step.secrets)
        limit = Limit(self.limits, work.step.timeout)
        seat = Seat() if handler.apart else None
        try:
            call = self._call(work, handler, secrets)
            with limit:
                if seat is not None:
                    result: Taken = await self.benches.run(lambda: _attempt(handler, call), seat)
                    return result
                return await _attempt(handler, call)
        except StepError as error:
            return Failure(scrub(str(error), secrets), error.retry, _pause(error.wait))
        except UnreachableError as error:
            return Obstacle(str(error))
        except AgentflowError as error:
            return Failure(scrub(str(error), secrets))
        except TimeoutError as error:
            if limit.passed:
                return await self._overdue(work, seat)
            return self._accident(work, error, secrets)
        except Exception as error:  # noqa: BLE001  the boundary around steps that people write
            return self._accident(work, error, secrets)

    def _call(self, work: Work, handler: Handler[Any], secrets: list[str]) -> Call[Any]:
        step = work.step
        config = step.config
        if config is None or handler.apart:  # what may change its config gets one of its own
            config = configs.read(handler.config, step.step.config, work.results)
        account = work.account
        mine = account.at == step.step.id
        return Call(
            config=config,
            key=work.key,
            workflow_id=work.id,
            step_id=step.step.id,
            attempt=account.attempts + 1 if mine else 1,
            now=work.now,
            results=work.results,
            services=self.services,
            waited_for=account.until if mine else None,
            secrets=secrets,
        )

    async def _overdue(self, work: Work, seat: Seat | None) -> Failure:
        """One that still runs is not tried again: each try would take a thread, and its time, from
        all others for good."""
        stuck = seat is not None and not await self.benches.ends(seat)
        self.log.warning(
            "a step ran past its time",
            workflow=work.id,
            step=work.step.step.id,
            seconds=work.step.timeout,
            blocked_threads=self.benches.stuck,
        )
        late = f"it did not end within {work.step.timeout:g} s"
        if stuck:
            return Failure(f"{late} and cannot be stopped: its thread still runs.", retry=False)
        return Failure(f"{late}.")

    def _accident(self, work: Work, error: Exception, secrets: list[str]) -> Failure:
        """An exception that the step let out. The log gets the place in the code and never a value:
        what stands in variables or in the message may be anybody's secret."""
        kind = type(error).__name__
        words = safe(scrub(str(error), secrets).strip(), _WORDS)
        self.log.warning(
            "a step raised an exception",
            workflow=work.id,
            step=work.step.step.id,
            exception=kind,
            place=_place(error),
        )
        return Failure(f"{kind}: {words}" if words else kind)


async def _attempt(handler: Handler[Any], call: Call[Any]) -> Taken:
    found = handler.run(call)
    if isawaitable(found):
        found = await found
    return taken(found, call, trusted=not handler.apart)


def _pause(wait: object) -> float:
    """The seconds that a step asks for before the next attempt; none where that is no time."""
    if not isinstance(wait, int | float) or not wait > 0:
        return 0.0
    return float(min(wait, LONGEST_BACKOFF))


def is_wanted(work: Work) -> bool | Failure:
    """Whether the current step's ``when`` holds."""
    when = work.step.when
    if isinstance(when, bool):
        return when
    try:
        return when.is_true(work.results.roots())
    except ExpressionError as error:
        return Failure(f"when: {error}", retry=False)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
