"""How soon work is taken up: after an insert, from the dead, from the frozen, by the clock; and how
little an idle process asks.

    python -m benchmarks.waking [--rounds 300] [--kills 30] [--seconds 30] [--quick]

The bare loop LISTENs and claims, and nothing else. Both get the same insert and a NOTIFY after its
commit, in turn; time runs from the NOTIFY to the beginning of the claim, by the database's clock,
which is this machine's. Idle statements are counted in the server's log.
"""

import argparse
import asyncio
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.notifications import NOTIFY
from agentflow_tui.store.views.checks import SETTLES_WITHIN
from benchmarks import mail, servers
from benchmarks.mail_peers import BODY, SUBJECT
from benchmarks.tables import Result, percentile, show
from benchmarks.waking_processes import BARE_CHANNEL
from tests.chaos import slots
from tests.chaos.harness import WORKERS, Fleet, environment
from tests.workers.rows import add_schedules, add_workflows, journal, seconds_ago

SCHEDULES, SCHEDULERS = 200, 4
LEASE = 20.0
"""Longer than a poll, so that whoever looks on knows when it will end."""
IDLE_AFTER = 20.0
SETTLED = SETTLES_WITHIN + 1

ONE_HELD = """
INSERT INTO email_queue (id, priority, attempts, status, createdat)
VALUES (gen_random_uuid(), 1, 0, 'held', now()) RETURNING id
"""
TAKEN = "SELECT extract(epoch FROM lastattempt AT TIME ZONE 'UTC')::float8 FROM email_queue WHERE "


@contextmanager
def process(name: str, url: str, lease: float = 300.0) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "benchmarks.waking_processes", name, url, str(lease)]
    started = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


async def found(connection: Any, query: str, *values: object, seconds: float = 60.0) -> Any:
    """What a query gives, once it gives something."""
    async with asyncio.timeout(seconds):
        while (value := await connection.fetchval(query, *values)) is None:
            await asyncio.sleep(0.002)
        return value


async def pickups(url: str, rounds: int) -> list[Result]:
    bare_url = await servers.another(url, "bare")
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    with process("ours", url), process("bare", bare_url):
        sides = []
        for name, where, ring in (
            ("ours", url, NOTIFY),
            ("bare", bare_url, f"NOTIFY {BARE_CHANNEL}"),
        ):
            sides.append((times[name], await asyncpg.connect(where), ring))
        for number in range(-10, rounds):  # the first are for warming up
            for taken, connection, ring in sides:
                took = await pickup(connection, ring)
                if number >= 0:
                    taken.append(took)
                await asyncio.sleep(random.uniform(0.01, 0.05))
        for _, connection, _ in sides:
            await connection.close()
    results = []
    for name, share, target in (("p50", 0.5, 1.2), ("p99", 0.99, 1.5)):
        mine, bare = (percentile(times[who], share) for who in ("ours", "bare"))
        note = f"{1000 * mine:.2f} against {1000 * bare:.2f} ms"
        results.append(
            Result(f"pickup, {name}, against a bare loop", mine / bare, target, "x", note)
        )
    return results


async def pickup(connection: Any, ring: str) -> float:
    """Seconds from the ring to the claim."""
    await connection.execute("TRUNCATE email_queue, emails CASCADE")
    await connection.execute(mail.FILL, 1, SUBJECT, BODY)
    rung = time.time()
    await connection.execute(ring)
    return float(await found(connection, f"{TAKEN} attempts = 1")) - rung


