"""Background workers of this console: a process of their own, so that they never slow the keys."""

import asyncio
import contextlib
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow_tui.errors import UnreachableError
from agentflow_tui.settings import Settings

if TYPE_CHECKING:
    from agentflow_tui.console.app import ConsoleApp

RETRY = 0.9
"""Seconds between two attempts to reach the database for the workers."""

PATIENCE = 5.0
"""Seconds that a worker has to finish or release what it holds before it is killed."""


@dataclass(slots=True)
class ChildWorkers:
    """``agentflow worker`` as a child process, on the database that the console shows."""

    settings: Settings
    process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def log(self) -> Path:
        """Where the child's log goes: the terminal is the console's."""
        return self.settings.home / "worker.log"

    async def start(self, url: str) -> None:
        """Start the child unless it runs."""
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environ = {**self.settings.environ, "AGENTFLOW_DATABASE_URL": url}
        environ.pop("AGENTFLOW_CONTEXT", None)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "agentflow_tui",
                "worker",
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ended(self) -> int | None:
        """Wait until the child has ended by itself. Its exit code; None when it was stopped."""
        process = self.process
        if process is None:
            return None
        code = await process.wait()
        return code if self.process is process else None

    async def stop(self) -> None:
        """Have the child finish, or release what it holds, and leave."""
        process, self.process = self.process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def start(app: "ConsoleApp") -> None:
    """Start this console's background workers, once there is a database that they can work on."""
    while True:
        try:
            database = await app.env.connected()
            break
        except UnreachableError:
            await asyncio.sleep(RETRY)
    if not app.env.read_only_reason:
        await _work(app, database.url)


async def toggle(app: "ConsoleApp") -> None:
    """Stop the workers of this console, or start them."""
    workers, database = app.child_workers, app.env.database
    if workers.running:
        await workers.stop()
        app.say("Workers of this console stopped.")
    elif app.env.read_only_reason:
        app.say(f"Not started, because workers write: {app.env.read_only_reason}.")
    elif database is not None:
        app.say(f"Workers of this console started; their log is {workers.log}.")
        await _work(app, database.url)


async def _work(app: "ConsoleApp", url: str) -> None:
    """Have the workers run, and say so when they end unasked."""
    workers = app.child_workers
    await workers.start(url)
    code = await workers.ended()
    if code:
        app.say(f"The workers ended with code {code}; {workers.log} says why.", severity="error")
