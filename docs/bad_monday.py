"""Records how the bad Monday of the sample data is brought to "nothing needs attention".

    python docs/bad_monday.py

Drives the real console, workers included, in a pty of its own on a database of its own. Writes
``docs/bad-monday.cast`` (asciinema's format, version 2) and ``docs/bad-monday.md``, and fails when
it takes more keys than `MOST` or something is not seen that should be. Needs the development tools.
"""

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.console.ptys import Terminal

FOLDER = Path(__file__).parent
SIZE = (100, 30)
MOST = 60

NAMES = {
    "\r": "enter",
    "\t": "tab",
    "\x1b": "esc",
}


@dataclass(frozen=True, slots=True)
class Move:
    """Keys, what they are for, and what shows that it has happened."""

    keys: str
    why: str
    sees: tuple[str, ...]


MOVES = (
    Move("jjjj\r", "Three locks are stale. Enter leads to them.", ("stale lock", "locked:yes")),
    Move("*U", "Mark them all, and look at the evidence.", ("Unlock 3 workflows", "worker")),
    Move("\t\r", "Nobody holds them any more: release them.", ("unlocked; u takes it back",)),
    Move("2!", "What else has failed among the workflows?", ("status:failed", "failed  ")),
    Move("*r", "Let them all go on where they stopped.", ("Retry", "workflows")),
    Move("\t\r", "The strip tells what fails again.", ("put back to work",)),
    Move("33", "Mail, by domain and age.", ("Mail by domain and age", "lakeside-motors.test")),
    Move("r\r", "Lakeside's server was down: what failed there is tried again.", ("Retry",)),
    Move("\t\r", "The strip follows it.", ("requeued:",)),
    Move("7", "Which kinds of errors are there?", ("Errors", "552 5.3.4")),
    Move("jc", "Too large for ever: take it out of the queue.", ("Cancel", "of this group")),
    Move("\t\r", "It can be taken back, too.", ("cancelled; u takes it back",)),
    Move("1", "What is left?", ("Needs attention (",)),
    Move("gjjjjjjjj" + "s", "The heading stands for all of it.", ("of them", "Acknowledge")),
    Move("\r", "Known now: it is shown again when it comes back or gets worse.", ("✓ nothing",)),
)


class Recorder(Terminal):
    """A pty that remembers when what was written."""

    def __init__(self, home: str) -> None:
        super().__init__(["demo"], size=SIZE, AGENTFLOW_HOME=home, AGENTFLOW_OPERATOR="anna")
        self.started = time.monotonic()
        self.pieces: list[tuple[float, bytes]] = []

    def read(self, seconds: float) -> int:
        before = len(self.raw)
        count = super().read(seconds)
        if len(self.raw) > before:
            self.pieces.append((time.monotonic() - self.started, bytes(self.raw[before:])))
        return count


def named(keys: str) -> str:
    """Keys as a person would call them."""
    return " ".join(f"`{NAMES.get(key, key)}`" for key in keys)


def play(view: Recorder) -> list[str]:
    """Make every move. Returns the lines of the page."""
    lines = []
    view.until("Needs attention (", "stale locks", seconds=60)
    lines += ["```", *view.text.rstrip().splitlines(), "```", ""]
    for number, move in enumerate(MOVES, start=1):
        for key in move.keys:
            view.type(key)
            view.read(0.25)
        view.until(*move.sees, seconds=30)
        view.read(0.8)
        lines += [f"**{number}.** {named(move.keys)} — {move.why}", ""]
        lines += ["```", *view.text.rstrip().splitlines(), "```", ""]
    return lines


def main() -> None:
    count = sum(len(move.keys) for move in MOVES)
    if count >= MOST:
        raise SystemExit(f"{count} keys are too many")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        view = Recorder(home)
        try:
            lines = play(view)
            view.type("\x11")
            view.wait(15.0)
        finally:
            view.close()
    page = [
        "# A bad Monday, put right",
        "",
        f"From the sample data of `make run` to “nothing needs attention” in {count} keys.",
        "Recorded from the real console by `docs/bad_monday.py`.",
        "`asciinema play docs/bad-monday.cast` plays it.",
        "",
        *lines,
    ]
    (FOLDER / "bad-monday.md").write_text("\n".join(page), encoding="utf-8")
    width, height = SIZE
    head = {"version": 2, "width": width, "height": height, "title": "A bad Monday, put right"}
    frames = [
        json.dumps([round(at, 3), "o", data.decode("utf-8", "replace")]) for at, data in view.pieces
    ]
    cast = "\n".join([json.dumps(head), *frames, ""])
    (FOLDER / "bad-monday.cast").write_text(cast, encoding="utf-8")
    print(f"{count} keys")


if __name__ == "__main__":
    main()
