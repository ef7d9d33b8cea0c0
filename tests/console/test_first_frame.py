"""What has been imported when the first screen shows its rows: nothing heavy."""

import subprocess
import sys

from agentflow_tui.store.connection.database import Database
from tests.samples import fill

HEAVY = {"aiosmtplib", "croniter", "cryptography", "httpx", "polars"}

SHOW = """
import asyncio, sys
from tests.console.driving import console, sees

async def main() -> None:
    async with console(sys.argv[1]) as pilot:
        await sees(pilot, "schedule not fired: Fetch leads: every 15 minutes")
        print(*sys.modules)

asyncio.run(main())
"""


async def test_the_first_screen_shows_a_schedule_in_words_without_a_heavy_module(
    database: Database, database_url: str
) -> None:
    await fill(database)
    done = subprocess.run(
        [sys.executable, "-c", SHOW, database_url], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert HEAVY & set(done.stdout.split()) == set()
