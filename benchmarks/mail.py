"""The mail queue drained end to end into Postfix's smtp-sink on loopback, beside ways to send
without a database; round trips, transactions and log a mail; memory over many mails.

    python -m benchmarks.mail [--mails 20000] [--rounds 5] [--memory 200000] [--quick]

End to end is what a worker does: claim, build, send over 16 connections, write down, journal.
Postfix is Debian's package, unpacked into the user's cache without a daemon.
"""

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.context import StepReport, WorkerContext
from agentflow_tui.workers.sender.role import Sender
from benchmarks import mail_peers, servers
from benchmarks.mail_peers import BODY, CONNECTIONS, SENDER, SUBJECT
from benchmarks.peers import postfix
from benchmarks.relays import counted, sink
from benchmarks.servers import Written, settle, written
from benchmarks.tables import Result, rates, ratio, show

TABLES = ("email_queue", "emails", "task_logs")
BATCH = 100
TRIP_MAILS = 400
WARM_UP = 0.25
"""Part of the mails of the memory run after which memory is looked at for the first time."""

MANY = 500_000
"""Mails from which on growth is held against the target for a million."""

FILL = """
WITH mail AS (
  INSERT INTO emails (id, subject, body, recipients, attachments, status, createdat)
  SELECT gen_random_uuid(), $2, $3, jsonb_build_array('to' || n || '@acme.test'), '[]', 'queued',
         now() FROM generate_series(1, $1::int) n
  RETURNING id)
INSERT INTO email_queue (id, emailid, priority, attempts, status, createdat)
SELECT gen_random_uuid(), id, 1, 0, 'pending', now() FROM mail
"""

LAST = """
SELECT extract(epoch FROM max(updatedat AT TIME ZONE 'UTC'))::float8 FROM email_queue
 WHERE status = 'completed'
"""
"""When the last mail was written down."""

BARE_CLAIM = """
WITH due AS MATERIALIZED (
  SELECT id FROM email_queue WHERE status = 'pending'
   ORDER BY priority DESC, createdat LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE email_queue q SET status = 'processing', attempts = attempts + 1, lastattempt = now()
  FROM due WHERE q.id = due.id RETURNING q.id, q.attempts
"""

BARE_COMPLETE = """
UPDATE email_queue q SET status = 'completed'
  FROM unnest($1::uuid[], $2::int[]) d (id, attempts)
 WHERE q.id = d.id AND q.attempts = d.attempts AND q.status = 'processing'
"""


class Stamped(Sender):
    """A sender that knows when it was first called."""

    began = 0.0

    async def step(self, woken: bool = True) -> StepReport:
        self.began = self.began or time.time()
        return await Sender.step(self, woken)


def settings(port: int, connections: int = CONNECTIONS) -> Settings:
    workers = WorkerSettings(connections=connections, sender=SENDER)
    return Settings(workers=workers, environ={"SMTP_URL": f"smtp://127.0.0.1:{port}"})


async def fill(connection: Any, mails: int) -> None:
    await connection.execute("TRUNCATE email_queue, emails, task_logs CASCADE")
    await connection.execute(FILL, mails, SUBJECT, BODY)
    await settle(connection, *TABLES)


async def drained(url: str, port: int, mails: int, connections: int = CONNECTIONS) -> float:
    """Mails a second from the first claim to the last commit."""
    given = settings(port, connections)
    built: list[Stamped] = []

    def make(context: WorkerContext) -> Stamped:
        built.append(Stamped(context))
        return built[-1]

    await supervisor.run(given, url, [make], drain=True)
    connection = await asyncpg.connect(url)
    over = await connection.fetchval(LAST)
    sent = await connection.fetchval("SELECT count(*) FROM email_queue WHERE status = 'completed'")
    await connection.close()
    assert sent == mails, f"{sent} of {mails} were sent"
    return float(mails / (over - built[-1].began))


async def bare_queue(connection: Any) -> None:
    """Claim and complete everything, and nothing else."""
    while claimed := await connection.fetch(BARE_CLAIM, BATCH):
        await connection.execute(BARE_COMPLETE, *map(list, zip(*claimed, strict=True)))


