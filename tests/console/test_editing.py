"""``i`` on a workflow and ``:new``: the console leaves the terminal to an editor and comes back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow_tui.clock import zone
from agentflow_tui.console.list.grid import Grid
from agentflow_tui.operations.creating import Creation, create_workflow
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workflow_files.checking import check_file
from agentflow_tui.workflow_files.documents import WorkflowFile
from tests.changes.operating import operator_context
from tests.cli.test_edit import editor
from tests.cli.workflow_files import STOCK, rows
from tests.console.asking import app_of
from tests.console.driving import console, screen_text, told, until
from tests.console.ptys import Terminal


async def add_workflow(database: Database) -> str:
    content = check_file(STOCK.encode(), "", "UTC").content
    assert isinstance(content, WorkflowFile)
    creation = Creation(workflow=content)
    return (await create_workflow(operator_context(database), creation, zone("UTC"))).id


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, **environ: str) -> Terminal:
        opened.append(Terminal(list(arguments), **environ))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for each in opened:
        each.close()


async def test_the_console_comes_back_whole_from_the_editor(
    database: Database, tmp_path: Path, terminal: Callable[..., Terminal]
) -> None:
    await add_workflow(database)
    visual = editor(
        tmp_path,
        "printf '\\033[2J\\033[HAn editor is here'; read answer; sed -i s/delay/dealy/ $1",
        "printf '\\033[2J\\033[HIt is back'; read answer; "
        "sed -i 's/dealy/delay/; s/north/east/' $1; clear",
    )
    view = terminal("--database", database.url, "--screen", "workflows", VISUAL=visual)
    view.until("Workflows", "draft", "never run: run it")
    before = view.text.splitlines()[1]
    view.type("i")
    view.until("An editor is here")
    view.type("jjj\n")  # is the editor's, and no key of the console
    view.until("It is back")
    view.type("\n")
    view.until("Edit this workflow?", "-  dealer: north", "+  dealer: east", "agentflow")
    view.type("\r")
    view.until("1 edited; u takes it back.", "Help")
    assert view.text.splitlines()[1] == before
    assert "editor is here" not in view.text
    [(context,)] = await rows(database, "workflows", "context")
    assert context == {"name": "Morning stock", "dealer": "east"}
    view.type("u")
    view.until("Undo")
    view.type("\r")
    view.until("1 put back")
    [(context,)] = await rows(database, "workflows", "context")
    assert context["dealer"] == "north"
    view.type("\x11")
    assert view.wait() == 0


async def test_leaving_the_question_changes_nothing_and_keeps_the_text(
    database: Database, tmp_path: Path
) -> None:
    await add_workflow(database)
    visual = editor(tmp_path, "sed -i s/north/east/ $1", ":")
    async with console(database.url, "workflows", environ={"VISUAL": visual}) as pilot:
        app = app_of(pilot)
        grid = app.query_one(Grid)
        await until(pilot, lambda: grid.current is not None, "rows")
        await pilot.press("i")
        await until(pilot, lambda: app.screen is not app.screen_stack[0], "the question")
        await pilot.press("escape")
        await told(pilot, "Nothing was changed. Your text is kept in ")
        await pilot.press("i")
        await told(pilot, "Nothing was changed.")
    [(context,)] = await rows(database, "workflows", "context")
    assert context["dealer"] == "north"


async def test_a_new_workflow_and_its_schedule_begin_with_an_example(
    database: Database, tmp_path: Path
) -> None:
    visual = editor(
        tmp_path,
        ":",
        "sed -i 's/stay too long/are too old/' $1",
        ":",
        f'sed -i "s/^workflowId:.*/workflowId: $(cat {tmp_path}/id)/" $1',
    )
    async with console(database.url, "workflows", environ={"VISUAL": visual}) as pilot:
        await pilot.press("colon", *"new", "space", *"workflow", "enter")
        await told(pilot, "Nothing was made: the example is as it was.")
        await pilot.press("colon", *"new", "space", *"workflow", "enter")
        await told(pilot, "Made, a draft: t starts it. u takes it back.")
        [(id_, status, context)] = await rows(database, "workflows", "id", "status", "context")
        assert (status, context["name"]) == ("draft", "Cars that are too old")
        (tmp_path / "id").write_text(id_)
        await pilot.press("colon", *"new", "space", *"schedule", "enter")
        await told(pilot, "Nothing was made: the example is as it was.")
        await pilot.press("colon", *"new", "space", *"schedule", "enter")
        await told(pilot, "Made. u takes it back.")
        assert await rows(database, "schedules", "workflowId", "cron") == [(id_, "30 7 * * 1-5")]
        await pilot.press("colon", *"new", "space", *"thing", "enter")
        words = "new makes a workflow or a schedule: new workflow."
        await until(pilot, lambda: words in screen_text(app_of(pilot)), words)
