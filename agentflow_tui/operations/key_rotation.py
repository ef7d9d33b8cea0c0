"""Writing every secret anew under the present key.

There is no state but the rows: one that the present key opens is done. So a rotation may be killed
at any point and is taken up again by the same command. A batch is one transaction, in which each
row is written by compare-and-set on what was read, read back, decrypted with the new key alone and
compared, and journalled.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import field
from enum import Enum

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, LockedError, NotAcceptedError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.credentials import (
    IRREVOCABLE,
    NotReadBackError,
    SecretRewrite,
    given,
    read_secrets,
    write_secrets,
)
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.apply import TRANSACTION_OPTIONS
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.secrets import StoredSecret
from agentflow_tui.vault.formats import Format, sealed_row
from agentflow_tui.vault.keys import Key, Keyring
from agentflow_tui.vault.opening import OpenedSecret, SecretStatus, open_row
from agentflow_tui.vault.sealing import UnfitKeyError, seal, seal_new

VERB = "rotate-key"
BATCH = 100
"""Rows that are written in one transaction."""

PASSES = 5
"""How often all rows are gone through: others may write under the old key meanwhile."""


class RowState(Enum):
    """How a row stands in a rotation."""

    DONE = "under the present key"
    TO_DO = "to be written anew"
    CLEAR = "in the clear"
    STUCK = "cannot be written anew"


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """What a rotation reads with, the keyring, and writes with, its present key. ``upgrade`` binds
    every secret to its row; ``unauthenticated`` takes rows whose tag was thrown away as they read.
    """

    keyring: Keyring
    present_key: Key
    upgrade: bool = False
    unauthenticated: bool = False
    _fingerprints: dict[str, str] = field(default_factory=dict, repr=False)

    def fingerprint(self, key: Key | None) -> str:
        """What the journal says of a key."""
        if key is None or key.public:
            return "none" if key is None else key.name
        if key.text not in self._fingerprints:
            self._fingerprints[key.text] = key.fingerprint
        return self._fingerprints[key.text]

    def judge(self, stored: StoredSecret) -> tuple[RowState, OpenedSecret]:
        """How a row stands, and what it was read as."""
        opened = open_row(sealed_row(stored), self.keyring, unauthenticated=self.unauthenticated)
        if opened.status is SecretStatus.CLEAR:
            return (RowState.TO_DO if self.upgrade else RowState.CLEAR), opened
        if opened.key is not None and opened.key.text == self.present_key.text:
            # A row that could not be upgraded is under the present key all the same.
            wanted = self.upgrade and opened.plaintext is not None
            done = not wanted or opened.format is Format.BOUND
            return (RowState.DONE if done else RowState.TO_DO), opened
        return (RowState.STUCK if opened.plaintext is None else RowState.TO_DO), opened

    def rewrite(self, stored: StoredSecret, opened: OpenedSecret) -> SecretRewrite:
        """The row under the present key. Raises `UnfitKeyError`."""
        row, plaintext = sealed_row(stored), opened.plaintext
        assert plaintext is not None
        if self.upgrade or opened.parts is None:
            sealed = seal_new(plaintext, row, Format.BOUND, self.keyring)
        else:
            sealed = seal(plaintext, row, opened.parts, self.keyring)
        return SecretRewrite(stored, sealed, plaintext)


@dataclass(slots=True)
class RotationSurvey:
    """How all rows stand; ``stuck`` are (id, reason)."""

    to_do: int = 0
    done: int = 0
    clear: int = 0
    stuck: list[tuple[str, str]] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return self.to_do + len(self.stuck)


async def survey(database: Database, rotation: KeyRotation) -> RotationSurvey:
    """How all rows stand, without changing anything: the dry run."""
    found = RotationSurvey()
    async for page in read_secrets(database):
        for stored in page:
            state, opened = rotation.judge(stored)
            why = opened.reason
            if state is RowState.TO_DO:
                try:
                    rotation.rewrite(stored, opened)
                except UnfitKeyError as error:
                    state, why = RowState.STUCK, str(error).rstrip(".")
            found.to_do += state is RowState.TO_DO
            found.done += state is RowState.DONE
            found.clear += state is RowState.CLEAR
            if state is RowState.STUCK:
                found.stuck.append((stored.id, why))
    return found


@dataclass(slots=True)
class RotationResult:
    """What a rotation did: how many rows were written, the last row of the journal, and why the
    database refused others, by their ids."""

    applied: int = 0
    journal: str | None = None
    refused: dict[str, str] = field(default_factory=dict)


async def rotate(
    context: OperationContext, rotation: KeyRotation, progress: Callable[[int], None]
) -> RotationResult:
    """Write every secret that can be under the present key. Whether rows remain says `survey`.

    Raises `UnreachableError`, `RefusedError`, `MissingError`; what was written by then stays.
    """
    result = RotationResult()
    for _ in range(PASSES):
        before = result.applied
        async for batch in _batches(context.database, rotation):
            await _write(context, rotation, batch, result)
            progress(result.applied)
        if result.applied == before:
            break
    return result


_Row = tuple[SecretRewrite, OpenedSecret]


async def _batches(database: Database, rotation: KeyRotation) -> AsyncIterator[list[_Row]]:
    """The rows that are to be written anew, with how they will be."""
    async for page in read_secrets(database):
        rows = []
        for stored in page:
            state, opened = rotation.judge(stored)
            if state is RowState.TO_DO:
                try:
                    rows.append((rotation.rewrite(stored, opened), opened))
                except UnfitKeyError:
                    continue  # the survey names it
        for start in range(0, len(rows), BATCH):
            yield rows[start : start + BATCH]


async def _write(
    context: OperationContext, rotation: KeyRotation, rows: Sequence[_Row], result: RotationResult
) -> None:
    """Write a batch; row by row where the database refuses one of them."""
    try:
        await _write_together(context, rotation, rows, result)
    except (LockedError, NotAcceptedError, NotReadBackError) as error:
        if len(rows) == 1:
            result.refused[rows[0][0].stored.id] = str(error).rstrip(".")
            return
        for row in rows:
            await _write(context, rotation, [row], result)


async def _write_together(
    context: OperationContext, rotation: KeyRotation, rows: Sequence[_Row], result: RotationResult
) -> None:
    keyring = rotation.keyring.only(rotation.present_key)
    async with context.database.transaction() as session:
        await session.execute(TRANSACTION_OPTIONS)
        written = await write_secrets(session, [rewrite for rewrite, _ in rows], keyring)
        if not written:
            return
        entry = _entry(context, rotation, rows, written)
        await journal.write(session, [entry])
    result.applied += len(written)
    result.journal = entry.id if records.keeps_operations(context.database.binding) else None


def _entry(
    context: OperationContext, rotation: KeyRotation, rows: Sequence[_Row], written: Sequence[str]
) -> journal.JournalEntry:
    """The journal's row of a batch: which rows, from which keys to which, by their fingerprints."""
    old = sorted({rotation.fingerprint(opened.key) for _, opened in rows})
    ids = [rewrite.stored.id for rewrite, _ in rows]
    skipped = [(id_, "changed meanwhile") for id_ in ids if id_ not in set(written)]
    said = records.outcome([], skipped) | {
        "matched": len(ids),
        "applied": len(written),
        "irrevocable": IRREVOCABLE,
        "old_keys": old,
        "new_key": rotation.fingerprint(rotation.present_key),
    }
    return journal.JournalEntry(
        id=records.operation_id(),
        task_type=records.TASK + VERB,
        input=given(context, VERB, ids),
        output=said,
    )


def plan_rotation(
    keyring: Keyring, old: Key | None, *, upgrade: bool, unauthenticated: bool
) -> KeyRotation:
    """A rotation to the present key; behind it the ``old`` one that was named is tried first.

    Raises `AgentflowError` where there is no present key, or it is the old one.
    """
    present = keyring.present_key
    if present is None:
        why = f": {keyring.troubles[0]}" if keyring.troubles else ": set ENCRYPTION_KEY."
        raise AgentflowError(f"There is no key to rotate to{why}")
    if old is not None and old.text == present.text:
        raise AgentflowError(
            "The old key is the present one: ENCRYPTION_KEY has to be the new key."
        )
    keys = (present, *((old,) if old else ()), *keyring.keys[1:])
    return KeyRotation(
        keyring.with_keys(keys), present, upgrade=upgrade, unauthenticated=unauthenticated
    )
