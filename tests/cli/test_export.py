"""``export``, ``clone``, ``cron``, ``steps schema`` and ``show schedules``, as a user runs them."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from agentflow_tui.clock import zone
from agentflow_tui.operations.creating import Creation, create_workflow
from agentflow_tui.operations.exporting import export
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workflow_files.checking import check_file
from agentflow_tui.workflow_files.documents import WorkflowFile
from agentflow_tui.workflow_files.writing import written_file
from tests.changes.operating import operator_context
from tests.cli.running import agentflow
from tests.cli.workflow_files import rows, written
from tests.workflow_files.documents import is_storable, workflow_files

COLUMNS = ("userId", "steps", "context", "status", "currentStep")


async def test_what_is_exported_is_created_as_the_same_also_after_a_run(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    made = await agentflow("create", "workflow", written(tmp_path), url=database_url)
    id_ = made.stdout.strip()
    before = await agentflow("export", "workflows", id_, url=database_url)
    assert before.returncode == 0, before.stderr
    await agentflow("run", "workflows", id_, url=database_url)
    await agentflow("worker", "--only", "runner", "--drain", url=database_url, home=tmp_path)
    for form in ((), ("--json",)):
        done = await agentflow("export", "workflows", id_[-8:], *form, url=database_url)
        assert (done.returncode, done.stderr) == (0, "")
        assert form or done.stdout == before.stdout
        suffix = "json" if form else "yaml"
        file = written(tmp_path, done.stdout, f"again.{suffix}")
        again = await agentflow("create", "workflow", file, url=database_url)
        assert again.returncode == 0, again.stderr
    first, *others = await rows(database, "workflows", *COLUMNS)
    assert first[3:] == ("completed", "2")
    assert first[2].keys() > {"name", "dealer", "rest", "mail"}
    for user, steps, context, status, step in others:
        assert (user, steps) == first[:2]
        assert (context, status, step) == (
            {"name": "Morning stock", "dealer": "north"}, "draft", "0",
        )  # fmt: skip


async def test_a_schedule_is_exported_as_a_file_that_makes_it_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file = written(tmp_path)
    made = await agentflow("create", "workflow", file, "--cron", "@hourly", url=database_url)
    [(schedule,)] = await rows(database, "schedules", "id")
    done = await agentflow("export", "schedules", schedule, url=database_url)
    assert done.stdout == (
        f"# schedule {schedule}\ncron: '@hourly'\nworkflowId: {made.stdout.strip()}\nactive: true\n"
    )
    again = await agentflow(
        "create", "schedule", written(tmp_path, done.stdout, "s.yaml"), url=database_url
    )
    assert again.returncode == 0, again.stderr
    first, second = await rows(database, "schedules", "workflowId", "cron", "active", "nextRun")
    assert first == second


ThereAndBack = Callable[[WorkflowFile], Awaitable[bytes]]


@pytest.fixture
def there_and_back(database: Database) -> ThereAndBack:
    """A workflow made in the database, and the file that it is exported as."""

    async def run(workflow: WorkflowFile) -> bytes:
        creation = Creation(workflow=workflow)
        made = await create_workflow(operator_context(database), creation, zone("UTC"))
        return written_file(await export(database, "workflows", made.id)).encode()

    return run


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(workflow=workflow_files())
async def test_any_workflow_comes_back_from_the_database_as_its_file_said(
    there_and_back: ThereAndBack, workflow: WorkflowFile
) -> None:
    assume(is_storable(workflow.as_members()))
    assume(check_file(written_file(workflow).encode(), "", "UTC").content == workflow)
    again = check_file(await there_and_back(workflow), "", "UTC").content
    assert again is not None
    assert _in_floats(again.as_members()) == _in_floats(workflow.as_members())


def _in_floats(value: Any) -> Any:
    """The value with numbers as jsonb keeps them: 1e16 and 10000000000000000 are the same."""
    return json.loads(json.dumps(value), parse_int=float)


async def test_what_create_would_refuse_is_written_and_said(
    database: Database, database_url: str
) -> None:
    async with database.session() as session:
        await session.connection.execute(
            "INSERT INTO workflows (id, steps, context) VALUES (gen_random_uuid(), "
            """'[{"id": "a", "type": "api", "config": {"ulr": "x", "headers": """
            """{"X-Auth-Key": "k93ab21"}}}]', '{}'), (gen_random_uuid(), '"x"', '{}')"""
        )
    found = await rows(database, "workflows", "id", "steps")
    bad = next(id_ for id_, steps in found if steps != "x")
    unread = next(id_ for id_, steps in found if steps == "x")
    done = await agentflow("export", "workflows", bad, url=database_url)
    assert done.returncode == 1
    assert "ulr: x" in done.stdout
    assert "<stdout>:6:7: steps[0].config.ulr: " in done.stderr
    done = await agentflow("export", "workflows", unread, url=database_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "its steps cannot be read: the steps are text, not a list" in done.stderr
    done = await agentflow("export", "emails", bad, url=database_url)
    assert done.returncode == 2
    done = await agentflow("export", "schedules", bad, url=database_url)
    assert done.returncode == 1
    assert f"schedules has no row {bad}." in done.stderr


async def test_a_clone_is_a_draft_that_undo_takes_away(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    made = await agentflow("create", "workflow", written(tmp_path), "--run", url=database_url)
    done = await agentflow("clone", "workflows", made.stdout.strip(), "--json", url=database_url)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["verb"], said["applied"]) == ("clone", 1)
    first, second = await rows(database, "workflows", "id", "status", "steps", "context")
    assert (second[0], second[1], second[2]) == (said["id"], "draft", first[2])
    assert second[3] == {"name": "Morning stock (copy)", "dealer": "north"}
    await agentflow("undo", said["journal"], url=database_url)
    assert await rows(database, "workflows", "id") == [(first[0],)]


async def test_an_expression_is_told_in_words_with_its_next_ten_fires(tmp_path: Path) -> None:
    done = await agentflow("cron", "30 7 * * 1-5", "--zone", "Europe/Berlin")
    assert done.returncode == 0
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert [line[1] for line in lines[:3]] == [
        *("30 7 * * 1-5", "every weekday at 07:30", "Europe/Berlin"),
    ]
    assert len([line for line in done.stdout.splitlines() if " 07:30:00 CE" in line]) == 10
    (tmp_path / "agentflow").mkdir()
    (tmp_path / "agentflow" / "config.toml").write_text('[workers]\ntime_zone = "Asia/Tokyo"\n')
    said = await agentflow("cron", "@daily", "--json", home=tmp_path)
    found = json.loads(said.stdout)
    assert (found["says"], found["timeZone"]) == ("every day at 00:00", "Asia/Tokyo")
    assert [fire[10:] for fire in found["nextFires"]] == ["T00:00:00+09:00"] * 10
    never = await agentflow("cron", "0 0 30 2 *")
    assert (never.returncode, "February has no day 30" in never.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("61 * * * *",), 1, "the minute '61' is not between 0 and 59"),
        (("@daily", "--zone", "Mars"), 2, "There is no time zone called 'Mars'"),
        ((), 2, "EXPR"),
    ],
)
async def test_an_expression_that_is_none_is_refused(
    words: tuple[str, ...], code: int, said: str
) -> None:
    done = await agentflow("cron", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


async def test_a_schedule_is_shown_with_its_words_fires_and_zone(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file = written(tmp_path)
    await agentflow("create", "workflow", file, "--cron", "5 * * * *", url=database_url)
    [(id_,)] = await rows(database, "schedules", "id")
    shown = await agentflow("show", "schedules", id_, url=database_url)
    assert "says                 every hour at :05" in shown.stdout
    assert shown.stdout.count(":05:00 UTC") == 11  # nextRun is one of them
    said = json.loads(
        (await agentflow("show", "schedules", id_, "--json", url=database_url)).stdout
    )
    assert said["timetable"]["says"] == "every hour at :05"
    assert len(said["timetable"]["nextFires"]) == 10


async def test_the_schema_is_printed_without_a_database() -> None:
    done = await agentflow("steps", "schema", url="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 0
    assert json.loads(done.stdout)["required"] == ["steps"]
    assert (await agentflow("steps")).returncode == 2
