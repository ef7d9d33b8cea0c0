"""Places where a hand stumbles: small windows, half-typed filters, names that are taken."""

import json
from pathlib import Path

import pytest
from textual.events import Paste

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.dialogs.confirm import Confirm
from agentflow_tui.console.list.list_view import ListView
from agentflow_tui.console.list.saved_views import SavedView, read_views, save_view
from agentflow_tui.console.place import Place
from agentflow_tui.errors import AgentflowError
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from tests.console.asking import app_of, asked
from tests.console.driving import burst, console, said, screen_text, sees, settled, told, until
from tests.console.test_typing_ahead import states
from tests.samples import fill, uid


@pytest.mark.parametrize(("size", "key"), [((20, 5), "H"), ((40, 10), "D"), ((40, 10), "c")])
async def test_what_cannot_be_shown_whole_is_not_confirmed_by_enter(
    database: Database, size: tuple[int, int], key: str
) -> None:
    await fill(database)
    before = await states(database)
    async with console(database.url, "mail", size=size) as pilot:
        await settled(pilot)
        await burst(pilot, key)
        await asked(pilot)
        await burst(pilot, "tab", "enter", "tab", "enter")
        assert await states(database) == before
        assert len(app_of(pilot).screen_stack) == 1 or isinstance(app_of(pilot).screen, Confirm)


async def test_what_destroys_is_not_preselected(database: Database) -> None:
    await fill(database)
    before = await states(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await burst(pilot, "D")
        await sees(pilot, "Delete this mail", "▸ Leave it")
        await burst(pilot, "enter")
        assert await states(database) == before


async def test_escape_gives_a_half_typed_filter_up(database: Database) -> None:
    await fill(database)
    async with console(database.url, "users") as pilot:
        await sees(pilot, "ann@acme.test", "bob@acme.test")
        view = app_of(pilot).query_one("#view-users", ListView)
        await burst(pilot, "/", *"ann", "enter")
        assert view.filter == "ann"
        await burst(pilot, "/", *" bob")
        await sees(pilot, "Nothing matches this filter.")
        await burst(pilot, "escape")
        assert view.filter == "ann"
        await sees(pilot, "ann@acme.test")


async def test_one_step_back_from_the_rows_of_an_error_is_the_errors(database: Database) -> None:
    await fill(database)
    async with console(database.url, "errors") as pilot:
        await sees(pilot, "HTTP 503")
        await burst(pilot, "enter")
        await sees(pilot, "1 mail", "1 task")  # it has rows in two tables
        await burst(pilot, "enter")
        assert app_of(pilot).view_name in {"workflows", "mail"}
        await burst(pilot, "/", *" status:failed", "enter", "escape")
        assert app_of(pilot).view_name in {"workflows", "mail"}  # first what was typed there
        await burst(pilot, "escape")
        assert app_of(pilot).view_name == "errors"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("errors timeout", "Errors takes no filter"),
        ("overview foo", "Overview takes no filter"),
        ("mail statsu:failed", "There is no column statsu"),
    ],
)
async def test_a_command_drops_nothing_that_was_typed(
    database: Database, command: str, words: str
) -> None:
    await fill(database)
    async with console(database.url, "users", size=(120, 24)) as pilot:
        await sees(pilot, "ann@acme.test")
        await burst(pilot, ":", *command, "enter")
        await sees(pilot, words, command)
        assert app_of(pilot).view_name == "users"


async def test_typing_replaces_the_name_that_is_proposed(
    database: Database, tmp_path: Path
) -> None:
    await fill(database)
    target = tmp_path / "mine.csv"
    async with console(database.url, "users", size=(200, 24)) as pilot:
        await sees(pilot, "ann@acme.test")
        await burst(pilot, "E", *str(target), "enter")
        await told(pilot, f"2 rows written to {target}")


