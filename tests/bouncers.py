"""A pgbouncer of one's own before the embedded server."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

OURS = (
    "extra_float_digits,statement_timeout,idle_in_transaction_session_timeout,search_path,"
    "max_parallel_workers_per_gather,plan_cache_mode,jit,default_transaction_read_only,lock_timeout"
)
"""Startup parameters of ours, for a pooler that is told to drop them."""

needs_pgbouncer = pytest.mark.skipif(
    shutil.which("pgbouncer") is None,
    reason="pgbouncer is not installed; Debian has it (apt-get install pgbouncer)",
)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class _Forwarder:
    """A TCP port that leads to a Unix socket, which the account of pgbouncer may not enter."""

    def __init__(self, path: str) -> None:
        self.port = free_port()
        self._path = path
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        self._ready.wait(10)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self._ready.set()
        await self._over.wait()
        server.close()

    async def _forward(self, near: asyncio.StreamReader, near_end: asyncio.StreamWriter) -> None:
        try:
            far, far_end = await asyncio.open_unix_connection(self._path)
        except OSError:
            near_end.close()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(near, far_end))
                group.create_task(_pump(far, near_end))
        except asyncio.CancelledError:  # at the end of the loop, where a callback would ask
            near_end.close()
            far_end.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@contextmanager
def bouncer(
    database_url: str,
    mode: str,
    *,
    drops: str = OURS,
    prepared: int = 0,
    sessions: int = 20,
) -> Iterator[str]:
    """URL of a database behind a pgbouncer of this mode, which drops the startup parameters
    ``drops`` and remembers ``prepared`` statements (0: none, as older ones all do)."""
    parts = urlsplit(database_url)
    place = parse_qs(parts.query)
    forwarder = _Forwarder(f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}")
    folder = Path(tempfile.mkdtemp(prefix="agentflow-bouncer-"))
    folder.chmod(0o755)
    port = free_port()
    configuration = folder / "pgbouncer.ini"
    remembers = f"max_prepared_statements = {prepared}\n" if prepared else ""
    configuration.write_text(
        f"[databases]\n* = host=127.0.0.1 port={forwarder.port} user={parts.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {sessions}\n{remembers}"
        f"ignore_startup_parameters = {drops or 'extra_float_digits'}\n"
    )
    configuration.chmod(0o644)
    command = ["pgbouncer", *(["-u", "nobody"] if os.geteuid() == 0 else []), str(configuration)]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_port(port, running, folder / "log")
        yield f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    finally:
        running.terminate()
        running.wait(10)
        forwarder.stop()
        shutil.rmtree(folder)


def _await_port(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    while running.poll() is None:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"pgbouncer ended: {log.read_text()}")


async def server_says(url: str, query: str) -> object:
    """One value straight from the server."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
