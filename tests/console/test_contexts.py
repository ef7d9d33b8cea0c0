"""Several databases in one console: where one is is unmistakable, and going elsewhere is clean."""

import pytest

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.theme import THEMES
from agentflow_tui.console.views import ViewSwitcher
from agentflow_tui.console.widgets.line import Line
from agentflow_tui.settings import ConsoleSettings, Context
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests import waiting
from tests.console.driving import console, screen_text, sees, until
from tests.samples import fill

NOWHERE = "postgresql://ann:hunter2@127.0.0.1:1/gone"


@pytest.fixture
async def other(empty_url: str) -> str:
    """A second database: the tables, and one user."""
    database = await Database.open(empty_url)
    await create_missing_tables(database)
    await database.execute(
        "INSERT INTO {users} ({users.id}, {users.email}) VALUES ($1, $2)",
        "00000000-0000-4000-8000-000000000001",
        "zoe@other.test",
    )
    database.close()
    return empty_url


async def test_another_context_is_another_database_on_the_same_screen(
    database: Database, other: str
) -> None:
    await fill(database)
    contexts = [
        Context(name="dev", database_url=database.url),
        Context(name="prod", database_url=other, production=True),
    ]
    async with console("", "users", context=contexts[0], contexts=contexts) as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await sees(pilot, " dev ", "ann@acme.test", "✗ 1")
        await pilot.press("2", "minus", "space", "f", "colon", *"ctx prod", "enter")
        await sees(pilot, "PRODUCTION", " prod ", "zoe@other.test")
        assert "ann@acme.test" not in screen_text(app)
        assert "frozen" not in screen_text(app)
        assert app.query_one(ViewSwitcher).previous() is None
        await until(pilot, lambda: "✗ 1" not in screen_text(app), "its health")
        await pilot.press("colon", *"ctx -", "enter")
        await sees(pilot, " dev ", "ann@acme.test")
        assert "PRODUCTION" not in screen_text(app)


async def test_nobody_of_the_old_database_stays_connected(database: Database, other: str) -> None:
    contexts = [
        Context(name="dev", database_url=database.url),
        Context(name="prod", database_url=other),
    ]
    async with console("", "users", context=contexts[0], contexts=contexts) as pilot:
        await sees(pilot, " dev ", "Users")
        await pilot.press("colon", *"ctx prod", "enter")
        await sees(pilot, "zoe@other.test")
        async with database.session() as session:
            connection = session.connection
            counted = await connection.prepare(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name LIKE 'agentflow console%'"
            )

            async def none_is_left() -> bool:
                return not await counted.fetchval()

            await waiting.until(none_is_left, "no connection to the first database")


async def test_a_context_that_cannot_be_reached_says_why_and_lets_one_go_back(
    database: Database,
) -> None:
    await fill(database)
    contexts = [
        Context(name="dev", database_url=database.url),
        Context(name="gone", database_url=NOWHERE),
    ]
    async with console("", "users", context=contexts[0], contexts=contexts) as pilot:
        await sees(pilot, "ann@acme.test")
        await pilot.press("colon", *"ctx gone", "enter")
        await sees(pilot, "gone cannot be used", "Nothing listens at 127.0.0.1:1/gone", "Go back")
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        assert "hunter2" not in screen_text(app)
        assert "ann@acme.test" not in screen_text(app)
        await pilot.press("enter")
        await sees(pilot, " dev ", "ann@acme.test")


async def test_contexts_are_listed_completed_and_chosen(database: Database, other: str) -> None:
    contexts = [
        Context(name="dev", database_url=database.url),
        Context(name="staging", database_url=other, read_only=True),
        Context(name="gone", database_url=NOWHERE),
    ]
    async with console(
        "", "users", context=contexts[0], contexts=contexts, size=(120, 24)
    ) as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await sees(pilot, "Users")
        await pilot.press("colon", *"ctx nowhere", "enter")
        await sees(pilot, "There is no context 'nowhere'")
        await pilot.press("escape", "colon", *"ctx st")
        await sees(pilot, "tab staging", "read-only")
        await pilot.press("escape", "colon", *"ctx", "enter")
        await sees(pilot, "dev (here)", "staging", "read-only", "ann:***@127.0.0.1")
        assert "hunter2" not in screen_text(app)
        await pilot.press("down", "enter")
        await sees(pilot, " staging ", "zoe@other.test", "read-only")


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_production_is_a_word_on_a_line_of_another_colour(
    database: Database, theme: str, size: tuple[int, int]
) -> None:
    await fill(database)
    settings = ConsoleSettings(refresh=0.1, theme=theme, ascii=theme == "agentflow-contrast")
    context = Context(name="prod", database_url=database.url, production=True)
    async with console("", context=context, settings=settings, size=size) as pilot:
        await sees(pilot, "PRODUCTION", " prod ", "Overview")
        title = pilot.app.query_one("#title", Line)
        colour = pilot.app.theme_variables["error"]
        assert title.styles.background.hex.lower() == colour.lower()
        segments = [s for s in title.render_line(0) if s.text.strip()]
        assert len({s.style.color for s in segments if s.style}) == 1  # what can be read on it


@pytest.mark.parametrize("colour", ["warning", "success"])
async def test_a_context_has_the_colour_of_its_settings(database: Database, colour: str) -> None:
    context = Context(name="dev", database_url=database.url, colour=colour)
    async with console("", "users", context=context) as pilot:
        await sees(pilot, " dev ")
        title = pilot.app.query_one("#title", Line)
        assert title.styles.background.hex.lower() == pilot.app.theme_variables[colour].lower()


async def test_without_a_name_the_title_says_host_and_database(database: Database) -> None:
    async with console(database.url, "users") as pilot:
        name = database.url.partition("?")[0].rsplit("/", 1)[1]
        await sees(pilot, f" local/{name} ")
