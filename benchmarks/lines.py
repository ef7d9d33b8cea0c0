"""What goes over the line to the terminal, on a slow line, and while the terminal is not read.

    python -m benchmarks.lines

Runs the console in ptys on a sample database in a temporary directory. The slow line is a pty that
is read at 2,400 bytes a second, with a terminal behind it that answers as it reads.
"""

import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from agentflow_tui.embedded import postgres
from benchmarks.console import LARGE, SMALL, TABLE, Peer, less, sent
from benchmarks.tables import Result, show
from tests.console.ptys import Terminal

LINE = 2_400
HELD, UNREAD = 3.0, 15.0
"""Seconds for which a key is held, and a terminal is not read."""

REPAINT = "\x0c"

LIST = (
    TABLE.removesuffix("Table().run()\n")
    + """
from pathlib import Path
class Beating(Table):
    def on_mount(self):
        self.set_interval(0.1, self.beat)
    def beat(self):
        with Path(%r).open("ab") as file:
            file.write(b".")
Beating().run()
"""
)
"""The same table, and a file that gets a byte every tenth of a second while the loop goes on."""


def layers(url: str) -> list[Result]:
    """Bytes of what opens and closes, against a full frame at the same size."""
    results = []
    for size in (SMALL, LARGE):
        terminal = Terminal(["--database", url, "--screen", "workflows"], size=size, answers=True)
        terminal.until("rows")
        name = f"{size[0]}x{size[1]}"
        before = sent(terminal, REPAINT)
        results.append(Result(f"a full frame at {name}", before, None, "bytes"))
        for what, key in (("help", "?"), ("the filter", "/"), ("a dialog", "U"), ("screen 3", "3")):
            opening = sent(terminal, key)
            frame = max(before, sent(terminal, REPAINT))
            closing = sent(terminal, "2" if key == "3" else "\x1b")
            results += [
                Result(f"opening {what} at {name}, frames", opening / frame, 1.2),
                Result(f"closing {what} at {name}, frames", closing / frame, 1.2),
            ]
        terminal.close()
    return results


def scrolls(url: str) -> list[Result]:
    terminal = Terminal(["--database", url, "--screen", "emails"], size=LARGE, answers=True)
    terminal.until("rows")
    terminal.type("j" * 70)
    line = sorted(sent(terminal, "j") for _ in range(5))[2]
    page = sorted(sent(terminal, "\x1b[6~") for _ in range(5))[2]
    terminal.close()
    return [
        Result("a scroll by one line at 200x60", line, 600, "bytes"),
        Result("a full page at 200x60, against less -S", page / less(LARGE), 1.1),
    ]


def lag(terminal: Terminal, key: str) -> float:
    """Seconds that a slow line has work after a key was held for `HELD` seconds."""
    began = last = time.monotonic()
    typed = read = 0
    while time.monotonic() < began + HELD or time.monotonic() < last + 1.0:
        time.sleep(0.02)
        now = time.monotonic()
        if typed < 30 * min(now - began, HELD):
            terminal.type(key)
            typed += 1
        allowed = int((now - began) * LINE) - read
        got = terminal.take(allowed)
        read += got
        if got:
            last = now
        else:
            read += allowed  # an idle line saves nothing up
    return max(0.0, last - began - HELD)


def held(url: str) -> list[Result]:
    results = []
    for answers, note in ((True, ""), (False, "a terminal that answers nothing")):
        arguments = ["--database", url, "--screen", "emails"]
        terminal = Terminal(arguments, size=SMALL, answers=answers)
        terminal.until("rows")
        terminal.quiet()
        took = lag(terminal, "j")
        results.append(Result("lag after j was held for 3 s, 2,400 B/s", took, 2.0, "s", note))
        terminal.close()
    peer = Peer(LIST % "/dev/null", SMALL)
    peer.until("Fetch leads")
    peer.quiet()
    results.append(Result("the same, DataTable", lag(peer, "\x1b[B"), None, "s"))
    peer.close()
    return results


def heartbeats(home: Path) -> list[Result]:
    """How many of its heartbeats a program does while keys come and its terminal is not read."""
    ours, theirs = home / "ours", home / "theirs"
    grid = Terminal([str(ours)], size=LARGE, answers=True, script=("-m", "tests.console.grid_app"))
    peer = Peer(LIST % str(theirs), LARGE)
    grid.until("k0000004")
    peer.until("Fetch leads")
    shares = []
    for terminal, file in ((grid, ours), (peer, theirs)):
        counts = []
        keys = cycle([b"\x1b[6~", b"\x1b[6~", b"\x1b[5~", b"\x1b[5~"])
        for reads in (True, False):
            before = file.stat().st_size
            end = time.monotonic() + UNREAD
            while time.monotonic() < end:
                os.write(terminal.fd, next(keys))
                if reads:
                    terminal.read(0.1)
                else:
                    time.sleep(0.1)
            counts.append(file.stat().st_size - before)
        shares.append(100 * counts[1] / counts[0])
        terminal.close()
    return [
        Result("heartbeats while the terminal is not read", shares[0], 99, "%", at_least=True),
        Result("the same, DataTable", shares[1], None, "%"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as home, postgres.start(Path(home) / "data") as server:
        environ = {**os.environ, "AGENTFLOW_HOME": str(Path(home) / "data")}
        fill = [sys.executable, "-m", "agentflow_tui", "demo", "--no-console", "--scale", "20000"]
        subprocess.run(fill, env=environ, check=True)
        url = server.url
        show([*layers(url), *scrolls(url), *held(url), *heartbeats(Path(home))])


if __name__ == "__main__":
    main()
