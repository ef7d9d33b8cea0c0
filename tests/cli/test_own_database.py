"""A database of one's own: made, filled, inserted into by hand, and looked over by doctor."""

import json
from pathlib import Path

import asyncpg
import pytest

from agentflow_tui.errors import LockedError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.schema.loading import tables_with_rows
from agentflow_tui.store.views.failures import read_failures
from tests.bouncers import bouncer, needs_pgbouncer
from tests.cli.running import agentflow


async def findings(url: str, home: Path) -> dict[str, tuple[str, str]]:
    """What doctor says of a database: verdict and message by subject."""
    done = await agentflow("doctor", "--json", url=url, home=home)
    assert "Traceback" not in done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return {each["subject"]: (each["verdict"], each["message"]) for each in said}


async def test_demo_fills_an_empty_database_of_ones_own_and_no_other(
    empty_url: str, tmp_path: Path
) -> None:
    fill = ("demo", "--no-console", "--scale", "100", "--database", empty_url)
    done = await agentflow(*fill, home=tmp_path)
    assert done.returncode == 0, done.stderr
    database = await Database.open(empty_url)
    filled = await tables_with_rows(database)
    assert {"users", "workflows", "email_queue", "schedules"} <= set(filled)
    again = await agentflow(*fill, home=tmp_path)
    assert again.returncode == 2
    assert "holds rows already" in again.stderr
    reset = await agentflow(*fill, "--reset", home=tmp_path)
    assert reset.returncode == 2
    assert await tables_with_rows(database) == filled
    database.close()
    assert not (tmp_path / "postgres").exists()  # no embedded server was made for it


async def test_a_row_can_be_inserted_by_hand(empty_url: str, tmp_path: Path) -> None:
    assert (await agentflow("db", "init", url=empty_url, home=tmp_path)).returncode == 0
    connection = await asyncpg.connect(empty_url)
    await connection.execute("SET timezone = 'Asia/Tokyo'")
    await connection.execute("INSERT INTO email_queue (status) VALUES ('held')")
    await connection.execute("INSERT INTO workflows (status) VALUES ('draft')")
    await connection.execute("INSERT INTO schedules (cron) VALUES ('0 8 * * *')")
    assert await connection.fetchval(
        "SELECT id IS NOT NULL AND attempts = 0 AND createdat = updatedat AND "
        "createdat > timezone('UTC', now()) - interval '1 minute' AND "
        "createdat <= timezone('UTC', now()) FROM email_queue"
    )
    assert await connection.fetchval("SELECT NOT locked FROM workflows")
    assert await connection.fetchval("SELECT active FROM schedules")
    await connection.close()


async def test_a_locked_table_is_said_to_be_locked_and_by_whom(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    hasty = await Database.open(database_url, ConnectionOptions(statement_timeout=0.3))
    holder = await asyncpg.connect(database_url, server_settings={"application_name": "migrate"})
    async with holder.transaction():
        await holder.execute("LOCK TABLE email_queue IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LockedError, match=r"email_queue is locked: .* migrate\)"):
            await read_failures(hasty)
        verdict, message = (await findings(database_url, tmp_path))["locks"]
        assert verdict == "warning"
        assert "email_queue is locked" in message
    await read_failures(hasty)
    await holder.close()
    hasty.close()


async def test_doctor_says_how_many_connections_are_free(database_url: str, tmp_path: Path) -> None:
    verdict, message = (await findings(database_url, tmp_path))["connections"]
    assert verdict == "fine"
    assert "a worker needs up to 5" in message
    connection = await asyncpg.connect(database_url)
    role = f"few_{await connection.fetchval('SELECT pg_backend_pid()')}"
    await connection.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 5")
    few = database_url.replace("agentflow@", f"{role}@")
    verdict, message = (await findings(few, tmp_path))["connections"]
    assert verdict == "warning"
    assert "database_connections" in message
    await connection.execute(f"DROP ROLE {role}")
    await connection.close()


async def test_doctor_names_schedules_whose_next_run_no_expression_explains(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add = (
        "INSERT INTO {schedules} ({schedules.id}, {schedules.cron}, {schedules.active}, "
        "{schedules.nextRun}) VALUES (gen_random_uuid(), '0 8 * * *', true, $1::text::timestamp)"
    )
    await database.execute(add, "2031-01-01 08:00")
    assert (await findings(database_url, tmp_path))["schedules"][0] == "fine"
    (tmp_path / "agentflow").mkdir()
    (tmp_path / "agentflow" / "config.toml").write_text('[workers]\ntime_zone = "Asia/Tokyo"\n')
    verdict, message = (await findings(database_url, tmp_path))["schedules"]
    assert (verdict, "it is one in UTC" in message) == ("warning", True)
    await database.execute(add, "2031-01-01 08:17")
    verdict, message = (await findings(database_url, tmp_path))["schedules"]
    assert (verdict, "2 schedules" in message, "UTC" in message) == ("warning", True, False)


@needs_pgbouncer
@pytest.mark.parametrize(
    ("mode", "words"), [("session", "lends sessions"), ("transaction", "a transaction pooler")]
)
async def test_doctor_says_what_stands_before_the_database(
    database_url: str, tmp_path: Path, mode: str, words: str
) -> None:
    with bouncer(database_url, mode) as url:
        for _ in range(2):
            found = await findings(f"{url}?channel_binding=require", tmp_path)
            assert words in found["pooler"][1]
            assert "channel_binding is not checked" in found["url"][1]
