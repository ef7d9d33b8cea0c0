"""The last time in which the database could not be asked.

A lease runs out so that others can take over from a process that stands still. While the database
itself stands still, or a table is locked, no process can renew or write, so that time is no sign of
anything. Leases are therefore judged as of the moment at which it began, until their holders, which
get through at the same moment as we do, have had the time to renew them.
"""

from time import monotonic

from agentflow_tui.store.views.checks import SETTLES_WITHIN

AT_LEAST = 1.0
HANGS = 5.0
"""Seconds after which an answer comes from a server that stood still: a quarter of the lease, but
within these bounds."""


class LastOutage:
    """The last outage that was met by what reports to it; all moments are monotonic.

    An answer that took long is one, too. It counts until ``settles_within`` seconds after its end.
    """

    def __init__(self, lease: float, settles_within: float = SETTLES_WITHIN) -> None:
        self._hangs = min(HANGS, max(AT_LEAST, lease / 4))
        self._settles_within = settles_within
        self._began_at = 0.0
        self._counts_until = float("-inf")

    def begin(self, since: float) -> None:
        """Nothing has been answered that was asked from ``since`` on. An outage that begins while
        the one before still counts is the same one."""
        if monotonic() >= self._counts_until:
            self._began_at = since
        self._counts_until = float("inf")

    def answered(self, asked: float) -> None:
        """What was asked then has its answer."""
        if monotonic() > asked + self._hangs:
            self.begin(asked)
        if self._counts_until == float("inf"):
            self._counts_until = monotonic() + self._settles_within

    @property
    def age(self) -> float:
        """Seconds since it began, 0 when it is over and does not count any more."""
        now = monotonic()
        return now - self._began_at if now < self._counts_until else 0.0
