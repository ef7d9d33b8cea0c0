"""What goes over the line when much changes, and what happens when nothing takes it."""

import asyncio
import os
import pty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.terminal.cells import CellReader
from agentflow_tui.console.terminal.line_speed import LineSpeed
from agentflow_tui.console.terminal.progress import UNASKED, Progress
from agentflow_tui.console.terminal.writer import BURST, TerminalWriter
from agentflow_tui.store.connection.database import Database
from tests.console.driving import console, screen_text, sees
from tests.console.ptys import Terminal
from tests.samples import fill
from tests.waiting import patience, until, until_sync

GRID = ("-m", "tests.console.grid_app")
FRAME = 5_000
"""Bytes of a full frame at 80x24."""

LINE = 2_400
"""Bytes a second that a line of 24 kbit/s carries."""


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, **more: object) -> Terminal:
        opened.append(Terminal(list(arguments), answers=True, **more))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def sent(view: Terminal, keys: str, *texts: str) -> int:
    """How many bytes come until these texts are there, and nothing more."""
    before = len(view.raw)
    view.type(keys)
    view.until(*texts)
    view.quiet()
    return len(view.raw) - before


async def test_opening_and_closing_a_layer_takes_little_more_than_a_frame(
    database: Database, terminal: Callable[..., Terminal]
) -> None:
    await fill(database)
    view = terminal("--database", database.url, "--screen", "workflows")
    view.until("HTTP 503", "everything")
    view.quiet()
    for key, text in (("?", "Keys here"), ("/", "status:failed age"), ("U", "Leave it")):
        assert sent(view, key, text) <= 1.2 * FRAME, key
        assert sent(view, "\x1b", "HTTP 503") <= 1.2 * FRAME, key
    assert sent(view, "3", "carl@customer.test") <= 1.2 * FRAME


def test_a_terminal_that_is_not_read_stops_nothing(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    beats = tmp_path / "beats"
    view = terminal(str(beats), script=GRID)
    view.until("k0000004")
    view.quiet()
    for _ in range(100):
        os.write(view.fd, b"\x1b[6~")
        before = beats.stat().st_size
        until_sync(lambda: beats.stat().st_size > before, "a beat")  # noqa: B023  # waited for here
    os.write(view.fd, b"\x1b[H")
    before = beats.stat().st_size
    until_sync(lambda: beats.stat().st_size > before + 5, "beats")
    view.until("k0000004")


def test_leaving_a_terminal_that_is_not_read_gives_it_back(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    beats = tmp_path / "beats"
    view = terminal(str(beats), script=GRID)
    view.until("k0000004")
    for _ in range(60):
        os.write(view.fd, b"\x1b[6~")
        before = beats.stat().st_size
        until_sync(lambda: beats.stat().st_size > before + 1, "a beat")  # noqa: B023
    os.write(view.fd, b"\x11")
    ended = until_sync(lambda: os.waitpid(view.pid, os.WNOHANG)[0], "its end")
    assert ended == view.pid
    view.pid = 0
    view.quiet()
    assert all(sequence in view.raw[-200:] for sequence in (b"\x1b[?1049l", b"\x1b[?25h"))


@pytest.mark.parametrize("trip", [0.0, 0.3])
def test_no_more_is_sent_ahead_than_a_slow_line_carries_in_a_second(trip: float) -> None:
    progress, line = Progress(), SlowLine(trip)
    progress.asked(0.0)
    progress.answered(trip)
    for tick in range(1, 120):
        now = tick / 30
        for asked in line.answered(now):
            progress.answered(asked)
        if not progress.is_behind:
            progress.sent(300)
            line.take(300, now)
        if progress.should_ask:
            progress.asked(now)
            line.ask(now)
        assert line.waiting(now) <= 2 * LINE
    assert line.carried(4.0) > LINE * 4 * 0.7


def test_a_line_is_slow_when_three_measurements_say_so_and_quick_again_likewise() -> None:
    progress, now, told = Progress(), 0.0, []
    progress.asked(now)
    progress.answered(now + 0.01)
    for rate in (1e6, 2_000, 1e6, 2_000, 2_000, 2_000, 6_000, 2e4, 6_000, 2e4, 2e4, 2e4):
        progress.sent(UNASKED)
        progress.asked(now)
        now += 0.01 + UNASKED / rate
        progress.answered(now)
        told.append(progress.is_slow)
    assert told == [False] * 5 + [True] * 6 + [False]


async def test_a_terminal_that_does_not_answer_is_left_alone_after_much() -> None:
    terminal, keyboard = pty.openpty()
    room = asyncio.Event()
    writer = TerminalWriter(keyboard, room.set)
    try:
        behind = []
        writer.write_frame("x" * (BURST - 100))
        behind.append(writer.is_behind)
        writer.write_frame("x" * 300)
        behind.append(writer.is_behind)
        async with patience():
            await room.wait()
        behind.append(writer.is_behind)
        writer.ask()
        writer.answered()
        await asyncio.sleep(0)  # the answer is taken by the loop
        writer.write_frame("x" * 300)
        behind.append(writer.is_behind)
        assert behind == [False, True, False, False]
    finally:
        writer.finish()
        os.close(keyboard)
        os.close(terminal)


async def test_over_a_slow_line_less_is_sent_until_it_is_quick_again(database: Database) -> None:
    await fill(database)
    async with console(database.url, "users") as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await sees(pilot, "ann@acme.test")
        often = app._interval()
        app.post_message(LineSpeed(True))
        await sees(pilot, "slow line")
        assert app._interval() > often
        app.post_message(LineSpeed(False))
        await until(lambda: "slow line" not in screen_text(app))
        assert app._interval() == often


def test_few_colours_make_pens_shorter_but_keep_what_tells_rows_apart() -> None:
    reader = CellReader(ColorSystem.TRUECOLOR)
    strip = Strip([Segment("x", Style(color="#d08770", bgcolor="#2e3440", italic=True, bold=True))])
    ((_, full),) = reader.cells(strip)
    reader.use_few_colours(True)
    ((_, few),) = reader.cells(strip)
    assert few.background == full.background
    assert few.attributes == ("1",)
    assert len(few.foreground) == 2
    reader.use_few_colours(False)
    assert reader.cells(strip) == [("x", full)]


class SlowLine:
    """Bytes that arrive one after the other, and answers to what was asked behind them."""

    def __init__(self, trip: float) -> None:
        self._trip = trip
        self._free = 0.0
        """When all that was sent has arrived."""
        self._idle = 0.0
        self._answers: list[float] = []

    def take(self, count: int, now: float) -> None:
        self._idle += max(0.0, now - self._free)
        self._free = max(self._free, now) + count / LINE

    def ask(self, now: float) -> None:
        self._answers.append(max(self._free, now) + self._trip)

    def answered(self, now: float) -> list[float]:
        come = [at for at in self._answers if at <= now]
        self._answers = self._answers[len(come) :]
        return come

    def waiting(self, now: float) -> float:
        """Bytes that have not arrived."""
        return max(0.0, self._free - now) * LINE

    def carried(self, now: float) -> float:
        return (now - self._idle) * LINE - self.waiting(now)
