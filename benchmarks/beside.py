"""What a console costs a database that commits a thousand times a second, beside pgbench.

    python -m benchmarks.beside [--rows 1000000] [--keep DIR]

pgbench writes to one of the tables that are looked at, at a fixed rate, and then as fast as it can;
in every second round a reader does what the poller does for one screen, once a second. Server time
is what the server says the statements took; throughput is that of rounds with a reader against
those without. Uses the databases of `benchmarks.looks`.
"""

import argparse
import asyncio
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from agentflow_tui.console.screens.overview import MANY_EVERY
from agentflow_tui.embedded import postgres
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.views.overview import read_overview
from benchmarks.looks import LINES, LISTS, PAGE, RecordingDatabase, prepared
from benchmarks.plans import cost_of
from benchmarks.tables import Result, show

RATE = 1_000
SECONDS = 8
ROUNDS = 3

WRITES = """\\set n random(1, 50000)
UPDATE email_queue SET attempts = attempts + 1, lastattempt = now() WHERE id = md5('q' || :n)::uuid;
"""

Look = Callable[[], Awaitable[object]]


async def looks_of(database: RecordingDatabase, name: str) -> Look:
    """What the poller does for a screen, after it was opened."""
    if name == "overview":
        return partial(read_overview, database, 300.0)
    look = next(each for each in LISTS if each.name == name)
    source = look.source(database)
    await source.first(PAGE)
    return partial(source.again, None, LINES, elsewhere=False)


async def counts_many(database: Database) -> bool:
    """Whether the overview counts up to its cap, and is then read less often."""
    found = await read_overview(database, 300.0)
    assert found is not None
    return any(count.capped for count in (*found.workflows.values(), *found.mail.values()))


async def server_time(database: RecordingDatabase, look: Look, every: float) -> float:
    """Milliseconds a second that the server works for one who looks ``every`` so many seconds."""
    spent = []
    for _ in range(SECONDS):
        database.asked.clear()
        await look()
        cost = [await cost_of(database, *each) for each in list(database.asked)]
        spent.append(sum(each.ms for each in cost))
        await asyncio.sleep(1)
    return statistics.median(spent) / every


def pgbench(folder: Path, url: str, *, rate: int = 0) -> "subprocess.Popen[str]":
    """Writers for so many seconds, at this rate or as fast as they can."""
    script = folder / "writes.sql"
    script.write_text(WRITES)
    program = postgres.find_binaries() / "pgbench"
    limit = ["--rate", str(rate)] if rate else []
    return subprocess.Popen(
        [program, "-n", "-c", "4", "-j", "1", "-T", str(SECONDS + 2), *limit, "-f", script, url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


async def throughput(folder: Path, url: str, look: Look | None, every: float) -> float:
    """Transactions a second while somebody looks ``every`` so many seconds, or nobody does."""
    running = pgbench(folder, url)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if look is not None:
            await look()
        await asyncio.sleep(every)
    said, _ = await asyncio.to_thread(running.communicate)
    found = re.search(r"tps = ([\d.]+)", said)
    assert found is not None, said
    return float(found[1])


async def run(url: str) -> None:
    results = []
    database = await RecordingDatabase.open(url, ConnectionOptions(statement_timeout=60))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for screen in ("overview", "mail", "actions"):
            look = await looks_of(database, screen)
            every = MANY_EVERY if screen == "overview" and await counts_many(database) else 1.0
            running = pgbench(folder, url, rate=RATE)
            spent = await server_time(database, look, every)
            await asyncio.to_thread(running.communicate)
            pairs = [
                [await throughput(folder, url, each, every) for each in (look, None)]
                for _ in range(ROUNDS)
            ]
            share = statistics.median(a / b for a, b in pairs)
            results.append(Result(f"{screen}: server time a second", spent, 10, "ms"))
            results.append(Result(f"{screen}: throughput beside", share, 0.99, at_least=True))
    database.close()
    show(results)


def main() -> None:
    parser = argparse.ArgumentParser(description="What a console costs those who write")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="directory that keeps the databases")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as passing,
        postgres.start((options.keep or Path(passing)) / f"of-{options.rows}") as server,
    ):
        plain, fast = asyncio.run(prepared(server.url, options.rows))
        for kind, url in (("plain", plain), ("accelerated", fast)):
            print(f"\n{options.rows:,} rows in each large table, {kind}\n")
            asyncio.run(run(url))


if __name__ == "__main__":
    main()
