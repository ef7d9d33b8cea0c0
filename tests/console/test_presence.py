"""Several operators: each console says who sits there and on which screen, and sees the others."""

from functools import partial

import asyncpg
import pytest

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Pace
from agentflow_tui.operators import operator
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.consoles import LONGEST, ConsoleIdentity, read_consoles
from tests import waiting
from tests.console import driving
from tests.console.driving import screen_text, sees, until
from tests.samples import fill

ANNA = {"AGENTFLOW_OPERATOR": "anna"}
BORIS = {"AGENTFLOW_OPERATOR": "Boris B\x1b[31m"}


console = partial(driving.console, pace=Pace(shared_status=0.2))


async def names(database: Database) -> list[str]:
    connection = await asyncpg.connect(database.url)
    try:
        records = await connection.fetch(
            "SELECT application_name AS name FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE 'agentflow console %'"
        )
    finally:
        await connection.close()
    return [record["name"] for record in records]


async def said(database: Database, screen: str) -> None:
    async def is_named() -> bool:
        return any(screen in name for name in await names(database))

    await waiting.until(is_named, screen, state=lambda: names(database))


async def test_others_are_counted_and_listed_with_their_screen(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", environ=ANNA, size=(120, 24)) as anna:
        await sees(anna, "carl@customer.test", "✗ 1")
        assert " other" not in screen_text(anna.app)  # type: ignore[arg-type]
        async with console(database.url, "users", environ=BORIS, size=(120, 24)) as boris:
            await sees(boris, "ann@acme.test", "1 other")
            await sees(anna, "1 other ")
            await boris.press("4")
            await sees(boris, "every 15 minutes")
            await until(boris, lambda: boris.app.env.database.application_name != "", "told")  # type: ignore[attr-defined]
            await anna.press("colon", *"who", "enter")
            await sees(anna, "Open consoles", "anna", "mail", "Boris-B", "schedules", "screen")
        await anna.press("escape")
        await until(anna, lambda: " other" not in screen_text(anna.app), "boris gone")  # type: ignore[arg-type]


async def test_a_change_of_screen_is_one_statement_and_rest_is_none(database: Database) -> None:
    await fill(database)
    async with console(database.url, "users", environ=ANNA) as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await sees(pilot, "ann@acme.test", "✗ 1")
        told: list[str] = []
        database_in_use = app.env.database
        assert database_in_use is not None
        await until(pilot, lambda: "users" in database_in_use.application_name, "introduced")
        for key, screen in (("4", "schedules"), ("8", "tasks"), ("4", "schedules")):
            await pilot.press(key)
            await until(pilot, lambda s=screen: s in database_in_use.application_name, screen)  # type: ignore[misc]
            told.append(database_in_use.application_name)
        assert len(set(told)) == 3  # each later one counts on
        looks = app.state.looks
        await until(pilot, lambda: app.state.looks > looks + 5, "looks go on")
        assert database_in_use.application_name == told[-1]
        assert any(" schedules " in name for name in await names(database))


async def test_after_an_outage_one_introduces_oneself_again(database: Database) -> None:
    await fill(database)
    async with console(database.url, "users", environ=ANNA) as pilot:
        await sees(pilot, "ann@acme.test", "✗ 1")
        await said(database, " users ")
        async with database.session() as session:
            await session.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'agentflow console %' "
                "AND datname = current_database()"
            )
        await said(database, " users ")


@pytest.mark.parametrize("size", [(80, 24), (50, 24)], ids=["80x24", "50x24"])
async def test_the_others_go_first_where_there_is_no_room(
    database: Database, size: tuple[int, int]
) -> None:
    await fill(database)
    async with (
        console(database.url, "users", environ=BORIS) as boris,
        console(database.url, "distributions", environ=ANNA, size=size, read_only=True) as anna,
    ):
        await sees(boris, "1 other")
        await sees(anna, "Distributions", "✗ 1")
        await until(anna, lambda: len(anna.app.state.consoles) == 2, "both seen")  # type: ignore[attr-defined]
        assert "1 other" not in screen_text(anna.app).splitlines()[0]  # type: ignore[arg-type]


def test_who_one_is_comes_from_the_environment_and_is_harmless() -> None:
    assert operator({"AGENTFLOW_OPERATOR": "Anna M\u00fcller"}).name == "Anna-M\u00fcller"
    assert "\x1b" not in str(operator({"AGENTFLOW_OPERATOR": "x\x1b]0;y\x07"}))
    login = operator({})
    assert login.name
    assert str(login) == f"{login.name}@{login.host}"


def test_an_introduction_fits_what_postgresql_keeps() -> None:
    long = ConsoleIdentity("anna-with-a-very-long-name-\u00fc@bastion-of-the-north", token="4f2a")
    for number in range(300):
        long.go(f"distributions{number % 2}")
    assert len(str(long).encode()) <= LONGEST
    assert str(long).isascii()
    seen = read_consoles(
        f'[["{long}", null], ["agentflow console a@b mail 4f2a.1", "2026-11-26T10:00:00+00:00"],'
        ' ["agentflow console nonsense", null]]'
    )
    assert [(c.token, c.screen) for c in seen] == [("4f2a", "distributions1")]
    assert seen[0].since is not None
