"""Sessions of the real console, workers included, in a pty of its own on sample data of its own."""

import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.console.ptys import ROOT, Terminal

NUMBER = "#"

INSIDE = 3
"""The column that is looked at to tell where the cursor is."""

NAMES = {
    "\r": "enter",
    "\t": "tab",
    "\x1b": "esc",
    "\x15": "ctrl+u",
    " ": "space",
    "\x7f": "backspace",
}


@dataclass(frozen=True, slots=True)
class Move:
    """Keys, what they are for, and what shows that it has happened. ``NUMBER`` in keys and
    in what is seen is the one that a dialog asks for; ``only_if`` is what the screen must show for
    the move to be needed; ``to`` is what stands in the line that `j` leads to before the keys."""

    keys: str
    why: str
    sees: tuple[str, ...]
    only_if: str = ""
    to: str = ""


class Recorder(Terminal):
    """A pty that remembers when what was written. ``home`` is a folder of its own."""

    def __init__(self, home: str, size: tuple[int, int]) -> None:
        offered = Path(home) / "tour" / "demo.json"
        offered.parent.mkdir(parents=True)
        offered.touch()
        self.home, self.size = home, size
        super().__init__(["demo"], size=size, AGENTFLOW_HOME=home, AGENTFLOW_OPERATOR="anna")
        self.started = time.monotonic()
        self.pieces: list[tuple[float, bytes]] = []

    def read(self, seconds: float) -> int:
        before = len(self.raw)
        count = super().read(seconds)
        if len(self.raw) > before:
            self.pieces.append((time.monotonic() - self.started, bytes(self.raw[before:])))
        return count

    def make(self, move: Move) -> str:
        """Type the keys of a move, as a person does, and wait for what it shows. Returns them."""
        if move.only_if not in self.text:
            return ""
        way = self.go_to(move.to) if move.to else ""
        asked = re.search(r"type (\d+)", self.text)
        number = asked[1] if asked else ""
        keys = move.keys.replace(NUMBER, number)
        for key in keys:
            self.type(key)
            self.read(0.25)
        self.until(*(text.replace(NUMBER, number) for text in move.sees), seconds=30)
        self.read(0.8)
        return way + keys

    def go_to(self, text: str) -> str:
        """Move down to the line in which a text stands. Returns the keys that it took.

        Raises `AssertionError` when no such line is met.
        """
        for count in range(self.screen.lines):
            if self.is_at(text):
                return "j" * count
            self.type("j")
            self.read(0.25)
            self.quiet(0.25)
        raise AssertionError(f"no line is met with: {text}\n{self.text}")

    def is_at(self, text: str) -> bool:
        """Whether the cursor is on the line in which a text stands: it has a background of its
        own."""
        grounds = [self.screen.buffer[row][INSIDE].bg for row in range(self.screen.lines)]
        usual = Counter(grounds).most_common(1)[0][0]
        lines = zip(self.screen.display, grounds, strict=True)
        return any(text in line and ground != usual for line, ground in lines)

    def lines(self) -> list[str]:
        """The screen as a block of Markdown."""
        text = self.without_paths(self.text.rstrip())
        return ["```", *text.splitlines(), "```", ""]

    def cast(self, title: str, *, since: float = 0.0) -> str:
        """What was recorded, in asciinema's format, version 2. ``since`` seconds after the start it
        begins; what was there by then comes at once."""
        width, height = self.size
        head = {"version": 2, "width": width, "height": height, "title": title}
        frames = [
            json.dumps([round(max(0.0, at - since), 3), "o", data.decode("utf-8", "replace")])
            for at, data in self.pieces
        ]
        return self.without_paths("\n".join([json.dumps(head), *frames, ""]))

    def without_paths(self, text: str) -> str:
        """The text with the places of this machine in other words."""
        return text.replace(self.home, "~/agentflow").replace(str(ROOT), "~")


@contextmanager
def recording(size: tuple[int, int]) -> Iterator[Recorder]:
    """A console on fresh sample data, seen once its overview stands; it is left at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        view = Recorder(home, size)
        try:
            view.until("Needs attention", "stale lock", seconds=60)
            view.quiet(0.5)
            yield view
            view.type("\x11")
            view.wait(15.0)
        finally:
            view.close()


def named(keys: str) -> str:
    """Keys as a person would call them: one by one, but typed words together."""
    words: list[str] = []
    for key in keys:
        name = NAMES.get(key, key)
        words.append(name)
    return " ".join(f"`{word}`" for word in words)
