"""Real worker processes, killed and replaced at random; random by a seed, so that a run repeats.

`Fleet` starts them, kills them, asks them to stop. `Server` is a PostgreSQL of one's own that may
be stopped the hard way. A scenario builds its own work, lets a fleet at it, and afterwards checks
what must be true from the journal, the tables, and whatever the outside world has seen.
"""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from agentflow_tui.embedded import postgres, postmaster
from agentflow_tui.embedded.postmaster import Home
from tests.waiting import until

WORKERS = ("-m", "agentflow_tui.workers")


def environment(url: str, folder: Path, **settings: Any) -> dict[str, str]:
    """The environment of worker processes: the database, and ``[workers]`` settings in a file."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "agentflow" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    lines = [f"{name} = {_toml(value)}" for name, value in settings.items()]
    config.write_text("\n".join(["[workers]", *lines]), encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "AGENTFLOW_DATABASE_URL": url, "XDG_CONFIG_HOME": str(folder)}


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


class Worker:
    """One worker process. What it says goes to a file."""

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        stdin: int = subprocess.DEVNULL,
        prefix: Sequence[str] = (),
    ):
        self.log = log
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, *words],
                env=dict(environ),
                stdin=stdin,
                stdout=stderr,
                stderr=stderr,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def has_said(self, words: str) -> None:
        """Wait for something in its log."""
        await until(lambda: words in self.said, words, state=lambda: self.said)

    async def ended(self) -> int:
        """Wait for its exit code, 128 and more for the signal that ended it."""
        await until(lambda: not self.running, "the end", state=lambda: self.said)
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()


class Fleet:
    """Worker processes that are alike. ``prefix`` begins their command. Leave with `end`."""

    def __init__(
        self, environ: Mapping[str, str], folder: Path, *words: str, prefix: Sequence[str] = ()
    ):
        self.running: list[Worker] = []
        self.kills = 0
        self._words = words
        self._prefix = prefix
        self._environ = environ
        self._folder = folder
        self._started = 0

    def start(self, count: int = 1, stdin: int = subprocess.DEVNULL) -> Worker:
        """Start so many; the last one is returned."""
        for _ in range(count):
            self._started += 1
            log = self._folder / f"worker-{self._started}.log"
            self.running.append(Worker(self._words, self._environ, log, stdin, self._prefix))
        return self.running[-1]

    def kill_one(self, dice: random.Random) -> None:
        """SIGKILL for a random one; another takes its place."""
        self.running.pop(dice.randrange(len(self.running))).kill()
        self.kills += 1
        self.start()

    async def stop(self) -> list[int]:
        """SIGTERM for all. Their exit codes; one that was not yet listening is killed by it."""
        for worker in self.running:
            worker.signal(signal.SIGTERM)
        return [await worker.ended() for worker in self.running]

    def end(self) -> None:
        for worker in self.running:
            worker.kill()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class Server:
    """A PostgreSQL of one's own. Its keeper starts it again whenever it is down."""

    def __init__(self, running: postgres.EmbeddedServer) -> None:
        self.url = running.url
        self._cluster = Home(str(running.home)).cluster

    def backends(self) -> set[int]:
        """The server processes of clients."""
        found = postmaster.find_postmaster(self._cluster)
        children = Path(f"/proc/{found.pid}/task/{found.pid}/children") if found else None
        pids = children.read_text(encoding="ascii").split() if children else []
        titles = {int(pid): Path(f"/proc/{pid}/cmdline") for pid in pids}
        return {pid for pid, title in titles.items() if _serves_a_client(title)}

    async def crash(self) -> None:
        """Stop it in immediate mode: no goodbye, and recovery from the log afterwards."""
        found = await until(lambda: postmaster.find_postmaster(self._cluster))
        os.kill(found.pid, signal.SIGQUIT)
        await until(lambda: self._is_another(found.pid))

    def _is_another(self, pid: int) -> bool:
        found = postmaster.find_postmaster(self._cluster)
        return found is not None and found.pid != pid and found.ready


def _serves_a_client(title: Path) -> bool:
    try:
        return b"[local]" in title.read_bytes()
    except FileNotFoundError:
        return False


@contextmanager
def own_server(home: Path) -> Iterator[Server]:
    """A server for one scenario."""
    with postgres.start(home, linger=0.5) as running:
        yield Server(running)


async def cut_a_connection(url: str, dice: random.Random) -> None:
    """End one connection of a worker from the server's side, as an administrator or a failing
    network would."""
    connection = await asyncpg.connect(url)
    try:
        pids = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'agentflow worker'"
            " AND datname = current_database() ORDER BY pid"
        )
        if pids:
            await connection.execute("SELECT pg_terminate_backend($1)", dice.choice(pids)["pid"])
    finally:
        await connection.close()
