"""Behind poolers: found out by looking, and what is promised holds all the same."""

from datetime import UTC, datetime

import pytest

from agentflow_tui.errors import RefusedError, SettingsError, UnreachableError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import PLANNED_ONCE, DedicatedConnections
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.connection.pooler import PoolerMode
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.schema.accelerators import ACCELERATORS, build
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.consoles import ConsoleIdentity
from agentflow_tui.store.views.shared_status import read_shared_status
from tests.bouncers import OURS, bouncer, needs_pgbouncer
from tests.samples import fill

pytestmark = needs_pgbouncer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = {
    "TimeZone": "UTC",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "1min",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
NONE = "extra_float_digits"


async def settings_of(database: Database, names: dict[str, str]) -> dict[str, str]:
    asked = ", ".join(f"current_setting('{name}')" for name in names)
    statement = Statement(lambda *found: dict(zip(names, found, strict=True)), f"SELECT {asked}")
    async with database.session() as session:
        found = await session.fetch_one(statement)
    assert found is not None
    return found


@pytest.mark.parametrize("drops", [OURS, NONE], ids=["dropped", "refused"])
@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_how_sessions_are_lent_is_seen_and_what_is_promised_holds(
    database_url: str, mode: str, drops: str
) -> None:
    with bouncer(database_url, mode, drops=drops) as url:
        for _ in range(2):  # the second command meets the sessions of the first
            database = await Database.open(url)
            assert database.pooler is PoolerMode(mode)
            assert await settings_of(database, SETTINGS) == SETTINGS
            database.close()


async def test_without_a_pooler_everything_holds_from_the_start(database_url: str) -> None:
    database = await Database.open(database_url)
    assert database.pooler is PoolerMode.NONE
    assert database.settings_hold
    assert await settings_of(database, SETTINGS) == SETTINGS
    database.close()


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_read_only_is_enforced_by_the_server(database_url: str, mode: str) -> None:
    with bouncer(database_url, mode) as url:
        database = await Database.open(url, ConnectionOptions(read_only=True))
        with pytest.raises(RefusedError, match="read-only"):
            await database.execute("DELETE FROM {users}")
        database.close()


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_a_statement_that_takes_too_long_is_stopped(database_url: str, mode: str) -> None:
    with bouncer(database_url, mode) as url:
        database = await Database.open(url, ConnectionOptions(statement_timeout=0.2))
        with pytest.raises(RefusedError, match="too long"):
            await database.execute("SELECT pg_sleep(30)")
        database.close()


async def test_statements_go_on_whoever_else_uses_the_sessions(database_url: str) -> None:
    direct = await Database.open(database_url)
    await fill(direct)
    direct.close()
    with bouncer(database_url, "transaction", sessions=2) as url:
        first, second = await Database.open(url), await Database.open(url)
        writes = [DedicatedConnections(each, PLANNED_ONCE) for each in (first, second)]
        for _ in range(5):
            for database, write in zip((first, second), writes, strict=True):
                for name, listing in LISTINGS.items():
                    wanted = query(listing, database.binding, "", now=NOW, zone=UTC)
                    page = await wanted.page(database, Window(limit=5, count_to=100))
                    assert page.count, name
                held = await write.fetch(Statement(str, "SELECT current_setting('enable_seqscan')"))
                assert held == ["off"]
        assert await settings_of(first, {"enable_seqscan": "on"}) == {"enable_seqscan": "on"}
        first.close()
        second.close()


async def test_statement_mode_gets_a_sentence(database_url: str) -> None:
    with (
        bouncer(database_url, "statement") as url,
        pytest.raises(RefusedError, match="statement mode"),
    ):
        await Database.open(url)


async def test_the_settings_may_say_it(database_url: str) -> None:
    database = await Database.open(database_url, ConnectionOptions(pooler="transaction"))
    assert database.pooled
    assert await settings_of(database, SETTINGS) == SETTINGS
    database.close()


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_consoles_cannot_be_told_behind_a_pooler(database_url: str, mode: str) -> None:
    with bouncer(database_url, mode) as url:
        for name in ("anna@bastion", "boris@bastion"):
            options = ConnectionOptions(application=str(ConsoleIdentity(name)))
            database = await Database.open(url, options)
            assert (await read_shared_status(database)).consoles is None
            database.close()


async def test_an_index_is_built_through_a_transaction_pooler(database_url: str) -> None:
    with bouncer(database_url, "transaction") as url:
        database = await Database.open(url)
        await build(database, ACCELERATORS[0])
        await database.rebind()
        assert ACCELERATORS[0].index in database.binding.tables[ACCELERATORS[0].table].indexes
        database.close()


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_what_a_url_asks_of_the_server_holds_or_is_named(
    database_url: str, mode: str
) -> None:
    with bouncer(database_url, mode, drops=f"{OURS},work_mem,wrok_mem") as url:
        database = await Database.open(f"{url}?work_mem=7MB")
        assert await settings_of(database, {"work_mem": ""}) == {"work_mem": "7MB"}
        database.close()
        with pytest.raises(SettingsError, match="wrok_mem"):
            await Database.open(f"{url}?wrok_mem=7MB")


async def test_a_pooler_without_a_server_is_unreachable(database_url: str) -> None:
    with bouncer(database_url, "transaction") as url:
        nowhere = url.rpartition("/")[0] + "/no_such_database"
        with pytest.raises(UnreachableError):
            await Database.open(nowhere)
