"""A claimed mail, and the envelope for the recipients that still have to get it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from time import monotonic

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Entries, Recipient, read
from agentflow_tui.mail.answers import SendResult
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import attachments
from agentflow_tui.mail.message.messages import OutgoingMail, SenderIdentity, compose
from agentflow_tui.mail.message.stored import (
    LONGEST_DOCUMENT,
    has_no_attachments,
    stored_mail,
    stored_recipients,
)
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue import mail_results
from agentflow_tui.store.queue.mail_claims import ClaimedMail
from agentflow_tui.store.queue.mail_results import MailResult
from agentflow_tui.store.queue.poison_mail import DEATHS

MOST_RECEIPTS = 50
"""Receipts of one mail that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """The recipients that earlier attempts were answered for, by their receipts in the journal.

    ``count`` is the number of receipts; ``attempts`` is the row's at the end of the last attempt
    that left one, and ``free`` how many of those reached a further recipient."""

    accepted: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    count: int = 0
    attempts: int = 0
    free: int = 0

    def free_attempts(self, attempts: int) -> int:
        """How many of so many attempts reached a further recipient: they count for no limit."""
        return self.free if attempts > self.attempts else 0  # else an operator has begun anew

    def and_then(self, output: str | None) -> "EarlierAttempts":
        """With the next receipt. One of a part, whose attempt went on, tells of that part alone."""
        value = read(output, limit=LONGEST_DOCUMENT).value
        value = value if isinstance(value, dict) else {}
        said, refused = value.get("accepted"), value.get("refused")
        accepted = self.accepted | frozenset(map(str, said if isinstance(said, list) else ()))
        refused = refused if isinstance(refused, dict) else {}
        if "part" in value:
            refused = {**self.refused, **refused}
            refused = {who: why for who, why in refused.items() if who not in accepted}
            return replace(self, accepted=accepted, refused=refused, count=self.count + 1)
        attempts, free = value.get("attempts"), value.get("free")
        return EarlierAttempts(
            accepted=accepted,
            refused=refused,
            count=self.count + 1,
            attempts=attempts if isinstance(attempts, int) else 0,
            free=free if isinstance(free, int) else 0,
        )


@dataclass(slots=True, eq=False)
class HeldMail:
    """A mail that this process has claimed. ``claimed_at`` and ``renewed_at`` change with renewals;
    ``recipients`` of a large one are not known yet; ``parts`` have left a receipt in this attempt.
    """

    row: ClaimedMail
    earlier: EarlierAttempts = field(default_factory=EarlierAttempts)
    renewed_at: float = field(default_factory=monotonic)
    parts: int = 0
    lost: bool = False
    ended: bool = False
    claimed_at: datetime = field(init=False)
    recipients: Entries[Recipient] = field(init=False, repr=False)
    several: bool = field(init=False)

    def __post_init__(self) -> None:
        self.claimed_at = self.row.last_attempt
        self.recipients = stored_recipients(self.row.recipients)
        self.several = self.row.large or self.recipients.count_all > 1

    @property
    def is_slow(self) -> bool:
        """Building it reads the database or the disk."""
        return self.row.large or not has_no_attachments(self.row.attachments)

    @property
    def is_deadly(self) -> bool:
        """Whether it fails for having killed processes. An operator's retry, which clears the
        error that counts them, gives it another chance."""
        return self.row.deaths >= DEATHS

    @property
    def may_have_receipts(self) -> bool:
        """Whether an earlier attempt may have reached a part of the recipients."""
        return self.several or self.row.before is not None

    @property
    def still_refused(self) -> Mapping[str, str]:
        """The recipients that refused it for good, with their words. An operator's retry of a
        failed mail is for them, too."""
        return self.earlier.refused if self.row.attempts > 1 else {}

    @property
    def settled(self) -> frozenset[str]:
        """The recipients that are not sent it in this attempt."""
        return self.earlier.accepted | frozenset(self.still_refused)


