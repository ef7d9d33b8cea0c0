"""A claimed mail, and the envelope for the recipients that still have to get it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from uuid import UUID

from agentflow_tui import clock
from agentflow_tui.documents import (
    Attachment,
    Entries,
    Recipient,
    as_attachments,
    as_recipients,
    read,
)
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import attachments
from agentflow_tui.mail.message.messages import OutgoingMail, SenderIdentity, compose
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue import mail_results
from agentflow_tui.store.queue.mail_claims import ClaimedMail
from agentflow_tui.store.queue.poison_mail import DEATHS


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """The recipients that earlier attempts were answered for. ``count`` is the number of receipts
    in the journal."""

    accepted: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    count: int = 0


@dataclass(slots=True, eq=False)
class HeldMail:
    """A mail that this process has claimed. ``claimed_at`` and ``renewed_at`` change with renewals;
    ``recipients`` of a large one are not known yet."""

    row: ClaimedMail
    earlier: EarlierAttempts = field(default_factory=EarlierAttempts)
    renewed_at: float = field(default_factory=monotonic)
    lost: bool = False
    ended: bool = False
    claimed_at: datetime = field(init=False)
    recipients: Entries[Recipient] = field(init=False, repr=False)
    several: bool = field(init=False)

    def __post_init__(self) -> None:
        self.claimed_at = self.row.last_attempt
        self.recipients = as_recipients(read(self.row.recipients))
        self.several = self.row.large or len(self.recipients) > 1

    @property
    def is_slow(self) -> bool:
        """Building it reads the database or the disk."""
        return self.row.large or not _has_none(self.row.attachments)

    @property
    def is_deadly(self) -> bool:
        """Whether it fails for having killed processes. An operator who resets the attempts gives
        it another chance, whatever its error still says."""
        return self.row.deaths >= DEATHS and self.row.attempts > DEATHS

    @property
    def settled(self) -> frozenset[str]:
        """The recipients that are not sent it in this attempt. An operator's retry of a failed mail
        is for those that refused it, too."""
        refused = self.earlier.refused if self.row.attempts > 1 else ()
        return self.earlier.accepted | frozenset(refused)


class AllSettledError(Exception):
    """No recipient is left that would have to get this mail."""


async def recall(database: Database, mails: Sequence[HeldMail]) -> None:
    """Look up in the journal what earlier attempts came to. Raises `UnreachableError`."""
    asked = {mail_results.receipt_id(each.row.id, 0): each for each in mails if each.several}
    if not mail_results.keeps_receipts(database.binding):
        return
    number = 0
    while asked:
        found = await database.fetch(mail_results.RECEIPTS, list(asked))
        number += 1
        again = {}
        for receipt in found:
            held = asked[receipt.id]
            held.earlier = _earlier(receipt.output, number)
            again[mail_results.receipt_id(held.row.id, number)] = held
        asked = again


def _earlier(output: str | None, count: int) -> EarlierAttempts:
    value = read(output).value
    value = value if isinstance(value, dict) else {}
    accepted, refused = value.get("accepted"), value.get("refused")
    return EarlierAttempts(
        accepted=frozenset(map(str, accepted)) if isinstance(accepted, list) else frozenset(),
        refused=refused if isinstance(refused, dict) else {},
        count=count,
    )


def build(held: HeldMail, identity: SenderIdentity) -> Envelope:
    """The envelope of a mail without attachments. Raises `MessageError`, `AllSettledError`."""
    return _addressed(held, compose(_mail(held.row, held.recipients), identity))


async def build_slowly(
    held: HeldMail, identity: SenderIdentity, database: Database, folder: Path | None
) -> Envelope:
    """The same with files and large contents. Raises also `UnreachableError`."""
    row = held.row
    if row.large:
        contents = await database.fetch_one(store.CONTENTS, row.email_id)
        if contents is None:
            raise _missing(row)
        row = replace(
            row,
            subject=contents.subject,
            body=contents.body,
            recipients=contents.recipients,
            attachments=contents.attachments,
        )
    mail = _mail(row, as_recipients(read(row.recipients)))
    paths = await _report_paths(database, mail.attachments)

    def compose_here() -> Envelope:
        files = {key: attachments.from_folder(path, folder) for key, path in paths.items()}
        return compose(mail, identity, folder=folder, reports=files)

    return _addressed(held, await asyncio.to_thread(compose_here))


async def _report_paths(database: Database, entries: Sequence[Attachment]) -> dict[str, str]:
    wanted = {entry.report_id for entry in entries if entry.report_id}
    if not wanted:
        return {}
    if database.binding.render("{reports.id:type}") == "uuid":
        wanted = {each for each in wanted if _is_uuid(each)}
    found = await database.fetch(store.REPORT_FILES, list(wanted))
    return {report.id: report.path for report in found if report.path}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _addressed(held: HeldMail, envelope: Envelope) -> Envelope:
    if not held.earlier.count:
        return envelope
    left = tuple(each for each in envelope.recipients if each not in held.settled)
    if not left:
        raise AllSettledError
    return replace(envelope, recipients=left)


def _missing(row: ClaimedMail) -> MessageError:
    if row.email_id is None:
        return MessageError("There is no email for this queue entry: emailId leads nowhere.")
    return MessageError("The email of this queue entry was deleted.")


def _has_none(attachments: str | None) -> bool:
    return not attachments or attachments == "[]"


def _mail(row: ClaimedMail, recipients: Entries[Recipient]) -> OutgoingMail:
    if row.email_id is None:
        raise _missing(row)
    files = None if _has_none(row.attachments) else row.attachments
    found = as_attachments(read(files))
    if found.problem:
        raise MessageError(f"The attachments cannot be used: {found.problem}.")
    return OutgoingMail(
        id=row.id,
        subject=row.subject or "",
        body=row.body or "",
        recipients=recipients,
        date=row.created_at or clock.now(),
        attachments=found,
    )
