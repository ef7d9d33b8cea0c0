"""When a mail is tried again: one rule that every process works out for itself.

The next try is a function of what the documented columns hold (``attempts``, ``lastAttempt``) and
of the row's id, so it needs no column of its own and everybody agrees on it. The same rule stands
as SQL in `agentflow_tui.store`.

A ``lastAttempt`` ahead means "not before", also where nothing was tried: an operator's requeue
puts it some seconds ahead, so that it can be taken back for sure before the mail has left.
"""

from datetime import datetime, timedelta
from hashlib import md5


def jitter(key: str) -> float:
    """A number in [0, 1] that is the same for the same id everywhere."""
    return int(md5(key.encode(), usedforsecurity=False).hexdigest()[:4], 16) / 0xFFFF


def delay(key: str, attempts: int, base: float, limit: float) -> float:
    """Seconds to wait after the ``attempts``-th failure: ``base`` doubled each time up to
    ``limit``, between three and five quarters of that by the id."""
    if attempts <= 0:
        return 0.0
    return float(min(limit, base * 2.0 ** min(attempts - 1, 40)) * (0.75 + 0.5 * jitter(key)))


def next_try(
    key: str, attempts: int, last_attempt: datetime | None, base: float, limit: float
) -> datetime | None:
    """The moment from which the mail is due; None for one that was never tried nor put off."""
    if last_attempt is None:
        return None
    return last_attempt + timedelta(seconds=delay(key, attempts, base, limit))
