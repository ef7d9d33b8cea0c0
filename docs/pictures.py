"""Makes the pictures of the documentation from the real console on sample data.

    python docs/pictures.py

Needs nothing but the product. Writes ``docs/pictures/*.svg``.
"""

import asyncio
import tempfile
from pathlib import Path

from agentflow_tui import clock
from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.demo.sample import sample
from agentflow_tui.embedded import postgres
from agentflow_tui.settings import ConsoleSettings, Context, Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_missing_tables
from agentflow_tui.store.schema.loading import load_rows

FOLDER = Path(__file__).parent / "pictures"

PICTURES = (
    ("overview", "overview", (100, 30), ()),
    ("workflows", "workflows", (100, 30), ()),
    ("workflow-steps", "workflows", (180, 40), ("enter",)),
    ("mail", "mail", (100, 30), ()),
    ("mail-by-domain", "domains", (100, 20), ()),
    ("schedules", "schedules", (120, 30), ()),
    ("insights", "insights", (180, 40), ("enter",)),
    ("errors", "errors", (100, 24), ()),
    ("small", "mail", (80, 24), ("slash",)),
)
"""(file, view, cells, keys pressed)."""


async def settle(app: ConsoleApp) -> None:
    """Until a look at the database has been shown."""
    looks = app.state.looks
    for _ in range(400):
        await asyncio.sleep(0.05)
        if app.state.looks >= looks + 3:
            return
    raise SystemExit("the console does not look at the database")


async def picture(url: str, view: str, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    settings = Settings(
        context=Context(name="demo", database_url=url),
        console=ConsoleSettings(refresh=0.2, time_zone="UTC"),
    )
    app = ConsoleApp(Environment(settings), Place(view))
    async with app.run_test(size=size) as pilot:
        await settle(app)
        for key in keys:
            await pilot.press(key)
            await settle(app)
        return app.export_screenshot(title="agentflow")


async def make(url: str) -> None:
    database = await Database.open(url)
    await create_missing_tables(database)
    await load_rows(database, sample(1, clock.now()))
    database.close()
    FOLDER.mkdir(exist_ok=True)
    for name, view, size, keys in PICTURES:
        path = FOLDER / f"{name}.svg"
        text = await picture(url, view, size, keys)
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        print(path.name)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        postgres.start(Path(home) / "data", linger=0) as server,
    ):
        asyncio.run(make(server.url))


if __name__ == "__main__":
    main()
