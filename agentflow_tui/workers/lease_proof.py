"""Whether this process can prove that what it has claimed is still its own.

Other processes respect its claims for as long as the server holds its advisory lock, and any
process respects a claim until the lease has run out. The server holds the lock until the connection
ends, also one that has fallen silent; from `SERVER_NOTICES` seconds of silence on it may have ended
it. So the proof is the last answer on the connection that holds the lock, and it lasts for less.
"""

from time import monotonic

from agentflow_tui.store.queue.lease_connection import SERVER_NOTICES
from agentflow_tui.workers.outage import LastOutage

LASTS = SERVER_NOTICES * 0.7
"""Seconds after an answer in which the server cannot have given the lock away."""

TRUSTED_FOR = 0.25
"""Seconds for which this process is still taken for alive after its connection was lost: others
look again before they believe it."""


class LeaseProof:
    """The proof of one process, kept by its heartbeat. Without a heartbeat nothing is in doubt."""

    def __init__(self, lease: float) -> None:
        self._lost_at: float | None = None
        self._ends_at = float("inf")
        self._revoked_at = float("-inf")
        self._confirmed_at = monotonic()
        self.outage = LastOutage(lease)
        """The last time in which the connection did not answer."""

    @property
    def valid(self) -> bool:
        """Whether others still respect what this process holds."""
        return monotonic() < self._ends_at and self.lost_for < TRUSTED_FOR

    @property
    def lost(self) -> bool:
        """Whether the connection was lost, or the lock with it, and is not back yet."""
        return self._lost_at is not None

    @property
    def lost_for(self) -> float:
        """Seconds since it was lost; 0 while it is there."""
        return 0.0 if self._lost_at is None else monotonic() - self._lost_at

    def confirm(self, asked: float, *, lasts: float = LASTS) -> None:
        """The server has answered on the connection that holds the lock what was sent ``asked``."""
        self._lost_at = None
        self._ends_at = asked + lasts
        self._confirmed_at = asked
        self.outage.answered(asked)

    def lose(self) -> None:
        """The connection does not answer, or has ended."""
        if self._lost_at is None:
            self._lost_at = monotonic()
            self.outage.begin(self._confirmed_at)

    def revoke(self) -> None:
        """Others took this process for dead and gave back what it held until now."""
        self._revoked_at = monotonic()

    def doubts(self, renewed_at: float) -> bool:
        """Whether a claim that was last known to be ours then may have been given back since."""
        return renewed_at <= self._revoked_at
