"""Makes the pictures of the documentation from the real console on sample data.

    python docs/pictures.py [VIEW…]

Needs nothing but the product. Writes ``docs/pictures/VIEW-WIDTHxHEIGHT-THEME.svg`` for every view
in three sizes and three themes, some with a detail open, and the few that the README shows.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from svg import as_svg
from textual.pilot import Pilot

from agentflow_tui import clock
from agentflow_tui.cli.demo import demo_services, worker_settings
from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.catalogue import VIEWS
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.demo.people import DEMO_KEY
from agentflow_tui.demo.sample import sample
from agentflow_tui.embedded import postgres
from agentflow_tui.settings import ConsoleSettings, Context, Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_missing_tables
from agentflow_tui.store.schema.loading import load_rows

FOLDER = Path(__file__).parent / "pictures"

SIZES = ((80, 24), (120, 35), (200, 60))
THEMES = ("agentflow-dark", "agentflow-light", "agentflow-contrast")

FILTERS = {"story": "manager@lakeside-motors.test"}
"""Views that show nothing without a filter, and theirs."""

DETAILS = (
    ("workflow", "workflows", "status:failed", ("enter",)),
    ("message", "mail", "status:failed", ("enter",)),
    ("insight", "insights", "score:>80", ("enter",)),
)
"""Further pictures: name, view, filter, keys pressed."""

SHOWN = (
    ("overview", "overview", (120, 35), ()),
    ("workflow-steps", "workflows", (180, 40), ("enter",)),
    ("small", "mail", (80, 24), ("slash",)),
)
"""Those that other pages show: file, view, cells, keys pressed."""


async def settle(app: ConsoleApp) -> None:
    """Until a look at the database has been shown."""
    looks = app.state.looks
    for _ in range(400):
        await asyncio.sleep(0.05)
        if app.state.looks >= looks + 3:
            return
    raise SystemExit("the console does not look at the database")


def console(url: str, place: Place) -> ConsoleApp:
    settings = Settings(
        context=Context(name="demo", database_url=url),
        console=ConsoleSettings(refresh=0.2, time_zone="UTC"),
        environ={"AGENTFLOW_HOME": "/nowhere"},
    )
    return ConsoleApp(Environment(settings), place)


async def press(pilot: Pilot[None], app: ConsoleApp, keys: Sequence[str]) -> None:
    await settle(app)
    for key in keys:
        await pilot.press(key)
        await settle(app)


async def keep(app: ConsoleApp, name: str) -> None:
    text = as_svg(app.screen._compositor.render_strips(), app.size.width, f"agentflow: {name}")
    await asyncio.to_thread((FOLDER / f"{name}.svg").write_text, text, encoding="utf-8")


async def every_size(url: str, name: str, place: Place, keys: Sequence[str]) -> None:
    """One view in every size and theme."""
    for size in SIZES:
        app = console(url, place)
        async with app.run_test(size=size) as pilot:
            await press(pilot, app, keys)
            for theme in THEMES:
                app.theme = theme
                await settle(app)
                short = theme.removeprefix("agentflow-")
                await keep(app, f"{name}-{size[0]}x{size[1]}-{short}")
    print(name, flush=True)


async def make(url: str, wanted: Sequence[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in VIEWS:
        if not wanted or name in wanted:
            await every_size(url, name, Place(name, FILTERS.get(name)), ())
    for name, view, filter_, keys in DETAILS:
        if not wanted or name in wanted:
            await every_size(url, name, Place(view, filter_), keys)
    for name, view, cells, pressed in SHOWN:
        if not wanted or name in wanted:
            app = console(url, Place(view))
            async with app.run_test(size=cells) as pilot:
                await press(pilot, app, pressed)
                await keep(app, name)


async def fill(url: str) -> None:
    database = await Database.open(url)
    await create_missing_tables(database)
    await load_rows(database, sample(1, clock.now()))
    database.close()


@contextmanager
def workers(url: str, home: Path) -> Iterator[None]:
    """Workers on the sample, as the demo has them."""
    with demo_services(home) as services:
        environ = {
            "AGENTFLOW_DATABASE_URL": url,
            "AGENTFLOW_HOME": str(home),
            "SMTP_URL": services["smtp"],
            "IMAP_URL": services["imap"],
            "ENCRYPTION_KEY": DEMO_KEY,
            "XDG_CONFIG_HOME": str(worker_settings(home, services)),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "agentflow_tui.workers", "--exit-with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | environ,
        ) as process:
            yield
            process.terminate()


def main() -> None:
    scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with scratch as home, postgres.start(Path(home), linger=0) as server:
        asyncio.run(fill(server.url))
        with workers(server.url, Path(home)):
            asyncio.run(make(server.url, sys.argv[1:]))


if __name__ == "__main__":
    main()
