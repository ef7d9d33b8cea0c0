"""Changes of very many rows: told, stoppable, and never holding more than a part of them."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from agentflow_tui import clock
from agentflow_tui.filters import Filter, parse
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.selection import Snapshot, matching, take_snapshot
from agentflow_tui.operations.undo import undo
from agentflow_tui.operations.verbs import find
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.records import PART
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.reading.queries import Query, vocabulary
from agentflow_tui.store.views.by_table import LISTINGS
from tests.changes.operating import add_mail, operator_context, value

SIZES = [
    pytest.param(20_000, id="20,000"),
    pytest.param(100_000, id="100,000", marks=pytest.mark.long),
]
A_PART = 8
"""Statements of a part besides BEGIN and COMMIT: options, hold, savepoint, change, release,
journal; and the two looks for what is to be taken back."""

CHECKSUM = "SELECT md5(string_agg(q::text, ',' ORDER BY q.{email_queue.id})) FROM {email_queue} q"


@pytest.fixture
async def many(request: pytest.FixtureRequest, database: Database) -> int:
    """Failed mail in the queue."""
    count: int = request.param
    for _ in range(count // 20_000):
        await add_mail(database, 20_000)
    await database.execute("ANALYZE")
    return count


@pytest.fixture
async def counted(database_url: str) -> AsyncIterator[Database]:
    """One connection, so that its transactions can be told apart."""
    opened = await Database.open(database_url, ConnectionOptions(connections=1))
    yield opened
    opened.close()


async def everything(ann: OperationContext) -> Snapshot:
    operation = find("retry", "email_queue")
    assert operation is not None
    listing = LISTINGS["email_queue"]
    wanted = parse("status:failed", vocabulary(listing, ann.database.binding), now=clock.now())
    query = Query(listing, (), Filter(), wanted)
    return await take_snapshot(ann, operation, matching(operation.table, query, ""))


class Statements:
    """How many statements a connection has been sent."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _record: object) -> None:
        self.count += 1


async def listened(database: Database) -> Statements:
    statements = Statements()
    async with database.session() as session:
        session.connection.add_query_logger(statements)
    return statements


@pytest.mark.parametrize("many", SIZES, indirect=True)
async def test_all_of_a_large_queue_is_requeued_and_taken_back_in_parts(
    database: Database, counted: Database, many: int
) -> None:
    ann = operator_context(counted)
    before = await value(database, CHECKSUM)
    frozen = await everything(ann)
    assert len(frozen.changeable) == many
    assert sum(sys.getsizeof(row) + sys.getsizeof(row.id) for row in frozen.rows) < 200 * many

    statements = await listened(counted)
    told: list[int] = []
    outcome = await carry_out(ann, frozen, progress=told.append)
    assert (outcome.applied, outcome.skipped) == (many, ())
    assert told == list(range(PART, many + 1, PART))
    assert statements.count <= A_PART * many // PART + A_PART

    statements.count = 0
    told.clear()
    undone = await undo(ann, outcome.journal or "", told.append)
    assert (undone.applied, undone.skipped) == (many, ())
    assert told == list(range(PART, many + 1, PART))
    assert statements.count <= 2 * A_PART * many // PART + A_PART
    assert await value(database, CHECKSUM) == before


@pytest.mark.parametrize("many", SIZES[:1], indirect=True)
async def test_what_was_done_until_it_was_stopped_is_journalled_and_taken_back(
    database: Database, many: int
) -> None:
    ann = operator_context(database)
    before = await value(database, CHECKSUM)
    stop = asyncio.Event()

    def told(done: int) -> None:
        if done == many // 2:
            stop.set()

    outcome = await carry_out(ann, await everything(ann), progress=told, stop=stop)
    assert (outcome.applied, outcome.stopped) == (many // 2, True)
    found = await records.find(database, outcome.journal or "")
    assert found is not None
    assert (found.applied, found.matched, found.complete) == (many // 2, many, True)
    undone = await undo(ann, found.id)
    assert undone.applied == many // 2
    assert await value(database, CHECKSUM) == before


@pytest.mark.parametrize("many", SIZES[:1], indirect=True)
async def test_no_more_than_a_part_of_the_rows_is_held_at_any_time(
    database: Database, database_url: str, many: int
) -> None:
    """Somebody who looks again and again finds all rows free but those of one part."""
    other = await Database.open(database_url)
    ann = operator_context(database)
    doing = asyncio.create_task(carry_out(ann, await everything(ann)))
    most = looks = 0
    while not doing.done():
        looks += 1
        held = await value(
            other,
            "WITH free AS MATERIALIZED (SELECT q.{email_queue.id} AS id FROM {email_queue} q "
            "FOR NO KEY UPDATE SKIP LOCKED) SELECT (SELECT count(*) FROM {email_queue}) "
            "- (SELECT count(*) FROM free)",
        )
        most = max(most, held)
        await asyncio.sleep(0.02)
    outcome = await doing
    assert looks
    assert most <= PART
    assert outcome.applied + len(outcome.skipped) == many
    other.close()
