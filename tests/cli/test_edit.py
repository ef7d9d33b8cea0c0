"""``agentflow edit`` of workflows and schedules, with scripts for an editor."""

import json
import stat
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from agentflow_tui.clock import zone
from agentflow_tui.operations.editing import apply_edit, open_row
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import operator_context
from tests.cli.running import agentflow
from tests.cli.workflow_files import STOCK, rows, written
from tests.namings import NAMINGS, make_tables

COLUMNS = ("steps", "context", "userId", "status")


def editor(folder: Path, *scripts: str) -> str:
    """An editor that runs the first script on the file at its first start, then the next one. It
    leaves what it was given in ``seen.N``, and the rights of the file in ``mode``."""
    for at, script in enumerate(scripts):
        (folder / f"script.{at}").write_text(script)
    path = folder / "editor"
    path.write_text(
        f"""#!/bin/sh
cd {folder}
n=$(ls seen.* 2>/dev/null | wc -l)
cp "$1" seen.$n
stat -c '%a %n' "$1" > mode; stat -c %a "$(dirname "$1")" >> mode
. ./script.$n
"""
    )
    path.chmod(0o700)
    return str(path)


async def edit(
    url: str, id_: str, visual: str, *words: str, table: str = "workflows"
) -> "CompletedProcess[str]":
    return await agentflow("edit", table, id_, *(words or ("--yes",)), url=url, VISUAL=visual)


async def make(url: str, folder: Path, *words: str, text: str = STOCK) -> str:
    made = await agentflow("create", "workflow", written(folder, text), *words, url=url)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.mark.parametrize("naming", NAMINGS)
async def test_an_edit_is_shown_written_and_taken_back(
    empty_url: str, naming: str, tmp_path: Path
) -> None:
    database = await make_tables(empty_url, naming)
    id_ = await make(empty_url, tmp_path)
    before = await rows(database, "workflows", *COLUMNS)
    visual = editor(
        tmp_path, "sed -i 's/dealer: north/dealer: south/; s/seconds: 0/seconds: 5/' $1"
    )
    done = await edit(empty_url, id_[-8:], visual, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["verb"], said["table"], said["matched"], said["applied"]) == (
        *("edit", "workflows", 1, 1),
    )
    assert "-  dealer: north\n+  dealer: south\n" in done.stderr
    [(steps, context, _, status)] = await rows(database, "workflows", *COLUMNS)
    assert steps[0]["config"] == {"seconds": 5}
    assert (context, status) == ({"name": "Morning stock", "dealer": "south"}, "draft")
    mode, folder_mode = (tmp_path / "mode").read_text().splitlines()
    assert (mode.split()[0], folder_mode) == ("600", "700")
    assert not Path(mode.split()[1]).parent.exists()
    undone = await agentflow("undo", url=empty_url)
    assert undone.returncode == 0, undone.stderr
    assert await rows(database, "workflows", *COLUMNS) == before
    database.close()


