"""Secrets at a terminal: typed without echo, shown without scrollback, kept out of core dumps."""

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from agentflow_tui.store.connection.database import Database
from tests.cli.running import PROGRAM, environment
from tests.vault.cases import HEX_KEY, SECRET, case, case_id, insert, sealed
from tests.waiting import until


@dataclass
class Terminal:
    """A command on a terminal of its own, with all that it has written there."""

    keyboard: int
    process: asyncio.subprocess.Process
    written: bytes = b""

    def read(self) -> None:
        try:
            self.written += os.read(self.keyboard, 65_536)
        except OSError:  # it has ended
            asyncio.get_running_loop().remove_reader(self.keyboard)

    @property
    def said(self) -> str:
        return self.written.decode(errors="replace")

    async def sees(self, words: str) -> None:
        await until(lambda: words in self.said, words, state=lambda: self.said)

    def type(self, line: str) -> None:
        os.write(self.keyboard, line.encode() + b"\n")


@asynccontextmanager
async def on_a_terminal(*arguments: str, url: str) -> AsyncIterator[Terminal]:
    keyboard, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, stdin=terminal, stdout=terminal, stderr=terminal,
        env=environment(url, ENCRYPTION_KEY=HEX_KEY), start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    shown = Terminal(keyboard, process)
    asyncio.get_running_loop().add_reader(keyboard, shown.read)
    try:
        yield shown
    finally:
        asyncio.get_running_loop().remove_reader(keyboard)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(keyboard)


async def test_a_secret_is_shown_on_the_screen_that_leaves_no_scrollback(
    database: Database,
) -> None:
    await insert(database, sealed(case(3)))
    async with on_a_terminal("credential", "reveal", case_id(case(3)), url=database.url) as shown:
        await shown.sees("Enter hides it")
        before, _, after = shown.said.partition("\x1b[?1049h")
        assert SECRET in after
        assert SECRET not in before
        shown.type("")
        await shown.sees("\x1b[?1049l")
        assert await shown.process.wait() == 0
        assert SECRET not in shown.said.partition("\x1b[2J\x1b[?1049l")[2]


async def test_a_password_is_typed_without_echo(database: Database) -> None:
    add = ["credential", "add", "--platform", "p", "--label", "l"]
    async with on_a_terminal(*add, url=database.url) as shown:
        await shown.sees("Username: ")
        shown.type("dealer7")
        await shown.sees("Password (not shown): ")
        shown.type("hunter2")
        await shown.sees("Once more: ")
        shown.type("hunter2")
        await shown.sees("Added as ours")
        assert await shown.process.wait() == 0
        assert "hunter2" not in shown.said


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have the limit alone")
def test_core_dumps_are_switched_off() -> None:
    code = (
        "from agentflow_tui.vault.memory import keep_memory_private as keep; keep()\n"
        "import ctypes, resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0"]
