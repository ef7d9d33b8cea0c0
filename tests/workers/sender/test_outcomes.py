"""What answers of the relay make of a mail: tried again, failed, and when it is given up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentflow_tui.mail.answers import (
    Answer,
    Phase,
    RecipientOutcome,
    SendResult,
    Verdict,
    same_for_all,
)
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.store.queue.mail_claims import ClaimedMail
from agentflow_tui.workers.sender.held_mail import EarlierAttempts, HeldMail
from agentflow_tui.workers.sender.outcomes import TRIES_AT_LEAST, RetryLimits, outcome

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAYS = RetryLimits(attempts=0, age=timedelta(days=5))
LATER = RecipientOutcome(Verdict.TRY_LATER, Answer(451, "4.7.1 later", Phase.RECIPIENT))
ACCEPTED = RecipientOutcome(Verdict.DELIVERED, Answer(250, "2.0.0 Ok", Phase.FINAL))
ENVELOPE = Envelope(
    id="mail-1", sender="a@x.test", recipients=("b@x.test", "c@x.test"), message=b"\r\n"
)


def held(attempts: int, *, age: timedelta = timedelta(), free: int = 0) -> HeldMail:
    row = ClaimedMail(
        id="1",
        email_id="2",
        attempts=attempts,
        last_attempt=NOW,
        before=None,
        priority=1,
        queued_at=NOW - age,
        created_at=NOW,
        user_id=None,
        suspect=False,
        deaths=0,
        cancelled=False,
        large=False,
        subject="",
        body="",
        recipients='["b@x.test", "c@x.test"]',
        attachments=None,
    )
    return HeldMail(row, earlier=EarlierAttempts(attempts=attempts - 1, free=free))


def status(mail: HeldMail, sent: SendResult, limits: RetryLimits = DAYS) -> str | None:
    found = outcome(mail, sent, limits=limits, remembers=True, started=NOW)
    return found.status if found else None


@pytest.mark.parametrize(
    ("attempts", "age", "expected"),
    [
        (1, timedelta(days=50), "pending"),
        (TRIES_AT_LEAST, timedelta(hours=1), "pending"),
        (100, timedelta(days=4), "pending"),
        (TRIES_AT_LEAST, timedelta(days=6), "failed"),
    ],
)
def test_a_mail_is_given_up_by_its_age_and_not_by_tries_alone(
    attempts: int, age: timedelta, expected: str
) -> None:
    assert status(held(attempts, age=age), same_for_all(ENVELOPE, LATER)) == expected


def test_attempts_that_reached_a_further_recipient_count_for_no_limit() -> None:
    few = RetryLimits(attempts=3, age=timedelta(days=5))
    later = same_for_all(ENVELOPE, LATER)
    assert status(held(3), later, few) == "failed"
    assert status(held(3, free=2), later, few) == "pending"
    found = outcome(
        held(2, free=1),
        replace(later, outcomes=(ACCEPTED, LATER)),
        limits=few,
        remembers=True,
        started=NOW,
    )
    assert found is not None
    assert found.status == "pending"
    assert isinstance(found.entry.output, dict)
    assert (found.entry.output["attempts"], found.entry.output["free"]) == (2, 2)


@pytest.mark.parametrize("phase", [Phase.RECIPIENT, Phase.DATA, Phase.FINAL])
def test_an_answer_that_seems_to_be_about_us_ends_an_old_mail_at_last(phase: Phase) -> None:
    denied = RecipientOutcome(Verdict.RELAY_DOWN, Answer(554, "5.7.1 denied", phase))
    sent = same_for_all(ENVELOPE, denied)
    assert status(held(1, age=timedelta(days=4)), sent) is None
    assert status(held(1, age=timedelta(days=6)), sent) == "failed"


def test_a_relay_that_cannot_be_reached_ends_no_mail_however_old() -> None:
    away = RecipientOutcome(Verdict.RELAY_DOWN, Answer(0, "cannot be reached", Phase.CONNECT))
    assert status(held(1, age=timedelta(days=60)), same_for_all(ENVELOPE, away)) is None
