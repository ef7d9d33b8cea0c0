"""What the screens look like, held against pictures in text.

After an intended change run it with ``--update-looks``, and look at the difference.
"""

import re
from datetime import datetime
from pathlib import Path

import pytest

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.settings import ConsoleSettings, Context, Settings
from agentflow_tui.store.connection.database import Database
from tests.console.driving import screen_text, sees, settled
from tests.samples import NOW, fill

CLOCK = re.compile(r"\b\d\d:\d\d(?= UTC)")
TIMES = re.compile(
    r"\b(?:(?:\d{4}-\d\d-\d\d|Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d|\d\d:\d\d:\d\d)\b"
)
"""What differs from day to day."""

LOOKS = Path(__file__).parent / "looks"


class Still(Environment):
    """A context in which it is always the moment that the sample rows are told from."""

    def now(self) -> datetime:
        return NOW


PICTURES = {
    "workflows": ("workflows", (), "waits for AgentFlow"),
    "workflow": ("workflows", ("enter",), "Steps (3)"),
    "mail": ("mail", (), "550 5.1.1"),
    "message": ("mail", ("enter",), "Weekly leads"),
    "insight": ("insights", ("enter",), "41 leads in a day"),
    "errors": ("errors", (), "HTTP 503"),
    "domains": ("domains", (), "down.test"),
    "credentials": ("credentials", (), "expired"),
}


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
@pytest.mark.parametrize("name", PICTURES)
async def test_a_screen_looks_as_it_did(
    database: Database, name: str, size: tuple[int, int], pytestconfig: pytest.Config
) -> None:
    await fill(database)
    view, keys, sign = PICTURES[name]
    settings = Settings(
        context=Context(name="sample", database_url=database.url),
        console=ConsoleSettings(refresh=0.1, time_zone="UTC"),
    )
    app = ConsoleApp(Still(settings), Place(view))
    async with app.run_test(size=size) as pilot:
        if keys:
            await sees(pilot, "1/" if view != "insights" else "1/1")
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        await sees(pilot, sign, "✗ 1")
        shown = "\n".join(line.rstrip() for line in screen_text(app).splitlines()) + "\n"
        shown = TIMES.sub("<time>", CLOCK.sub("hh:mm", shown))
    path = LOOKS / f"{name}-{size[0]}x{size[1]}.txt"
    if pytestconfig.getoption("--update-looks"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")
