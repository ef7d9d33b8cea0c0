"""What a page, a refresh and the counts cost, by depth and by size of the table.

    python -m benchmarks.pages [--rows 1000000] [--keep DIR]

Makes a small and a large sample database in a temporary directory (a minute or two), accelerates
both, and compares the two in interleaved rounds.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agentflow_tui.embedded import postgres
from agentflow_tui.store.connection.bindings import LARGE
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.reading.counts import by_status
from agentflow_tui.store.reading.pages import Where, Window, anchor_of, page_statement, read_page
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.workflows import WORKFLOW_LIST
from benchmarks.tables import Result, ratio, show

ROUNDS = 9
PAGE = 50
_BUFFERS = re.compile(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?")


async def buffers(database: Database, text: str, values: list[object]) -> int:
    """Buffers that executing a statement touched."""
    async with database.session() as session:
        sql = database.binding.render(text)
        await session.connection.fetch(sql, *values)
        lines = await session.connection.fetch(
            "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, COSTS OFF) " + sql, *values
        )
    plan = "\n".join(line[0] for line in lines).split("Planning:")[0]
    found = _BUFFERS.search(plan)
    return sum(int(part or 0) for part in found.groups()) if found else 0


async def half_way(database: Database) -> tuple[object, ...]:
    """The key of a row in the middle of the workflows, by time."""
    async with database.session() as session:
        row = await session.connection.fetchrow(
            database.binding.render(
                "SELECT {workflows.createdAt}, {workflows.id}::text FROM {workflows} WHERE "
                "{workflows.createdAt} <= (SELECT min({workflows.createdAt}) + "
                "(max({workflows.createdAt}) - min({workflows.createdAt})) / 2 FROM {workflows}) "
                "ORDER BY {workflows.createdAt} DESC, {workflows.id} DESC LIMIT 1"
            )
        )
    return tuple(row)


async def timed(database: Database, window: Window) -> float:
    order = WORKFLOW_LIST.order(database.binding)
    before = time.perf_counter()
    await read_page(database, WORKFLOW_LIST, order, Where(), window)
    return time.perf_counter() - before


async def measure(small: Database, large: Database) -> list[Result]:
    middle = {id(d): await half_way(d) for d in (small, large)}
    depths: dict[str, Callable[[Database], Window]] = {
        "first page": lambda d: Window(limit=PAGE),
        "page at half depth": lambda d: Window(limit=PAGE, anchor=middle[id(d)]),
        "last page": lambda d: Window(limit=PAGE, backwards=True),
    }
    results = []
    for name, window in depths.items():
        rounds = [
            (await timed(large, window(large)), await timed(small, window(small)))
            for _ in range(ROUNDS)
        ]
        results.append(
            Result(
                f"{name}, latency, large against small",
                ratio([a for a, _ in rounds], [b for _, b in rounds]),
                1.2,
            )
        )
    for name, listing in LISTINGS.items():
        order = listing.order(large.binding)
        page = await read_page(large, listing, order, Where(), Window(limit=PAGE))
        if large.binding.tables[name].rows < LARGE:
            continue
        deep = await read_page(
            large,
            listing,
            order,
            Where(),
            Window(limit=4 * PAGE, anchor=anchor_of(page.rows[-1], order)),
        )
        far = Window(limit=PAGE, anchor=anchor_of(deep.rows[-1], order))
        statement = page_statement(large.binding, listing, order, Where(), far)
        touched = await buffers(large, statement.text, statement.values(far, None))
        results.append(Result(f"{name}: buffers a row", touched / PAGE, 4.5, "buffers"))
    for table in ("email_queue", "workflows"):
        sql = f"SELECT {by_status(large.binding, table)}"
        touched = await buffers(large, sql, [])
        times = []
        for _ in range(ROUNDS):
            before = time.perf_counter()
            await large.execute(sql)
            times.append(1000 * (time.perf_counter() - before))
        results.append(Result(f"{table}: status counts, buffers", touched, 150, "buffers"))
        results.append(Result(f"{table}: status counts, time", statistics.median(times), 10, "ms"))
    top = Window(limit=PAGE, count_to=10_000)
    order = WORKFLOW_LIST.order(large.binding)
    page = await read_page(large, WORKFLOW_LIST, order, Where(), top)
    statement = page_statement(large.binding, WORKFLOW_LIST, order, Where(), top)
    results.append(
        Result(
            "looking again, nothing changed: buffers",
            await buffers(large, statement.text, statement.values(top, page.snapshot)),
            5,
            "buffers",
        )
    )
    return results


def filled(home: Path, rows: int) -> postgres.EmbeddedServer:
    """A server with a sample database of so many rows, accelerated."""
    environ = {**os.environ, "AGENTFLOW_HOME": str(home)}
    program = [sys.executable, "-m", "agentflow_tui"]
    fill = [*program, "demo", "--no-console", "--scale", str(rows)]
    if not home.exists():
        subprocess.run(fill, env=environ, check=True)
    subprocess.run([*program, "db", "accelerate", "--yes"], env=environ, check=True)
    return postgres.start(home)


async def run(small_url: str, large_url: str) -> list[Result]:
    options = ConnectionOptions(application="agentflow benchmark", statement_timeout=600)
    small, large = await Database.open(small_url, options), await Database.open(large_url, options)
    async with large.session() as session:
        await session.connection.execute("VACUUM ANALYZE")
    results = await measure(small, large)
    small.close()
    large.close()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description="What pages cost")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="directory that keeps the databases")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as passing,
        filled((options.keep or Path(passing)) / "small", 10_000) as small,
        filled((options.keep or Path(passing)) / f"of-{options.rows}", options.rows) as large,
    ):
        print(f"\nworkflows, mail, messages and journal of {options.rows:,} rows against 10,000\n")
        show(asyncio.run(run(small.url, large.url)))


if __name__ == "__main__":
    main()
