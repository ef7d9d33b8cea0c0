"""Decides what the relay's answer makes of a queued mail; no database, no network."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.mail.answers import Phase, SendResult, Verdict
from agentflow_tui.retries import delay
from agentflow_tui.settings import WorkerSettings
from agentflow_tui.store.journal import JournalEntry, ordered_id
from agentflow_tui.store.queue import mail_results as store
from agentflow_tui.store.queue.mail_results import MailResult
from agentflow_tui.workers.sender.carried_insights import fates
from agentflow_tui.workers.sender.held_mail import HeldMail

TRIES_AT_LEAST = 8
"""Answers of the relay after which a mail may be too old: one that an operator retries after days
is not given up at the first answer."""

LONGEST_ERROR = 20_000
"""Characters of a row's error, which names each recipient that has not got the mail."""


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """When a mail that the relay puts off is tried again, and when it fails for good.

    ``attempts`` counts answers of the relay about this mail, 0 is no limit but the one that the
    mail's own row names; ``age`` is its time in the queue. ``base`` and ``longest`` are the seconds
    of `agentflow_tui.retries`.
    """

    attempts: int
    age: timedelta
    base: float = 30.0
    longest: float = 3600.0

    @classmethod
    def of(cls, workers: WorkerSettings) -> "RetryLimits":
        age = timedelta(days=workers.give_up_after)
        return cls(workers.max_attempts, age, workers.retry_base, workers.retry_limit)

    def pause(self, held: HeldMail) -> float:
        """Seconds from this attempt to the next one."""
        return delay(held.row.id, held.row.attempts, self.base, self.longest)

    def reached(self, held: HeldMail, now: datetime) -> bool:
        """Whether this answer was the last one to wait for."""
        answers = held.row.attempts - held.earlier.free_attempts(held.row.attempts)
        most = self.attempts or held.row.most_attempts
        if most and answers >= most:
            return True
        return answers >= TRIES_AT_LEAST and self.is_too_old(held, now)

    def is_too_old(self, held: HeldMail, now: datetime) -> bool:
        queued_at = held.row.queued_at
        return queued_at is not None and now - queued_at > self.age


_OPEN = (Verdict.UNKNOWN, Verdict.RELAY_DOWN, Verdict.NOT_TRIED, Verdict.TRY_LATER)
_IN_CONVERSATION = (Phase.RECIPIENT, Phase.DATA, Phase.FINAL)


def outcome(
    held: HeldMail,
    sent: SendResult,
    *,
    limits: RetryLimits,
    remembers: bool,
    started: datetime,
) -> MailResult | None:
    """The end of an attempt, or None when it was none and the mail goes back as it was.

    ``remembers``: the journal can say later which recipients have the mail
    (`store.keeps_receipts`); without that, a mail that a recipient accepted is not tried again.
    """
    if not sent.costs_attempt:
        return _given_up(held, sent, limits, started)
    standing = _standing(held, sent)
    status, error = standing.status, standing.error
    if status == "pending" and limits.reached(held, started):
        status = "failed"
    if status == "pending" and standing.accepted and not remembers:
        status, error = "failed", f"{error} {store.NO_MEMORY}"
    output, id_ = sent.journal(), None
    if status != "completed" and (standing.accepted or (standing.refused and held.several)):
        # Kept where the next attempt finds it, however often attempts are reset.
        attempts = held.row.attempts
        output |= {
            "accepted": sorted(standing.accepted),
            "refused": standing.refused,
            "attempts": attempts,
            "free": held.earlier.free_attempts(attempts) + bool(sent.accepted),
        }
        id_ = _next_receipt(held)
    entry = _entry(held, error=error, started=started, output=output, id_=id_)
    result = _mail_result(held, status, error, entry, standing)
    return replace(result, retry_after=limits.pause(held)) if status == "pending" else result


def part_receipt(held: HeldMail, part: SendResult, started: datetime) -> JournalEntry:
    """Who has the mail, and who refused it, of a part of its recipients while others are left."""
    pairs = zip(part.envelope.recipients, part.outcomes, strict=True)
    output = part.journal() | {
        "part": held.parts + 1,
        "accepted": list(part.accepted),
        "refused": {
            who: str(each.answer) for who, each in pairs if each.verdict is Verdict.REFUSED
        },
    }
    entry = _entry(held, error=None, started=started, output=output, id_=_next_receipt(held))
    return replace(entry, task_type=store.PART_TASK)


def _refused(sent: SendResult) -> dict[str, str]:
    """The recipients that refused it for good, with their words."""
    pairs = zip(sent.envelope.recipients, sent.outcomes, strict=True)
    return {who: str(each.answer) for who, each in pairs if each.verdict is Verdict.REFUSED}


def _next_receipt(held: HeldMail) -> str:
    return store.receipt_id(held.row.id, held.earlier.count + held.parts)


