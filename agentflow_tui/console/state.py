"""What the bars around every view show: one object, written by those that learn of it."""

from datetime import datetime
from typing import TYPE_CHECKING

from agentflow_tui.console.place import Place
from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.views.consoles import Console
from agentflow_tui.store.views.health_summary import HealthSummary

if TYPE_CHECKING:
    from agentflow_tui.operations.bulk_follow_up import BulkFollowUp


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    """How the database answers. ``problem`` is why it does not, ``since`` when that began."""

    problem: str = ""
    since: datetime | None = None
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened while the console was not looked at, and where it is seen."""

    words: str
    where: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayNews:
    """All that happened since the operator left. ``shown_until`` is when its line goes."""

    since: datetime
    items: tuple[News, ...]
    shown_until: datetime | None


@dataclass(slots=True)
class ConsoleState:
    """What is known of the database in use besides the rows of the visible view.

    ``consoles`` are those that are open on the database, this one included; None where that cannot
    be told. ``looks`` counts how often the poller has looked. ``is_changing`` says that a change is
    being asked about or made, ``is_writing`` that it is being made; ``follow_up`` are the rows of
    the last one in bulk.
    """

    started: datetime
    connection: ConnectionState = ConnectionState()
    health: HealthSummary | None = None
    consoles: tuple[Console, ...] | None = ()
    frozen_since: datetime | None = None
    away: AwayNews | None = None
    looks: int = 0
    is_changing: bool = False
    is_writing: bool = False
    follow_up: "BulkFollowUp | None" = None
    detail_beside: bool = True
    """Whether details stand beside their lists by themselves, where there is room."""
    is_line_slow: bool = False
    """The line to the terminal is slow, so that less is sent over it."""

    def others(self, token: str) -> list[Console]:
        """The consoles besides the one that introduces itself with this token."""
        return [console for console in self.consoles or () if console.token != token]

    @property
    def is_frozen(self) -> bool:
        """The picture is stopped: nothing is read until it is let go."""
        return self.frozen_since is not None
