"""How far a terminal is behind, told from how long its answers take."""

import math

AHEAD = 0.4
"""Seconds of the line's time that may be sent ahead of what the terminal has shown."""

LEAST_AHEAD, MOST_AHEAD = 1_024, 65_536
"""The same in bytes, at least and at most."""

UNASKED = 512
"""Bytes after which the terminal should be asked again."""

SLOW, QUICK = 4_000, 12_000
"""Bytes a second below which a line is slow, and above which one that was slow is not any more."""

IN_A_ROW = 3
"""Measurements that have to agree: a single one may be a hiccup."""

_SHORTEST = 0.001
"""Seconds below which a line's time cannot be told."""


class Progress:
    """How much of what was sent the terminal has shown.

    Counts are bytes since the start, times are seconds of one clock. One question is open at a
    time. A terminal that never answers is never behind here.
    """

    def __init__(self) -> None:
        self.is_answering = False
        """It has answered once."""
        self.is_asked = False
        """A question is open."""
        self._sent = 0
        self._shown = 0
        self._asked = (0, 0, 0.0)
        """What was sent, how much of it was not shown, and when, as the question was asked."""
        self._trip = math.inf
        """Seconds of the shortest way to the terminal and back."""
        self._ahead = 4 * LEAST_AHEAD
        self.is_slow = False
        """The line carries little, and has for some time."""
        self._against = 0
        """Measurements in a row that speak against this."""

    @property
    def is_behind(self) -> bool:
        """More was sent ahead of the answers than the line carries in a moment."""
        return self.is_answering and self._sent - self._shown > self._ahead

    @property
    def should_ask(self) -> bool:
        """Enough was sent since the last question, which is answered."""
        unasked = self._sent - self._shown
        return self.is_answering and not self.is_asked and unasked >= UNASKED

    def sent(self, count: int) -> None:
        """So many bytes were written."""
        self._sent += count

    def asked(self, now: float) -> None:
        """A question was written last."""
        self.is_asked = True
        self._asked = self._sent, self._sent - self._shown, now

    def answered(self, now: float) -> None:
        """The open question is answered."""
        if not self.is_asked:
            return
        self.is_asked = False
        self._shown, count, asked_at = self._asked
        took = now - asked_at
        self._trip = min(self._trip, took)
        if self.is_answering:
            carried = count / max(took - self._trip, _SHORTEST)
            self._ahead = int(min(max(carried * AHEAD, LEAST_AHEAD), MOST_AHEAD))
            if count >= UNASKED:
                self._judge(carried)
        self.is_answering = True

    def _judge(self, carried: float) -> None:
        is_against = carried > QUICK if self.is_slow else carried < SLOW
        self._against = self._against + 1 if is_against else 0
        if self._against == IN_A_ROW:
            self.is_slow, self._against = not self.is_slow, 0

    def give_up(self) -> None:
        """The answer does not come: take what was sent for shown, and ask anew some time."""
        self.is_asked = False
        self._shown = self._sent
