"""What needs attention, worst first, as the overview says it; and what is seen to already."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta

from agentflow_tui import clock
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.attention_lines import (
    LATE_MAIL,
    LOCKS,
    IssueLine,
    expiring,
    failing_checks,
    failures,
    late_mail,
    lost_insights,
    missing_reports,
    no_worker,
    silent_workers,
    stale_checks,
    stale_locks,
    wrong_schedules,
)
from agentflow_tui.console.screens.links import rows_of
from agentflow_tui.console.ways import Way
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import RefusedError
from agentflow_tui.operations.triage.error_groups import ErrorGroup, triaged
from agentflow_tui.operations.triage.issue_state import (
    UNDECIDED,
    Issue,
    IssueState,
    needs_attention,
    read_states,
)
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.overdue_reports import OverdueReport, read_overdue_reports
from agentflow_tui.store.views.overview import Overview
from agentflow_tui.store.views.overview_sql import MOST
from agentflow_tui.text import age, number

SELDOM = timedelta(minutes=1)
"""Time between two looks at how stored secrets stand, and at which reports did not come."""

SHOWN = 4
"""Lines of one kind that are shown."""

SILENCED = "silenced"
"""The line that folds what is acknowledged or snoozed."""


@dataclass(slots=True)
class Attention:
    """The lines under "needs attention". ``unfolded`` shows those that need none, too."""

    env: Environment
    groups: Sequence[ErrorGroup] = ()
    unfolded: bool = False
    _overview: Overview | None = None
    _states: Mapping[str, IssueState] = field(default_factory=dict)
    _secrets: Sequence[IssueLine] = ()
    _reports: Sequence[OverdueReport] = ()
    _seldom_at: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether secrets have been looked at, too: the first rows do not wait for the ciphers."""
        return self._seldom_at is not None

    async def look(self, database: Database, overview: Overview) -> None:
        """Read the states of what is going on; one statement.

        Raises `UnreachableError`, `RefusedError`.
        """
        if self._overview is not None:
            await self._look_seldom(database)
        subjects = [w.issue.subject for w in self._worries(overview, self.env.now())]
        self._states = await read_states(database, dict.fromkeys([*subjects, LOCKS, LATE_MAIL]))
        self._overview = overview

    async def _look_seldom(self, database: Database) -> None:
        """Look at reports and at credentials; where one look is refused, the other is still had."""
        now = self.env.now()
        if self._seldom_at is not None and now - self._seldom_at < SELDOM:
            return
        self._seldom_at = now
        refused = None
        for look in (self._look_at_reports, self._look_at_secrets):
            try:
                await look(database)
            except RefusedError as error:
                refused = error
        if refused is not None:
            raise refused

    async def _look_at_reports(self, database: Database) -> None:
        """Find the reports that did not come."""
        zone = clock.zone(self.env.settings.workers.time_zone)
        self._reports = await read_overdue_reports(database, zone, self.env.now())

    async def _look_at_secrets(self, database: Database) -> None:
        """Find the credentials that cannot be read, or by anybody."""
        from agentflow_tui.operations.secret_states import read_worries  # with its ciphers

        found = await read_worries(database, self.env.secret_states)
        self._secrets = [
            IssueLine(
                issue=Issue(
                    subject=f"credential:{worry.id}:secret",
                    label=f"{worry.name} {worry.about}",
                    mark=worry.status,
                ),
                kind="secrets",
                glyph="▲",
                style="warning",
                since=None,
                link=Link("credentials", worry.id),
            )
            for worry in found
        ]

    def ways(self, key: str) -> list[Way]:
        """Where a line about an error leads: to its rows that can be seen to."""
        found = next((g for g in self.groups if g.subject == key), None)
        return rows_of(found, *found.waits_in) if found is not None else []

    def issues(self, key: str) -> list[Issue]:
        """What a line is about: the heading about all that needs attention, another line about
        one thing, or about nothing."""
        now = self.env.now()
        worries = self._now(now)
        if key == ALL:
            return [w.issue for w in worries if needs_attention(w.issue, self._state(w), now)]
        return [w.issue for w in worries if w.issue.subject == key]

    def lines(self, now: datetime, room: int | None = None) -> Iterable[PaneLine]:
        """The part of the overview: as many lines of each kind as there is ``room`` for in all, a
        few without it."""
        worries = self._now(now)
        open_ones = [w for w in worries if needs_attention(w.issue, self._state(w), now)]
        beyond = self._beyond()
        if not open_ones and not beyond:
            yield heading(" Needs attention")
            yield text_line("  ✓ nothing", "ok")
        else:
            title = f" Needs attention ({number(len(open_ones))})"
            yield PaneLine((Piece(title, "strong"),), key=ALL)
        shown = _fitting(open_ones, None if room is None else room - 1 - len(beyond))
        yield from (self._line(worry, now) for worry in shown)
        if len(shown) < len(open_ones):
            yield text_line(f"  … and {number(len(open_ones) - len(shown))} more", "dim")
        for table in beyond:
            yield text_line(f"  … and more of {table} than are looked at here", "warning")
        silenced = [worry for worry in worries if worry not in open_ones]
        if silenced:
            yield from self._silenced(silenced, now)

    def _silenced(self, worries: Sequence[IssueLine], now: datetime) -> Iterable[PaneLine]:
        """What is acknowledged or snoozed, folded into one line unless that is open."""
        fold = "▾" if self.unfolded else "▸"
        text = f"  {fold} (+{number(len(worries))} acknowledged or snoozed)"
        yield PaneLine((Piece(text, "dim"),), fold=SILENCED, key=SILENCED)
        if self.unfolded:
            yield from (self._line(worry, now, silenced=True) for worry in worries)

    def _now(self, now: datetime) -> list[IssueLine]:
        return self._worries(self._overview, now) if self._overview is not None else []

    def _state(self, worry: IssueLine) -> IssueState:
        return self._states.get(worry.issue.subject, UNDECIDED)

    def _line(self, worry: IssueLine, now: datetime, *, silenced: bool = False) -> PaneLine:
        state = self._state(worry)
        ago = "" if worry.since is None else _when(worry.since, now)
        pieces = [
            Piece(f"  {worry.glyph} ", "dim" if silenced else worry.style),
            Piece(f"{ago:>6}  ", "dim"),
        ]
        claim, words = state.claim(now), state.words(now, self.env.zone)
        if claim:
            pieces.append(Piece(f"{claim} ", "accent"))
        if silenced:
            pieces.append(Piece(f"[{words}] ", "dim"))
        loud = worry.style if worry.style == "alarm" else ""
        pieces.append(Piece(worry.issue.label, "dim" if silenced else loud))
        fold = worry.issue.subject if worry.group is not None else ""
        return PaneLine(tuple(pieces), link=worry.link, fold=fold, key=worry.issue.subject)

    def _worries(self, overview: Overview, now: datetime) -> list[IssueLine]:
        """Everything that is wrong, worst first."""
        groups = triaged(self.groups, self._states, now)
        return [
            *no_worker(overview),
            *silent_workers(overview.workers or ()),
            *failing_checks(overview.checks, "error"),
            *failures(groups, fresh=True),
            *stale_locks(overview, self.env),
            *late_mail(overview, now),
            *wrong_schedules(overview.schedules, self.env.settings.workers.time_zone, now),
            *failing_checks(overview.checks, "warning"),
            *stale_checks(overview.stale_checks),
            *missing_reports(self._reports),
            *lost_insights(overview.failed_distributions),
            *failures(groups, fresh=False),
            *expiring(overview.expiring, now),
            *self._secrets,
        ]

    def _beyond(self) -> list[str]:
        """Kinds of trouble that there is more of than the overview reads: never "nothing"."""
        if self._overview is None:
            return []
        lists = {
            "health checks": self._overview.checks,
            "workers": self._overview.workers or (),
            "schedules": self._overview.schedules,
            "credentials": self._overview.expiring,
        }
        return [name for name, rows in lists.items() if len(rows) >= MOST]


def _fitting(worries: Sequence[IssueLine], room: int | None) -> list[IssueLine]:
    """Those that ``room`` lines are enough for, of each kind as many as there can be of all."""
    if room is None:
        return _first_of_each_kind(worries, SHOWN)
    if len(worries) <= room:
        return list(worries)
    shown: list[IssueLine] = []
    for most in range(1, room + 1):  # one of each kind first, then a second one, and so on
        further = [w for w in _first_of_each_kind(worries, most) if w not in shown]
        shown += further[: max(1, room - 1) - len(shown)]
    return [worry for worry in worries if worry in shown]


def _first_of_each_kind(worries: Iterable[IssueLine], most: int) -> list[IssueLine]:
    seen: Counter[str] = Counter()
    shown = []
    for worry in worries:
        seen[worry.kind] += 1
        if seen[worry.kind] <= most:
            shown.append(worry)
    return shown


def _when(at: datetime, now: datetime) -> str:
    return f"in {age(at - now)}" if at > now else age(now - at)


ALL = "all that needs attention"
"""The key of the heading, which stands for every line below it."""
