"""What the tests of changes ask of a console."""

from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.dialogs.confirm import Confirm
from tests.console.driving import screen_text, until


def app_of(pilot: Pilot[None]) -> ConsoleApp:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    return app


def shows(pilot: Pilot[None], text: str) -> bool:
    return text in screen_text(app_of(pilot))


async def asked(pilot: Pilot[None]) -> None:
    """Wait for the question before a change."""
    await until(pilot, lambda: isinstance(app_of(pilot).screen, Confirm), "a question")
    await pilot.pause()
