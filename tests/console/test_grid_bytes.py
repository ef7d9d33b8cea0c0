"""What the list widget writes to a terminal."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow_tui.console.terminal.writer import ANSWER, QUESTION
from tests.console.grid_app import MARK
from tests.waiting import FACTOR, SECONDS

SIZES = [(80, 24), (200, 60)]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def terminal() -> Iterator[Callable[[tuple[int, int]], "Glass"]]:
    opened: list[Glass] = []

    def start(size: tuple[int, int]) -> Glass:
        opened.append(Glass(size))
        return opened[-1]

    yield start
    for glass in opened:
        glass.close()


@pytest.mark.parametrize("size", SIZES)
def test_bytes_on_the_wire(
    terminal: Callable[[tuple[int, int]], "Glass"], size: tuple[int, int]
) -> None:
    glass = terminal(size)
    glass.order("")
    assert glass.order("1") == glass.order("3") == glass.order("5") == 0
    assert 0 < glass.order("2") <= 80
    assert 0 < glass.order("j") <= 2 * size[0] + 200
    assert 0 < glass.order("4") <= size[1] * 60
    assert glass.order("\x1b[6~") <= size[1] * size[0]
    for _ in range(size[1]):
        glass.order("j")
    assert 0 < glass.order("j") <= 600


class Glass:
    """The list as a program in a pty that answers, and knows synchronised output, as good terminals
    do."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        command = [sys.executable, "-m", "tests.console.grid_app"]
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environ.pop("NO_COLOR", None)
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=inner, stdout=inner, stderr=inner
        )
        os.close(inner)
        self._data = b""
        self._read_to(b"\x1b[?2026$p")
        os.write(self._fd, b"\x1b[?2026;2$y")
        self._read_to(b"k0000004")

    def order(self, key: str) -> int:
        """How many bytes a key makes the program write."""
        os.write(self._fd, key.encode() + b"0")
        return len(self._read_to(MARK.encode())) - len(MARK)

    def _read_to(self, mark: bytes) -> bytes:
        end = time.monotonic() + SECONDS * FACTOR
        while mark not in self._data:
            ready, _, _ = select.select([self._fd], [], [], end - time.monotonic())
            assert ready, self._data[-2000:]
            read = os.read(self._fd, 65_536)
            os.write(self._fd, ANSWER.encode() * read.count(QUESTION))
            self._data += read
        head, _, self._data = self._data.partition(mark)
        return head + mark

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)