async def speed(url: str, programs: Path, mails: int, rounds: int) -> list[Result]:
    """Each round sends the same mails in every way; the slow ones fewer of them."""
    connection = await asyncpg.connect(url)
    ways: dict[str, Callable[[int], Any]] = {
        "ours": lambda port: drained(url, port, mails),
        "transport": lambda port: mail_peers.our_transport(port, mails),
        "bare": lambda port: mail_peers.bare(port, mails),
        "aiosmtplib": lambda port: mail_peers.with_aiosmtplib(port, mails // 10),
        "smtplib": lambda port: asyncio.to_thread(mail_peers.with_smtplib, port, mails // 20),
        "source": lambda port: asyncio.to_thread(
            mail_peers.with_smtp_source, programs, port, mails
        ),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    with sink(programs) as port:
        for _ in range(rounds):
            await fill(connection, mails)
            for name, way in ways.items():
                found[name].append(await way(port))
    await connection.close()

    def beside(name: str, what: str, target: float | None = None) -> Result:
        note = rates(found["ours"], found[name], "mails")
        return Result(what, ratio(found["ours"], found[name]), target, "x", note, at_least=True)

    return [
        beside("aiosmtplib", "end to end, against EmailMessage and aiosmtplib, no database", 6.0),
        beside("transport", "end to end, against our transport without a database", 0.3),
        beside("bare", "end to end, against one message sent again and again, replies unread"),
        beside("smtplib", "end to end, against EmailMessage and smtplib, one connection"),
        beside("source", "end to end, against smtp-source in C"),
    ]


async def trips(url: str, programs: Path) -> list[Result]:
    """Round trips a message on one connection, everything from the greeting on counted."""
    connection = await asyncpg.connect(url)
    results = []
    for pipelining, target in ((True, 1.2), (False, 4.5)):
        await fill(connection, TRIP_MAILS)
        with sink(programs, pipelining=pipelining) as port:
            async with counted(port) as (proxied, proxy):
                await drained(url, proxied, TRIP_MAILS, connections=1)
        name = f"round trips a message, {'with' if pipelining else 'without'} PIPELINING"
        results.append(Result(name, proxy.trips / TRIP_MAILS, target, ""))
    await connection.close()
    return results


async def costs(url: str, programs: Path, mails: int) -> list[Result]:
    """What the database writes for a mail, and for the bare claim and complete of one.

    After a checkpoint the first change of each page logs all of it; mail that was queued since, as
    it is where the worker keeps up, does without.
    """
    connection = await asyncpg.connect(url)

    async def bare() -> None:
        await bare_queue(connection)

    async def ours(connections: int = CONNECTIONS) -> None:
        with sink(programs) as port:
            await drained(url, port, mails, connections)

    async def cost(way: Callable[[], Any], *, fresh: bool) -> Written:
        await fill(connection, mails)
        if fresh:
            await connection.execute("TRUNCATE email_queue, emails, task_logs CASCADE")
            await connection.execute("CHECKPOINT")
            await connection.execute(FILL, mails, SUBJECT, BODY)
        before = await written(connection)
        await way()
        return (await written(connection)).since(before)

    results = []
    for fresh, when, target in ((True, "", 2.0), (False, ", just after a checkpoint", None)):
        least, whole = await cost(bare, fresh=fresh), await cost(ours, fresh=fresh)
        if fresh:
            transactions = whole.transactions / mails
            results.append(Result("write transactions a mail", transactions, 0.05, ""))
        note = f"{whole.wal / mails:,.0f} against {least.wal / mails:,.0f} bytes"
        metric = f"log a mail, against the bare claim and complete{when}"
        results.append(Result(metric, whole.wal / least.wal, target, "x", note))
    twice = 2 * CONNECTIONS
    wide = await cost(lambda: ours(twice), fresh=True)
    metric = f"write transactions a mail, {twice} connections"
    results.append(Result(metric, wide.transactions / mails, None, ""))
    await connection.close()
    return results


async def memory(url: str, programs: Path, mails: int) -> list[Result]:
    """What a worker process grows by while it sends, in portions that are forgotten again."""
    connection = await asyncpg.connect(url)
    with sink(programs) as port, tempfile.TemporaryDirectory() as no_settings:
        environ = {
            **os.environ,
            "AGENTFLOW_DATABASE_URL": url,
            "SMTP_URL": f"smtp://127.0.0.1:{port}",
            "XDG_CONFIG_HOME": no_settings,
        }
        words = [sys.executable, "-m", "agentflow_tui.workers", "--only", "sender"]
        worker = subprocess.Popen(words, env=environ, stderr=subprocess.DEVNULL)
        try:
            sizes = await _sizes(connection, worker.pid, mails)
        finally:
            worker.terminate()
            worker.wait()
    await connection.close()
    first = next(size for done, size in sizes if done >= mails * WARM_UP)
    grown, over = max(0.0, sizes[-1][1] - first), int((1 - WARM_UP) * mails)
    note = f"{first:.1f} to {sizes[-1][1]:.1f} MB"
    if over < MANY:  # what few mails take says nothing of a million
        return [Result(f"growth over {over:,} mails", grown, None, "MB", note)]
    return [Result("growth over 1,000,000 mails", grown * 1e6 / over, 5.0, "MB", note)]


async def _sizes(connection: Any, pid: int, mails: int) -> list[tuple[int, float]]:
    """The worker's size by the number of mails sent."""
    portion, sizes = min(20_000, mails // 10), []
    for done in range(portion, mails + 1, portion):
        await connection.execute("TRUNCATE email_queue, emails, task_logs CASCADE")
        await connection.execute(FILL, portion, SUBJECT, BODY)
        await connection.execute("NOTIFY agentflow")
        async with asyncio.timeout(300):
            while await connection.fetchval(
                "SELECT true FROM email_queue WHERE status <> 'completed' LIMIT 1"
            ):
                await asyncio.sleep(0.1)
        sizes.append((done, servers.resident(pid)))
    return sizes


async def measure(url: str, programs: Path, given: argparse.Namespace) -> list[Result]:
    return [
        *await speed(url, programs, given.mails, given.rounds),
        *await trips(url, programs),
        *await costs(url, programs, given.mails),
        *(await memory(url, programs, given.memory) if given.memory else []),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=200_000, help="mails; 0: not measured")
    parser.add_argument(
        "--quick", action="store_true", help="3 rounds of 2,000; memory over 10,000"
    )
    given = parser.parse_args()
    if given.quick:
        given.mails, given.rounds, given.memory = 2000, 3, 10_000
    logging.disable(logging.WARNING)
    programs = postfix()
    if programs is None:
        sys.exit("Without smtp-sink there is nothing to send to.")
    with servers.tables() as url, suppress(KeyboardInterrupt):
        show(asyncio.run(measure(url, programs, given)))


if __name__ == "__main__":
    main()
