"""What became of each message: its rows in emails and email_queue, and a journal row for every
attempt at sending it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo.builder import SampleBuilder, later
from agentflow_tui.demo.mail import relay
from agentflow_tui.demo.mail.messages import SampleMessage
from agentflow_tui.demo.mail.relay import RelayAnswer


@dataclass(frozen=True, slots=True)
class SendAttempt:
    """One attempt at sending; without an answer it is still under way."""

    at: datetime
    answer: RelayAnswer | None

    @property
    def end(self) -> datetime | None:
        return later(self.at, self.answer.seconds) if self.answer else None


@dataclass(frozen=True, slots=True)
class QueueState:
    """The status of a message in the queue, since when it has it, and the error that gave it."""

    status: str
    since: datetime
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """A message that is in the tables. ``status`` is that of its row in emails."""

    id: str
    queue_id: str
    status: str
    sent_at: datetime | None = None


_EMAIL_STATUS = {
    "pending": "queued",
    "processing": "queued",
    "held": "queued",
    "completed": "sent",
    "failed": "failed",
    "cancelled": "cancelled",
}


def send(
    builder: SampleBuilder,
    message: SampleMessage,
    at: datetime,
    *,
    wait: float | None = None,
    ids: tuple[str, str] | None = None,
) -> RecordedMessage:
    """Queue a message and simulate its attempts up to now.

    ``wait`` is how many seconds it waits for its first attempt, a few when not said; ``ids`` are
    those of its rows in emails and email_queue, where it has any yet.
    """
    first = later(at, builder.rng.uniform(1, 30) if wait is None else wait)
    email_id, queue_id = ids or (builder.uuid(at), builder.uuid(at))
    attempts = tuple(_attempts(builder, message, queue_id, first))
    return queue(builder, message, at, attempts, ids=(email_id, queue_id))


def queue(
    builder: SampleBuilder,
    message: SampleMessage,
    at: datetime,
    attempts: Sequence[SendAttempt] = (),
    *,
    state: QueueState | None = None,
    ids: tuple[str, str] | None = None,
) -> RecordedMessage:
    """Queue a message that has these attempts behind it.

    ``state`` is what they left it in, if not said; ``ids`` as `send` has them.
    """
    state = state or _state_after(message, at, attempts)
    sent_at = state.since if state.status == "completed" else None
    email_id, queue_id = ids or (builder.uuid(at), builder.uuid(at))
    status = _EMAIL_STATUS[state.status]
    _add_email(builder, email_id, message, at, status, sent_at)
    builder.add(
        "email_queue",
        id=queue_id,
        emailId=email_id,
        priority=message.priority,
        attempts=len(attempts),
        lastAttempt=attempts[-1].at if attempts else None,
        status=state.status,
        error=state.error,
        createdAt=at,
        updatedAt=state.since,
    )
    for number, attempt in enumerate(attempts, start=1):
        given = {"emailId": email_id, "queueId": queue_id, "attempt": number}
        _journal(builder, message, attempt, given)
    return RecordedMessage(email_id, queue_id, status, sent_at)


def draft(builder: SampleBuilder, message: SampleMessage, at: datetime) -> None:
    """Add a message that was never queued."""
    _add_email(builder, builder.uuid(at), message, at, "draft", None)


def _attempts(
    builder: SampleBuilder, message: SampleMessage, key: str, first: datetime
) -> Iterator[SendAttempt]:
    at: datetime | None = first
    for number in range(1, relay.MAX_ATTEMPTS + 1):
        if at is None or at > builder.now:
            return
        answer = _answer(builder, message, at, first)
        if later(at, answer.seconds) > builder.now:
            yield SendAttempt(at, None)
            return
        yield SendAttempt(at, answer)
        if answer.delivered or answer.for_good:
            return
        at = relay.next_try(key, number, at)


def _answer(
    builder: SampleBuilder, message: SampleMessage, at: datetime, first: datetime
) -> RelayAnswer:
    if message.wrong:
        return RelayAnswer(f"500 {message.wrong}", 0.002)
    return relay.answer(builder, message.to[0].email, message.size, at, first)


def _state_after(
    message: SampleMessage, at: datetime, attempts: Sequence[SendAttempt]
) -> QueueState:
    if not attempts:
        return QueueState("pending", at)
    last = attempts[-1]
    if last.answer is None or last.end is None:
        return QueueState("processing", last.at)
    if last.answer.delivered:
        return QueueState("completed", last.end)
    final = last.answer.for_good or len(attempts) == relay.MAX_ATTEMPTS
    error = message.wrong or last.answer.line
    return QueueState("failed" if final else "pending", last.end, error)


def _add_email(
    builder: SampleBuilder,
    key: str,
    message: SampleMessage,
    at: datetime,
    status: str,
    sent_at: datetime | None,
) -> None:
    recipients = message.recipients
    if recipients is None:
        recipients = [person.as_recipient() for person in message.to]
    builder.add(
        "emails",
        id=key,
        userId=message.owner,
        subject=message.subject,
        body=message.body,
        recipients=recipients,
        attachments=message.attachments,
        status=status,
        sentAt=sent_at,
        createdAt=at,
    )


def _journal(
    builder: SampleBuilder, message: SampleMessage, attempt: SendAttempt, given: object
) -> None:
    answer = attempt.answer
    output = error = None
    if answer and not message.wrong:
        output = {
            "relay": relay.RELAY,
            "verdict": answer.verdict,
            "code": answer.code,
            "answer": answer.line,
            "recipients": dict.fromkeys((person.email for person in message.to), answer.line),
            **({} if answer.delivered else {"accepted": []}),
        }
    if answer and not answer.delivered:
        error = message.wrong or answer.line
    builder.journal(
        "email.send",
        message.owner,
        attempt.at,
        attempt.end,
        given=given,
        result=output,
        error=error,
    )
