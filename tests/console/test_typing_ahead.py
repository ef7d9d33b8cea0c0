"""A burst of keys ends where the same keys end when they are typed slowly."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

from agentflow_tui.console.list.grid import Grid
from agentflow_tui.console.list.list_view import ListView
from agentflow_tui.console.views import ViewSwitcher
from agentflow_tui.console.widgets.line import Line
from agentflow_tui.store.connection.database import Database
from tests.console.asking import app_of
from tests.console.driving import burst, console, has_left, screen_text, sees, settled, until
from tests.samples import fill

TABLES = ("email_queue", "workflows", "schedules", "task_logs")


@dataclass(frozen=True)
class End:
    """Where keys have led: what stands on the screen besides numbers that time moves, and rows.
    ``view`` is empty where they have led out of the console."""

    rows: tuple[object, ...]
    view: str = ""
    windows: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    cursor: object = None
    marks: tuple[str, ...] = ()


async def end(pilot: Pilot[None], database: Database) -> End:
    app = app_of(pilot)
    if has_left(app):
        return End(rows=await states(database))
    view = app.query_one(ViewSwitcher).seen
    assert view is not None
    grids = list(view.query(Grid))
    return End(
        view=view.view_name,
        windows=tuple(type(screen).__name__ for screen in app.screen_stack),
        titles=tuple(
            line.text
            for line in app.screen.query(Line)
            if line.id in {"dialog-title", "confirm-title"}
        ),
        typed=tuple(field.value for field in app.screen.query(Input)),
        shown=tuple(
            f"{line.text.split('  ')[:2]}" for line in view.query(Line) if line.id == "status"
        ),
        cursor=[grid.current.key if grid.current else None for grid in grids],
        marks=tuple(sorted(key for grid in grids for key in grid.marks)),
        rows=await states(database),
    )


async def states(database: Database) -> tuple[object, ...]:
    async with database.session() as session:
        records = await session.connection.fetch(
            "SELECT 'm', id::text, status FROM email_queue UNION ALL "
            "SELECT 'w', id::text, status || locked FROM workflows UNION ALL "
            "SELECT 's', id::text, active::text FROM schedules ORDER BY 1, 2"
        )
    return tuple(tuple(record) for record in records)


async def renew(database: Database) -> None:
    """The sample rows, as they were."""
    async with database.session() as session:
        names = await session.connection.fetch(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        )
        await session.connection.execute(f"TRUNCATE {', '.join(name for (name,) in names)} CASCADE")
    await fill(database)


async def typed(database: Database, view: str, keys: list[str], *, at_once: bool) -> End:
    await renew(database)
    async with console(database.url, view) as pilot:
        await settled(pilot)
        if at_once:
            await burst(pilot, *keys)
        else:
            for key in keys:
                await burst(pilot, key)
        return await end(pilot, database)


KEYS = [
    *"1234567", *"jkGg", *"rcpHD", *"oeun!:/*a", "space", "v", "-", "q", "?",
    "enter", "escape", "tab", "backspace", "left", "ctrl+u", "x", "[", "]", "s", "d", "@",
]  # fmt: skip


# A failure is reported as it was found: to shrink it would start consoles by the hundred.
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.sampled_from(["overview", "mail", "workflows", "schedules", "errors"]),
    st.lists(st.sampled_from(KEYS), min_size=2, max_size=9),
)
@example("mail", ["5", "q", "e", "enter", "j"])  # leaves the console
@example("overview", ["5", "/", "x", "q"])  # ends in a filter that is being typed
async def test_a_burst_ends_where_slow_keys_end(
    database: Database, view: str, keys: list[str]
) -> None:
    assert await typed(database, view, keys, at_once=True) == await typed(
        database, view, keys, at_once=False
    )


async def test_a_filter_is_edited_while_rows_are_on_their_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(database)
    monkeypatch.setattr("agentflow_tui.console.typing_ahead.PATIENCE", float("inf"))
    async with console(database.url, "users") as pilot:
        await settled(pilot)
        async with database.session() as session, session.connection.transaction():
            await session.connection.execute("LOCK TABLE users")
            await pilot.press("ctrl+r", "/", "a", "b", "left", "c")
            field = app_of(pilot).query_one("#view-users", ListView).prompt.field
            await until(pilot, lambda: field.value == "acb")


async def test_one_screen_after_the_other_in_one_burst(database: Database) -> None:
    await fill(database)
    for start, keys, view in (
        ("overview", "232323", "mail"),
        ("mail", "2323", "mail"),
        ("overview", "22", "workflows"),
    ):
        async with console(database.url, start) as pilot:
            await settled(pilot)
            await burst(pilot, *keys)
            assert (await end(pilot, database)).view.startswith(view[:4]), keys


@pytest.mark.parametrize(
    ("start", "keys", "view", "text"),
    [
        ("mail", "2c", "workflows", "Cancel this workflow"),
        ("schedules", "6o", "health", "Service"),
    ],
)
async def test_a_dialog_belongs_to_the_screen_that_was_asked_for_before(
    database: Database, start: str, keys: str, view: str, text: str
) -> None:
    await fill(database)
    async with console(database.url, start) as pilot:
        await settled(pilot)
        await burst(pilot, *keys)
        assert app_of(pilot).query_one(ViewSwitcher).seen.view_name == view  # type: ignore[union-attr]
        await sees(pilot, text)  # a window is settled before it is painted


async def test_letters_behind_a_screens_key_and_a_slash_are_its_filter(database: Database) -> None:
    await fill(database)
    async with console(database.url, "overview") as pilot:
        await settled(pilot)
        await burst(pilot, "5", "/", *"vauto", "enter")
        found = await end(pilot, database)
        assert (found.view, found.marks, found.windows) == ("reports", (), ("MainScreen",))
        assert "vauto" in screen_text(app_of(pilot))


@pytest.mark.parametrize("verb", ["r", "D"])
async def test_a_mark_of_all_is_of_the_filter_typed_before(database: Database, verb: str) -> None:
    await fill(database)
    async with console(database.url, "overview", size=(100, 30)) as pilot:
        await settled(pilot)
        await burst(pilot, ":", *"mail status:failed", "enter", "*", verb)
        await sees(pilot, "everything that matches status:failed")


class SlowToMount(ModalScreen[str]):
    """A dialog that stands on the stack before its field can take a key."""

    AUTO_FOCUS = ""

    def compose(self) -> ComposeResult:
        yield Input()

    async def on_mount(self) -> None:
        await asyncio.sleep(0.02)
        self.query_one(Input).focus()


async def test_keys_wait_for_the_field_of_a_dialog_that_is_being_mounted(
    database: Database,
) -> None:
    async with console(database.url, "mail") as pilot:
        await settled(pilot)
        app = app_of(pilot)
        app.open_dialog(SlowToMount())
        await burst(pilot, *"482")
        await until(pilot, lambda: app.screen.query_one(Input).value == "482")


async def test_keys_behind_a_change_are_typed_into_its_question(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", production=True) as pilot:
        await settled(pilot)
        before = await states(database)
        await burst(pilot, "c", *"482", "enter")
        found = await end(pilot, database)
        assert (found.view, found.windows[1:], found.typed[-1:]) == ("mail", ("Confirm",), ("482",))
        assert found.rows == before


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([*"abc", "backspace", "d"], "abd"),
        ([*"abc", "ctrl+u", *"zoe"], "zoe"),
        ([*"ab", "left", "c"], "acb"),
    ],
)
async def test_letters_and_editing_keys_of_a_field_go_the_same_way(
    database: Database, keys: list[str], text: str
) -> None:
    await fill(database)
    async with console(database.url, "users") as pilot:
        await settled(pilot)
        await burst(pilot, "/", *keys)
        assert app_of(pilot).query_one("#view-users", ListView).prompt.field.value == text


@pytest.mark.parametrize(
    ("view", "keys", "text"),
    [
        (
            "schedules",
            ["i", "enter", "ctrl+u", *"0 5", "backspace", *"6 *"],
            "0 6 *",
        ),  # a cron expression
        ("mail", ["c", *"48", "left", "backspace", "1"], "18"),  # a count that is to be typed
    ],
)
async def test_letters_and_editing_keys_of_a_dialogs_field_go_the_same_way(
    database: Database, view: str, keys: list[str], text: str
) -> None:
    await fill(database)
    async with console(database.url, view, production=True) as pilot:
        await settled(pilot)
        await burst(pilot, *keys)
        assert (await end(pilot, database)).typed[-1:] == (text,)


async def test_two_commands_in_one_burst_are_both_done(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail") as pilot:
        await settled(pilot)
        await burst(pilot, ":", *"users", "enter", ":", *"sched", "enter")
        assert (await end(pilot, database)).view == "schedules"
        await burst(pilot, "-")
        assert (await end(pilot, database)).view == "users"
