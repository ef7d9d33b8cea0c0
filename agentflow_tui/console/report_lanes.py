"""The lanes of screen 5: insights that did not get through, each a filter with a key."""

from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """A filter of insights that is counted and one key away: the id of the key's entry, what its
    rows are called behind their number, and the filter."""

    id: str
    words: str
    filter: str


UNREACHED = Lane("insights.unreached", "reached nobody", "reached:0 score:>80 age:<30d")
LOST = Lane("insights.lost", "failed", "lost:>0 age:<30d")
WAITING = Lane("insights.waiting", "waiting", "waiting:>0 age:<30d")
LANES = (UNREACHED, LOST, WAITING)
"""Of the last 30 days: what is older is news to nobody."""

OVERDUE_ID, OVERDUE_VIEW = "reports.overdue", "overdue_reports"
"""The key's entry and the view of reports that did not come."""

VIEWS = ("reports", "insights", "distributions", OVERDUE_VIEW)
"""The views that say how many are in each lane, and have the keys."""
