"""Failures grouped by what went wrong, and which kinds are new."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agentflow_tui.fingerprints import fingerprint
from agentflow_tui.store.failures import Failure

SPANS = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
)
"""The spans in which failures are counted."""

NEW_WITHIN = timedelta(hours=12)
"""A kind of error that was first seen within this time is new."""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """One kind of error. ``counts`` are by `SPANS`; ``sources`` are the tables it occurs in.

    ``ids`` are the rows that make the group, by table: what a verb on the group acts on.
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

    @property
    def words(self) -> str:
        """The longest part of the words that all of the group have in common, to filter by."""
        parts = [part for part in _pieces(self.label) if part in self.sample]
        return max(parts, key=len, default=self.sample[:40])


def _pieces(label: str) -> list[str]:
    """What stands between the placeholders of a fingerprint's label."""
    pieces, depth, current = [], 0, ""
    for character in label:
        if character in "<[{":
            depth += 1
            pieces.append(current.strip())
            current = ""
        elif character in ">]}" and depth:
            depth -= 1
        elif character in '…"':
            pieces.append(current.strip())
            current = ""
        elif not depth:
            current += character
    return [piece for piece in (*pieces, current.strip()) if piece]


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
        mark = fingerprint(failure.error or "(no reason given)")
        found = gathered.setdefault(mark.key, _Gathered(mark.label, failure.error))
        found.total += 1
        found.ids.setdefault(failure.source, []).append(failure.id)
        if failure.at is not None:
            found.at.append(failure.at)
    groups = [_finished(key, found, now) for key, found in gathered.items()]
    return sorted(groups, key=lambda g: (not g.is_new, *(-c for c in g.counts[2:]), g.label))


def _finished(key: str, found: _Gathered, now: datetime) -> ErrorGroup:
    first, last = min(found.at, default=None), max(found.at, default=None)
    return ErrorGroup(
        key=key,
        label=found.label,
        counts=tuple(sum(now - at <= span for at in found.at) for span in SPANS),
        total=found.total,
        first=first,
        last=last,
        sources=tuple(sorted(found.ids)),
        sample=found.sample,
        is_new=first is not None and now - first <= NEW_WITHIN,
        ids={table: tuple(found.ids[table]) for table in sorted(found.ids)},
    )
