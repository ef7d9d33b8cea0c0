"""Customers' personal data in reports: shown to whoever asks, in the journal, and removed from
reports that are old enough.

There is no state but the rows: a report without its personal values is marked. So a removal may be
stopped at any point and is taken up again by the same command.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import field

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, LockedError, NotAcceptedError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.personal_data.shown import TABLE, RemovedData, UnreadableDataError, removed
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.apply import TRANSACTION_OPTIONS
from agentflow_tui.store.changes.report_documents import replace_documents
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.personal_reports import AGED, PAGE, STORED, StoredReport

VERB = "forget-personal"
REVEAL = "reveal-personal"

IRREVOCABLE = "the journal holds no personal data"
"""Why a removal cannot be taken back."""

BATCH_ROWS, BATCH_SIZE = 50, 4_000_000
"""Reports, and characters of them, that are written in one transaction."""

CHANGED = "changed meanwhile"


async def journal_shown(context: OperationContext, about: dict[str, object]) -> None:
    """Write down who sees personal data, and ``about`` which rows. Raises `AgentflowError`: what
    cannot be journalled is not shown."""
    if refused := context.database.read_only_reason(journal.TABLE):
        raise AgentflowError(f"Not shown: it could not be journalled ({refused}).")
    entry = journal.JournalEntry(
        task_type=records.TASK + REVEAL,
        input={**_operator(context), "verb": REVEAL, "table": TABLE, **about},
    )
    async with context.database.transaction() as session:
        if not await journal.write(session, [entry]):
            raise AgentflowError("Not shown: this database has no task_logs to journal it in.")


def _operator(context: OperationContext) -> dict[str, object]:
    return {"operator": context.operator.name, "host": context.operator.host}


@dataclass(slots=True)
class PersonalSurvey:
    """What is to be removed: from how many ``reports``, how many ``values``, in which columns (with
    the number of reports that have each). ``unreadable`` are (id, reason); ``undated`` reports have
    no date, and are left alone."""

    reports: int = 0
    values: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    undated: int = 0


@dataclass(slots=True)
class PersonalRemoval:
    """What was removed, the last row of the journal, and what was skipped, (id, reason)."""

    applied: int = 0
    values: int = 0
    journal: str | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)


_Row = tuple[StoredReport, RemovedData]


async def survey(
    database: Database, seconds: float, progress: Callable[[int], None]
) -> PersonalSurvey:
    """What reports older than so many ``seconds`` hold, without changing anything: the dry run."""
    found = PersonalSurvey()
    looked_at = 0

    def tell_undated() -> None:
        found.undated += 1

    async for stored in _aged(database, seconds, tell_undated):
        looked_at += 1
        progress(looked_at)
        try:
            row = _removed(stored)
        except UnreadableDataError as error:
            found.unreadable.append((stored.id, str(error)))
            continue
        if row is not None:
            found.reports += 1
            found.values += row.values
            for name in row.columns:
                found.columns[name] = found.columns.get(name, 0) + 1
    return found


async def forget_personal(
    context: OperationContext, seconds: float, progress: Callable[[int], None]
) -> PersonalRemoval:
    """Remove customers' personal data from the reports that are older than so many ``seconds``.

    Each transaction changes a bounded number of reports, those that still are as they were read,
    and journals which they were and how much was removed. Raises `UnreachableError`,
    `RefusedError`, `MissingError`; what was removed by then stays removed.
    """
    result = PersonalRemoval()
    batch: list[_Row] = []
    size = 0
    async for stored in _aged(context.database, seconds):
        try:
            row = _removed(stored)
        except UnreadableDataError as error:
            result.skipped.append((stored.id, str(error)))
            continue
        if row is None:
            continue
        batch.append((stored, row))
        size += len(row.data or "")
        if len(batch) >= BATCH_ROWS or size >= BATCH_SIZE:
            await _write(context, batch, result)
            progress(result.applied)
            batch, size = [], 0
    await _write(context, batch, result)
    return result


async def _aged(
    database: Database, seconds: float, tell_undated: Callable[[], None] = lambda: None
) -> AsyncIterator[StoredReport]:
    """The reports that are old enough and may hold personal data, in the order of their ids."""
    last = None
    while True:
        page = await database.fetch(AGED, last, seconds)
        for aged in page:
            if aged.is_due is None:
                tell_undated()
            if aged.is_due and (stored := await database.fetch_one(STORED, aged.id)) is not None:
                yield stored
        if len(page) < PAGE:
            return
        last = page[-1].id


def _removed(stored: StoredReport) -> RemovedData | None:
    return removed(stored.data, stored.metadata, clock.now().isoformat(timespec="seconds"))


async def _write(context: OperationContext, rows: list[_Row], result: PersonalRemoval) -> None:
    """Write a batch; row by row where the database refuses one of them."""
    if not rows:
        return
    try:
        await _write_together(context, rows, result)
    except (LockedError, NotAcceptedError) as error:
        if len(rows) == 1:
            result.skipped.append((rows[0][0].id, str(error).rstrip(".")))
            return
        for row in rows:
            await _write(context, [row], result)


async def _write_together(
    context: OperationContext, rows: list[_Row], result: PersonalRemoval
) -> None:
    async with context.database.transaction() as session:
        await session.execute(TRANSACTION_OPTIONS)
        written = [
            (stored, row)
            for stored, row in rows
            if await replace_documents(session, stored, row.data, row.metadata)
        ]
        ids = [stored.id for stored, _ in written]
        skipped = [(stored.id, CHANGED) for stored, _ in rows if stored.id not in set(ids)]
        values = sum(row.values for _, row in written)
        said = records.outcome([], skipped) | {
            "matched": len(rows),
            "applied": len(written),
            "values": values,
            "columns": sorted({name for _, row in written for name in row.columns}),
            "irrevocable": IRREVOCABLE,
        }
        about = {**_operator(context), "verb": VERB, "table": TABLE, "ids": ids}
        entry = journal.JournalEntry(
            id=records.operation_id(), task_type=records.TASK + VERB, input=about, output=said
        )
        await journal.write(session, [entry])
    result.applied += len(written)
    result.values += values
    result.skipped += skipped
    if records.keeps_operations(context.database.binding):
        result.journal = entry.id
