"""Mail: what was written, what became of it, and the journal row of every attempt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from agentflow_tui.demo.builder import Person, World, later
from agentflow_tui.demo.mail import relay
from agentflow_tui.demo.mail.relay import RelayAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message before it is queued.

    ``recipients`` is what stands in the column where it is not the plain list of ``to``; ``wrong``
    says why such a message can never be sent; ``size`` is in bytes.
    """

    owner: str | None
    subject: str
    body: str
    to: tuple[Person, ...]
    priority: int = 5
    attachments: object = field(default_factory=list)
    recipients: object = None
    size: int = 1_200
    wrong: str | None = None

    def written_to(self, *people: Person) -> "Letter":
        return replace(self, to=people)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at sending; without an answer it is still under way."""

    at: datetime
    said: RelayAnswer | None

    @property
    def end(self) -> datetime | None:
        return later(self.at, self.said.seconds) if self.said else None


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that is in the tables, and what became of it."""

    id: str
    queue_id: str | None
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


def post(world: World, letter: Letter, at: datetime, *, wait: float | None = None) -> Mail:
    """Queue a message and play its attempts up to now.

    ``wait`` is how many seconds it waits for its first attempt, a few when not said.
    """
    first = later(at, world.rng.uniform(1, 30) if wait is None else wait)
    queue_id = world.uuid(at)
    attempts = tuple(_attempts(world, letter, queue_id, first))
    return queue(world, letter, at, attempts, queue_id=queue_id)


def queue(
    world: World,
    letter: Letter,
    at: datetime,
    attempts: Sequence[Attempt] = (),
    *,
    status: str = "pending",
    moved: datetime | None = None,
    queue_id: str | None = None,
) -> Mail:
    """A message in the queue with these attempts behind it.

    ``status`` is that of one without attempts, ``moved`` when somebody gave it that.
    """
    last = attempts[-1] if attempts else None
    said = last.said if last else None
    if last:
        status = _status(len(attempts), said)
    sent_at = last.end if last and status == "completed" else None
    email_id, queue_id = world.uuid(at), queue_id or world.uuid(at)
    _write(world, email_id, letter, at, _EMAIL_STATUS[status], sent_at)
    error = None if said is None or said.delivered else (letter.wrong or said.line)
    world.add(
        "email_queue",
        id=queue_id,
        emailId=email_id,
        priority=letter.priority,
        attempts=len(attempts),
        lastAttempt=last.at if last else None,
        status=status,
        error=error,
        createdAt=at,
        updatedAt=moved or (last.end or last.at if last else at),
    )
    for number, attempt in enumerate(attempts, start=1):
        _journal(world, letter, attempt, {"emailId": email_id, "queueId": queue_id}, number)
    return Mail(email_id, queue_id, _EMAIL_STATUS[status], sent_at)


def draft(world: World, letter: Letter, at: datetime) -> Mail:
    """A message that nobody has asked to be sent."""
    key = world.uuid(at)
    _write(world, key, letter, at, "draft", None)
    return Mail(key, None, "draft")


def _attempts(world: World, letter: Letter, key: str, first: datetime) -> Iterator[Attempt]:
    at: datetime | None = first
    for number in range(1, relay.MAX_ATTEMPTS + 1):
        if at is None or at > world.now:
            return
        said = _say(world, letter, at, first)
        if later(at, said.seconds) > world.now:
            yield Attempt(at, None)
            return
        yield Attempt(at, said)
        if said.delivered or said.for_good:
            return
        at = relay.next_try(key, number, at)


def _say(world: World, letter: Letter, at: datetime, first: datetime) -> RelayAnswer:
    if letter.wrong:
        return RelayAnswer(f"500 {letter.wrong}", 0.002)
    return relay.answer(world, letter.to[0].email, letter.size, at, first)


def _status(attempts: int, said: RelayAnswer | None) -> str:
    if said is None:
        return "processing"
    if said.delivered:
        return "completed"
    return "failed" if said.for_good or attempts == relay.MAX_ATTEMPTS else "pending"


def _write(
    world: World, key: str, letter: Letter, at: datetime, status: str, sent_at: datetime | None
) -> None:
    recipients = letter.recipients
    world.add(
        "emails",
        id=key,
        userId=letter.owner,
        subject=letter.subject,
        body=letter.body,
        recipients=[p.as_recipient() for p in letter.to] if recipients is None else recipients,
        attachments=letter.attachments,
        status=status,
        sentAt=sent_at,
        createdAt=at,
    )


def _journal(
    world: World, letter: Letter, attempt: Attempt, ids: dict[str, str], number: int
) -> None:
    addresses = [person.email for person in letter.to]
    said = attempt.said
    output = error = None
    if said and not letter.wrong:
        output = {
            "relay": relay.RELAY,
            "verdict": _verdict(said),
            "code": said.code,
            "answer": said.line,
            "recipients": dict.fromkeys(addresses, said.line),
            **({} if said.delivered else {"accepted": []}),
        }
    if said and not said.delivered:
        error = letter.wrong or said.line
    world.journal(
        "email.send",
        letter.owner,
        attempt.at,
        attempt.end,
        given={**ids, "attempt": number},
        result=output,
        error=error,
    )


def _verdict(said: RelayAnswer) -> str:
    """The sender's word for it (`agentflow_tui.mail.smtp.answers.Verdict`)."""
    if said.delivered:
        return "delivered"
    return "refused" if said.for_good else "try later"
