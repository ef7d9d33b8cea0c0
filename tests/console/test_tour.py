"""The tour of the sample data: six steps, offered once, left at any moment."""

from pathlib import Path

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.console.tour.bar import TourBar
from agentflow_tui.console.tour.steps import OFFER, STEPS
from agentflow_tui.settings import ConsoleSettings, Context, Settings
from tests.console.driving import burst, console, screen_text, sees, until


def toured(url: str, home: Path, **options: bool) -> ConsoleApp:
    settings = Settings(
        context=Context(name="demo", database_url=url),
        console=ConsoleSettings(refresh=0.2, time_zone="UTC"),
        environ={"AGENTFLOW_HOME": str(home)},
    )
    return ConsoleApp(Environment(settings), Place("overview"), **options)


async def test_the_tour_leads_through_six_screens_and_is_offered_once(
    database_url: str, tmp_path: Path
) -> None:
    app = toured(database_url, tmp_path, tour=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await sees(pilot, OFFER)
        for number, step in enumerate(STEPS, start=1):
            await burst(pilot, ">")
            await sees(pilot, f"{number}/6", step.words[:20])
            assert app.view_name == step.place.view
        await burst(pilot, ">")
        await until(pilot, lambda: not app.query(TourBar), "no tour")

    again = toured(database_url, tmp_path, tour=True)
    async with again.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "Overview")
        assert not again.query(TourBar)


async def test_keys_do_what_they_always_do_and_the_tour_is_left_at_any_moment(
    database_url: str, tmp_path: Path
) -> None:
    app = toured(database_url, tmp_path, tour=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await burst(pilot, ">", "2")
        await sees(pilot, "1/6")
        assert app.view_name == "workflows"
        await burst(pilot, "/", "a", "g", "e", ":", ">", "1", "h", "enter")
        await sees(pilot, "age:>1h", "1/6")
        await burst(pilot, "<")
        await until(pilot, lambda: not app.query(TourBar), "no tour")
        await burst(pilot, ">")
        assert not app.query(TourBar)


async def test_any_other_start_has_no_tour(database_url: str) -> None:
    async with console(database_url) as pilot:
        assert isinstance(pilot.app, ConsoleApp)
        assert not pilot.app.query(TourBar)
        assert OFFER not in screen_text(pilot.app)
