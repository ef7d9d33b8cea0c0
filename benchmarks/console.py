"""What the console costs: start, keys, bytes, idling, memory; beside stock Textual in the same run.

    python -m benchmarks.console [--peers]

Runs the real programs in ptys, ours and the peers in turn. Makes a sample database in a temporary
directory first.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.place import Place
from agentflow_tui.embedded import postgres
from agentflow_tui.settings import Context, Settings
from benchmarks.peers import python_with
from benchmarks.servers import resident
from benchmarks.tables import Result, ratio, show
from tests.console.ptys import Terminal

ROUNDS = 5
SMALL, LARGE = (80, 24), (200, 60)

MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("ready to go")
Minimal().run()
"""

TABLE = """
from textual.app import App
from textual.widgets import DataTable
class Table(App):
    def compose(self):
        yield DataTable(cursor_type="row")
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("Status", "Steps", "At", "Lock", "Age", "Moved", "Owner", "Why")
        for n in range(1000):
            table.add_row("completed", "5/5", "Fetch leads", "", "4h", "3h", "user",
                          f"nothing to explain about row {n}")
        table.focus()
Table().run()
"""


class Peer(Terminal):
    """A program of a few lines in a pty."""

    def __init__(self, source: str, size: tuple[int, int]) -> None:
        path = Path(tempfile.mkdtemp()) / "peer.py"
        path.write_text(source)
        super().__init__([], size=size, script=(str(path),))


def start_time(make: Callable[[], Terminal], *texts: str) -> float:
    before = time.perf_counter()
    terminal = make()
    while not all(text in terminal.text for text in texts):
        assert terminal.first(30.0), terminal.text
    took = time.perf_counter() - before
    terminal.close()
    return took


def key_time(terminal: Terminal, key: str) -> float:
    """Seconds from a key to the first paint that it causes."""
    terminal.quiet(0.25)
    before = time.perf_counter()
    terminal.type(key)
    terminal.first(5.0)
    return time.perf_counter() - before


def starts(url: str) -> list[Result]:
    ours, minimal = [], []
    for _ in range(ROUNDS):
        ours.append(
            start_time(lambda: Terminal(["--database", url, "--screen", "workflows"]), "rows")
        )
        minimal.append(start_time(lambda: Peer(MINIMAL, SMALL), "ready to go"))
    return [
        Result("start to first rows, against a minimal Textual app", ratio(ours, minimal), 1.15),
        Result(
            "the same, in seconds",
            statistics.median(ours),
            1.15 * statistics.median(minimal),
            "s",
            "target: 1.15 minimal apps",
        ),
    ]


def harlequin(url: str) -> list[Result]:
    """The same start of a database client in Textual, in an environment of its own."""
    python = python_with("harlequin", "harlequin", "harlequin-postgres")
    if python is None:
        return []
    source = (
        "import os\n"
        f"os.execv({str(python.parent / 'harlequin')!r}, "
        f"['harlequin', '--no-download-tzdata', '-a', 'postgres', {url!r}])"
    )
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(
            start_time(lambda: Terminal(["--database", url, "--screen", "workflows"]), "rows")
        )
        theirs.append(start_time(lambda: Peer(source, SMALL), "Query Editor", "agentflow"))
    return [Result("start to first rows, against harlequin", ratio(ours, theirs), 0.2)]


def keys(url: str) -> list[Result]:
    results = []
    for size in (SMALL, LARGE):
        ours = Terminal(["--database", url, "--screen", "tasks"], size=size)
        peer = Peer(TABLE, size)
        ours.until("rows")
        peer.until("Fetch leads")
        for name, key, target in (("Down", "\x1b[B", 0.35), ("PageDown", "\x1b[6~", 0.15)):
            if size == SMALL and name == "PageDown":
                continue
            rounds = [(key_time(ours, key), key_time(peer, key)) for _ in range(4 * ROUNDS)]
            results.append(
                Result(
                    f"{name} to paint at {size[0]}x{size[1]}, against DataTable",
                    ratio([a for a, _ in rounds], [b for _, b in rounds]),
                    target,
                )
            )
        ours.close()
        peer.close()
    return results


def sent(terminal: Terminal, key: str) -> int:
    terminal.quiet(0.4)
    before = len(terminal.raw)
    terminal.type(key)
    terminal.quiet(0.4)
    return len(terminal.raw) - before


def less(size: tuple[int, int]) -> int:
    """Bytes of a page in ``less -S`` over a text of the same shape."""
    path = Path(tempfile.mkdtemp()) / "text"
    path.write_text("".join(f"completed 5/5 row {n} ".ljust(size[0]) + "\n" for n in range(5000)))
    source = f"import os\nos.execvp('less', ['less', '-S', {str(path)!r}])"
    terminal = Peer(source, size)
    terminal.until("row 5")
    count = sent(terminal, " ")
    terminal.close()
    return count


def traffic(url: str) -> list[Result]:
    terminal = Terminal(["--database", url, "--screen", "users"], size=LARGE)
    terminal.until("rows", "●")
    terminal.quiet(1.0)
    still = terminal.read(5.0)
    terminal.close()
    terminal = Terminal(["--database", url, "--screen", "tasks"], size=LARGE)
    terminal.until("rows")
    page = statistics.median(sent(terminal, "\x1b[6~") for _ in range(3))
    terminal.close()
    return [
        Result("unchanged for 5 s", still, 0, "bytes"),
        Result("a full page at 200x60, against less -S", page / less(LARGE), 1.0),
    ]


async def idle(url: str) -> list[Result]:
    app = ConsoleApp(Environment(Settings(context=Context(database_url=url))), Place("workflows"))
    async with app.run_test(size=SMALL):
        await asyncio.sleep(3)
        database = app.env.database
        assert database is not None
        before = database.statements
        await asyncio.sleep(20)
        return [
            Result("statements a second when idle", (database.statements - before) / 20, 1.0, "1/s")
        ]


def memory(url: str) -> list[Result]:
    ours = Terminal(["--database", url, "--screen", "tasks"], size=SMALL)
    peer = Peer(MINIMAL, SMALL)
    ours.until("rows")
    peer.until("ready")
    for _ in range(500):
        ours.type("\x1b[6~")
        ours.read(0.02)
    ours.quiet()
    before = resident(ours.pid)
    for _ in range(1_200):
        ours.type("\x1b[6~")
        ours.read(0.01)
    ours.quiet()
    after, minimal = resident(ours.pid), resident(peer.pid)
    ours.close()
    peer.close()
    return [
        Result(
            "memory, against a minimal Textual app", after / minimal, 1.5, "x", f"{after:.0f} MB"
        ),
        Result("growth over 1,200 pages", after - before, 1.0, "MB"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as home, postgres.start(Path(home) / "data") as server:
        environ = {**os.environ, "AGENTFLOW_HOME": str(Path(home) / "data")}
        fill = [sys.executable, "-m", "agentflow_tui", "demo", "--no-console", "--scale", "100000"]
        subprocess.run(fill, env=environ, check=True)
        url = server.url
        results = [*starts(url), *keys(url), *traffic(url), *asyncio.run(idle(url)), *memory(url)]
        if "--peers" in sys.argv:
            results += harlequin(url)
    show(results)


if __name__ == "__main__":
    main()
