"""Writes to the terminal without ever waiting for it, and knows whether it keeps up.

What a terminal has been sent waits in several places: the kernel holds 20 KB for it, a connection
and the machines in between hold more. On a slow line that is many seconds. So the terminal is asked
from time to time whether it is well; its answer means that it has shown all that was sent before.
"""

import asyncio
import contextlib
import os
import select
import termios
import threading
import time
from collections import deque
from collections.abc import Callable

from agentflow_tui.console.terminal.progress import Progress

QUESTION = b"\x1b[5n"
ANSWER = "\x1b[0n"

GIVEN_UP = 10.0
"""Seconds after which an answer is not waited for any longer: it may have got lost."""

PACE = 1_600
"""Bytes a second that a terminal is sent which has not answered yet, or never does."""

BURST = 3_000
"""Bytes that it is sent at once after it was left alone for long enough."""

LONGEST_REST = 1.0
"""Seconds that it is left alone at most after a frame."""

LAST_WORDS = 0.3
"""Seconds that a terminal has, when the console leaves it, to take and answer what was sent."""

_CANCEL = b"\x18"
"""Ends a sequence of which the terminal got a part only."""


class TerminalWriter:
    """A terminal that is written to from the loop.

    Frames are written by `write_frame`, when `is_behind` says that there is room; everything else
    by `write` at any time, in any thread. ``on_room`` is called when there is room again,
    ``on_speed`` when the line has become slow (True), or is not any more.
    """

    def __init__(
        self,
        fileno: int,
        on_room: Callable[[], None],
        on_speed: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Raises OSError if the terminal cannot be opened once more.

        Not to wait is a property of the open file, which is shared with the shell and with all
        that it started: hence a file of its own.
        """
        self._fd = open_again(fileno)
        self._on_room = on_room
        self._on_speed = on_speed
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._kept: deque[tuple[bytes, bool]] = deque()
        """What the kernel did not take yet, and whether it can be dropped on leaving."""
        self._progress = Progress()
        self._is_answered = threading.Event()
        self._is_watched = False
        self._patience: asyncio.TimerHandle | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._credit = (BURST, time.monotonic())
        """Bytes that a terminal may be sent without a rest, and since when: see `_rest`."""

    @property
    def is_behind(self) -> bool:
        """Whether the terminal still has enough to show."""
        return bool(self._kept) or self._resting is not None or self._progress.is_behind

    def write(self, text: str) -> None:
        """Write something that is no picture; nothing of it is ever dropped."""
        if threading.get_ident() == self._thread:
            self._put(text, is_frame=False)
        else:
            self._loop.call_soon_threadsafe(self.write, text)

    def write_frame(self, text: str) -> None:
        """Write a whole frame."""
        count = self._put(text, is_frame=True)
        if not self._progress.is_answering:
            self._rest(count)

    def ask(self) -> None:
        """Ask the terminal whether it is well, and so whether it has shown what was sent."""
        self._is_answered.clear()
        self._progress.asked(time.monotonic())
        self._patience = self._loop.call_later(GIVEN_UP, self._give_up)
        self._kept.append((QUESTION, True))
        self._flush()

    def answered(self) -> None:
        """The terminal has answered. May be called in any thread."""
        self._is_answered.set()
        with contextlib.suppress(RuntimeError):  # the loop may have ended
            self._loop.call_soon_threadsafe(self._take_answer, time.monotonic())

    def await_answer(self) -> None:
        """Wait a moment for an answer that is still to come: there will be nothing to read it."""
        if self._progress.is_answering and self._progress.is_asked and not self._kept:
            self._is_answered.wait(LAST_WORDS)

    def finish(self) -> None:
        """Have the terminal take what is left, and close it.

        If it takes nothing, what it should have shown is dropped, by the kernel too, so that there
        is room for what makes it an ordinary terminal again.
        """
        end = time.monotonic() + LAST_WORDS
        while self._kept and (left := end - time.monotonic()) > 0:
            select.select([], [self._fd], [], left)
            self._flush()
        if self._kept:
            with contextlib.suppress(termios.error):
                termios.tcflush(self._fd, termios.TCOFLUSH)
            words = b"".join(data for data, is_frame in self._kept if not is_frame)
            self._kept = deque([(_CANCEL + words, False)])
            self._flush()
        self._kept.clear()
        self._flush()
        self._lose_patience()
        if self._resting is not None:
            self._resting.cancel()
        os.close(self._fd)

    def _put(self, text: str, *, is_frame: bool) -> int:
        """Write it, or keep it until it can be written. Returns how many bytes it has."""
        data = text.encode("utf-8", "replace")
        self._progress.sent(len(data))
        self._kept.append((data, is_frame))
        if self._progress.should_ask:
            self.ask()
        else:
            self._flush()
        return len(data)

    def _rest(self, count: int) -> None:
        """Leave a terminal that does not answer alone after much: nothing else says how far behind
        it is until the kernel's 20 KB are full, which are many seconds of a slow line."""
        before, since = self._credit
        now = time.monotonic()
        credit = min(BURST, before + int((now - since) * PACE)) - count
        self._credit = max(credit, -int(LONGEST_REST * PACE)), now
        if credit < 0 and self._resting is None:
            seconds = min(-credit / PACE, LONGEST_REST)
            self._resting = self._loop.call_later(seconds, self._end_rest)

    def _end_rest(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
            self._go_on()

    def _flush(self) -> None:
        """Give the kernel what it takes, and have it say when it takes more."""
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while self._kept:
                data, is_frame = self._kept[0]
                taken = self._give(data)
                if taken == len(data):
                    self._kept.popleft()
                else:
                    self._kept[0] = data[taken:], is_frame
        if bool(self._kept) != self._is_watched:
            self._is_watched = not self._is_watched
            if self._is_watched:
                self._loop.add_writer(self._fd, self._go_on)
            else:
                self._loop.remove_writer(self._fd)

    def _give(self, data: bytes) -> int:
        """How many bytes were taken; all of them by a terminal that is gone."""
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            raise
        except OSError:
            return len(data)

    def _go_on(self) -> None:
        self._flush()
        if not self.is_behind:
            self._on_room()

    def _take_answer(self, now: float) -> None:
        self._lose_patience()
        was_slow = self._progress.is_slow
        self._progress.answered(now)
        if self._progress.is_slow != was_slow:
            self._on_speed(not was_slow)
        self._end_rest()
        if self._progress.should_ask:
            self.ask()
        self._go_on()

    def _give_up(self) -> None:
        self._progress.give_up()
        self._go_on()

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def open_again(fileno: int) -> int:
    """The terminal behind an open file, as one that never makes a write wait. Raises OSError."""
    return os.open(os.ttyname(fileno), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
