"""What an attempt at a step gave, made fit for storing."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentflow_tui.steps.calls import Call, StepMail, StepOutcome, mail_ids
from agentflow_tui.steps.redaction import scrub
from agentflow_tui.steps.results import ResultError, pack, storable
from agentflow_tui.store.queue.workflow_runs import StepMailRows


@dataclass(frozen=True, slots=True)
class StepResult:
    """What an attempt at a step gave: the outcome, its result as JSON text, its mails as rows."""

    outcome: StepOutcome
    packed: str
    result: Any
    """What ``packed`` is when it is read again."""
    mails: tuple[StepMailRows, ...] = ()


def step_result(found: Any, call: Call[Any], *, trusted: bool) -> StepResult:
    """What a handler returned, fit for storing. Raises `ResultError`.

    ``trusted``: it is plain JSON that nobody changes afterwards, so it need not be read again.
    """
    outcome = found if isinstance(found, StepOutcome) else StepOutcome(result=found)
    _check(outcome)
    result = scrub(outcome.result, call.secrets)
    packed = pack(result)
    if not trusted:
        result = json.loads(packed)
    mails = tuple(_mail_rows(call.key, at, mail) for at, mail in enumerate(outcome.mails))
    return StepResult(outcome, packed, result, mails)


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
        recipients=pack(mail.recipients),
        attachments=pack(mail.attachments),
        priority=mail.priority,
    )
