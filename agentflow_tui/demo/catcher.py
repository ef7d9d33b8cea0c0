"""A mail relay that keeps everything to itself: takes mail on this machine and records it.

For ``agentflow demo``, where no mail must leave, and for tests, which need a relay that behaves
badly when told to (`mischief`). What it accepted stands in its record before it says so.

``python -m agentflow_tui.demo.catcher --record FILE`` runs one in a process of its own and prints
its URL.
"""

import argparse
import asyncio
import ipaddress
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentflow_tui.demo.mischief import Memory, Mischief, Trick
from agentflow_tui.demo.smtp_session import Caught, Session
from agentflow_tui.errors import UsageError
from agentflow_tui.leash import until_input_ends


class Catcher:
    """The server. ``caught`` holds the last messages, ``contents`` their bytes if ``keep`` is set.

    ``turns`` counts how often it answered something: the round trips its clients have waited for.
    """

    def __init__(
        self, mischief: Mischief | None = None, *, record: Path | None = None, keep: int = 10_000
    ):
        self.mischief = mischief or Mischief()
        self.memory = Memory(self.mischief)
        self.caught: deque[Caught] = deque(maxlen=keep)
        self.contents: deque[bytes] = deque(maxlen=min(keep, 1000))
        self.commands: deque[str] = deque(maxlen=1000)
        self.turns = 0
        self.connections = 0
        self.sessions: set[Session] = set()
        self._record_path = record
        self._record: int | None = None
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen on this machine only; port 0 takes a free one. Raises OSError if it is taken."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the mail catcher listens on this machine only")
        if self._record_path is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._record = os.open(self._record_path, flags, 0o600)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), host, port, backlog=256)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """For ``SMTP_URL``."""
        assert self._server is not None
        return f"smtp://127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Stop at once, as a relay that crashes would."""
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.hang_up()
        if self._server is not None:
            await self._server.wait_closed()
        if self._record is not None:
            os.close(self._record)
            self._record = None

    def take(self, caught: Caught, content: bytes) -> None:
        """Record a message: one line, in one write, before its sender hears of it."""
        self.caught.append(caught)
        self.contents.append(content)
        if self._record is not None:
            os.write(self._record, json.dumps(asdict(caught)).encode() + b"\n")


async def _serve(arguments: argparse.Namespace) -> None:
    mischief = Mischief(
        seed=arguments.seed,
        shares=dict(arguments.share),
        slow=arguments.slow,
        times=arguments.times,
        as_domains=arguments.domains,
    )
    catcher = Catcher(mischief, record=arguments.record, keep=100)
    await catcher.start(arguments.port)
    sys.stdout.write(f"{catcher.url}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    ends: list[asyncio.Task[Any]] = [asyncio.create_task(stopped.wait())]
    if arguments.leash:
        ends.append(asyncio.create_task(until_input_ends(stopped.set)))
    ended, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    await catcher.close()
    for task in ended:
        task.result()


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port number")


def _share(text: str) -> tuple[Trick, float]:
    name, _, share = text.partition("=")
    try:
        return Trick(name), float(share)
    except ValueError:
        known = ", ".join(Trick)
        message = f"{text!r} is not TRICK=SHARE, such as slow=0.1; tricks are {known}"
        raise argparse.ArgumentTypeError(message) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m agentflow_tui.demo.catcher``."""
    parser = argparse.ArgumentParser(
        prog="catcher", description="Take mail on this machine, record it, pass nothing on."
    )
    parser.add_argument("--port", type=_port, default=0, help="port to listen on; 0: a free one")
    parser.add_argument("--record", type=Path, help="append one JSON line per message to this file")
    parser.add_argument("--seed", type=int, default=0, help="draws who gets which trick")
    parser.add_argument(
        "--share",
        action="append",
        default=[],
        type=_share,
        metavar="TRICK=SHARE",
        help=f"share of recipients (0 to 1) that get a trick: {', '.join(Trick)}",
    )
    parser.add_argument("--times", type=int, default=1, help="how often before it passes")
    parser.add_argument("--slow", type=float, default=0.2, help="seconds that 'slow' takes")
    parser.add_argument(
        "--domains", action="store_true", help="behave as the sample data's mail domains do"
    )
    parser.add_argument("--leash", action="store_true", help="end when standard input ends")
    parsed = parser.parse_args(arguments)
    try:
        asyncio.run(_serve(parsed))
    except UsageError as error:
        parser.exit(error.exit_code, f"{error}\n")
    except OSError as error:
        parser.exit(1, f"The mail catcher cannot start: {error.strerror}.\n")


if __name__ == "__main__":
    main()
