"""A cursor over the queue: from where claims go on while a backlog is worked off.

Mail that waits for a later try stands in front of what is due, and so do index entries of mail that
was sent while an old snapshot keeps them. To pass them at each claim made it several times as dear,
so a claim goes on where the one before it ended. Now and then the whole queue is looked at: mail
that came in front meanwhile waits for that.
"""

from collections.abc import Sequence
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.queue.mail_claims import ClaimedMail

WHOLE_LOOK = 1.0
"""Seconds, at least, between two looks at the whole queue while there is a backlog."""

DEAR_LOOK = 20.0
"""The same, in times of what such a look took: it costs a twentieth of the time, until it is so
dear that `LONGEST_OFF` counts."""

LONGEST_OFF = 10.0
"""Seconds, at most, for which urgent mail waits for a whole look, however dear: what it took may
have been one hang on the way, which is over."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A place in the queue's order."""

    priority: int
    queued_at: datetime


@dataclass(slots=True)
class ClaimCursor:
    """Where the last claim ended. ``backlog``: there may be more to claim at once."""

    backlog: bool = False
    _reached: QueuePosition | None = None
    _whole_at: float = float("-inf")

    def place(self, now: float) -> QueuePosition | None:
        """Where the next claim goes on, None to look at the whole queue. ``now`` is monotonic."""
        return self._reached if now < self._whole_at else None

    def claimed(
        self,
        mails: Sequence[ClaimedMail],
        *,
        asked: int,
        onward: bool,
        began: float,
        ended: float,
    ) -> None:
        """Learn what a claim of ``asked`` mails brought, and when it began and ended (monotonic).

        One that went on and came short says nothing of the rest of the queue.
        """
        full = len(mails) == asked
        self.backlog = full or onward
        self._reached = _place(mails) if full else None
        if not onward:
            dear = min(DEAR_LOOK * (ended - began), LONGEST_OFF)
            self._whole_at = ended + max(WHOLE_LOOK, dear)


def _place(mails: Sequence[ClaimedMail]) -> QueuePosition | None:
    """The place of the last mail that stood in the queue. Mail of a dead process is taken wherever
    it stands, which says nothing of what is due before it, and is always a suspect."""
    last = next((mail for mail in reversed(mails) if not mail.suspect), None)
    if last is None or last.priority is None or last.queued_at is None:
        return None
    return QueuePosition(last.priority, last.queued_at)
