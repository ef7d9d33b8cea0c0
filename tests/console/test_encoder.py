"""What frames make of a terminal, cell by cell, beside what Textual's own output makes of it."""

import asyncio
import random
from asyncio import TimerHandle
from collections.abc import Callable

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from agentflow_tui.console.terminal import abilities
from agentflow_tui.console.terminal.abilities import Abilities
from agentflow_tui.console.terminal.frame_output import FrameOutput

CONSOLE = Console(color_system="truecolor", force_terminal=True)
LOOP = asyncio.new_event_loop()
"""Only for its clock."""

STYLES = [
    Style(color=fore, bgcolor=back, bold=bold, reverse=reverse, underline=underline, italic=italic)
    for fore, back in (("#d0d0d0", "#121417"), ("#5fafd7", "#5f0000"), ("red", "default"))
    for bold, reverse, underline, italic in (
        (None, None, None, None),
        (None, None, None, None),
        (True, None, True, None),
        (True, True, None, True),
    )
]
WORDS = ["a", "row", "  ", "      ", "│", "────", "日本", "한", "e\u0301", "●", "x" * 9, " ✗ "]
"""Texts of one cell and more: blanks, lines, wide and combined characters."""


class Glass:
    """A terminal without a line to it: it takes frames when it is told that it has room."""

    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.Stream(self.screen)
        self.stream.feed("\x1b[?7l")
        self.is_behind = False
        self.on_room: Callable[[], None] | None = None
        self.settled: Callable[[], None] = lambda: None

    def write_frame(self, frame: str) -> None:
        self.stream.feed(frame)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> TimerHandle:
        self.settled = callback
        return TimerHandle(0.0, callback, (), LOOP)

    def cells(self) -> list[list[tuple[object, ...]]]:
        """What can be seen in each cell."""
        columns = range(self.screen.columns)
        return [[_seen(self.screen.buffer[y][x]) for x in columns] for y in range(self.height)]

    @property
    def height(self) -> int:
        return int(self.screen.lines)


def _seen(cell: pyte.screens.Char) -> tuple[object, ...]:
    lines = (cell.underscore, cell.strikethrough, cell.reverse)
    if cell.data == " " and not any(lines):
        return (" ", cell.bg)
    return (cell.data, cell.fg, cell.bg, cell.bold, cell.italics, *lines)


def _starts(strip: Strip) -> list[int]:
    """Where a character starts or the strip ends, in cells."""
    starts = [0]
    for character in strip.text:
        starts.append(starts[-1] + cell_len(character))
    return starts


class Scene:
    """A screen that changes as a console does, at random."""

    def __init__(self, seed: int, size: tuple[int, int] = (30, 10)) -> None:
        self.random = random.Random(seed)
        self.size = size
        self.rows = self._some(size[1])

    def _some(self, count: int) -> list[Strip]:
        return [self._strip(self.size[0]) for _ in range(count)]

    def _strip(self, width: int) -> Strip:
        segments: list[Segment] = []
        style = self.random.choice(STYLES)
        while sum(segment.cell_length for segment in segments) < width:
            if self.random.random() < 0.3:
                style = self.random.choice(STYLES)
            segments.append(Segment(self.random.choice(WORDS), style))
        return Strip(segments).adjust_cell_length(width, style)

    def full(self) -> LayoutUpdate:
        return LayoutUpdate([[row] for row in self.rows], Region(0, 0, *self.size))

    def part(self, x: int, y: int, strips: list[Strip]) -> ChopsUpdate:
        """Something drawn over a part of the screen."""
        width, height = self.size
        chops: list[dict[int, Strip | None]] = [{} for _ in range(height)]
        ends: list[list[int]] = [[] for _ in range(height)]
        spans = []
        for line, strip in enumerate(strips, y):
            end = x + strip.cell_length
            row = self.rows[line]
            self.rows[line] = Strip.join([row.crop(0, x), strip, row.crop(end)])
            chops[line] = {0: self.rows[line]}
            ends[line] = [width]
            # A wide character whose half was drawn over is not one any more.
            starts = _starts(self.rows[line])
            first = max(start for start in starts if start <= max(0, x - 1))
            spans.append(
                (line, first, min(start for start in starts if start > min(end, width - 1)))
            )
        return ChopsUpdate(chops, spans, ends)

    def change(self) -> ChopsUpdate | LayoutUpdate:
        """One thing that happens."""
        width, height = self.size
        match self.random.randrange(5):
            case 0:
                self.rows = self._some(height)
            case 1:
                top = self.random.randrange(height - 3)
                bottom = self.random.randrange(top + 3, height + 1)
                by = self.random.choice([-2, -1, 1, 2])
                moved = self.rows[top:bottom]
                new = self._some(abs(by))
                self.rows[top:bottom] = moved[by:] + new if by > 0 else new + moved[:by]
            case 2:
                x, y = self.random.randrange(width - 1), self.random.randrange(height)
                return self.part(x, y, [self._strip(self.random.randrange(1, width - x))])
            case 3:
                x, y = self.random.randrange(width // 2), self.random.randrange(height // 2)
                strips = [self._strip(width // 2) for _ in range(height // 2)]
                return self.part(x, y, strips)
        return self.full()


def expected(scene: Scene) -> list[list[tuple[object, ...]]]:
    """What the whole screen looks like in a terminal that Textual wrote it to."""
    glass = Glass(*scene.size)
    glass.stream.feed(scene.full().render_segments(CONSOLE))
    return glass.cells()


def play(seed: int, steps: int) -> None:
    """Change a screen, now and then behind, resized, or drawn over by something else."""
    scene = Scene(seed)
    able = Abilities(bool(seed & 1), bool(seed & 2))
    glass = Glass(*scene.size)
    output = FrameOutput(glass, ColorSystem.TRUECOLOR, able=able)
    output.show(scene.full(), (0, 0))
    for step in range(steps):
        chance = scene.random.random()
        if chance < 0.1:
            size = scene.random.choice([(30, 10), (41, 13), (22, 8)])
            scene.size, scene.rows = size, []
            scene.rows = scene._some(size[1])
            glass.screen.resize(size[1], size[0])
            output.forget()
            output.show(scene.full(), (0, 0))
        elif chance < 0.2:
            glass.stream.feed("\x1b[2J\x1b[1;1Hagentflow: suspended\x1b[31m\r\n\x1b[m")
            output.forget()
        glass.is_behind = scene.random.random() < 0.3
        output.show(scene.change(), (step % 20, step % 7))
        glass.settled()
        if glass.is_behind:
            continue
        assert glass.cells() == expected(scene), (seed, step)
        assert (glass.screen.cursor.x, glass.screen.cursor.y) == (step % 20, step % 7)
    glass.is_behind = False
    assert glass.on_room is not None
    glass.on_room()
    assert glass.cells() == expected(scene), seed


def test_it_steps_aside_for_a_version_that_it_was_not_proven_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert abilities.why_stock_output() is None
    monkeypatch.setattr(abilities, "PROVEN", ("8.2.7",))
    assert "8.2.7" in str(abilities.why_stock_output())


@settings(max_examples=25, deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_frames_show_what_textual_would_show(seed: int) -> None:
    play(seed, 12)


@pytest.mark.long
@pytest.mark.timeout(7_200)
@settings(max_examples=2_000, deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_frames_show_what_textual_would_show_for_long(seed: int) -> None:
    play(seed, 40)
