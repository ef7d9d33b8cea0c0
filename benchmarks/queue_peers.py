"""Job queues on PostgreSQL, each in a process of its own: no-op jobs, many at a time, queued before
the clock starts. Each returns jobs a second."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.peers import node_with, python_with

AT_A_TIME = 100

PROCRASTINATE = """
import asyncio, sys, time
import procrastinate
url, jobs, at_a_time = sys.argv[1], *map(int, sys.argv[2:])
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

@app.task(name="nothing")
async def nothing():
    pass

async def main():
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, jobs, 1000):
            await nothing.batch_defer_async(*[{}] * min(1000, jobs - first))
        began = time.perf_counter()
        await app.run_worker_async(concurrency=at_a_time, wait=False)
        print(jobs / (time.perf_counter() - began))

asyncio.run(main())
"""

PGQUEUER = """
import asyncio, sys, time
import asyncpg
from pgqueuer import AsyncpgDriver, PgQueuer, Queries
from pgqueuer.types import QueueExecutionMode
url, jobs, at_a_time = sys.argv[1], *map(int, sys.argv[2:])

async def main():
    connection = await asyncpg.connect(url)
    driver = AsyncpgDriver(connection)
    queries = Queries(driver)
    await queries.install()
    queue = PgQueuer(driver)

    @queue.entrypoint("nothing")
    async def nothing(job):
        pass

    for first in range(0, jobs, 1000):
        count = min(1000, jobs - first)
        await queries.enqueue(["nothing"] * count, [None] * count, [0] * count)
    began = time.perf_counter()
    await queue.run(batch_size=at_a_time, mode=QueueExecutionMode.drain)
    print(jobs / (time.perf_counter() - began))

asyncio.run(main())
"""

GRAPHILE_WORKER = """
const { run, makeWorkerUtils, Logger } = require("graphile-worker");
const [url, jobs, atATime] = [process.argv[1], +process.argv[2], +process.argv[3]];
const logger = new Logger(() => () => {});

async function main() {
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  for (let first = 0; first < jobs; first += 1000) {
    const count = Math.min(1000, jobs - first);
    await utils.addJobs(Array.from({ length: count }, () => ({ identifier: "nothing" })));
  }
  await utils.release();
  let done = 0, finish;
  const finished = new Promise((resolve) => { finish = resolve; });
  const began = process.hrtime.bigint();
  const runner = await run({
    logger,
    preset: { worker: {
      connectionString: url, concurrentJobs: atATime, maxPoolSize: 10,
      localQueue: { size: 2 * atATime }, completeJobBatchDelay: 0, failJobBatchDelay: 0,
    } },
    taskList: { nothing: async () => { if (++done === jobs) finish(); } },
  });
  await finished;
  await runner.stop();
  console.log(jobs / (Number(process.hrtime.bigint() - began) / 1e9));
}
main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
"""

Peer = Callable[[str, int], float]
"""Called with a database of its own and the number of jobs."""


def peers() -> dict[str, Peer]:
    """Those that can be had here, by name."""
    found: dict[str, Peer] = {}
    if python := python_with("procrastinate", "procrastinate>=3,<4", "psycopg[binary]"):
        found["procrastinate"] = partial(_python, python, PROCRASTINATE)
    if python := python_with("pgqueuer", "pgqueuer>=1,<2", "asyncpg"):
        found["pgqueuer"] = partial(_python, python, PGQUEUER)
    if home := node_with("graphile-worker"):
        found["graphile-worker"] = partial(_node, home)
    return found


def _python(python: Path, program: str, url: str, jobs: int) -> float:
    return _rate([str(python), "-c", program, url, str(jobs), str(AT_A_TIME)])


def _node(home: Path, url: str, jobs: int) -> float:
    return _rate(["node", "-e", GRAPHILE_WORKER, url, str(jobs), str(AT_A_TIME)], home)


def _rate(words: list[str], folder: Path | None = None) -> float:
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=folder)
    return float(done.stdout.split()[-1])