async def takeovers(url: str, kills: int) -> list[Result]:
    connection = await asyncpg.connect(url)
    await asyncio.sleep(SETTLED)  # before that a free lock proves nothing
    results = []
    for what, number, lease, times, within in (
        ("SIGKILL", signal.SIGKILL, 300.0, kills, 1.0),
        ("a freeze", signal.SIGSTOP, LEASE, max(3, kills // 5), LEASE + 1.0),
    ):
        with process("ours", url, lease):
            taken = [await takeover(connection, url, number, lease) for _ in range(times)]
        note = f"median {statistics.median(taken):.2f} s of {times}"
        if number == signal.SIGSTOP:
            note += f"; the lease is {lease:.0f} s and counts from the claim"
        metric = f"taken over after {what}, p99"
        results.append(Result(metric, percentile(taken, 0.99), within, "s", note))
    await connection.close()
    return results


async def takeover(connection: Any, url: str, number: int, lease: float) -> float:
    """Seconds from the end of a process to the next claim of what it held."""
    await connection.execute("TRUNCATE email_queue, emails CASCADE")
    row = await connection.fetchval(ONE_HELD)
    with process("victim", url, lease) as victim:
        await found(connection, f"{TAKEN} id = $1 AND status = 'processing'", row)
        await asyncio.sleep(random.uniform(0.5, 1.0))
        ended = time.time()
        victim.send_signal(number)
        again = f"{TAKEN} id = $1 AND attempts = 2"
        return float(await found(connection, again, row, seconds=10 * lease)) - ended


async def schedules(url: str, seconds: float) -> list[Result]:
    url = await servers.another(url, "schedules")
    database = await Database.open(url)
    with tempfile.TemporaryDirectory() as folder:
        environ = environment(url, Path(folder))
        with Fleet(environ, Path(folder), *WORKERS, "--only", "scheduler") as fleet:
            fleet.start(SCHEDULERS)
            await asyncio.sleep(3)  # until they are all there
            workflows = await add_workflows(database, SCHEDULES)
            await add_schedules(database, workflows, "* * * * * *", seconds_ago(-1))
            await database.execute(NOTIFY)
            await asyncio.sleep(seconds)
            await fleet.stop()
    rows = await journal(database, "schedule.fire")
    database.close()
    late = [row["output"]["late_ms"] for row in rows]
    note = f"{len(rows):,} slots in {seconds:.0f} s; median {statistics.median(late):.0f} ms"
    return [
        Result("slots doubled", len(slots.doubled(rows)), 0, ""),
        Result("slots unaccounted", len(slots.unaccounted(rows)), 0, ""),
        Result("lateness of a slot, p99", percentile(late, 0.99), 25, "ms", note),
    ]


async def idle(url: str, log: Path, seconds: float) -> list[Result]:
    """Statements of a process with all roles, everything counted that the server logs."""
    connection = await asyncpg.connect(url)
    for setting in ("log_statement = 'all'", "log_line_prefix = '%a|'"):
        await connection.execute(f"ALTER SYSTEM SET {setting}")
    await connection.execute("SELECT pg_reload_conf()")
    with tempfile.TemporaryDirectory() as folder:
        environ = environment(url, Path(folder)) | {"AGENTFLOW_OUTBOX": folder}
        with Fleet(environ, Path(folder), *WORKERS) as fleet:
            fleet.start()
            await asyncio.sleep(IDLE_AFTER)
            before = log.stat().st_size
            await asyncio.sleep(seconds)
            said = log.read_bytes()[before:].decode()
            await fleet.stop()
    await connection.close()
    count = len(re.findall(r"^agentflow worker\|LOG:  (?:statement|execute)", said, re.MULTILINE))
    note = f"{count} in {seconds:.0f} s"
    return [Result("statements a second when idle, all roles", count / seconds, 0.5, "1/s", note)]


async def measure(url: str, log: Path, given: argparse.Namespace) -> list[Result]:
    return [
        *await pickups(url, given.rounds),
        *await takeovers(url, given.kills),
        *await schedules(url, given.seconds),
        *await idle(await servers.another(url, "idle"), log, 4 * given.seconds),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=300, help="inserts on each side")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=30.0, help="of schedules; four times idle")
    parser.add_argument("--quick", action="store_true", help="few of each")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.kills, given.seconds = 40, 3, 5.0
    with servers.running() as server:
        show(asyncio.run(measure(server.url, servers.log_of(server), given)))


if __name__ == "__main__":
    main()