@dataclass(frozen=True, slots=True)
class _RecipientCounts:
    """How a mail stands: recipients that have it, those that never will, and those still to try.

    Each of the latter with the reason; ``invalid`` are sentences about entries that are no address.
    """

    accepted: frozenset[str]
    refused: Mapping[str, str]
    waiting: Mapping[str, str] = field(default_factory=dict)
    invalid: tuple[tuple[str, str], ...] = ()

    @property
    def status(self) -> str:
        if self.waiting:
            return "pending"
        return "failed" if self.refused or self.invalid else "completed"

    @property
    def error(self) -> str | None:
        """One line that names each recipient that has not got the mail, with the reason."""
        groups: dict[str, list[str]] = {}
        for who, why in [*self.waiting.items(), *self.refused.items(), *self.invalid]:
            groups.setdefault(why, []).append(who)
        without = len(self.waiting) + len(self.refused) + len(self.invalid)
        if not without:
            return None
        if len(groups) == 1 and not self.accepted:
            return next(iter(groups))
        said = "; ".join(_said(whom, why) for why, whom in groups.items())
        if self.accepted:
            said = f"{len(self.accepted)} of {len(self.accepted) + without} have it. {said}"
        return said if len(said) <= LONGEST_ERROR else f"{said[: LONGEST_ERROR - 1]}…"


def _said(whom: Sequence[str], why: str) -> str:
    names = [who for who in whom if who and who not in why]
    return f"{', '.join(names)}: {why}" if names else why


def _standing(held: HeldMail, sent: SendResult) -> _RecipientCounts:
    pairs = zip(sent.envelope.recipients, sent.outcomes, strict=True)
    return _RecipientCounts(
        accepted=held.earlier.accepted | frozenset(sent.accepted),
        refused={**held.still_refused, **_refused(sent)},
        waiting={who: str(each.answer) for who, each in pairs if each.verdict in _OPEN},
        invalid=sent.envelope.invalid,
    )


def _given_up(
    held: HeldMail, sent: SendResult, limits: RetryLimits, started: datetime
) -> MailResult | None:
    """An answer that seemed to be about us costs nothing, until the mail is too old."""
    telling = sent.outcomes[0].answer
    if telling.phase not in _IN_CONVERSATION or not limits.is_too_old(held, started):
        return None
    error = f"Given up after {limits.age.days} days: {telling}"
    entry = _entry(held, error=error, started=started, output=sent.journal())
    return _mail_result(held, "failed", error, entry)


def nobody_left(held: HeldMail, invalid: tuple[tuple[str, str], ...]) -> MailResult:
    """Every recipient was answered for in earlier attempts."""
    standing = _RecipientCounts(held.earlier.accepted, held.still_refused, invalid=invalid)
    answer = "Everybody has it already." if standing.status == "completed" else standing.error
    output = {"answer": answer, "accepted": sorted(standing.accepted)}
    entry = _entry(held, error=standing.error, output=output)
    return _mail_result(held, standing.status, standing.error, entry, standing)


def unbuildable(held: HeldMail, sentence: str) -> MailResult:
    """The mail cannot be sent, whatever any relay says."""
    return _mail_result(held, "failed", sentence, _entry(held, error=sentence))


def deadly(held: HeldMail) -> MailResult:
    """Too many processes have died while they sent the mail."""
    return unbuildable(
        held,
        f"Its worker died {held.row.deaths} times while sending it. "
        "Retry it to give it another chance.",
    )


def cancelled(held: HeldMail) -> MailResult:
    """The message was cancelled and its queue entry was not."""
    sentence = "Not sent: the message is cancelled."
    entry = replace(
        _entry(held, error=None, output={"answer": sentence}), task_type=store.CANCELLED_TASK
    )
    return _mail_result(held, "cancelled", sentence, entry)


def _entry(
    held: HeldMail,
    *,
    error: str | None,
    started: datetime | None = None,
    output: Mapping[str, object] | None = None,
    id_: str | None = None,
) -> JournalEntry:
    row = held.row
    return JournalEntry(
        task_type=store.TASK,
        status="failed" if error else "completed",
        input={"queueId": row.id, "emailId": row.email_id, "attempt": row.attempts},
        output=output,
        error=error or None,
        started=started,
        user_id=row.user_id,
        id=id_ or ordered_id(),  # fixed now: a write that is sent again must not journal twice
    )


_EMAIL_STATUS = {"completed": "sent", "failed": "failed"}


def _mail_result(
    held: HeldMail,
    status: str,
    error: str | None,
    entry: JournalEntry,
    standing: _RecipientCounts | None = None,
) -> MailResult:
    row = held.row
    accepted = standing.accepted if standing else held.earlier.accepted
    refused = standing.refused if standing else held.still_refused
    return MailResult(
        id=row.id,
        attempts=row.attempts,
        status=status,
        error=error or None,
        email_status=_EMAIL_STATUS.get(status),
        entry=entry,
        distributions=fates(row.recipients, status, accepted, refused),
    )
