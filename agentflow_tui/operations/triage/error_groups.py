"""Failures grouped by what went wrong: which kinds are new, are back, and need attention."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from agentflow_tui.dataclass import dataclass
from agentflow_tui.fingerprints import fingerprint
from agentflow_tui.operations.triage.issue_state import (
    UNDECIDED,
    Issue,
    IssueState,
    doubled,
    has_come_back,
    needs_attention,
)
from agentflow_tui.schema import TABLES
from agentflow_tui.store.views.failures import Failure
from agentflow_tui.text import plural

SPANS = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
)
"""The spans in which failures are counted."""

NEW_WITHIN = timedelta(hours=12)
"""A kind of error that was first seen within this time is new."""

BACK_AFTER = timedelta(hours=6)
"""A kind of error that was not seen for this long, and then within `NEW_WITHIN`, is back."""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """One kind of error. ``counts`` are by `SPANS`; ``sources`` are the tables it occurs in.

    ``ids`` are the rows that make the group, by table: what a verb on the group acts on. ``times``
    are when they failed, oldest first. ``state`` is what operators have decided about it; ``quiet``
    says that because of that it needs no attention now.
    """

    key: str
    label: str
    counts: tuple[int, ...]
    total: int
    first: datetime | None
    last: datetime | None
    sources: tuple[str, ...]
    sample: str
    is_new: bool
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    times: tuple[datetime, ...] = ()
    is_back: bool = False
    state: IssueState = UNDECIDED
    quiet: bool = False

    @property
    def title(self) -> str:
        return self.label

    @property
    def subject(self) -> str:
        """What its state is kept under."""
        return f"error:{self.key}"

    @property
    def issue(self) -> Issue:
        return Issue(
            subject=self.subject,
            label=self.label,
            size=self.total,
            bearable=doubled(self.total),
            times=self.times,
        )

    @property
    def rows(self) -> Mapping[str, int]:
        """How many rows have failed so, by table."""
        return {table: len(ids) for table, ids in self.ids.items()}

    @property
    def waits_in(self) -> tuple[str, ...]:
        """The tables whose rows can be seen to; the journal's, which only tell of it, where there
        are no others."""
        return tuple(table for table in self.sources if table != "task_logs") or self.sources

    @property
    def amount(self) -> str:
        """``42 mails and 3 workflows``: what `waits_in` holds."""
        return " and ".join(plural(self.rows[t], TABLES[t].one) for t in self.waits_in)

    @property
    def where(self) -> str:
        """The filter that finds its rows, in each of the tables."""
        return f"errorGroup:{self.key}"


@dataclass(slots=True)
class _Gathered:
    label: str
    sample: str
    at: list[datetime] = field(default_factory=list)
    ids: dict[str, list[str]] = field(default_factory=dict)
    total: int = 0


def group(failures: Iterable[Failure], now: datetime) -> list[ErrorGroup]:
    """The kinds of errors: new ones first, then those that failed most within the day."""
    gathered: dict[str, _Gathered] = {}
    for failure in failures:
        mark = fingerprint(failure.error)
        found = gathered.setdefault(mark.key, _Gathered(mark.label, failure.error))
        found.total += 1
        found.ids.setdefault(failure.source, []).append(failure.id)
        if failure.at is not None:
            found.at.append(failure.at)
    return _in_order(_finished(key, found, now) for key, found in gathered.items())


def triaged(
    groups: Iterable[ErrorGroup], states: Mapping[str, IssueState], now: datetime
) -> list[ErrorGroup]:
    """The groups with what was decided about them, by subject: those that need no attention come
    last."""
    return _in_order(_judged(g, states.get(g.subject, UNDECIDED), now) for g in groups)


def _judged(group: ErrorGroup, state: IssueState, now: datetime) -> ErrorGroup:
    issue = group.issue
    back = has_come_back(issue, state, now) or _is_back(group.times, now)
    quiet = not needs_attention(issue, state, now)
    return replace(group, state=state, quiet=quiet, is_back=back and not group.is_new)


def _in_order(groups: Iterable[ErrorGroup]) -> list[ErrorGroup]:
    def place(group: ErrorGroup) -> tuple[object, ...]:
        seen_before = not (group.is_new or group.is_back)
        return (group.quiet, seen_before, *(-c for c in group.counts[2:]), group.label)

    return sorted(groups, key=place)


def _is_back(times: Sequence[datetime], now: datetime) -> bool:
    return any(
        later - earlier >= BACK_AFTER and now - later <= NEW_WITHIN
        for earlier, later in pairwise(times)
    )


def _finished(key: str, found: _Gathered, now: datetime) -> ErrorGroup:
    times = tuple(sorted(found.at))
    first, last = (times[0], times[-1]) if times else (None, None)
    is_new = first is not None and now - first <= NEW_WITHIN
    return ErrorGroup(
        key=key,
        label=found.label,
        counts=tuple(sum(now - at <= span for at in times) for span in SPANS),
        total=found.total,
        first=first,
        last=last,
        sources=tuple(sorted(found.ids)),
        sample=found.sample,
        is_new=is_new,
        is_back=not is_new and _is_back(times, now),
        ids={table: tuple(found.ids[table]) for table in sorted(found.ids)},
        times=times,
    )
