"""The envelopes that wait for a connection, in the order in which they leave."""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable

from agentflow_tui.mail.answers import SendResult
from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.doubts import Doubts
from agentflow_tui.mail.smtp.rate_limits import RateLimits


class QueuedEnvelope:
    """An envelope on its way, and the function that hears its result.

    ``since`` is the loop's time when it was queued; ``handed_over``: its content is being written
    or was; ``may_leave`` says whether it may still be sent.
    """

    __slots__ = ("done", "envelope", "handed_over", "may_leave", "since")

    def __init__(
        self,
        envelope: Envelope,
        done: Callable[[SendResult], None],
        since: float,
        may_leave: Callable[[], bool],
    ):
        self.envelope = envelope
        self.done = done
        self.may_leave = may_leave
        self.since = since
        self.handed_over = False


class EnvelopeQueue:
    """First come, first served, but for what a rate limit delays and what is doubtful.

    ``on_due`` is called when delayed envelopes may leave. ``patience`` is the longest delay, in
    seconds, that an envelope is kept here for.
    """

    def __init__(
        self,
        limits: RateLimits,
        doubts: Doubts,
        patience: float,
        on_due: Callable[[], None],
    ):
        self._limits = limits
        self._doubts = doubts
        self._patience = patience
        self._on_due = on_due
        self._ready: deque[QueuedEnvelope] = deque()
        self._delayed: list[tuple[float, int, QueuedEnvelope]] = []  # a heap by the time to leave
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._ready) + len(self._delayed)

    @property
    def ready(self) -> int:
        """How many may leave now."""
        return len(self._ready)

    def append(self, queued: QueuedEnvelope) -> None:
        self._ready.append(queued)

    def put_first(self, queued: QueuedEnvelope) -> None:
        """It was taken out already, so its turn is next."""
        self._ready.appendleft(queued)

    def pop(self) -> QueuedEnvelope | None:
        """The next one that may leave. Doubtful ones come after all others."""
        if self._doubts:
            for at, queued in enumerate(self._ready):
                if not self._doubts.is_about(queued.envelope.id):
                    del self._ready[at]
                    return queued
        return self._ready.popleft() if self._ready else None

    def reserve(self, queued: QueuedEnvelope) -> float:
        """Take a slot of the rate limits. Returns the seconds until it: 0 is now, a wait within
        the patience is waited here, and one beyond it takes no slot."""
        if not self._limits.any:
            return 0.0
        wait = self._limits.reserve(queued.envelope.domains, queued.since, self._patience)
        if 0 < wait <= self._patience:
            heapq.heappush(self._delayed, (queued.since + wait, next(self._numbers), queued))
            self._set_timer()
        return wait

    def exceeds_patience(self, wait: float) -> bool:
        return wait > self._patience

    def clear(self) -> list[QueuedEnvelope]:
        """Everything that waited, the delayed last."""
        left = [*self._ready, *(queued for _, _, queued in sorted(self._delayed))]
        self._ready.clear()
        self._delayed.clear()
        return left

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._delayed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._delayed[0][0], self._release_due)

    def _release_due(self) -> None:
        now = asyncio.get_running_loop().time() + 0.001
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        self._set_timer()
        self._on_due()