async def test_mistakes_come_back_as_comments_until_they_are_mended(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    id_ = await make(database_url, tmp_path)
    visual = editor(
        tmp_path,
        "sed -i 's/type: delay/type: dealy/' $1",
        "sed -i 's/type: dealy/type: delay/; s/dealer: north/dealer: east/' $1",
    )
    done = await edit(database_url, id_, visual)
    assert done.returncode == 0, done.stderr
    first, second, *lines = (tmp_path / "seen.1").read_text().splitlines()
    assert first == (
        "#! 1 mistake. Mend and save, or close as it is to give up; these lines go by themselves."
    )
    place, said = second.removeprefix("#! line ").split(": ", 1)
    assert said.startswith("steps[0].type: there are no steps of type 'dealy'. Did you mean delay?")
    assert ([first, second, *lines])[int(place) - 1].strip() == "type: dealy"
    [(steps, context, *_)] = await rows(database, "workflows", *COLUMNS)
    assert (steps[0]["type"], context["dealer"]) == ("delay", "east")


@pytest.mark.parametrize(
    ("scripts", "said", "kept"),
    [
        ((":",), "Nothing was changed.", False),
        (("> $1",), "Nothing was changed.", False),
        (("sed -i 's/^name: .*/name:   Morning stock/' $1",), "Nothing was changed.", False),
        (("exit 3",), "failed with exit code 3; nothing was changed.", False),
        (("sed -i s/north/east/ $1; exit 3",), "failed with exit code 3; nothing was ch", True),
        (("sed -i s/delay/dealy/ $1", ":"), "Nothing was changed: 1 mistake left.", True),
        (("sed -i 's/delay/dealy/' $1", "kill -9 $$"), "failed with exit code -9; nothing", True),
        (("rm $1",), "The editor has left no text: No such file", False),
        (("printf 'steps: [\\377' > $1", ":"), "Nothing was changed: 1 mistake left.", True),
        (("echo 'cron: 0 7 * * *' >> $1", ":"), "Nothing was changed: 1 mistake left.", True),
        (("echo 'userId: bob' >> $1",), "Nothing was changed: users has no row bob.", True),
    ],
)
async def test_whatever_an_editor_does_nothing_is_changed_or_lost(
    database: Database, database_url: str, tmp_path: Path, scripts: tuple[str, ...], said: str,
    kept: bool,
) -> None:  # fmt: skip
    id_ = await make(database_url, tmp_path)
    before = await rows(database, "workflows", *COLUMNS)
    done = await edit(database_url, id_, editor(tmp_path, *scripts))
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert await rows(database, "workflows", *COLUMNS) == before
    assert len(await rows(database, "task_logs", "id")) == 1  # of the create
    path = Path((tmp_path / "mode").read_text().split()[1])
    assert ("Your text is kept in" in done.stderr, path.exists()) == (kept, kept)
    if kept:
        assert str(path) in done.stderr
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_an_editor_that_is_not_there_is_a_sentence(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    id_ = await make(database_url, tmp_path)
    done = await edit(database_url, id_, "/nowhere/vi --wait")
    assert done.returncode == 1
    assert "(/nowhere/vi) cannot be started: No such file or directory. Set VISUAL" in done.stderr
    done = await edit(database_url, id_, "'vi")
    assert "VISUAL cannot be understood: No closing quotation." in done.stderr
    done = await agentflow("edit", "workflows", id_, url=database_url, PATH="", EDITOR="")
    assert "There is no editor here: set VISUAL or EDITOR." in done.stderr


async def test_without_an_answer_nothing_is_changed_and_the_text_is_kept(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    id_ = await make(database_url, tmp_path)
    visual = editor(tmp_path, *["sed -i s/north/east/ $1"] * 2)
    shown = await edit(database_url, id_, visual, "--dry-run")
    assert shown.returncode == 0
    assert "+  dealer: east" in shown.stderr
    asked = await edit(database_url, id_, visual, "--expect", "1")
    assert asked.returncode == 2
    assert "nobody can be asked here; say --yes for it." in asked.stderr
    assert "Your text is kept in" in asked.stderr
    [(_, context, *_)] = await rows(database, "workflows", *COLUMNS)
    assert context["dealer"] == "north"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'running'", "it is running."),
        ("locked = true, lockedat = now()", "it is held by a worker whose lease goes on."),
        ("steps = '5'", "its steps cannot be read: the steps are a number, not a list."),
    ],
)
async def test_what_runs_or_cannot_be_read_is_not_edited(
    database: Database, database_url: str, tmp_path: Path, change: str, said: str
) -> None:
    id_ = await make(database_url, tmp_path)
    async with database.session() as session:
        await session.connection.execute(f"UPDATE workflows SET {change}")
    done = await edit(database_url, id_, editor(tmp_path, "sed -i s/north/east/ $1"))
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "seen.0").exists()


