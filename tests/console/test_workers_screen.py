"""Screen 9: which workers live, and how to start some."""

import pytest

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.settings import ConsoleSettings
from agentflow_tui.store.connection.database import Database
from tests.console.driving import console, screen_text, sees
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
    async with console(database.url, "workers") as pilot:
        await sees(pilot, said, "host:12:ab")
        assert isinstance(pilot.app, ConsoleApp)
        assert "alive" not in screen_text(pilot.app)
