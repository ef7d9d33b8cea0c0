"""Pages by key: complete, ordered, the same cost at any depth, free when nothing changed."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.listings import OrderKey
from agentflow_tui.store.reading.pages import Where, Window, anchor_of, page_statement, read_page
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.emails import QUEUE, QueuedMail

EPOCH = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
PENDING = Where(sql="q.{email_queue.status} = $1", values=("pending",))


async def fill(database: Database, rng: random.Random, rows: int) -> None:
    values = [
        (
            str(uuid.UUID(int=rng.getrandbits(128))),
            rng.choice([None, 0, 5, 10]),
            rng.choice([None, *(EPOCH + timedelta(minutes=m) for m in range(4))]),
            rng.choice(["pending", "failed"]),
        )
        for _ in range(rows)
    ]
    await database.execute(
        """INSERT INTO {email_queue} ({email_queue.id}, {email_queue.priority},
                                      {email_queue.createdAt}, {email_queue.status})
           SELECT * FROM unnest($1::uuid[], $2::int[], $3::timestamp[], $4::text[])""",
        *(list(column) for column in zip(*values, strict=True)),
    )


async def walk(
    database: Database, order: Sequence[OrderKey], where: Where, limit: int, *, backwards: bool
) -> list[QueuedMail]:
    """The whole list, page by page from one end to the other."""
    found: list[QueuedMail] = []
    anchor = None
    while True:
        window = Window(limit=limit, anchor=anchor, backwards=backwards)
        page = await read_page(database, QUEUE, order, where, window)
        found = [*page.rows, *found] if backwards else [*found, *page.rows]
        if page.at_start if backwards else page.at_end:
            return found
        anchor = anchor_of(found[0] if backwards else found[-1], order)


def in_order(rows: Sequence[QueuedMail], sort: str | None) -> list[QueuedMail]:
    """The order PostgreSQL means: NULL is larger than everything."""

    def nulls_last(value: Any) -> tuple[bool, Any]:
        return (value is None, value if value is not None else 0)

    result = sorted(rows, key=lambda row: row.id, reverse=sort == "-priority")
    if sort is None:
        result.sort(key=lambda row: nulls_last(row.created_at and row.created_at.timestamp()))
    return (
        sorted(result, key=lambda row: nulls_last(row.priority), reverse=True)
        if (sort is None)
        else sorted(result, key=lambda row: nulls_last(row.priority), reverse=sort == "-priority")
    )


@pytest.mark.parametrize("sort", [None, "priority", "-priority"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_pages_in_either_direction_make_the_whole_list(
    database: Database, sort: str | None, seed: int
) -> None:
    rng = random.Random(seed)
    await fill(database, rng, 60)
    order = QUEUE.order(database.binding, sort)
    (everything,) = [
        page.rows for page in [await read_page(database, QUEUE, order, Where(), Window(limit=1000))]
    ]
    assert list(everything) == in_order(everything, sort)
    assert len(everything) == 60
    for limit in (1, 7, 60):
        assert await walk(database, order, Where(), limit, backwards=False) == list(everything)
        assert await walk(database, order, Where(), limit, backwards=True) == list(everything)
    pending = [row for row in everything if row.status == "pending"]
    assert await walk(database, order, PENDING, 7, backwards=False) == pending


async def test_a_window_that_starts_with_a_row_holds_it_first(database: Database) -> None:
    await fill(database, random.Random(3), 40)
    order = QUEUE.order(database.binding)
    everything = (await read_page(database, QUEUE, order, Where(), Window(limit=100))).rows
    for index in (0, 13, 39):
        anchor = anchor_of(everything[index], order)
        window = Window(limit=5, anchor=anchor, inclusive=True)
        page = await read_page(database, QUEUE, order, Where(), window)
        assert page.rows == everything[index : index + 5]


async def test_looking_again_reads_nothing_until_something_is_committed(
    database: Database,
) -> None:
    await fill(database, random.Random(4), 30)
    order = QUEUE.order(database.binding)
    window = Window(limit=20, count_to=1000)
    page = await read_page(database, QUEUE, order, Where(), window)
    while not page.unchanged:  # other tests write to the same server
        page = await read_page(database, QUEUE, order, Where(), window, seen=page.snapshot)
    statement = page_statement(database.binding, QUEUE, order, Where(), window)
    executed = await explain(database, statement.text, statement.values(window, page.snapshot))
    while "never executed" not in executed:
        page = await read_page(database, QUEUE, order, Where(), window, seen=page.snapshot)
        values = statement.values(window, page.snapshot)
        executed = await explain(database, statement.text, values)
    assert "Buffers" not in executed
    await database.execute("UPDATE {email_queue} SET {email_queue.attempts} = 1")
    changed = await read_page(database, QUEUE, order, Where(), window, seen=page.snapshot)
    assert not changed.unchanged
    assert [row.attempts for row in changed.rows] == [1] * 20


async def explain(database: Database, text: str, values: list[object]) -> str:
    """The executed plan of a statement, without what planning it cost."""
    async with database.session() as session:
        lines = await session.connection.fetch(
            "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) "
            + database.binding.render(text),
            *values,
        )
    return "\n".join(line[0] for line in lines).split("Planning:")[0]


async def test_counts_are_exact_below_their_cap(database: Database) -> None:
    await fill(database, random.Random(5), 30)
    order = QUEUE.order(database.binding)
    for cap, expected in ((1000, 30), (10, 11)):
        window = Window(limit=5, count_to=cap)
        page = await read_page(database, QUEUE, order, Where(), window)
        assert page.count == expected


async def test_a_bounded_filter_looks_at_so_many_rows_and_says_so(database: Database) -> None:
    await fill(database, random.Random(6), 50)
    order = QUEUE.order(database.binding)
    everything = (await read_page(database, QUEUE, order, Where(), Window(limit=100))).rows
    window = Window(limit=100, scan=20, count_to=1000)
    page = await read_page(database, QUEUE, order, PENDING, window)
    expected = tuple(row for row in everything[:20] if row.status == "pending")
    assert page.rows == expected
    assert page.count == len(expected)
    assert page.bounded


async def test_a_query_is_compiled_once_for_each_binding_and_shape_of_page(
    database: Database,
) -> None:
    now = datetime.now(UTC)
    wanted = query(QUEUE, database.binding, "status:failed age:>1h", now=now, zone=UTC)
    await fill(database, random.Random(7), 50)
    first = wanted.statement(database.binding, Window(limit=5, count_to=10))
    page = await wanted.page(database, Window(limit=5, count_to=10))
    assert wanted.statement(database.binding, Window(limit=9, count_to=99)) is first
    after = Window(limit=5, anchor=wanted.anchor(page.rows[-1]))
    assert wanted.statement(database.binding, after) is not first
    assert wanted.statement(replace(database.binding), Window(limit=5, count_to=10)) is not first
