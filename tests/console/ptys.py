"""The real console in a real pty, byte for byte."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import pyte

from tests.waiting import SECONDS, until_sync

ROOT = Path(__file__).parent.parent.parent

ANSWERS = {b"\x1b[5n": b"\x1b[0n", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
"""What a terminal is asked, and says: that it is well, and knows synchronized output."""


class Terminal:
    """A process in a pty of its own: what it wrote, and the screen that makes."""

    def __init__(
        self,
        arguments: list[str],
        *,
        size: tuple[int, int] = (80, 24),
        script: tuple[str, ...] = (),
        answers: bool = True,
        **environ: str,
    ) -> None:
        """``answers`` says whether it answers what a console asks, as good terminals do."""
        width, height = size
        self._answers = ANSWERS if answers else {}
        self.raw = bytearray()
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            kept = {
                name: value
                for name, value in os.environ.items()
                if name not in {"DATABASE_URL", "AGENTFLOW_DATABASE_URL", "NO_COLOR"}
            }
            kept |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environ}
            program = [sys.executable, *(script or ("-m", "agentflow_tui")), *arguments]
            os.execve(sys.executable, program, kept)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self, seconds: float) -> int:
        """Take what comes within so many seconds. Returns how many bytes came."""
        end = time.monotonic() + seconds
        before = len(self.raw)
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.fd], [], [], left)
            if not ready:
                break
            try:
                data = os.read(self.fd, 65_536)
            except OSError:
                break
            if not data:
                break
            self._take(data)
        return len(self.raw) - before

    def _take(self, data: bytes) -> None:
        self.raw += data
        self._stream.feed(data)
        for question, answer in self._answers.items():
            seen = self.raw[-len(data) - len(question) + 1 :]
            if seen.count(question):
                os.write(self.fd, answer * seen.count(question))

    def take(self, count: int) -> int:
        """Take at most so many bytes of what has come. Returns how many there were."""
        if count <= 0 or not select.select([self.fd], [], [], 0)[0]:
            return 0
        data = os.read(self.fd, count)
        self._take(data)
        return len(data)

    def first(self, seconds: float) -> int:
        """Wait for the first bytes that come. Returns how many there were."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return 0
        data = os.read(self.fd, 65_536)
        self._take(data)
        return len(data)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, *texts: str, seconds: float = SECONDS) -> None:
        """Wait until all these stand on the screen."""
        until_sync(
            lambda: all(text in self.text for text in texts),
            " & ".join(texts),
            state=lambda: self.text,
            seconds=seconds,
            pause=lambda: self.read(0.05),
        )

    def quiet(self, seconds: float = 0.5) -> None:
        """Wait until nothing has come for so long."""
        while self.read(seconds):
            pass

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit code, once it has ended."""
        _, status = until_sync(
            self._ended,
            "its end",
            state=lambda: self.text,
            seconds=seconds,
            pause=lambda: self.read(0.05),
        )
        self.pid = 0
        self.read(0.05)  # its last words
        return os.waitstatus_to_exitcode(status)

    def _ended(self) -> tuple[int, int] | None:
        found = os.waitpid(self.pid, os.WNOHANG)
        return found if found[0] else None

    def close(self) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        os.close(self.fd)
