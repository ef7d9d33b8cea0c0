"""``agentflow create`` and ``agentflow check``, as a user runs them."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agentflow_tui.store.connection.database import Database
from tests.cli.running import PROGRAM, agentflow, environment
from tests.cli.workflow_files import STOCK, rows, written
from tests.namings import NAMINGS, make_tables
from tests.waiting import until


@pytest.mark.parametrize("naming", NAMINGS)
async def test_a_file_becomes_a_draft_with_its_schedule_and_undo_takes_both_back(
    empty_url: str, naming: str, tmp_path: Path
) -> None:
    database = await make_tables(empty_url, naming)
    made = await agentflow(
        *("create", "workflow", written(tmp_path), "--cron", "30 7 * * 1-5", "--json"),
        url=empty_url,
    )
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    assert (said["verb"], said["table"], said["matched"], said["applied"]) == (
        *("create", "workflows", 1, 1),
    )
    [(id_, status, step, context, steps)] = await rows(
        database, "workflows", "id", "status", "currentStep", "context", "steps"
    )
    assert (id_, status, step) == (said["id"], "draft", "0")
    assert context == {"name": "Morning stock", "dealer": "north"}
    assert [step["id"] for step in steps] == ["rest", "mail"]
    columns = ("id", "workflowId", "cron", "active", "lastRun", "nextRun")
    [(schedule, of, cron, active, last, due)] = await rows(database, "schedules", *columns)
    assert (schedule, of, cron, active) == (said["schedule"], id_, "30 7 * * 1-5", "true")
    assert last is None
    assert due[11:19] == "07:30:00"

    undone = await agentflow("undo", url=empty_url)
    assert undone.returncode == 0, undone.stderr
    assert "workflows: 1 row will be deleted." in undone.stderr
    assert await rows(database, "workflows", "id") == []
    assert await rows(database, "schedules", "id") == []
    redone = await agentflow("redo", url=empty_url)
    assert redone.returncode == 0, redone.stderr
    assert await rows(database, "schedules", *columns) == [(schedule, of, cron, active, last, due)]
    again = await agentflow("undo", url=empty_url)
    assert again.returncode == 0, again.stderr
    assert await rows(database, "workflows", "id") == await rows(database, "schedules", "id") == []
    database.close()


async def test_a_workflow_that_has_moved_on_is_not_taken_back_nor_is_its_schedule(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file = written(tmp_path)
    await agentflow("create", "workflow", file, "--cron", "@daily", url=database_url)
    async with database.session() as session:
        await session.execute("UPDATE {workflows} SET {workflows.currentStep} = 1")
    undone = await agentflow("undo", url=database_url)
    assert undone.returncode == 1
    assert "changed meanwhile" in undone.stderr
    assert len(await rows(database, "schedules", "id")) == 1


async def test_what_was_made_to_run_runs_and_a_draft_waits_for_its_start(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file = written(tmp_path)
    draft = await agentflow("create", "workflow", file, url=database_url)
    started = await agentflow("create", "workflow", file, "--run", url=database_url)
    await agentflow("worker", "--only", "runner", "--drain", url=database_url, home=tmp_path)
    states = dict(await rows(database, "workflows", "id", "status"))
    assert states == {draft.stdout.strip(): "draft", started.stdout.strip(): "completed"}
    await agentflow("run", "workflows", draft.stdout.strip(), url=database_url)
    await agentflow("worker", "--only", "runner", "--drain", url=database_url, home=tmp_path)
    assert dict(await rows(database, "workflows", "id", "status")) == dict.fromkeys(
        states, "completed"
    )
    assert await rows(database, "emails", "subject") == [("Stock of north",)] * 2


async def test_stdin_is_a_file_too(database: Database, database_url: str) -> None:
    made = await agentflow("create", "workflow", "-", url=database_url, given=STOCK)
    assert made.returncode == 0, made.stderr
    assert [(made.stdout.strip(),)] == await rows(database, "workflows", "id")
    checked = await agentflow("check", "-", given=STOCK)
    assert (checked.returncode, checked.stderr) == (0, "<stdin>: a workflow, no mistake.\n")


async def test_a_schedule_is_made_for_a_workflow_by_file_or_by_options(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    made = await agentflow("create", "workflow", written(tmp_path), url=database_url)
    workflow = made.stdout.strip()
    file = written(tmp_path, f"cron: '@daily'\nworkflowId: {workflow}\nactive: false\n", "s.yaml")
    first = await agentflow("create", "schedule", file, url=database_url)
    words = ("create", "schedule", "--workflow", workflow[-8:], "--cron", "0 7 * * 1")
    second = await agentflow(*words, url=database_url)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "First fire: " in second.stderr
    columns = ("id", "workflowId", "cron", "active", "nextRun")
    inactive, active = await rows(database, "schedules", *columns)
    assert inactive == (first.stdout.strip(), workflow, "@daily", "false", None)
    assert active[:4] == (second.stdout.strip(), workflow, "0 7 * * 1", "true")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", "workflow", "{bad}"), 1, "bad.yaml:3:5: steps[0].type: there are no steps of"),
        (("create", "workflow", "{bad}"), 1, "Nothing was written: 1 mistake in "),
        (("create", "workflow", "{none}"), 1, "cannot be read: No such file"),
        (("create", "workflow", "{good}", "--cron", "61 * * * *"), 2, "--cron: In '61 * * * *'"),
        (("create", "workflow", "{good}", "--user", "bob"), 1, "users has no row bob."),
        (("create", "workflow"), 2, "FILE"),
        (("create",), 2, "workflow"),
        (("create", "schedule"), 2, "A schedule needs a FILE, or --cron and --workflow."),
        (("create", "schedule", "--workflow", "x", "--cron", "@daily"), 1, "has no row x."),
        (("create", "workflow", "{good}", "--read-only"), 1, "opens the database read-only"),
        (("check",), 2, "FILE"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_written(
    database: Database, database_url: str, tmp_path: Path, words: tuple[str, ...], code: int,
    said: str,
) -> None:  # fmt: skip
    files = {
        "good": written(tmp_path),
        "bad": written(tmp_path, "steps:\n  - id: a\n    type: emial\n", "bad.yaml"),
        "none": str(tmp_path / "none.yaml"),
    }
    done = await agentflow(*(word.format(**files) for word in words), url=database_url)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert await rows(database, "workflows", "id") == await rows(database, "schedules", "id") == []
    assert await rows(database, "task_logs", "id") == []


async def test_files_are_checked_without_a_database(tmp_path: Path) -> None:
    bad = written(tmp_path, '{"steps": [{"type": "delay",\n"config": {"second": 1}}]}', "bad.json")
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    done = await agentflow("check", written(tmp_path), bad, str(tmp_path), url=nowhere)
    assert done.returncode == 1
    [line] = done.stdout.splitlines()
    assert line.startswith(f"{bad}:2:12: steps[0].config.second: config.second is not a field of")
    assert line.endswith("Did you mean seconds?")
    assert "stock.yaml: a workflow, no mistake." in done.stderr
    assert "cannot be read: Is a directory" in done.stderr
    as_json = await agentflow("check", bad, "--json", url=nowhere)
    said = json.loads(as_json.stdout)
    assert (said["file"], said["kind"], said["remarks"]) == (bad, "workflow", [])
    [mistake] = said["mistakes"]
    assert (mistake["line"], mistake["column"]) == (2, 12)
    assert mistake["path"] == "steps[0].config.second"


async def test_a_process_that_dies_in_between_leaves_nothing_half_made(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    words = ("create", "workflow", written(tmp_path), "--cron", "@daily")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    for held, name in (("task_logs", "journal"), ("schedules", "schedule")):
        async with database.session() as session, session.transaction():
            await session.connection.execute(f"LOCK TABLE {held} IN EXCLUSIVE MODE")
            process = await asyncio.create_subprocess_exec(
                *PROGRAM, *words, env=environment(database_url), stdout=PIPE, stderr=PIPE
            )

            async def blocked() -> bool:
                async with database.session() as other:
                    return bool(await other.connection.fetchval(waiting))

            await until(blocked, f"it waits for the {name}")
            process.kill()
            await process.wait()
        await until(blocked_no_more(database, waiting), "its session has ended")
        for table in ("workflows", "schedules", "task_logs"):
            assert await rows(database, table, "id") == []


def blocked_no_more(database: Database, waiting: str) -> Callable[[], Awaitable[bool]]:
    async def ended() -> bool:
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agentflow cli'"
        async with database.session() as session:
            blocked = await session.connection.fetchval(waiting)
            return not blocked and not await session.connection.fetchval(sessions)

    return ended
