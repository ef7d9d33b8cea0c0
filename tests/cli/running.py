"""The commands, run as a user runs them."""

import asyncio
import os
import pty
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import CompletedProcess

from tests.cli.forking import run

PROGRAM = [sys.executable, "-m", "agentflow_tui"]


def environment(url: str = "", home: Path | None = None, **more: str) -> dict[str, str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AGENTFLOW", "DATABASE"))}
    if url:
        environ["AGENTFLOW_DATABASE_URL"] = url
    if home:
        environ |= {"AGENTFLOW_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    return environ | more


async def agentflow(
    *arguments: str, url: str = "", home: Path | None = None, given: str = "", **more: str
) -> CompletedProcess[str]:
    """A command that has ended; ``given`` is what its standard input held."""
    return await asyncio.to_thread(run, arguments, environment(url, home, **more), given=given)


@asynccontextmanager
async def at_a_terminal(*arguments: str, url: str) -> AsyncIterator[tuple[Process, int]]:
    """A running command, and what types at its standard input, which is a terminal."""
    keyboard, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, stdin=terminal, stdout=PIPE, stderr=PIPE, env=environment(url)
    )
    os.close(terminal)
    try:
        yield process, keyboard
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(keyboard)


async def until_said(process: Process, words: str) -> str:
    """What the process has said on stderr up to the line that holds these words."""
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = await process.stderr.readline()
        assert line, f"{words!r} was never said, but {said!r}"
        said += line.decode()
    return said
