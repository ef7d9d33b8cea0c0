"""A throw-away PostgreSQL with the documented tables, and what it counts."""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from agentflow_tui.embedded import postgres
from agentflow_tui.embedded.postmaster import Home
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema import accelerators
from agentflow_tui.store.schema.ddl import create_missing_tables


@contextmanager
def running(*, accelerated: bool = True) -> Iterator[postgres.EmbeddedServer]:
    """A server with the documented tables, empty, for as long as the block lasts."""
    with (
        tempfile.TemporaryDirectory(prefix="agentflow-benchmark-") as folder,
        postgres.start(Path(folder) / "server", linger=0.5) as server,
    ):
        asyncio.run(_create(server.url, accelerated=accelerated))
        yield server


@contextmanager
def tables(*, accelerated: bool = True) -> Iterator[str]:
    """The URL of such a server."""
    with running(accelerated=accelerated) as server:
        yield server.url


def log_of(server: postgres.EmbeddedServer) -> Path:
    return Path(Home(str(server.home)).log)


async def _create(url: str, *, accelerated: bool) -> None:
    database = await Database.open(url)
    await create_missing_tables(database)
    if accelerated:
        for accelerator in accelerators.buildable(database.binding):
            await accelerators.build(database, accelerator)
    database.close()


async def another(url: str, name: str, *, documented: bool = True) -> str:
    """The URL of one more database of the same server, with the documented tables or empty."""
    connection = await asyncpg.connect(url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name}")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    head, _, query = url.partition("?")
    made = f"{head.rpartition('/')[0]}/{name}?{query}"
    if documented:
        await _create(made, accelerated=True)
    return made


async def settle(connection: Any, *names: str) -> None:
    """Leave nothing to do that would disturb, or favour, what is measured next."""
    await connection.execute(f"VACUUM ANALYZE {', '.join(names)}")
    await connection.execute("CHECKPOINT")


@dataclass(frozen=True, slots=True)
class Written:
    """What the server has written so far: transactions, and bytes of log."""

    transactions: int
    wal: int

    def since(self, before: "Written") -> "Written":
        return Written(self.transactions - before.transactions, self.wal - before.wal)


async def written(connection: Any) -> Written:
    """Every transaction that writes takes a number, and nothing else does."""
    row = await connection.fetchrow(
        "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8,"
        " (pg_current_wal_insert_lsn() - '0/0')::int8"
    )
    return Written(*row)


def resident(pid: int) -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found.group(1)) / 1024 if found else 0.0
