"""Read-only consoles: the title says so and why, and nothing that writes is started."""

import asyncio
from pathlib import Path

import pytest

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Pace
from agentflow_tui.embedded import postgres
from agentflow_tui.settings import Context
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests.console.driving import burst, console, screen_text, sees, told, until
from tests.samples import fill
from tests.standbys import prepare, standby
from tests.stopping import stop_now
from tests.test_writing import role_url


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
async def test_the_title_says_why_nothing_can_be_changed(
    database: Database, size: tuple[int, int]
) -> None:
    await fill(database)
    url = await role_url(database)
    of_a_role = Context(name="seen", database_url=url)
    async with console("", "users", context=of_a_role, size=size) as pilot:
        await sees(pilot, "ann@acme.test", "read-only: this role may not write any table", "✗ 1")
    of_settings = Context(name="prod", database_url=database.url, read_only=True, production=True)
    async with console("", "users", context=of_settings, size=size) as pilot:
        await sees(pilot, "PRODUCTION", "Users", "read-only: the settings of this", "✗ 1")


async def test_workers_are_not_started_read_only(database: Database, tmp_path: Path) -> None:
    await fill(database)
    home = str(tmp_path)
    context = Context(name="seen", database_url=await role_url(database), workers=True)
    for read_only in (True, False):  # by the flag, and by the role
        async with console("", "users", context=context, read_only=read_only, home=home) as pilot:
            app = pilot.app
            assert isinstance(app, ConsoleApp)
            await sees(pilot, "ann@acme.test")
            await burst(pilot, "9", "W")
            await told(pilot, "Not started, because workers write: read-only")
            assert app.child_workers.process is None


async def test_a_standby_is_read_only_until_it_is_promoted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    await asyncio.to_thread(prepare, home)
    with postgres.start(home, linger=0) as server:
        primary = await Database.open(server.url)
        await create_missing_tables(primary)
        await fill(primary)
        primary.close()
        await asyncio.to_thread(stop_now, home, "fast")
    with standby(home) as url:
        async with console(url, "users", size=(120, 24), pace=Pace(shared_status=0.1)) as pilot:
            app = pilot.app
            assert isinstance(app, ConsoleApp)
            await sees(pilot, "ann@acme.test", "read-only: this server is a standby")
            other = await Database.open(url)
            async with other.session() as session:
                await session.connection.fetchval("SELECT pg_promote()")
            other.close()
            await until(pilot, lambda: "read-only" not in screen_text(app), "promoted")
