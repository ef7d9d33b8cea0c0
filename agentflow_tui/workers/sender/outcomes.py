"""Decides what the relay's answer makes of a queued mail; no database, no network."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from agentflow_tui.mail.smtp.answers import SendResult, Verdict
from agentflow_tui.store.journal import JournalEntry, ordered_id
from agentflow_tui.store.queue import mail_results as store
from agentflow_tui.store.queue.mail_results import MailResult
from agentflow_tui.workers.sender.held_mail import HeldMail

_NO_MEMORY = "Some have it, and this database has no journal to say who: not tried again."


def outcome(
    held: HeldMail,
    result: SendResult,
    *,
    max_attempts: int,
    remembers: bool,
    started: datetime | None,
) -> MailResult | None:
    """The end of an attempt, or None when it was none and the mail goes back as it was.

    ``remembers``: the journal can say later who has the mail (`store.keeps_receipts`); without
    that, a mail that a recipient accepted is not tried again.
    """
    if not result.costs_attempt:
        return None
    status, error = _status(held, result, max_attempts)
    output = result.journal()
    id_ = None
    if status != "completed":
        accepted = held.earlier.accepted | frozenset(result.accepted)
        refused = _refused(result)
        if status == "pending" and accepted and not remembers:
            status, error = "failed", f"{error} {_NO_MEMORY}"
        if held.several and (result.accepted or refused):
            # Who has it is kept where the next attempt finds it, however often attempts are reset.
            refused = {**held.earlier.refused, **refused}
            output |= {"accepted": sorted(accepted), "refused": refused}
            id_ = store.receipt_id(held.row.id, held.earlier.count)
    entry = _entry(held, error=error, started=started, output=output, id_=id_)
    return _mail_result(held, status, error, entry)


def _status(held: HeldMail, result: SendResult, max_attempts: int) -> tuple[str, str | None]:
    verdict = result.verdict
    if verdict is Verdict.DELIVERED:
        return _with_earlier_refusals(held)
    if verdict is Verdict.REFUSED:
        return "failed", result.error
    last = held.row.attempts >= max_attempts
    return ("failed" if last else "pending"), result.error


def _with_earlier_refusals(held: HeldMail) -> tuple[str, str | None]:
    if held.row.attempts > 1 and held.earlier.refused:
        address, words = next(iter(held.earlier.refused.items()))
        return "failed", f"{address}: {words}"
    return "completed", None


def _refused(result: SendResult) -> dict[str, str]:
    pairs = zip(result.envelope.recipients, result.outcomes, strict=True)
    return {who: str(each.answer) for who, each in pairs if each.verdict is Verdict.REFUSED}


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


def nobody_left(held: HeldMail) -> MailResult:
    """Every recipient was answered for in earlier attempts."""
    status, error = _with_earlier_refusals(held)
    output = {"answer": "Everybody has it already.", "accepted": sorted(held.earlier.accepted)}
    return _mail_result(held, status, error, _entry(held, error=error, output=output))


def without_user(result: MailResult) -> MailResult:
    """The same with the barest journal row, for a database that does not accept the full one."""
    entry = replace(result.entry, user_id=None, output=None)
    return replace(result, entry=entry)


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


def _mail_result(held: HeldMail, status: str, error: str | None, entry: JournalEntry) -> MailResult:
    row = held.row
    return MailResult(
        id=row.id,
        attempts=row.attempts,
        status=status,
        error=error or None,
        email_status=_EMAIL_STATUS.get(status),
        entry=entry,
    )
