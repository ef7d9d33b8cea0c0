"""Background workers of this console: a process of their own, so that they never slow the keys."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import field
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.parent_watch import GRACE, STOPS_WITHIN
from agentflow_tui.settings import Settings

PATIENCE = STOPS_WITHIN + GRACE + 2.5
"""Seconds that a worker has to leave before it is killed: its own time to stop, and some for its
farewell to the database."""

LOG_LIMIT = 4 * 1024 * 1024
"""Bytes from which on the log starts anew with the next child; one older log is kept."""


@dataclass(slots=True)
class ChildWorkers:
    """Workers as a child process, on the database that the console shows.

    The child watches its standard input, which this process holds: however the console ends, the
    child ends, too.
    """

    settings: Settings
    process: asyncio.subprocess.Process | None = None
    _asked: asyncio.subprocess.Process | None = field(default=None, init=False, repr=False)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def stopping(self) -> bool:
        """It runs, and was asked to stop."""
        return self.running and self.process is self._asked

    @property
    def log(self) -> Path:
        """Where the child's log goes: the terminal is the console's."""
        return self.settings.home / "worker.log"

    async def start(self, url: str) -> None:
        """Start the child unless it runs. Raises `AgentflowError` when it can have no log."""
        if self.running:
            return
        try:
            opened = _opened(self.log)
        except OSError as error:
            raise AgentflowError(
                f"The workers were not started: their log {self.log} cannot be written: "
                f"{error.strerror}."
            ) from None
        environ = {**self.settings.environ, "AGENTFLOW_DATABASE_URL": url}
        environ.pop("AGENTFLOW_CONTEXT", None)
        with os.fdopen(opened, "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "agentflow_tui.workers",
                "--exit-with-parent",
                env=environ,
                stdin=asyncio.subprocess.PIPE,
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
        return None if process is self._asked else code

    async def stop(self) -> None:
        """Have the child finish, or release what it holds, and leave."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        if process is not self._asked:  # a second signal would have it drop what it holds
            self._asked = process
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _opened(log: Path) -> int:
    """The log for appending, readable by this user alone: messages of a failed row may be in it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        with contextlib.suppress(PermissionError):  # another user's, who may let others write it
            log.chmod(0o600)
        if log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_name(f"{log.name}.1"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