@dataclass(frozen=True, slots=True, eq=False)
class FinishedMail:
    """A held mail and what is to be written about it.

    ``result`` None gives it back as if it had not been claimed; ``sent`` is what the transport
    reported, where it was asked.
    """

    held: HeldMail
    result: MailResult | None
    sent: SendResult | None = None

    @property
    def id(self) -> str:
        return self.held.row.id

    @property
    def attempts(self) -> int:
        return self.held.row.attempts

    @property
    def claimed_at(self) -> datetime:
        """The claim's time, which renewals change until it is written."""
        return self.held.claimed_at

    @property
    def before(self) -> datetime | None:
        return self.held.row.before


class AllSettledError(Exception):
    """No recipient is left that would have to get this mail. ``invalid`` are those that cannot."""

    def __init__(self, invalid: tuple[tuple[str, str], ...]):
        super().__init__()
        self.invalid = invalid


async def recall(database: Database, mails: Sequence[HeldMail]) -> None:
    """Look up in the journal what earlier attempts came to. Raises `UnreachableError`."""
    if not mail_results.keeps_receipts(database.binding):
        return
    asked = [each for each in mails if each.may_have_receipts]
    first, count = 0, 1
    while asked:
        ids = {
            each: [mail_results.receipt_id(each.row.id, first + n) for n in range(count)]
            for each in asked
        }
        rows = await database.fetch(mail_results.RECEIPTS, list(chain.from_iterable(ids.values())))
        found = {receipt.id: receipt.output for receipt in rows}
        for held, receipts in ids.items():
            for receipt in receipts:
                if receipt in found:
                    held.earlier = held.earlier.and_then(found[receipt])
        asked = [held for held, receipts in ids.items() if receipts[-1] in found]
        first, count = first + count, min(2 * count, MOST_RECEIPTS)


def build(held: HeldMail, identity: SenderIdentity, now: datetime) -> Envelope:
    """The envelope of a mail without attachments, dated ``now``. Raises `MessageError`,
    `AllSettledError`."""
    return _addressed(held, compose(_mail(held.row, held.recipients, now), identity))


async def build_slowly(
    held: HeldMail,
    identity: SenderIdentity,
    now: datetime,
    *,
    database: Database,
    folder: Path | None,
) -> Envelope:
    """The same with files and large contents. Raises also `UnreachableError`."""
    row = held.row
    if row.large:
        statement = store.OWN_CONTENTS if row.is_whole else store.CONTENTS
        contents = await database.fetch_one(statement, row.id if row.is_whole else row.email_id)
        if contents is None:
            raise _missing(row)
        row = replace(
            row,
            subject=contents.subject,
            body=contents.body,
            recipients=contents.recipients,
            attachments=contents.attachments,
            html=contents.html,
        )
    mail = await asyncio.to_thread(lambda: _mail(row, stored_recipients(row.recipients), now))
    paths = await store.report_paths(database, [e.report_id for e in mail.attachments])

    def compose_here() -> Envelope:
        files = {key: attachments.from_folder(path, folder) for key, path in paths.items()}
        return compose(mail, identity, folder=folder, reports=files)

    return _addressed(held, await asyncio.to_thread(compose_here))


def _addressed(held: HeldMail, envelope: Envelope) -> Envelope:
    if not held.earlier.count:
        return envelope
    settled = {each.lower() for each in held.settled}
    left = tuple(each for each in envelope.recipients if each.lower() not in settled)
    if not left:
        raise AllSettledError(envelope.invalid)
    return replace(envelope, recipients=left)


def _missing(row: ClaimedMail) -> MessageError:
    if row.email_id is None:
        return MessageError("There is no email for this queue entry: emailId leads nowhere.")
    return MessageError("The email of this queue entry was deleted.")


def _mail(row: ClaimedMail, recipients: Entries[Recipient], now: datetime) -> OutgoingMail:
    if row.email_id is None and not row.is_whole:
        raise _missing(row)
    return stored_mail(
        row.id,
        subject=row.subject,
        body=row.body,
        html=row.html,
        recipients=recipients,
        raw_recipients=row.recipients,
        raw_attachments=row.attachments,
        date=now,
    )
