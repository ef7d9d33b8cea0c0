"""What looking costs the server: each screen's look, and each kind of filter.

    python -m benchmarks.looks [--rows 1000000] [--keep DIR]

Fills one database with so many rows in each large table, and a copy of it that is accelerated, and
reads the plans of what the console sends: buffers, milliseconds, temporary files, indexes. A look
is what a second brings while anything is committed; opening is what the first page takes until
its lines are filled or the filter was looked at in vain.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from agentflow_tui import clock
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.store_source import StoreSource
from agentflow_tui.embedded import postgres
from agentflow_tui.operations.story.gathering import gather, gather_mails
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database, RowT
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.listings import Listing
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.schema import accelerators
from agentflow_tui.store.schema.ddl import create_missing_tables
from agentflow_tui.store.schema.search_indexes import build_search, buildable_searches
from agentflow_tui.store.views.actions import ACTION_LIST
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.domains import read_matrix
from agentflow_tui.store.views.failures import read_failures
from agentflow_tui.store.views.fires import read_fire_counts
from agentflow_tui.store.views.overview import read_overview
from benchmarks.plans import Cost, cost_of

PAGE, LINES = 100, 40
"""Rows that a list reads when it is opened, and at each look."""

NOWHERE = "zzzqx"
"""A word that no row holds."""

MAIL = "status:pending,processing,failed,held"


@dataclass(slots=True)
class RecordingDatabase(Database):
    """A database that remembers what it was asked."""

    asked: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)

    async def fetch(self, statement: Statement[RowT], *values: object) -> list[RowT]:
        self.asked.append((statement.text, values))
        return await Database.fetch(self, statement, *values)

    async def cost(self, act: Callable[[], Awaitable[object]]) -> Cost:
        """What the statements of ``act`` cost, each executed once more with all in memory."""
        self.asked.clear()
        await act()
        return sum([await cost_of(self, *each) for each in list(self.asked)], Cost())


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLook:
    """A list under a filter and a sort."""

    name: str
    listing: Listing[Any]
    base: str = ""
    filter: str = ""
    sort: str | None = None

    def source(self, database: RecordingDatabase) -> StoreSource[Any]:
        """What the list reads from."""
        env = Environment(Settings(), database=database)
        wanted = query(
            self.listing,
            database.binding,
            self.filter,
            now=env.now(),
            zone=env.zone,
            base=self.base,
            sort=self.sort,
        )
        return StoreSource(env, wanted)

    async def costs(self, database: RecordingDatabase) -> tuple[Cost, Cost]:
        """What opening costs, and each look."""
        source = self.source(database)

        async def open_() -> None:
            page = await source.first(PAGE)
            rows = list(page.rows)
            while page.bounded and len(rows) < LINES:
                page = await (source.after(rows[-1], PAGE) if rows else source.onward(PAGE))
                rows += page.rows

        opening = await database.cost(open_)
        if source.is_over:
            return opening, opening  # the same once more
        look = await database.cost(lambda: source.again(None, LINES, elsewhere=True))
        return opening, look


WORKFLOWS, QUEUE = LISTINGS["workflows"], LISTINGS["email_queue"]

LISTS = (
    ListLook(name="actions", listing=ACTION_LIST, base="taskType:operator.*"),
    ListLook(name="mail", listing=QUEUE, filter=MAIL),
    *(
        ListLook(name=f"workflows {text}", listing=WORKFLOWS, filter=text)
        for text in (
            "",
            *(f"status:{state}" for state in ("failed", "pending", "running")),
            *("currentStep:2", "userId:1", "age:>1h", NOWHERE),
        )
    ),
    ListLook(name="workflows sort userId", listing=WORKFLOWS, sort="userId"),
    *(
        ListLook(name=f"{table} {NOWHERE}", listing=LISTINGS[table], filter=NOWHERE)
        for table in ("email_queue", "emails", "task_logs")
    ),
    ListLook(name="mail domain:acme.test", listing=QUEUE, filter="domain:acme.test"),
)


def _id(row: str) -> str:
    """The id of a row that is filled in."""
    return str(UUID(md5(row.encode(), usedforsecurity=False).hexdigest()))


READS: dict[str, Callable[[Database], Awaitable[object]]] = {
    "overview": lambda database: read_overview(database, 300.0),
    "errors": read_failures,
    "domains": read_matrix,
    "story of a mail": lambda database: gather(database, "email_queue", _id("q40")),
    "story of a workflow": lambda database: gather(database, "workflows", _id("w5")),
    "fires counted": lambda database: read_fire_counts(database, [_id("s1")], SINCE),
    "mail to an address": lambda database: gather_mails(database, "p40@d40.test"),
}

SINCE: datetime = clock.now() - timedelta(days=1)
"""What is counted of a day."""

FILL = (
    """INSERT INTO users (id, email) SELECT n::text, 'u' || n || '@acme.test'
         FROM generate_series(1, 9) n""",
    """INSERT INTO workflows (id, userId, steps, currentStep, status, lastError, lastUpdated,
                              locked, createdAt, context)
       SELECT md5('w' || n)::uuid, (1 + n % 9)::text, '[{"id": "a", "type": "api", "name": "A"}]',
              n % 4, CASE WHEN n % 40 = 0 THEN 'failed' WHEN n % 5000 = 1 THEN 'pending'
                     WHEN n % 5000 = 2 THEN 'running' ELSE 'completed' END,
              CASE WHEN n % 40 = 0 THEN 'HTTP 503' END, t, false, t, '{}'
         FROM generate_series(1, $1) n, LATERAL (SELECT now() - n * interval '7 s' AS t) x""",
    """INSERT INTO emails (id, userId, subject, body, recipients, status, sentAt, createdAt)
       SELECT md5('e' || n)::uuid, (1 + n % 9)::text, 'Weekly leads ' || n, 'Hello',
              jsonb_build_array('p' || n || '@d' || n % 97 || '.test'), 'sent', t, t
         FROM generate_series(1, $1) n, LATERAL (SELECT now() - n * interval '7 s' AS t) x""",
    """INSERT INTO email_queue (id, emailId, priority, attempts, lastAttempt, status, createdAt)
       SELECT md5('q' || n)::uuid, md5('e' || n)::uuid, n % 3 * 5, 1, t,
              CASE WHEN n % 40 = 0 THEN 'failed' WHEN n % 3000 = 1 THEN 'pending'
              WHEN n % 6000 = 2 THEN 'held' ELSE 'completed' END, t
         FROM generate_series(1, $1) n, LATERAL (SELECT now() - n * interval '7 s' AS t) x""",
    """INSERT INTO task_logs (id, userId, taskType, status, input, output, startTime, endTime,
                              createdAt)
       SELECT CASE WHEN n % 2000 = 0 THEN
                ('0a9e0f10-0197-8000-8000-' || lpad(to_hex($1 - n), 12, '0'))::uuid
                ELSE md5('t' || n)::uuid END,
              (1 + n % 9)::text, CASE WHEN n % 2000 = 0 THEN 'operator.retry'
              WHEN n % 10 = 5 THEN 'workflow.step' ELSE 'email.send' END,
              CASE WHEN n % 40 = 0 THEN 'failed' ELSE 'completed' END,
              jsonb_build_object('operator', 'ann', 'queueId', md5('q' || n)::uuid,
                                 'workflow', md5('w' || n)::uuid), '{}',
              t, t, t
         FROM generate_series(1, $1) n, LATERAL (SELECT now() - n * interval '7 s' AS t) x""",
)
"""Rows at random places of the primary keys, as where ids are random: the dearest case."""


async def fill(url: str, rows: int) -> None:
    """Make the documented tables, with so many rows in each large one."""
    database = await Database.open(url, ConnectionOptions(statement_timeout=3600))
    await create_missing_tables(database)
    database.close()
    connection = await asyncpg.connect(url)
    await connection.execute(FILL[0])
    for statement in FILL[1:]:
        await connection.execute(statement.replace("$1", str(rows)))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def accelerate(url: str) -> None:
    """Build all accelerators, and have the planner know of them."""
    database = await Database.open(url, ConnectionOptions(statement_timeout=3600))
    for accelerator in accelerators.buildable(database.binding):
        await accelerators.build(database, accelerator)
    database.close()
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def make_searchable(url: str) -> None:
    """Build the indexes that find words."""
    database = await Database.open(url, ConnectionOptions(statement_timeout=3600))
    for index in buildable_searches(database.binding):
        await build_search(database, index)
    await database.execute("ANALYZE")
    database.close()


async def searched(url: str) -> dict[str, tuple[Cost, Cost]]:
    """Opening and look of the lists under a word, where indexes find it."""
    database = await RecordingDatabase.open(url, ConnectionOptions(statement_timeout=600))
    found = {look.name: await look.costs(database) for look in LISTS if NOWHERE in look.filter}
    database.close()
    return found


async def measured(url: str) -> dict[str, tuple[Cost, Cost]]:
    """Opening and look of each list, and each other read twice."""
    database = await RecordingDatabase.open(url, ConnectionOptions(statement_timeout=600))
    found = {look.name: await look.costs(database) for look in LISTS}
    for name, read in READS.items():
        cost = await database.cost(partial(read, database))
        found[name] = cost, cost
    database.close()
    return found


async def prepared(url: str, rows: int) -> tuple[str, str]:
    """The URLs of a database with so many rows and of its accelerated copy, made where missing."""
    fast = url.replace("/agentflow?", "/fast?")
    connection = await asyncpg.connect(url.replace("/agentflow?", "/postgres?"))
    if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = 'fast'"):
        await fill(url, rows)
        await connection.execute("CREATE DATABASE fast TEMPLATE agentflow STRATEGY file_copy")
        await accelerate(fast)
    await connection.close()
    return url, fast


async def run(url: str, rows: int) -> None:
    slow_url, fast_url = await prepared(url, rows)
    slow, fast = await measured(slow_url), await measured(fast_url)
    print("| | opening, plain | opening, accelerated | a look, plain | a look, accelerated |")
    print("|---|---|---|---|---|")
    for name, costs in slow.items():
        cells = (costs[0], fast[name][0], costs[1], fast[name][1])
        print(f"| {name} | {' | '.join(map(_words, cells))} |")
    await make_searchable(fast_url)
    print("\n| searched | opening | a look |\n|---|---|---|")
    for name, costs in (await searched(fast_url)).items():
        print(f"| {name} | {' | '.join(map(_words, costs))} |")


def _words(cost: Cost) -> str:
    files = f", {cost.temporary >> 20} MB of files" if cost.temporary else ""
    return f"{cost.ms:,.1f} ms, {cost.buffers:,}{files}"


def main() -> None:
    parser = argparse.ArgumentParser(description="What looking costs the server")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="directory that keeps the databases")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as passing,
        postgres.start((options.keep or Path(passing)) / f"of-{options.rows}") as server,
    ):
        print(f"\n{options.rows:,} rows in each large table; milliseconds and buffers\n")
        asyncio.run(run(server.url, options.rows))


if __name__ == "__main__":
    main()
