"""What needs attention, worst first, as the overview says it; and what is seen to already."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.links import rows_of, stale_link
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.timetables import timetable_words
from agentflow_tui.operations.triage.error_groups import ErrorGroup, triaged
from agentflow_tui.operations.triage.issue_state import (
    UNDECIDED,
    Issue,
    IssueState,
    doubled,
    needs_attention,
    read_states,
)
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.overview import MOST, Overview, OverviewRow
from agentflow_tui.store.views.workflow_names import workflow_title
from agentflow_tui.text import age, number, plural

LATE = timedelta(minutes=15)
"""Mail that has waited longer than this needs attention."""

LOCKS, LATE_MAIL = "locks", "mail.late"
"""Subjects of which there is one."""

SECRETS_EVERY = timedelta(minutes=1)
"""Time between two looks at how stored secrets stand."""

SHOWN = 4
"""Lines of one kind that are shown."""

SILENCED = "silenced"
"""The line that folds what is acknowledged or snoozed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLine:
    """One line. ``kind`` are those that are cut together where there are many."""

    issue: Issue
    kind: str
    glyph: str
    style: str
    since: datetime | None
    link: Link


@dataclass(slots=True)
class Attention:
    """The lines under "needs attention". ``unfolded`` shows those that need none, too."""

    env: Environment
    groups: Sequence[ErrorGroup] = ()
    unfolded: bool = False
    _overview: Overview | None = None
    _states: Mapping[str, IssueState] = field(default_factory=dict)
    _secrets: Sequence[IssueLine] = ()
    _secrets_at: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether secrets have been looked at, too: the first rows do not wait for the ciphers."""
        return self._secrets_at is not None

    async def look(self, database: Database, overview: Overview) -> None:
        """Read the states of what is going on; one statement.

        Raises `UnreachableError`, `RefusedError`.
        """
        if self._overview is not None:
            await self._look_at_secrets(database)
        subjects = [w.issue.subject for w in self._worries(overview, self.env.now())]
        self._states = await read_states(database, dict.fromkeys([*subjects, LOCKS, LATE_MAIL]))
        self._overview = overview

    async def _look_at_secrets(self, database: Database) -> None:
        """Find the credentials that cannot be read, or by anybody."""
        now = self.env.now()
        if self._secrets_at is not None and now - self._secrets_at < SECRETS_EVERY:
            return
        self._secrets_at = now
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

    def issues(self, key: str) -> list[Issue]:
        """What a line is about: the heading about all that needs attention, another line about
        one thing, or about nothing."""
        now = self.env.now()
        worries = self._now(now)
        if key == ALL:
            return [w.issue for w in worries if needs_attention(w.issue, self._state(w), now)]
        return [w.issue for w in worries if w.issue.subject == key]

    def lines(self, now: datetime) -> Iterable[PaneLine]:
        """The part of the overview."""
        worries = self._now(now)
        open_ones = [w for w in worries if needs_attention(w.issue, self._state(w), now)]
        beyond = self._beyond()
        if not open_ones and not beyond:
            yield heading(" Needs attention")
            yield text_line("  ✓ nothing", "ok")
        else:
            title = f" Needs attention ({number(len(open_ones))})"
            yield PaneLine((Piece(title, "strong"),), key=ALL)
        shown = list(_first_of_each_kind(open_ones))
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
        pieces.append(Piece(worry.issue.label, "dim" if silenced else ""))
        return PaneLine(tuple(pieces), link=worry.link, key=worry.issue.subject)

    def _worries(self, overview: Overview, now: datetime) -> list[IssueLine]:
        """Everything that is wrong, worst first."""
        groups = triaged(self.groups, self._states, now)
        return [
            *_failing(overview.checks, "error"),
            *_errors(groups, fresh=True),
            *self._locks(overview),
            *_late(overview, now),
            *self._overdue(overview.overdue),
            *_failing(overview.checks, "warning"),
            *_errors(groups, fresh=False),
            *_expiring(overview.expiring, now),
            *self._secrets,
        ]

    def _beyond(self) -> list[str]:
        """Kinds of trouble that there is more of than the overview reads: never "nothing"."""
        if self._overview is None:
            return []
        lists = {
            "health checks": self._overview.checks,
            "schedules": self._overview.overdue,
            "credentials": self._overview.expiring,
        }
        return [name for name, rows in lists.items() if len(rows) >= MOST]

    def _locks(self, overview: Overview) -> Iterable[IssueLine]:
        stale = overview.stale_locks
        if not stale:
            return
        since = sorted(lock.since for lock in overview.locks if lock.since is not None)
        first = (
            workflow_title(overview.locks[0].what, "a workflow") if overview.locks else "a workflow"
        )
        yield IssueLine(
            issue=Issue(
                subject=LOCKS,
                label=f"{plural(stale, 'stale lock')}, the oldest on {first}",
                size=stale,
                bearable=stale + 1,
                times=tuple(at + self.env.lease for at in since),
            ),
            kind=LOCKS,
            glyph="▲",
            style="warning",
            since=since[0] if since else None,
            link=stale_link(self.env),
        )

    def _overdue(self, schedules: Sequence[OverviewRow]) -> Iterable[IssueLine]:
        zone = self.env.settings.workers.time_zone
        for schedule in schedules:
            words, problem = timetable_words(schedule.what, zone)
            yield IssueLine(
                issue=Issue(
                    subject=f"schedule:{schedule.id}",
                    label=f"schedule not fired: {problem or words}",
                    mark=_iso(schedule.since),
                ),
                kind="overdue",
                glyph="▲",
                style="warning",
                since=schedule.since,
                link=Link("schedules", schedule.id),
            )


def _failing(checks: Sequence[OverviewRow], status: str) -> Iterable[IssueLine]:
    glyph, style = ("✗", "failed") if status == "error" else ("▲", "warning")
    for check in checks:
        if check.detail.startswith(status):
            detail = check.detail.removeprefix(status).removeprefix(": ")
            steady = check.since if check.steady else None
            yield IssueLine(
                issue=Issue(
                    subject=f"check:{check.id}",
                    label=f"{check.what}: {detail}",
                    mark=status,
                    times=() if steady is None else (steady,),
                    quiet=timedelta(0),
                ),
                kind=f"check {status}",
                glyph=glyph,
                style=style,
                since=check.since,
                link=Link("health_checks", check.id),
            )


def _errors(groups: Sequence[ErrorGroup], *, fresh: bool) -> Iterable[IssueLine]:
    for found in groups:
        if (found.is_new or found.is_back) != fresh or not (fresh or found.counts[2]):
            continue
        mark = "NEW " if found.is_new else "BACK " if found.is_back else ""
        count = found.counts[2] or found.total
        issue = found.issue
        yield IssueLine(
            issue=replace(issue, label=f"{number(count)} × {mark}{found.label}"),
            kind="new" if fresh else "errors",
            glyph="✗" if fresh else "▲",
            style="new" if fresh else "warning",
            since=found.last,
            link=rows_of(found),
        )


def _late(overview: Overview, now: datetime) -> Iterable[IssueLine]:
    waiting = overview.oldest_waiting
    if waiting is not None and now - waiting > LATE:
        minutes = round((now - waiting).total_seconds() / 60)
        yield IssueLine(
            issue=Issue(
                subject=LATE_MAIL,
                label="mail waits longer than it should",
                size=minutes,
                bearable=doubled(minutes),
                times=(waiting + LATE,),
            ),
            kind=LATE_MAIL,
            glyph="▲",
            style="warning",
            since=waiting,
            link=Link("email_queue", filter="status:pending age:>15m"),
        )


def _expiring(credentials: Sequence[OverviewRow], now: datetime) -> Iterable[IssueLine]:
    for credential in credentials:
        gone = credential.since is not None and credential.since < now
        word = "has expired" if gone else "expires soon"
        yield IssueLine(
            issue=Issue(
                subject=f"credential:{credential.id}",
                label=f"{credential.detail} credential {credential.what} {word}",
                mark=f"{word} {_iso(credential.since)}",
            ),
            kind="expiring",
            glyph="▲",
            style="warning",
            since=credential.since,
            link=Link("credentials", credential.id),
        )


def _first_of_each_kind(worries: Iterable[IssueLine]) -> Iterable[IssueLine]:
    seen: Counter[str] = Counter()
    for worry in worries:
        seen[worry.kind] += 1
        if seen[worry.kind] <= SHOWN:
            yield worry


def _when(at: datetime, now: datetime) -> str:
    return f"in {age(at - now)}" if at > now else age(now - at)


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


ALL = "all that needs attention"
"""The key of the heading, which stands for every line below it."""
