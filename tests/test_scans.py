"""What no index serves is looked for in portions, what search indexes find is asked of them: either
way the list is the one that looking at every row gives."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list import store_source
from agentflow_tui.console.list.store_source import StoreSource
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import Query, query, vocabulary
from agentflow_tui.store.schema.search_indexes import (
    SEARCHED,
    build_search,
    buildable_searches,
    search_index,
)
from agentflow_tui.store.views.by_table import LISTINGS
from tests import samples

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUEUE = LISTINGS["email_queue"]
ROWS = 200


def large(binding: Binding) -> Binding:
    """The binding as it would be if every table were large."""
    tables = {name: replace(bound, is_large=True) for name, bound in binding.tables.items()}
    return replace(binding, tables=tables, _rendered={}, _cache={})


async def everything(database: Database, table: str, text: str) -> list[str]:
    """The keys that looking at every row gives, in the order of the large list."""
    listing = LISTINGS[table]
    whole = query(listing, database.binding, text, now=NOW, zone=UTC, whole=True)
    order = listing.order(database.binding)
    page = await replace(whole, order=order).page(database, Window(limit=10_000))
    return [row.key for row in page.rows]


@pytest.fixture
async def source(database: Database, monkeypatch: pytest.MonkeyPatch) -> StoreSource[Any]:
    """A source over mail of which every seventh has failed, in portions of five and more rows."""
    await database.execute(
        "INSERT INTO {email_queue} ({email_queue.id}, {email_queue.status}, {email_queue.priority})"
        " SELECT md5(n::text)::uuid, CASE WHEN n % 7 = 0 THEN 'failed' ELSE 'held' END, n % 3"
        f" FROM generate_series(1, {ROWS}) n"
    )
    database.binding = large(database.binding)
    monkeypatch.setattr(store_source, "FIRST", 5)
    monkeypatch.setattr(store_source, "MOST", 11)
    env = Environment(Settings(), database=database)
    return StoreSource(env, wanted(database, "status:failed"))


def wanted(database: Database, text: str, table: str = "email_queue") -> Query[Any]:
    return query(LISTINGS[table], database.binding, text, now=NOW, zone=UTC)


@pytest.mark.parametrize("count", [1, 4, 100])
async def test_portions_make_the_whole_list_from_either_end(
    database: Database, source: StoreSource[Any], count: int
) -> None:
    expected = await everything(database, "email_queue", "status:failed")
    assert len(expected) == ROWS // 7
    page = await source.first(count)
    rows = list(page.rows)
    while not page.at_end:
        page = await (source.after(rows[-1], count) if rows else source.onward(count))
        rows += page.rows
    assert [row.key for row in rows] == expected
    assert (source.count, source.is_open, source.is_over) == (len(expected), False, False)
    assert source.looked >= ROWS
    page = await source.last(count)
    back = list(page.rows)
    while not page.at_start:
        page = await source.before(back[0], count)
        back = [*page.rows, *back]
    assert [row.key for row in back] == expected
    again = await source.again(rows[3], 5, elsewhere=True)
    assert again is not None
    assert [row.key for row in again.rows] == expected[3:8]


async def test_what_is_looked_for_in_vain_rests_and_says_how_far_it_looked(
    database: Database, source: StoreSource[Any]
) -> None:
    source.query = replace(wanted(database, "nowhere"), scan=50)
    page = await source.first(10)
    while not page.at_end:
        page = await source.onward(10)
    assert page.rows == ()
    assert (source.is_over, source.count) == (True, 0)
    assert 50 <= source.looked < 75


async def test_an_export_goes_on_to_the_end_of_what_is_looked_through(
    database: Database, source: StoreSource[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from agentflow_tui.operations import list_export

    monkeypatch.setattr(list_export, "CHUNK", 3)
    monkeypatch.setattr(list_export, "LOOKED_AT", 10)
    chunks = list_export._chunks(database, replace(source.query, scan=20))
    keys = [row.key async for rows in chunks for row in rows]
    assert keys == await everything(database, "email_queue", "status:failed")


WORDS = ("dora", "WEEKLY", "550 user", "503", "ret*y", "leads", "no*where", "0000", "queued")


@pytest.mark.parametrize("table", SEARCHED)
async def test_a_search_index_covers_every_column_in_which_words_are_looked_for(
    database: Database, table: str
) -> None:
    listing = LISTINGS[table]
    columns = {f.column.name for f in (*listing.fields, *listing.further) if f.column}
    searched = {f.name for f in vocabulary(listing, database.binding).fields if f.searched}
    index = search_index(database.binding, table)
    assert index is not None
    for name in searched & columns - {listing.table.primary_key.name}:
        assert f"{{{table}.{name}}}" in index.on, name


@pytest.mark.parametrize("table", SEARCHED)
async def test_search_indexes_find_the_words_that_looking_at_every_row_finds(
    database: Database, table: str
) -> None:
    await samples.fill(database)
    for index in buildable_searches(database.binding):
        await build_search(database, index)
    await database.rebind()
    found = 0
    for text in WORDS:
        expected = await everything(database, table, text)
        plain, database.binding = database.binding, large(database.binding)
        asked = wanted(database, text, table)
        assert asked.search, text
        page = await asked.page(database, Window(limit=50, search=True))
        database.binding = plain
        assert sorted(row.key for row in page.rows) == sorted(expected), text
        found += len(expected)
    assert found
