"""When something needs attention, given what operators have decided about it.

Pure rules: the same for the overview, the errors and the command line.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Self

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.store.changes import issue_states
from agentflow_tui.store.changes.issue_states import UNTOUCHED
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import age, moment, number, safe

QUIET = timedelta(hours=1)
"""What fails again after this time of quiet has come back."""

CLAIM = timedelta(minutes=30)
"""How long an operator who has claimed an issue is taken to be looking at it."""


class IssueMode(StrEnum):
    """What was decided."""

    OPEN = ""
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Something that may need attention, as it is now.

    ``subject`` names it for good; ``mark`` is what it is in, so that another mark is another
    trouble. ``size`` is how bad it is, in whatever it is counted; from ``bearable`` on it is worse
    than what was acknowledged. ``times`` are when it happened, oldest first: what happens again
    after ``quiet`` has come back.
    """

    subject: str
    label: str
    mark: str = ""
    size: int = 1
    bearable: int | None = None
    times: tuple[datetime, ...] = ()
    quiet: timedelta = QUIET


def doubled(size: int) -> int:
    """The size from which on something is worse than what was acknowledged."""
    return max(2 * size, size + 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueState:
    """What operators have decided about a subject.

    ``count`` and ``mark`` are the issue's when ``by`` decided ``at``; it is back ``until`` then,
    and from the size ``limit`` on. ``stamp`` is how the journal's row looked, to compare and set.
    """

    mode: IssueMode = IssueMode.OPEN
    by: str = ""
    at: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    count: int = 0
    mark: str = ""
    claimed_by: str = ""
    claimed_at: datetime | None = None
    stamp: str = UNTOUCHED

    @classmethod
    def of(cls, text: str | None, stamp: str = UNTOUCHED) -> Self:
        """What the journal says; what cannot be understood is as if it were not there."""
        value = read(text).value
        said: Mapping[str, Any] = value if isinstance(value, dict) else {}
        word = str(said.get("state") or "")
        return cls(
            mode=IssueMode(word) if word in set(IssueMode) else IssueMode.OPEN,
            by=_name(said.get("by")),
            at=_time(said.get("at")),
            until=_time(said.get("until")),
            limit=_whole(said.get("limit")),
            count=_whole(said.get("count")) or 0,
            mark=str(said.get("mark") or ""),
            claimed_by=_name(said.get("claimed_by")),
            claimed_at=_time(said.get("claimed_at")),
            stamp=stamp,
        )

    def claimant(self, now: datetime) -> str:
        """The operator who is looking at it; ``""`` when none is."""
        fresh = self.claimed_at is not None and now - self.claimed_at < CLAIM
        return self.claimed_by if fresh else ""

    def claim(self, now: datetime) -> str:
        """``@ann 5m``."""
        claimant = self.claimant(now)
        return f"@{claimant} {age(now - self.claimed_at)}" if claimant and self.claimed_at else ""

    def others_claim(self, own: str, now: datetime) -> str:
        """``ann is looking at it, 5m``, for another operator; ``""`` for one's own claim."""
        claimant = self.claimant(now)
        if claimant in {"", own} or self.claimed_at is None:
            return ""
        return f"{claimant} is looking at it, {age(now - self.claimed_at)}"

    def words(self, now: datetime, zone: tzinfo) -> str:
        """What was decided, briefly: ``ack'd ann 5m``, ``until 14:30:00``, ``until 120``."""
        if self.mode is IssueMode.ACKNOWLEDGED:
            ago = f" {age(now - self.at)}" if self.at is not None else ""
            return f"ack'd {self.by}{ago}"
        if self.mode is IssueMode.SNOOZED and self.until is not None:
            return f"until {moment(self.until, zone, now)}"
        if self.mode is IssueMode.SNOOZED and self.limit is not None:
            return f"until {number(self.limit)}"
        return ""


UNDECIDED = IssueState()
"""Nothing has been decided."""


def _name(value: object) -> str:
    return safe(value, 60) if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def needs_attention(issue: Issue, state: IssueState, now: datetime) -> bool:
    """Whether it is to be shown among what needs attention."""
    if state.mode is IssueMode.OPEN or state.mark != issue.mark:
        return True
    if state.limit is not None and issue.size >= state.limit:
        return True
    if state.mode is IssueMode.SNOOZED:
        return now >= state.until if state.until is not None else state.limit is None
    return state.at is None or came_again(issue.times, state.at, issue.quiet)


def has_come_back(issue: Issue, state: IssueState, now: datetime) -> bool:
    """Whether it was acknowledged and needs attention all the same."""
    return state.mode is IssueMode.ACKNOWLEDGED and needs_attention(issue, state, now)


def came_again(times: Iterable[datetime], since: datetime, quiet: timedelta) -> bool:
    """Whether something happened after ``since``, and after at least ``quiet`` of nothing.

    ``times`` are in order.
    """
    last = since
    for at in times:
        if at > since:
            if at - last >= quiet:
                return True
            last = at
    return False


async def read_states(database: Database, subjects: Iterable[str]) -> dict[str, IssueState]:
    """What has been decided about each of these subjects; one statement.

    Raises `UnreachableError`, `RefusedError`.
    """
    kept = await issue_states.read(database, list(subjects))
    return {subject: IssueState.of(row.output, row.stamp) for subject, row in kept.items()}
