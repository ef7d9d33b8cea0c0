"""Workflows that are another program's, as only a look at the row could tell."""

from collections.abc import Iterable
from time import monotonic

MOST = 10_000
REMEMBERED_FOR = 600.0
"""How many workflows are remembered as another program's, and for how many seconds. Those whose
step's type the claim can read are never claimed at all (`workflow_claims.claim`)."""


class ForeignWorkflows:
    """Remembers workflows that were claimed and handed back, so that they are left alone."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def add(self, ids: Iterable[str]) -> None:
        """Leave these alone from now on."""
        now = monotonic()
        self._since |= dict.fromkeys(ids, now)

    def ids(self) -> list[str]:
        """Those to be left alone now, the one that is remembered for longest first."""
        oldest = monotonic() - REMEMBERED_FOR
        while self._since:
            name, since = next(iter(self._since.items()))
            if since > oldest and len(self._since) <= MOST:
                break
            del self._since[name]
        return list(self._since)

    def clear(self) -> None:
        """Forget all of them."""
        self._since.clear()
