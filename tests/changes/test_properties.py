"""Random sequences of verbs, worker steps and undos, from several sessions at once."""

import json
import random
from collections import Counter

import pytest

from agentflow_tui import schema
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.undo import NothingToUndoError, last_undoable, undo
from agentflow_tui.operators import Operator
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.change import ChangeSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from tests.changes.crowd import LEASE, TABLES, Crowd, populate
from tests.changes.operating import whole

SEEDS = range(6)
ALL = (*TABLES, "emails")


async def crowd_on(url: str, seed: int, *, operators: int = 2) -> Crowd:
    rng = random.Random(seed)
    worlds = [
        OperationContext(
            await Database.open(url),
            Operator(name, "bastion"),
            ChangeSettings(lease=LEASE, hold=0.0),
        )
        for name in ("ann", "bob", "cid")[:operators]
    ]
    return Crowd(rng, worlds, await populate(worlds[0].database, rng))


async def operations(database: Database) -> list[records.OperationRecord]:
    """Every operation in the journal, whole, oldest first."""
    found = [await records.find(database, head.id) for head in await records.latest(database, 1000)]
    return [operation for operation in reversed(found) if operation is not None]


async def check(crowd: Crowd) -> None:
    """What must hold at any time."""
    database = crowd.operators[0].database
    journal = await operations(database)
    kept = {operation.id: operation for operation in journal}
    assert len(kept) == len(journal), "an operation is in the journal twice"
    told = [outcome for outcome in crowd.outcomes if outcome.journal is not None]
    assert {outcome.journal for outcome in told} == set(kept), "told and journalled differ"
    for outcome in told:
        operation = kept[outcome.journal or ""]
        assert operation.applied == outcome.applied == len(operation.row_changes)
        assert set(operation.skipped) == set(outcome.skipped)
    for table in TABLES:
        await _check_rows(crowd, table, journal)
    await _check_mail(crowd)


async def _check_rows(crowd: Crowd, table: str, journal: list[records.OperationRecord]) -> None:
    """No row is lost but by a delete that nobody took back, and every status is a known word."""
    database = crowd.operators[0].database
    there = Counter(crowd.ids[table])
    for operation in journal:
        if operation.table == table:
            for row_change in operation.row_changes:
                there[row_change.id] += (row_change.before is None) - (row_change.after is None)
    now = set(await whole(database, table))
    assert {id_ for id_, count in there.items() if count} == now, f"{table}: rows are lost"
    words = schema.TABLES[table].statuses
    if words:
        statement: Statement[tuple[str]] = Statement(
            as_tuple, f"SELECT DISTINCT {{{table}.status}}::text FROM {{{table}}}"
        )
        assert {row[0] for row in await database.fetch(statement)} <= set(words)


async def _check_mail(crowd: Crowd) -> None:
    """What was delivered stays delivered."""
    statement: Statement[tuple[str, str]] = Statement(
        as_tuple, "SELECT {email_queue.id}::text, {email_queue.status}::text FROM {email_queue}"
    )
    states = dict(await crowd.operators[0].database.fetch(statement))
    wrong = {id_: states[id_] for id_ in crowd.delivered if states.get(id_, "") not in _DELIVERED}
    assert not wrong, wrong


_DELIVERED = {"completed", ""}


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_operators_and_workers_do_at_once_nothing_is_lost(
    database_url: str, seed: int
) -> None:
    crowd = await crowd_on(database_url, seed, operators=3)
    try:
        for _ in range(25):
            await crowd.together(crowd.rng.randint(1, 4), workers=True)
            await check(crowd)
    except AssertionError as error:
        raise AssertionError("\n".join([str(error), *crowd.script])) from error
    finally:
        for context in crowd.operators:
            context.database.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_taking_everything_back_restores_every_row_exactly(
    database_url: str, seed: int
) -> None:
    crowd = await crowd_on(database_url, seed, operators=1)
    ann = crowd.operators[0]
    before = {table: await whole(ann.database, table) for table in ALL}
    try:
        for _ in range(25):
            await crowd.change()
        while True:
            try:
                operation = await last_undoable(ann)
            except NothingToUndoError:
                break
            outcome = await undo(ann, operation.id)
            assert not outcome.skipped, (operation.verb, operation.table, outcome.skipped)
        assert {table: await whole(ann.database, table) for table in ALL} == before
    except AssertionError as error:
        raise AssertionError("\n".join([str(error), *crowd.script])) from error
    finally:
        ann.database.close()


async def test_a_journal_row_explains_the_change(database_url: str) -> None:
    """The rows after an operation are the rows before it with what the journal says put in."""
    crowd = await crowd_on(database_url, 99, operators=1)
    ann = crowd.operators[0]
    for _ in range(30):
        before = {table: await _columns(ann.database, table) for table in TABLES}
        count = len(crowd.outcomes)
        await crowd.change()
        outcome = crowd.outcomes[count]
        if outcome.journal is not None:
            found = await records.find(ann.database, outcome.journal)
            assert found is not None
            _apply(before[found.table], found)
        for table in TABLES:
            if table == outcome.table or not outcome.applied:
                assert await _columns(ann.database, table) == before[table]
    ann.database.close()


async def _columns(database: Database, table: str) -> dict[str, dict[str, object]]:
    """Rows by id, each an object of documented columns as the journal writes them."""
    from agentflow_tui.store.changes.row_images import image

    names = [column.name for column in schema.TABLES[table].columns]
    looks = image(database.binding, table, "q", names)
    statement: Statement[tuple[str, str]] = Statement(
        as_tuple, f"SELECT q.{{{table}.id}}::text, {looks}::text FROM {{{table}}} q"
    )
    return {id_: json.loads(text) for id_, text in await database.fetch(statement)}


def _apply(rows: dict[str, dict[str, object]], operation: records.OperationRecord) -> None:
    for row_change in operation.row_changes:
        if row_change.after is None:
            del rows[row_change.id]
        else:
            rows[row_change.id] |= row_change.after
