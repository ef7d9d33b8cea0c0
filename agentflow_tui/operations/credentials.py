"""The vault's operations on rows: secrets found, shown to whoever asks for one, and written."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import field
from typing import Any
from uuid import uuid4

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.apply import TRANSACTION_OPTIONS
from agentflow_tui.store.changes.secrets import SecretChange, insert_secret, replace_secrets
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.views import secrets
from agentflow_tui.store.views.secrets import StoredSecret
from agentflow_tui.text import storable
from agentflow_tui.vault.formats import CipherParts, Format, SealedRow, recognise, sealed_row
from agentflow_tui.vault.keys import Key, Keyring
from agentflow_tui.vault.opening import OpenedSecret, open_row
from agentflow_tui.vault.sealing import NEW_FORMATS, seal, seal_new

PAGE = 500
"""Credentials that are read at a time."""

IRREVOCABLE = "the journal holds no secrets"
"""Why a written secret cannot be taken back."""


async def find_secret(database: Database, id_: str) -> StoredSecret:
    """The credential with this id. Raises `AgentflowError` when there is none."""
    statement = database.binding.cached(secrets.by_id)
    found = await database.fetch_one(statement, storable(id_))
    if found is None:
        raise AgentflowError(f"credentials has no row {id_}.")
    return found


async def read_secrets(database: Database) -> AsyncIterator[list[StoredSecret]]:
    """All credentials in pages, in the order of their ids."""
    last = None
    while True:
        page = await database.fetch(database.binding.cached(secrets.page), last, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1].id


async def reveal(
    context: OperationContext,
    stored: StoredSecret,
    keyring: Keyring,
    *,
    why: str = "",
    unauthenticated: bool = False,
) -> OpenedSecret:
    """Open a credential for a person. What comes open is journalled, with who and why, before
    it is returned; what stays shut is not.

    Raises `AgentflowError` where it cannot be journalled.
    """
    opened = open_row(sealed_row(stored), keyring, unauthenticated=unauthenticated)
    if opened.plaintext is None:
        return opened
    said = {"status": opened.status.value, "why": why, "key": key_name(opened.key)}
    await journal_reveal(context, secrets.TABLE, stored.id, said)
    return opened


async def journal_reveal(
    context: OperationContext, table: str, id_: str, said: dict[str, str | None]
) -> None:
    """Write down who sees a secret, and what was ``said`` of it. Raises `AgentflowError`."""
    if refused := context.database.read_only_reason(journal.TABLE):
        raise AgentflowError(f"Not revealed: it could not be journalled ({refused}).")
    entry = journal.JournalEntry(
        task_type=f"{records.TASK}reveal",
        input=given(context, "reveal", [id_]) | {"table": table},
        output=said,
    )
    async with context.database.transaction() as session:
        if not await journal.write(session, [entry]):
            raise AgentflowError("Not revealed: this database has no task_logs to journal it in.")


def key_name(key: Key | None) -> str | None:
    """Where the key that opened a row was found, for the journal; None where it took none."""
    return None if key is None else key.name


def given(context: OperationContext, verb: str, ids: list[str]) -> dict[str, Any]:
    """The ``input`` of a journal row: who did what to which credentials."""
    return {
        "operator": context.operator.name,
        "host": context.operator.host,
        "verb": verb,
        "table": secrets.TABLE,
        "ids": ids,
    }


@dataclass(frozen=True, slots=True)
class SecretRewrite:
    """A row as it was read, as it shall be stored, and the secret that has to come out of it."""

    stored: StoredSecret
    sealed: SealedRow
    plaintext: bytes = field(repr=False)


class NotReadBackError(AgentflowError):
    """What was written does not read as it should; the transaction is undone."""


async def write_secrets(
    session: Session, rewrites: Sequence[SecretRewrite], keyring: Keyring
) -> list[str]:
    """Write secrets over those that were read, and prove it before the commit: what is stored now
    is decrypted with ``keyring`` and compared. Returns the ids of the rows that had not moved on.

    Raises `NotReadBackError`, `UnreachableError`, `RefusedError`, `MissingError`.
    """
    changes = [
        SecretChange(before=r.stored, blob=r.sealed.blob, iv=r.sealed.iv, tag=r.sealed.tag,
                     salt=r.sealed.salt)
        for r in rewrites
    ]  # fmt: skip
    plaintexts = {rewrite.stored.id: rewrite.plaintext for rewrite in rewrites}
    rows = await replace_secrets(session, changes)
    for row in rows:
        opened = open_row(sealed_row(row), keyring, unauthenticated=True)
        if opened.plaintext != plaintexts[row.id]:
            raise NotReadBackError(
                f"Nothing was changed: what was written to {row.id} does not read back as it was."
            )
    return [row.id for row in rows]


async def new_format(database: Database, chosen: str) -> Format:
    """The format of a new secret: the one that was ``chosen``, else the one that AgentFlow reads
    where a row is there that is not ours."""
    if chosen:
        return NEW_FORMATS[chosen]
    async for page in read_secrets(database):
        if any(not is_ours(sealed_row(stored)) for stored in page):
            return NEW_FORMATS["compatible"]
    return NEW_FORMATS["bound"]


def is_ours(row: SealedRow) -> bool:
    """Whether a row has the shape of a secret that is bound to it."""
    found = recognise(row).parts
    return bool(found) and found[0].format is Format.BOUND


async def add(
    context: OperationContext,
    keyring: Keyring,
    plaintext: bytes,
    *,
    format_: Format,
    platform: str,
    label: str,
    user: str | None,
) -> str:
    """Add a credential, journalled without its secret. Returns its id.

    Raises `UnfitKeyError`, `UnreachableError`, `RefusedError`, `MissingError`.
    """
    id_ = str(uuid4())
    sealed = seal_new(plaintext, SealedRow(id=id_, blob=None), format_, keyring)
    async with context.database.transaction() as session:
        await insert_secret(
            session, id_=id_, user=user, platform=platform, label=label,
            blob=sealed.blob, iv=sealed.iv,
        )  # fmt: skip
        await journal.write(session, [_entry(context, "add", id_, format_)])
    return id_


async def replace_secret(
    context: OperationContext, rewrite: SecretRewrite, format_: Format, keyring: Keyring
) -> None:
    """Write one secret over another, journalled without either.

    Raises `AgentflowError` where the row has moved on, and what `write_secrets` raises.
    """
    async with context.database.transaction() as session:
        await session.execute(TRANSACTION_OPTIONS)
        if not await write_secrets(session, [rewrite], keyring):
            raise AgentflowError("Nothing was changed: the credential has changed meanwhile.")
        await journal.write(session, [_entry(context, "edit", rewrite.stored.id, format_)])


def with_field(opened: OpenedSecret, field: str, value: str) -> str:
    """The secret with one field changed, as JSON. Raises `UsageError` where it has no fields."""
    data = opened.data
    if not isinstance(data, dict):
        why = opened.reason or "it has no fields"
        raise UsageError(
            f"{field} cannot be changed alone: {why}. "
            "Give the whole secret with --from-file or --stdin, without --field."
        )
    return json.dumps({**data, field: value}, ensure_ascii=False)


async def rewritten(
    database: Database,
    keyring: Keyring,
    stored: StoredSecret,
    opened: OpenedSecret,
    plaintext: bytes,
    *,
    chosen: str,
    upgrade: bool = False,
) -> tuple[SecretRewrite, Format]:
    """The row with its new secret, in the format that it had, or in that of new ones."""
    row = sealed_row(stored)
    like = None if upgrade else edited_format(opened, row)
    if like is not None:
        return SecretRewrite(stored, seal(plaintext, row, like, keyring), plaintext), like.format
    format_ = await new_format(database, "bound" if upgrade else chosen)
    return SecretRewrite(stored, seal_new(plaintext, row, format_, keyring), plaintext), format_


def edited_format(opened: OpenedSecret, row: SealedRow) -> CipherParts | None:
    """What a changed secret is written like: as it was. None for a row that was in the clear, whose
    tag was thrown away, or whose format is unknown."""
    parts = opened.parts or next(iter(recognise(row).parts), None)
    return None if parts is None or parts.format is Format.LOST else parts


def _entry(context: OperationContext, verb: str, id_: str, format_: Format) -> journal.JournalEntry:
    said = records.outcome([], []) | {
        "matched": 1,
        "applied": 1,
        "format": format_.value,
        "irrevocable": IRREVOCABLE,
    }
    return journal.JournalEntry(
        id=records.operation_id(),
        task_type=records.TASK + verb,
        input=given(context, verb, [id_]),
        output=said,
    )
