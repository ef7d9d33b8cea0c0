"""When the database goes away: the rows stay, the screen says so, and it comes back by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.place import Place
from agentflow_tui.console.view import View
from agentflow_tui.embedded import postgres
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests.console.driving import console, screen_text, sees, until
from tests.samples import fill
from tests.stopping import stop_now


@asynccontextmanager
async def filled(home: Path) -> AsyncIterator[str]:
    """The URL of a server of one's own, with sample rows."""
    with postgres.start(home, linger=0) as server:
        database = await Database.open(server.url)
        await create_missing_tables(database)
        await fill(database)
        database.close()
        yield server.url


async def test_a_server_that_stops_is_said_and_its_return_is_noticed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with filled(home) as url, console(url, "users") as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await sees(pilot, "ann@acme.test")
        pid = postgres.postmaster_pid(home)
        await asyncio.to_thread(stop_now, home, "immediate")
        await sees(pilot, "no connection", "There is no socket", "ann@acme.test")
        with await asyncio.to_thread(postgres.start, home, linger=0):
            await until(
                pilot,
                lambda: "no connection" not in screen_text(app),
                "the recovery",
            )
            assert postgres.postmaster_pid(home) != pid
            await sees(pilot, "ann@acme.test")


async def test_each_screen_says_how_old_it_is_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with filled(home) as url, console(url, "users", size=(120, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await sees(pilot, "ann@acme.test")
        users = app.query_one("#view-users", View)
        await pilot.press("2")
        await sees(pilot, "HTTP 503")
        assert users.read_at is not None
        users.read_at -= timedelta(minutes=10)
        await asyncio.to_thread(stop_now, home, "immediate")
        await sees(pilot, "no connection", "s ago")
        app.go(Place("users"))
        await sees(pilot, "Shown as of 10m ago", "ann@acme.test")
        assert users.has_class("-stale")
        await pilot.press("4")
        await sees(pilot, "Not read yet")


async def test_a_database_that_is_silent_is_said_to_be_while_it_is_waited_for(
    database: Database,
) -> None:
    await fill(database)
    async with console(database.url, "users", size=(120, 24)) as pilot:
        await sees(pilot, "ann@acme.test")
        async with database.transaction() as holder:
            await holder.execute("LOCK TABLE {users} IN ACCESS EXCLUSIVE MODE")
            await holder.execute(
                "UPDATE {users} SET {users.email} = 'zoe@acme.test'"
                " WHERE {users.email} = 'bob@acme.test'"
            )
            await sees(pilot, "has not answered yet", "ann@acme.test")
        await sees(pilot, "zoe@acme.test")
        await until(pilot, lambda: "not answered" not in shown(pilot), "all is well")


def shown(pilot: Pilot[None]) -> str:
    assert isinstance(pilot.app, ConsoleApp)
    return screen_text(pilot.app)


async def _looks_go_on(pilot: Pilot[None], app: ConsoleApp) -> None:
    looks = app.state.looks
    await until(pilot, lambda: app.state.looks > looks + 2, "looks go on")


async def test_connections_cut_one_by_one_are_not_even_noticed(database: Database) -> None:
    await fill(database)
    async with console(database.url, "users") as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await sees(pilot, "ann@acme.test")
        for _ in range(3):
            async with database.session() as session:
                await session.connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name LIKE 'agentflow console %' "
                    "AND datname = current_database()"
                )
            await _looks_go_on(pilot, app)
        await until(pilot, lambda: not app.state.connection.problem, "no trouble")
        await sees(pilot, "ann@acme.test")


async def test_a_missing_table_is_a_sentence_on_its_screen_only(database: Database) -> None:
    await fill(database)
    async with database.session() as session:
        await session.connection.execute("DROP TABLE insight_distributions")
    async with console(database.url, "distributions", size=(120, 24)) as pilot:
        await sees(pilot, "no table insight_distributions")
        await pilot.press("2")
        await sees(pilot, "HTTP 503")
