"""A message taken apart in a process of its own, whose memory and time are bounded."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.process_limits import end_child

_DIED = "Taking the message apart took more memory or time than is allowed."


class BadMessageError(AgentflowError):
    """A message that cannot be taken apart; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenFile:
    """A file that the rule at ``taker`` takes, where it is now, and what it was in."""

    path: Path
    within: tuple[str, ...]
    taker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFiles:
    """What a message has brought: files that rules take, those that cannot be read, as file and
    reason, and the names of those that no rule takes."""

    files: tuple[TakenFile, ...]
    failed: tuple[dict[str, str], ...]
    left_out: tuple[str, ...]


async def take_apart(message: Path, folder: Path, takers: Sequence[str]) -> MessageFiles:
    """The files of a message that one of ``takers`` takes, written to a folder.

    Raises `BadMessageError`.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agentflow_tui.mailbox"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    request = {"message": str(message), "folder": str(folder), "takers": list(takers)}
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        answer = await process.stdout.read()
    finally:
        await end_child(process)
    try:
        told = json.loads(answer)
    except ValueError:
        raise BadMessageError(_DIED) from None
    if "error" in told:
        raise BadMessageError(told["error"])
    files = [
        TakenFile(path=Path(each["path"]), within=tuple(each["within"]), taker=each["taker"])
        for each in told["files"]
    ]
    return MessageFiles(
        files=tuple(files), failed=tuple(told["failed"]), left_out=tuple(told["leftOut"])
    )
