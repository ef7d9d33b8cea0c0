"""What cannot be written is known beforehand, with the reason, and without a round trip."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from agentflow_tui.embedded import postgres
from agentflow_tui.errors import RefusedError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.schema.ddl import create_missing_tables
from agentflow_tui.store.views.shared_status import read_shared_status
from tests.samples import fill
from tests.standbys import prepare, standby
from tests.stopping import stop_now

STANDBY = "read-only: this server is a standby"
HOLD = "UPDATE {email_queue} SET {email_queue.status} = 'held'"


async def role_url(database: Database, *grants: str) -> str:
    """The database as a role sees it that may do no more than this."""
    connection = await asyncpg.connect(database.url)
    name = "role_" + await connection.fetchval("SELECT current_database()")
    try:
        await connection.execute(f'CREATE ROLE "{name}" LOGIN')
        await connection.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{name}"')
        for grant in grants:
            await connection.execute(f'GRANT {grant} TO "{name}"')
    finally:
        await connection.close()
    return database.url.replace("//agentflow@", f"//{name}@")


async def test_a_role_with_every_right_may_write_every_table(database: Database) -> None:
    assert {database.read_only_reason(table) for table in database.binding.tables} == {""}
    statements = database.statements
    assert database.read_only_reason() == ""
    assert database.statements == statements


async def test_a_role_that_may_write_nothing_is_read_only(database: Database) -> None:
    limited = await Database.open(await role_url(database))
    assert limited.read_only_reason() == "read-only: this role may not write any table"
    assert limited.read_only_reason("users") == "read-only: this role may not write any table"
    limited.close()


@pytest.mark.parametrize("update", ["UPDATE", "UPDATE (status)"])
async def test_a_role_that_may_write_some_tables_is_told_which_not(
    database: Database, update: str
) -> None:
    url = await role_url(database, f"{update} ON email_queue", "INSERT ON task_logs")
    limited = await Database.open(url)
    assert limited.read_only_reason() == ""
    assert limited.read_only_reason("email_queue") == ""
    assert limited.read_only_reason("workflows") == "read-only: this role may not write workflows"
    limited.close()


async def test_nothing_is_changed_where_it_cannot_be_journalled(database: Database) -> None:
    limited = await Database.open(await role_url(database, "UPDATE ON email_queue"))
    assert limited.read_only_reason("email_queue") == "read-only: this role may not write task_logs"
    assert limited.read_only_reason() == "read-only: this role may not write task_logs"
    limited.close()


async def test_rights_that_come_later_are_noticed(database: Database) -> None:
    url = await role_url(database)
    limited = await Database.open(url)
    name = url.split("//")[1].split("@")[0]
    async with database.session() as session:
        await session.connection.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{name}"')
    await limited.rebind()
    assert limited.read_only_reason("email_queue") == ""
    limited.close()


async def test_who_asked_for_read_only_cannot_write_even_by_mistake(database: Database) -> None:
    await fill(database)
    options = ConnectionOptions(read_only=True, because="the settings of this context say so")
    careful = await Database.open(database.url, options)
    assert careful.read_only_reason() == "read-only: the settings of this context say so"
    with pytest.raises(RefusedError, match="read-only"):
        await careful.execute(HOLD)
    careful.close()


async def test_a_database_whose_sessions_are_read_only_says_so(database: Database) -> None:
    async with database.session() as session:
        name = await session.connection.fetchval("SELECT current_database()")
        await session.connection.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
        )
    other = await Database.open(database.url)
    assert other.read_only_reason() == "read-only: default_transaction_read_only is on here"
    other.close()


async def test_an_empty_database_tells_it_too(empty_url: str) -> None:
    connection = await asyncpg.connect(empty_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await connection.close()
    other = await Database.open(empty_url)
    assert "default_transaction_read_only" in other.read_only_reason()
    other.close()


async def test_a_standby_is_read_only_until_it_is_promoted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    await asyncio.to_thread(prepare, home)
    with postgres.start(home, linger=0) as server:
        primary = await Database.open(server.url)
        await create_missing_tables(primary)
        await fill(primary)
        await asyncio.to_thread(stop_now, home, "fast")
    with standby(home):
        # The same database object: reconnected, it finds another kind of server.
        assert primary.read_only_reason() == ""
        await read_shared_status(primary)
        assert primary.read_only_reason("email_queue") == STANDBY
        with pytest.raises(RefusedError, match="read-only"):
            await primary.execute(HOLD)
        async with primary.session() as session:
            await session.connection.fetchval("SELECT pg_promote()")
        await read_shared_status(primary)
        assert primary.read_only_reason("email_queue") == ""
        assert await primary.execute(HOLD)
    primary.close()
