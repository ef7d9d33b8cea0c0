"""The vault's operations on rows: finding secrets, and showing one to whoever asks for it."""

from collections.abc import AsyncIterator
from typing import Any

from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views import secrets
from agentflow_tui.store.views.secrets import StoredSecret
from agentflow_tui.vault.formats import SealedRow
from agentflow_tui.vault.keys import Key, Keyring
from agentflow_tui.vault.opening import OpenedRow, open_row

PAGE = 500
"""Credentials that are read at a time."""


def sealed_row(stored: StoredSecret) -> SealedRow:
    """A stored credential as the vault takes it."""
    return SealedRow(
        id=stored.id,
        blob=stored.blob,
        iv=stored.iv,
        tag=stored.tag,
        salt=stored.salt,
        key_version=stored.key_version,
    )


async def find_secret(database: Database, id_: str) -> StoredSecret:
    """The credential with this id. Raises `AgentflowError` when there is none."""
    statement = database.binding.cached(secrets.by_id)
    found = await database.fetch_one(statement, journal.storable(id_))
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
) -> OpenedRow:
    """Open a credential for a person. What comes open is journalled, with who and why, before
    it is returned; what stays shut is not.

    Raises `AgentflowError` where it cannot be journalled.
    """
    opened = open_row(sealed_row(stored), keyring, unauthenticated=unauthenticated)
    if opened.plaintext is None:
        return opened
    if refused := context.database.read_only_reason(journal.TABLE):
        raise AgentflowError(f"Not revealed: it could not be journalled ({refused}).")
    said = {"status": opened.status.value, "why": why, "key": key_name(opened.key)}
    entry = journal.JournalEntry(
        task_type=f"{records.TASK}reveal", input=given(context, "reveal", [stored.id]), output=said
    )
    async with context.database.transaction() as session:
        if not await journal.write(session, [entry]):
            raise AgentflowError("Not revealed: this database has no task_logs to journal it in.")
    return opened


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