async def test_what_moves_on_under_the_editor_is_not_overwritten(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    id_ = await make(database_url, tmp_path)
    context, utc = operator_context(database), zone("UTC")
    other = await open_row(context, "workflows", id_)
    visual = editor(tmp_path, "sed -i s/north/east/ $1")
    done = await edit(database_url, id_, visual)
    assert done.returncode == 0, done.stderr
    theirs = other.check(other.file.replace("north", "west").encode(), "UTC").content
    assert theirs is not None
    outcome = await apply_edit(context, other, theirs, utc)
    assert (outcome.applied, outcome.skipped) == (0, ((id_, "changed meanwhile"),))
    for started in ("status = 'running'", "locked = true, lockedat = now()"):
        mine = await open_row(context, "workflows", id_)
        async with database.session() as session:
            await session.connection.execute(f"UPDATE workflows SET {started}")
        outcome = await apply_edit(context, mine, theirs, utc)
        assert outcome.applied == 0
        async with database.session() as session:
            await session.connection.execute(
                "UPDATE workflows SET status = 'draft', locked = false"
            )
    [(_, found, *_)] = await rows(database, "workflows", *COLUMNS)
    assert found["dealer"] == "east"


async def test_what_a_run_has_left_stays_where_it_is(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    id_ = await make(database_url, tmp_path, "--run")
    await agentflow("worker", "--only", "runner", "--drain", url=database_url, home=tmp_path)
    [(_, before, *_)] = await rows(database, "workflows", *COLUMNS)
    done = await edit(database_url, id_, editor(tmp_path, "sed -i s/north/east/ $1"))
    assert done.returncode == 0, done.stderr
    assert "until" not in (tmp_path / "seen.0").read_text().replace("steps.rest.until", "")
    [(_, after, *_)] = await rows(database, "workflows", *COLUMNS)
    assert after == before | {"dealer": "east"}
    assert {"_run", "rest", "mail"} < after.keys()


async def test_a_schedule_is_edited_as_a_file_and_given_another_workflow(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await make(database_url, tmp_path, "--cron", "30 7 * * *")
    other = await make(database_url, tmp_path)
    [(id_, first)] = await rows(database, "schedules", "id", "workflowId")
    visual = editor(
        tmp_path,
        "sed -i 's/^cron: .*/cron: 5 * * * */' $1",
        "sed -i 's/^active: .*/active: false/' $1",
        "sed -i 's/^workflowId: .*/workflowId: 3fa85f64-5717-4562-b3fc-2c963f66afa6/' $1",
    )
    columns = ("cron", "active", "workflowId", "nextRun")
    done = await edit(database_url, id_, visual, table="schedules")
    assert done.returncode == 0, done.stderr
    [(cron, active, _, due)] = await rows(database, "schedules", *columns)
    assert (cron, active, due[14:19]) == ("5 * * * *", "true", "05:00")
    await edit(database_url, id_, visual, table="schedules")
    assert await rows(database, "schedules", *columns) == [("5 * * * *", "false", first, None)]
    done = await edit(database_url, id_, visual, table="schedules")
    assert "workflows has no row 3fa85f64-5717-4562-b3fc-2c963f66afa6." in done.stderr

    words = ("edit", "schedules", id_, "--set")
    done = await agentflow(*words, f"workflowId={other[-8:]}", url=database_url)
    assert done.returncode == 0, done.stderr
    assert await rows(database, "schedules", "workflowId") == [(other,)]
    done = await agentflow(*words, "workflowId=nothing", url=database_url)
    assert done.returncode == 1
    assert "would start a workflow that is not there" in done.stderr
    await agentflow("undo", url=database_url)
    assert await rows(database, "schedules", "workflowId") == [(first,)]


@pytest.mark.parametrize("words", [(), ("a", "b"), ("--all",), ("--where", "status:draft")])
async def test_one_row_is_edited_at_a_time(database_url: str, words: tuple[str, ...]) -> None:
    done = await agentflow("edit", "workflows", *words, url=database_url)
    assert done.returncode == 2
    assert "edit of workflows wants one id" in done.stderr


async def test_a_workflow_has_no_column_that_is_edited_by_itself(database_url: str) -> None:
    words = ("edit", "workflows", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "--set", "steps=1")
    done = await agentflow(*words, url=database_url, VISUAL="/nowhere/vi")
    assert done.returncode == 2
    assert "edit of workflows takes no --set: it opens the editor." in done.stderr
