"""Whatever a database calls its tables and columns, every list shows the same."""

from collections.abc import Callable
from dataclasses import astuple

import pytest

from agentflow_tui.errors import MissingError
from agentflow_tui.schema import TABLES, snake
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Where, Window, read_page
from agentflow_tui.store.reading.records import read_record
from agentflow_tui.store.schema.ddl import create_table, in_creation_order
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.domains import read_matrix
from agentflow_tui.store.views.failures import read_failures
from agentflow_tui.store.views.overview import read_overview
from agentflow_tui.store.views.tasks import mentions
from tests.samples import NOW, ROWS, fill, uid


def camel(name: str) -> str:
    """``email_queue`` as ``emailQueue``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def same(name: str) -> str:
    return name


def joined(name: str) -> str:
    return name.replace("_", "")


def aliased(name: str) -> str:
    also = {
        "lastRun": "last_run_at",
        "nextRun": "next_run_at",
        "input": "task_data",
        "output": "result",
        "endTime": "completed_at",
    }
    return also.get(name, snake(name))


NAMINGS: dict[str, tuple[Callable[[str], str], Callable[[str], str], dict[str, str]]] = {
    "documented": (same, str.lower, {}),
    "snake": (same, snake, {}),
    "camel": (camel, same, {}),
    "mixed": (joined, aliased, {"timestamp": "timestamptz", "varchar": "text"}),
}


async def make(url: str, naming: str) -> Database:
    database = await Database.open(url)
    table_name, column_name, types = NAMINGS[naming]
    for table in in_creation_order():
        sql = create_table(table, table_name=table_name, column_name=column_name)
        for documented, other in types.items():
            sql = sql.replace(f" {documented}", f" {other}")
        async with database.session() as session:
            await session.connection.execute(sql)
    await database.rebind()
    return database


@pytest.mark.parametrize("naming", NAMINGS)
async def test_every_list_detail_and_statement_is_the_same(empty_url: str, naming: str) -> None:
    database = await make(empty_url, naming)
    assert database.binding.problems() == []
    await fill(database)
    for name, listing in LISTINGS.items():
        order = listing.order(database.binding)
        page = await read_page(database, listing, order, Where(), Window(limit=50, count_to=100))
        assert page.count == len(ROWS[name])
        shown = {row.key: row for row in page.rows}
        for entry in ROWS[name]:
            key = str(entry[TABLES[name].primary_key.name])
            row = shown[key]
            for column, value in entry.items():
                if hasattr(row, snake(column)) and TABLES[name].by_name[column].kind != "json":
                    assert getattr(row, snake(column)) == value, (name, column)
            record = await read_record(database, TABLES[name], key)
            assert record is not None
            secrets = {c.name for c in TABLES[name].columns if c.secret}
            for column, value in entry.items():
                if column not in secrets and TABLES[name].by_name[column].kind != "json":
                    assert record.values[column] == value
        assert all(len(astuple(row)) == len(listing.fields) for row in page.rows)
    overview = await read_overview(database, 300.0)
    assert overview is not None
    assert (overview.health.total, overview.health.errors) == (1, 1)
    assert overview.stale_locks == 1
    assert overview.mail["failed"].rows == 1
    assert overview.oldest_waiting is not None
    assert overview.oldest_waiting < NOW
    assert {row.domain for row in await read_matrix(database)} == {"customer.test", "down.test"}
    assert len(await read_failures(database)) == 3
    assert len((await mentions(database, uid(72))).entries) == 1
    database.close()


@pytest.mark.parametrize(("method", "sorts"), [("btree", True), ("brin", False), ("hash", False)])
async def test_a_large_table_is_sorted_by_an_index_that_has_an_order(
    database: Database, method: str, sorts: bool
) -> None:
    await database.execute(f"CREATE INDEX ON {{emails}} USING {method} ({{emails.sentAt}})")
    async with database.session() as session:
        await session.connection.execute(
            "UPDATE pg_class SET reltuples = 5000000 WHERE relname = 'emails'"
        )
    await database.rebind()
    why = LISTINGS["emails"].why_unsorted(database.binding, "sentAt")
    assert (why is None) == sorts


async def test_a_missing_table_disables_only_what_needs_it(database_url: str) -> None:
    database = await Database.open(database_url)
    await fill(database)
    async with database.session() as session:
        await session.connection.execute("DROP TABLE insight_distributions, insights")
        await session.connection.execute("ALTER TABLE schedules DROP COLUMN nextrun")
        await session.connection.execute("ALTER TABLE users ADD COLUMN shoe_size int")
        await session.connection.execute("CREATE TABLE unrelated (x int)")
    await database.rebind()
    assert database.binding.problems() == [
        "schedules has no nextRun",
        "this database has no table insights",
        "this database has no table insight_distributions",
    ]
    for name, listing in LISTINGS.items():
        order = listing.order(database.binding)
        window = Window(limit=50)
        if name in {"insights", "insight_distributions"}:
            with pytest.raises(MissingError, match=f"no table {name}"):
                await read_page(database, listing, order, Where(), window)
        else:
            page = await read_page(database, listing, order, Where(), window)
            assert len(page.rows) == len(ROWS[name])
    report = await read_record(database, TABLES["reports"], uid(31))
    assert report is not None
    assert await read_overview(database, 300.0) is not None
    database.close()
