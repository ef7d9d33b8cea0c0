"""A part of an operation: some rows changed, and written down, in one transaction.

What the database has against one row is that row's fault and not the others'. A part whose answer
is lost is settled by the journal: its row's id is known beforehand, and is there exactly when the
part was committed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from agentflow_tui.errors import (
    AgentflowError,
    LockedError,
    NotAcceptedError,
    RefusedError,
    UnreachableError,
)
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.lock import TRANSACTION_OPTIONS
from agentflow_tui.store.changes.records import RowChange
from agentflow_tui.store.connection.database import Session

RETRIES = 5
"""Looks for a part whose answer was lost."""

HOPELESS = 100
"""Rows of a part after whose refusal, with none accepted, it is not the rows that are wrong."""

RowT = TypeVar("RowT")
AnswerT = TypeVar("AnswerT")


@dataclass(slots=True)
class Part:
    """What became of the rows of one part; ``skipped`` are (id, reason)."""

    row_changes: list[RowChange] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Every row of the part once; one may have been changed and named all the same."""
        return list(
            dict.fromkeys([*(s.id for s in self.row_changes), *(id_ for id_, _ in self.skipped)])
        )


class PartWriter(Protocol):
    """Does a part and journals it. Without ``waits`` it passes over rows that others hold."""

    def __call__(self, session: Session, *, waits: bool) -> Awaitable[Part]: ...


class WrittenElsewhereError(AgentflowError):
    """The journal has a part of this operation that somebody else has written."""


async def write_part(context: OperationContext, key: str, write: PartWriter) -> Part:
    """What came of a part, whose row in the journal is called ``key``, also when the connection
    broke at the commit. Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """

    async def once(*, waits: bool) -> Part:
        async with context.database.transaction() as session:
            await session.execute(TRANSACTION_OPTIONS)
            return await write(session, waits=waits)

    try:
        try:
            return await once(waits=True)
        except LockedError:
            return await once(waits=False)
    except UnreachableError as error:
        if not records.keeps_operations(context.database.binding):
            raise UnreachableError(
                f"{error} This database has no journal that could tell whether the last rows "
                "were changed."
            ) from None
        found = await _settled(context, key)
        if found is None:
            raise
        return found


async def _settled(context: OperationContext, key: str) -> Part | None:
    """What the journal says of a part whose answer was lost; None when it was not committed.

    Raises `UnreachableError` when the database does not come back.
    """
    for attempt in range(RETRIES):
        last = attempt == RETRIES - 1
        try:
            if not await _is_written(context, key):
                return None
            found = await records.find_part(context.database, key)
            return None if found is None else Part(list(found.row_changes), list(found.skipped))
        except (UnreachableError, RefusedError):
            if last:
                raise
            await asyncio.sleep(0.2 * 2**attempt)
    return None


async def _is_written(context: OperationContext, key: str) -> bool:
    """Whether the journal has this row. To write it too is to wait for whoever is still at it: a
    commit may be under way on the server long after its connection broke."""
    session: Session
    try:
        async with context.database.transaction() as session:
            entry = journal.JournalEntry(id=key, task_type=records.PART_TASK)
            if not await journal.write(session, [entry]):
                return True
            raise _NotWritten
    except _NotWritten:
        return False


class _NotWritten(Exception):  # noqa: N818  # undoes a transaction, and nobody else sees it
    pass


async def change_accepted(
    session: Session,
    rows: Sequence[RowT],
    do: Callable[[Sequence[RowT]], Awaitable[Sequence[AnswerT]]],
) -> tuple[list[AnswerT], list[tuple[RowT, str]]]:
    """``do`` as many rows as the database accepts, by halves: its answers, and the refused rows
    with the database's words. Raises `NotAcceptedError` when it seems to accept none.
    """
    answers: list[AnswerT] = []
    refused: list[tuple[RowT, str]] = []
    waiting = [rows] if rows else []
    while waiting:
        some = waiting.pop()
        try:
            async with session.transaction():
                answers += await do(some)
        except NotAcceptedError as error:
            if len(some) > 1:
                middle = len(some) // 2
                waiting += [some[middle:], some[:middle]]
                continue
            refused.append((some[0], f"is refused by the database: {error.words}"))
            if len(refused) == HOPELESS and not answers:
                raise
    return answers, refused


async def close(
    context: OperationContext, operation: str, values: dict[str, object], status: str
) -> None:
    """Say in an operation's own row how the whole of it went. Its parts stand also without that:
    a row that still says ``running`` is one whose parts are counted when it is taken back."""
    database = context.database
    for attempt in range(RETRIES):
        try:
            template = records.mark(database.binding)
            await database.execute(template, operation, records.addition(values), status)
        except UnreachableError:
            await asyncio.sleep(0.2 * 2**attempt)
        except AgentflowError:
            return
        else:
            return