async def test_a_saved_view_is_replaced_when_asked_and_can_be_deleted(
    database: Database, tmp_path: Path
) -> None:
    await fill(database)
    async with console(database.url, "users", home=str(tmp_path)) as pilot:
        await sees(pilot, "ann@acme.test")
        kept = app_of(pilot).env.settings
        await burst(pilot, "B", *"mine", "enter", "/", *"bob", "enter")
        await burst(pilot, "B", *"mine", "enter")
        await sees(pilot, "There is a view mine")
        await burst(pilot, "enter")
        assert [view.filter for view in read_views(kept)] == [""]
        await burst(pilot, "B", *"mine", "enter", "down", "enter")
        assert [view.filter for view in read_views(kept)] == ["bob"]
        await burst(pilot, "b", "down", "enter", "enter")
        assert read_views(kept) == []


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(environ={"AGENTFLOW_HOME": str(tmp_path)})
    save_view(settings, SavedView("users", "mine", "ann"))
    whole = Path.write_text

    def full(path: Path, *arguments: object, **named: object) -> int:
        whole(path, "")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(AgentflowError, match="No space left"):
        save_view(settings, SavedView("users", "other", "bob"))
    folder = settings.kept("views").parent
    assert [path.name for path in folder.iterdir()] == ["default.json"]
    assert len(json.loads(settings.kept("views").read_text())) == 1


async def test_lines_that_are_pasted_are_all_taken(database: Database) -> None:
    await fill(database)
    async with console(database.url, "workflows", size=(120, 24)) as pilot:
        await sees(pilot, "HTTP 503")
        await burst(pilot, "/")
        pilot.app.post_message(Paste(f"{uid(11)}\n{uid(12)}\n"))
        await burst(pilot, "enter")
        view = app_of(pilot).query_one("#view-workflows", ListView)
        assert view.filter == f"id:{uid(11)},{uid(12)}"
        await sees(pilot, "2 rows")


async def test_what_was_said_of_one_screen_does_not_follow_to_another(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await sees(pilot, "carl@customer.test")
        await burst(pilot, "y")
        await told(pilot, "Sent the id")
        await burst(pilot, "2")
        assert "Sent the id" not in said(app_of(pilot))
        assert "Sent the id" not in screen_text(app_of(pilot))


async def test_what_is_said_covers_no_row(database: Database) -> None:
    await fill(database)
    async with console(database.url, "tasks") as pilot:
        await sees(pilot, "email.send")
        app = app_of(pilot)
        await burst(pilot, "E", "escape", "y")
        await told(pilot, "Sent the id")
        app.say("A sentence that is so long that it does not fit on one line. " * 3)
        await sees(pilot, "Sent the id", "does not fit on one line. A")
        grid, said_bar = app.query_one("#view-tasks Grid"), app.query_one("#said")
        assert said_bar.size.height == 4
        assert not grid.region.overlaps(said_bar.region)
        assert not app.screen.query("Toast")
        await burst(pilot, "?")
        await until(pilot, lambda: bool(app.screen.query("Toast")), "a toast over the window")


async def test_rows_made_at_one_time_are_told_apart_by_their_short_ids(database: Database) -> None:
    made = [f"01a22d43-7c00-7000-8000-0000{n:08x}" for n in (0xA1B2C3D4, 0xA1B2C3D5)]
    await fill(database)
    for id_ in made:
        await database.execute(
            "INSERT INTO {workflows} ({workflows.id}, {workflows.status}, {workflows.createdAt}) "
            "VALUES ($1, 'failed', now() + interval '1 hour')",
            id_,
        )
    async with console(database.url, "workflows") as pilot:
        await sees(pilot, "5 rows")
        await burst(pilot, "enter")
        await sees(pilot, "a1b2c3d")
        first = {end for end in ("a1b2c3d4", "a1b2c3d5") if end in screen_text(app_of(pilot))}
        assert len(first) == 1
        await burst(pilot, "escape", *"gjkD")
        await sees(pilot, f"{first.pop()}  ")


async def test_why_a_console_could_not_begin_is_told_not_what_that_left_undone(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: ConsoleApp, _place: Place) -> None:
        raise RuntimeError("no first view")

    monkeypatch.setattr(ConsoleApp, "_begin", fail)
    with pytest.raises(RuntimeError, match="no first view"):
        async with console(database_url, "users"):
            pass
