"""The queue without a relay: what a claim costs in a table with a past, and jobs a second beside
other queues on PostgreSQL.

    python -m benchmarks.queue [--finished 1000000] [--jobs 20000] [--rounds 5] [--quick]

A claim is what the sender does for its next mails; the table is accelerated. Deferred mails wait
for a later try and stand in front of those that are due, where they are most in the way; dead
entries are those of mails sent while an old snapshot keeps them from being cleaned away. Commits
do not wait for the disk while claims are timed, because that wait would hide what is compared.

Our jobs are mails to a transport that takes each one at once: built, written down and journalled.
The others run jobs that do nothing, with batches where they know any.
"""

import argparse
import asyncio
import logging
import statistics
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from agentflow_tui.mail.answers import Answer, RecipientOutcome, SendResult, Verdict, same_for_all
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.message import addresses
from agentflow_tui.mail.message.messages import SenderIdentity
from agentflow_tui.mail.transports import (
    CallbackTransport,
    MayLeave,
    PartCallback,
    ResultCallback,
    TransportState,
    always,
)
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.context import WorkerContext
from benchmarks import mail, servers
from benchmarks.mail_peers import BODY, CONNECTIONS, SENDER, SUBJECT
from benchmarks.queue_peers import Peer, peers
from benchmarks.tables import Result, rates, ratio, show

CLAIMED_MAILS = 3000
SETTINGS = Settings(workers=WorkerSettings(connections=CONNECTIONS, retry_base=86_400.0))
SLOW_PEER = 10
"""Part of the jobs that is enough to time those who do not work in batches."""

PAST = """
INSERT INTO email_queue (id, priority, attempts, status, lastattempt, createdat, updatedat)
SELECT gen_random_uuid(), 1, $2, $3, now(), now() - interval '1 day' + n * interval '1 ms', now()
  FROM generate_series(1, $1::int) n
"""


FINISH = """
UPDATE email_queue SET status = 'completed' WHERE status = 'pending' AND attempts = 0
"""


class Nowhere(CallbackTransport):
    """A transport that takes everything at once."""

    state = TransportState(up=True, sentence="Mail goes nowhere.")

    def submit(
        self,
        envelope: Envelope,
        done: ResultCallback,
        may_leave: MayLeave = always,
        on_part: PartCallback | None = None,
    ) -> None:
        done(same_for_all(envelope, RecipientOutcome(Verdict.DELIVERED, Answer(250, "2.0.0 Ok"))))

    def confirm(self, results: Iterable[SendResult]) -> None:
        """Nothing waits for it."""

    async def ready(self) -> None:
        """Always."""

    async def close(self, grace: float = 5.0) -> None:
        """Nothing is open."""


class Timed(mail.Stamped):
    """A sender that goes nowhere and notes what its claims took, by how many mails they brought."""

    def __init__(self, context: WorkerContext) -> None:
        identity = SenderIdentity(sender=addresses.parse(SENDER))
        super().__init__(context, Nowhere(), identity, on_claim=self._note)
        self.claims: list[float] = []

    def _note(self, mails: int, seconds: float) -> None:
        if mails:
            self.claims.append(seconds)


async def drain(url: str) -> Timed:
    built: list[Timed] = []

    def make(context: WorkerContext) -> Timed:
        built.append(Timed(context))
        return built[-1]

    await supervisor.run(SETTINGS, url, [make], drain=True)
    return built[-1]


async def claim_time(connection: Any, url: str) -> float:
    """Seconds, in the median, of the claims that empty the queue."""
    await connection.execute(mail.FILL, CLAIMED_MAILS, SUBJECT, BODY)
    sender = await drain(url)
    assert len(sender.claims) >= 3, sender.claims
    await connection.execute("TRUNCATE task_logs")
    return statistics.median(sender.claims)


@asynccontextmanager
async def old_snapshot(url: str) -> AsyncIterator[None]:
    """Somebody who looks at the database as it was, for as long as the block lasts."""
    connection = await asyncpg.connect(url)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("SELECT count(*) FROM email_queue WHERE status = 'pending'")
        yield
    await connection.close()


async def claims(url: str, finished: int, rounds: int) -> list[Result]:
    full, empty = await servers.another(url, "with_past"), await servers.another(url, "new")
    connections = []
    for each in (full, empty):
        connection = await asyncpg.connect(each)
        await connection.execute(
            f"ALTER DATABASE {each.partition('?')[0].rpartition('/')[2]} "
            "SET synchronous_commit = off"
        )
        connections.append(connection)
    past, none = connections
    await past.execute(PAST, finished, 1, "completed")
    await past.execute(PAST, finished // 10, 3, "pending")
    results = []

    async def compare(metric: str, target: float) -> None:
        for connection in connections:
            await servers.settle(connection, "email_queue", "emails")
        theirs, ours = [], []
        for _ in range(rounds):
            ours.append(await claim_time(past, full))
            theirs.append(await claim_time(none, empty))
        note = " against ".join(f"{1000 * statistics.median(x):.1f}" for x in (ours, theirs))
        results.append(Result(metric, ratio(ours, theirs), target, "x", f"{note} ms"))

    many, few = f"{finished:,}", f"{finished // 10:,}"
    await compare(
        f"a claim with {many} finished and {few} deferred mails, against an empty table", 1.3
    )
    dead = finished // 5
    await past.execute(PAST, dead, 0, "pending")
    async with old_snapshot(full):
        await past.execute(
            "UPDATE email_queue SET status = 'completed' WHERE status = 'pending' AND attempts = 0"
        )
        await compare(f"the same with {dead:,} dead entries under an old snapshot", 2.0)
    for connection in connections:
        await connection.close()
    return results


async def throughput(url: str, jobs: int, rounds: int, others: dict[str, Peer]) -> list[Result]:
    connection = await asyncpg.connect(url)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(rounds):
        await mail.fill(connection, jobs)
        sender = await drain(url)
        over = await connection.fetchval(mail.LAST)
        ours.append(jobs / (over - sender.began))
        for name, peer in others.items():
            own = await servers.another(url, "peer", documented=False)
            count = jobs // SLOW_PEER if name == "procrastinate" else jobs
            theirs[name].append(await asyncio.to_thread(peer, own, count))
    await connection.close()
    return [
        Result(f"jobs, against {name}", ratio(ours, rate), None, "x", rates(ours, rate, "jobs"))
        for name, rate in theirs.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--finished", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="3 rounds, tables of a tenth")
    given = parser.parse_args()
    if given.quick:
        given.finished, given.jobs, given.rounds = 100_000, 2000, 3
    logging.disable(logging.WARNING)
    others = peers()
    with servers.tables() as url:
        results = asyncio.run(claims(url, given.finished, given.rounds))
        results += asyncio.run(throughput(url, given.jobs, given.rounds, others))
    show(results)


if __name__ == "__main__":
    main()
