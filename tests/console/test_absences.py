"""What happened while nobody looked: one calm line that leads to the rows, and nothing else."""

import json
from datetime import timedelta
from pathlib import Path

from textual.events import AppBlur, AppFocus
from textual.pilot import Pilot

from agentflow_tui import clock
from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.widgets.line import Line
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.away_summary import read_away_summary
from tests.console.driving import console, screen_text, sees, told, until
from tests.samples import fill


async def mischief(database: Database) -> None:
    """The sample rows; all that failed did so now, and an operator changed something twice."""
    await fill(database)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.lastAttempt} = now() "
        "WHERE {email_queue.status} = 'failed'"
    )
    await database.execute(
        "UPDATE {workflows} SET {workflows.lastUpdated} = now() WHERE {workflows.status} = 'failed'"
    )
    for words in ('{"operator": "anna@bastion"}', '{"host": "bastion", "operator": "anna"}'):
        await database.execute(
            "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.input}, "
            "{task_logs.createdAt}) VALUES "
            "(gen_random_uuid(), 'operator.hold', $1::{task_logs.input:type}, now())",
            words,
        )


def app_of(pilot: Pilot[None]) -> ConsoleApp:
    assert isinstance(pilot.app, ConsoleApp)
    return pilot.app


async def away_for(pilot: Pilot[None], length: timedelta) -> None:
    app = app_of(pilot)
    app.post_message(AppBlur())
    await until(pilot, lambda: app.away_watch.left is not None, "gone")
    app.away_watch.left = app.env.now() - length
    app.post_message(AppFocus())
    await until(pilot, lambda: app.away_watch.left is None, "back")


async def test_who_comes_back_is_told_what_failed_and_what_was_changed(database: Database) -> None:
    await mischief(database)
    async with console(database.url, "users", size=(140, 24)) as pilot:
        await sees(pilot, "ann@acme.test")
        await away_for(pilot, timedelta(minutes=2))
        await sees(
            pilot, "(2m): ", "1 mail failed", "1 workflow failed", "2 changes by anna@bastion"
        )
        await pilot.press("colon", *"since", "enter")
        await sees(pilot, "Since ", "1 mail failed")
        assert ":since" not in screen_text(app_of(pilot))
        await pilot.press("enter")
        await sees(pilot, "Email queue", "550 5.1.1", "1 rows")


async def test_a_short_look_elsewhere_is_no_absence(database: Database) -> None:
    await mischief(database)
    async with console(database.url, "users") as pilot:
        app = app_of(pilot)
        await sees(pilot, "ann@acme.test")
        await away_for(pilot, timedelta(seconds=30))
        looks = app.state.looks
        await until(pilot, lambda: app.state.looks > looks + 3, "looks go on")
        assert not app.query_one("#news", Line).display
        await pilot.press("colon", *"since", "enter")
        await told(pilot, "Nothing happened while nobody looked.")


async def test_where_nothing_happened_nothing_is_said(database: Database) -> None:
    async with console(database.url, "users") as pilot:
        app = app_of(pilot)
        await sees(pilot, "Users")
        await away_for(pilot, timedelta(hours=2))
        looks = app.state.looks
        await until(pilot, lambda: app.state.looks > looks + 3, "looks go on")
        assert app.state.away is None
        assert not app.query_one("#news", Line).display


async def test_a_console_that_was_left_is_remembered_for_the_next_one(
    database: Database, tmp_path: Path
) -> None:
    home = str(tmp_path)
    async with console(database.url, "users", home=home) as pilot:
        await sees(pilot, "Users", "● 0")
    await mischief(database)
    async with console(database.url, "users", home=home, size=(140, 24)) as pilot:
        await sees(pilot, "1 mail failed", "2 changes by anna@bastion")
    kept = tmp_path / "state" / "default.json"
    values = json.loads(kept.read_text())
    for spoilt in (
        {**values, "left": (clock.now() - timedelta(days=2)).isoformat()},
        {**values, "place": "another/database"},
        {"left": 3},
    ):
        kept.write_text(json.dumps(spoilt))
        async with console(database.url, "users", home=home) as pilot:
            app = app_of(pilot)
            await sees(pilot, "ann@acme.test")
            await until(pilot, lambda: app.state.looks > 3, "looks go on")  # noqa: B023
            assert not app.query_one("#news", Line).display


async def test_what_only_a_scan_would_tell_is_left_out(database: Database) -> None:
    await mischief(database)
    async with database.session() as session:
        await session.connection.execute(
            "UPDATE pg_class SET reltuples = 5000000 WHERE relname IN ('email_queue', 'task_logs')"
        )
    afresh = await Database.open(database.url)
    found = await read_away_summary(afresh, clock.now() - timedelta(minutes=5))
    afresh.close()
    assert (found.mail, found.workflows, found.changes) == (0, 1, {})
