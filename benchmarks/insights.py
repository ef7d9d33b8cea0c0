"""Insights: reports analysed a second of CPU, and a digest queued to many people at once.

    python -m benchmarks.insights [--reports 200] [--people 1000] [--rounds 5]

Three shapes of reports of pure noise, as the tests make them: a log of sales, a table of days, a
stock list. The digest is timed beside the bare INSERTs of the same rows, in the same run.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from uuid import uuid4

from agentflow_tui.settings import DistributionSettings
from agentflow_tui.steps.audiences import audiences_of
from agentflow_tui.steps.distribution import distribute
from agentflow_tui.store.connection.database import Database
from benchmarks import servers
from tests.insights.reports import SHAPES, found_in

NAMES = ("log of sales", "table of days", "stock list")


def analysed(reports: int) -> None:
    """Print reports a second of CPU for each shape."""
    for name, shape in zip(NAMES, SHAPES, strict=True):
        made = [shape.rows(random.Random(seed)) for seed in range(reports)]
        found_in(shape, made[0])
        begun = time.process_time()
        told = sum(any(each.p is not None for each in found_in(shape, rows)) for rows in made)
        seconds = time.process_time() - begun
        size = f"{len(made[0])} rows x {len(shape.columns)}"
        print(
            f"{name:<14} {size:<14} {reports / seconds:7.0f} reports a second of CPU, "
            f"{100 * told / reports:.1f} % of noise told"
        )


async def _insights(database: Database) -> list[str]:
    report, ids = str(uuid4()), []
    async with database.session() as session:
        await session.connection.execute(
            "INSERT INTO reports (id, vendor, reporttype) VALUES ($1, 'Benchmark', 'sold')", report
        )
        for number in range(7):
            ids.append(str(uuid4()))
            content = {
                "title": f"The number of leads of source {number} falls by {10 + number} %",
                "summary": "From 3 Aug 2026 to 19 Oct 2026 it falls over 12 weeks. " * 3,
                "recommendation": "Find out what has driven it, and plan with less.",
                "parts": [{"label": f"{at} Aug", "value": 40.0 - at} for at in range(12)],
            }
            await session.connection.execute(
                "INSERT INTO insights (id, reportid, insighttype, score, content, metadata)"
                " VALUES ($1, $2, 'trend', $3, $4, '{\"method\": 1, \"candidates\": 9}')",
                ids[-1],
                report,
                90 - number,
                json.dumps(content),
            )
    return ids


async def _bare(database: Database, prefix: str) -> float:
    """Seconds for the same rows by three bare statements."""
    begun = time.perf_counter()
    async with database.transaction() as session:
        run = session.connection.execute
        await run(
            "INSERT INTO insight_distributions SELECT gen_random_uuid(), insightid, recipienttype,"
            " $2 || recipientid, distributionmethod, status, sentat, createdat"
            " FROM insight_distributions WHERE recipientid LIKE $1 || '%'",
            prefix,
            "x",
        )
        await run(
            "WITH mail AS (INSERT INTO emails (id, subject, body, recipients, attachments, status,"
            " createdat) SELECT gen_random_uuid(), subject, body || '', recipients, attachments,"
            " status, now() FROM emails WHERE recipients::text LIKE '%' || $1 || '%' RETURNING id)"
            " INSERT INTO email_queue (id, emailid, priority, attempts, status, createdat)"
            " SELECT gen_random_uuid(), id, 0, 0, 'pending', now() FROM mail",
            prefix,
        )
    return time.perf_counter() - begun


async def queued(url: str, people: int, rounds: int) -> None:
    """Print seconds for a digest of seven insights to so many people."""
    database = await Database.open(url)
    ids = await _insights(database)
    ours, bare = [], []
    for number in range(rounds):
        prefix = f"r{number}p"
        addresses = ", ".join(f"{prefix}{at}@acme.test" for at in range(people))
        settings = DistributionSettings(recipients={"executive": addresses})
        to = audiences_of(settings)
        begun = time.perf_counter()
        done = await distribute(database, ids, [], to, settings)
        ours.append(time.perf_counter() - begun)
        assert (done.digests, done.distributions) == (people, 7 * people)
        bare.append(await _bare(database, prefix))
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    async with database.session() as session:
        size = await session.connection.fetchval("SELECT max(length(body)) FROM emails")
    print(
        f"a digest of 7 insights ({size / 1000:.0f} KB) to {people:,} people: "
        f"{statistics.median(ours):.2f} s, bare copies of the rows {statistics.median(bare):.2f} s"
        f" ({ratio:.1f}x)"
    )
    database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    analysed(options.reports)
    with servers.tables() as url:
        asyncio.run(queued(url, options.people, options.rounds))


if __name__ == "__main__":
    main()
