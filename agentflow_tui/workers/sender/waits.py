"""What a sender waits for: the relay, rate limits, and the next mail that falls due.

All moments are of this process's monotonic clock.
"""

from dataclasses import field
from time import monotonic

from agentflow_tui import retries
from agentflow_tui.dataclass import dataclass
from agentflow_tui.settings import WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue import mail_claims as store

BLOCKED = 5.0
"""Seconds to wait after trouble that may end at any time."""

RESTING = 5_000
"""Mails remembered as held up by a rate limit; with more, claiming waits."""

DUE_LOOK = 1.0
"""Seconds, at least, between two questions what falls due next while something wakes us: a
mail may have been put off for a while shorter than the slow look's."""


@dataclass(slots=True)
class Waits:
    """The waits of one sender. ``resting`` are mails that a rate limit holds up, and until when."""

    resting: dict[str, float] = field(default_factory=dict)
    blocked_until: float = 0.0
    _next_due: float | None = None
    _asked_at: float = float("-inf")

    def blocked(self, now: float) -> float | None:
        """Seconds for which nothing is claimed, None when something may be."""
        if now < self.blocked_until:
            return self.blocked_until - now
        return None if len(self.resting) < RESTING else BLOCKED

    def forget(self, now: float) -> None:
        """Mails that have rested long enough."""
        self.resting = {key: until for key, until in self.resting.items() if until > now}

    def expect(self, key: str, attempts: int, workers: WorkerSettings) -> None:
        """A mail failed just now and will be tried again."""
        wait = retries.delay(key, attempts, workers.retry_base, workers.retry_limit)
        due = monotonic() + wait
        self._next_due = due if self._next_due is None else min(due, self._next_due)

    async def next_due(
        self, database: Database, workers: WorkerSettings, *, woken: bool
    ) -> float | None:
        """Seconds until something falls due or is worth another look, None when nothing is known
        to. Asks the database when it has to, so it raises `UnreachableError`."""
        now = monotonic()
        past = self._next_due is not None and self._next_due <= now
        look = self._asked_at + DUE_LOOK
        if past or not woken or look <= now:
            found = await database.fetch_one(
                store.NEXT_DUE, workers.retry_base, workers.retry_limit, workers.lease
            )
            seconds = found.seconds if found else None
            self._next_due = None if seconds is None else now + max(0.05, seconds)
            self._asked_at = look = now
        waits = list(self.resting.values())
        waits += [self._next_due] if self._next_due is not None else []
        waits += [look] if look > now else []
        return max(0.01, min(waits) - now) if waits else None
