"""Screen 9: which workers live, and how to start some."""

import pytest

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.settings import ConsoleSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.checks import LOCK_KEY
from tests.console.asking import app_of
from tests.console.driving import burst, console, screen_text, sees, settled, told
from tests.samples import fill


@pytest.mark.parametrize("key", ["W", "z"])
async def test_it_says_which_key_starts_workers(database: Database, key: str) -> None:
    settings = ConsoleSettings(refresh=0.1, keys={"app.workers": key})
    async with console(database.url, "workers", settings=settings) as pilot:
        await sees(pilot, f"No worker runs. {key} starts", f" {key} Workers on/off ")


@pytest.mark.parametrize(
    ("details", "said"),
    [('{"gone": true, "lock": false}', "✗ dead"), ('{"lock": true}', "✗ silent")],
)
async def test_a_worker_that_others_have_found_wanting_is_not_alive(
    database: Database, details: str, said: str
) -> None:
    await fill(database)
    await database.execute(
        "UPDATE {health_checks} SET {health_checks.status} = 'warning', "
        "{health_checks.lastChecked} = now(), "
        "{health_checks.details} = $1::text::{health_checks.details:type} "
        "WHERE {health_checks.id} LIKE 'worker:%'",
        details,
    )
    async with database.session() as session, console(database.url, "workers") as pilot:
        if said == "✗ silent":  # it stands still, and its connection does not
            await session.execute(
                f"SELECT pg_advisory_lock({LOCK_KEY.format(id='$1::text')})", "worker:host:12:ab"
            )
        await sees(pilot, said, "host:12:ab")
        assert isinstance(pilot.app, ConsoleApp)
        assert "alive" not in screen_text(pilot.app)


async def test_workers_are_started_from_their_screen_and_only_when_that_is_confirmed(
    database: Database,
) -> None:
    async with console(database.url, "users") as pilot:
        app = app_of(pilot)
        await settled(pilot)
        await burst(pilot, "W")
        await told(pilot, "Workers on/off works on the screen Workers (:workers).")
        await burst(pilot, "9", "W")
        await sees(pilot, "Start background workers here?", "▸ Leave it")
        await burst(pilot, "enter")
        assert app.child_workers.process is None
