"""The ledger of a schedule's fires: done, late, skipped and why, missed."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.story.entries import given, is_fire, said
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.fires import LATE, FireCount, read_fire_counts
from agentflow_tui.store.views.story_journal import FIRES, LATEST, entries_about, is_partial
from agentflow_tui.store.views.tasks import Mention
from agentflow_tui.text import duration, number, plural

SPAN = timedelta(days=1)
"""How far back fires are counted."""

EVERY = 5.0
"""Seconds between two countings for a list."""

_NOT_SLOTS = frozenset({"moved", "wrong", None})
_DONE = frozenset({"fired", "twice"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FireCounts:
    """What became of the slots of one schedule: started in time (``done``) and more than a minute
    ``late``, ``skipped`` although they should have started something, ``missed`` because no worker
    was there."""

    done: int = 0
    late: int = 0
    skipped: int = 0
    missed: int = 0

    def __str__(self) -> str:
        """``1 skipped, 12 done``, the worst first; empty where there was no slot."""
        pairs = (
            (self.skipped, "skipped"),
            (self.missed, "missed"),
            (self.late, "late"),
            (self.done, "done"),
        )
        return ", ".join(f"{number(count)} {word}" for count, word in pairs if count)

    @property
    def style(self) -> str:
        if self.skipped or self.missed:
            return "failed" if self.skipped else "warning"
        return "warning" if self.late else "dim"


def sum_up(rows: Iterable[FireCount]) -> dict[str, FireCounts]:
    """The counts of each schedule."""
    found: dict[str, FireCounts] = {}
    for row in rows:
        before = found.get(row.schedule_id, FireCounts())
        done = row.outcome in _DONE
        skips = not done and row.outcome != "missed" and row.outcome not in _NOT_SLOTS
        found[row.schedule_id] = FireCounts(
            done=before.done + (row.entries if done and not row.late else 0),
            late=before.late + (row.entries if done and row.late else 0),
            skipped=before.skipped + (row.entries if skips else 0),
            missed=before.missed + row.missed,
        )
    return found


async def count_fires(
    database: Database, schedules: Sequence[str], now: datetime
) -> dict[str, FireCounts]:
    """The counts of the last day. Raises `UnreachableError`, `RefusedError`."""
    return sum_up(await read_fire_counts(database, schedules, now - SPAN))


class FireCountCache:
    """The counts of the schedules that a list asks for, read together and not at each look."""

    def __init__(self) -> None:
        self._known: dict[str, FireCounts] = {}
        self._asked: set[str] = set()
        self._read: datetime | None = None

    def of(self, schedule: str) -> FireCounts | None:
        """The counts of a schedule; None until they are read."""
        self._asked.add(schedule)
        return self._known.get(schedule)

    async def read(self, database: Database, now: datetime) -> None:
        """Count what has been asked for. Raises `UnreachableError`, `RefusedError`."""
        is_old = self._read is None or (now - self._read).total_seconds() >= EVERY
        if self._asked and (is_old or not self._asked <= self._known.keys()):
            asked, self._read = self._asked, now
            self._asked = set()
            counted = await count_fires(database, sorted(asked), now)
            self._known |= {id_: counted.get(id_, FireCounts()) for id_ in asked}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """What became of one slot, in words. ``status`` is a status word, ``id`` that of its entry."""

    slot: datetime | None
    text: str
    status: str
    id: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The latest slots of a schedule, newest first. ``partial``: there may be more, older ones."""

    counts: FireCounts
    lines: Sequence[LedgerLine]
    partial: bool


async def read_ledger(database: Database, schedule: str, now: datetime) -> Ledger:
    """The ledger of one schedule. Raises `UnreachableError`, `RefusedError`."""
    entries = await entries_about(database, FIRES, [(schedule, LATEST)])
    counts = await count_fires(database, [schedule], now)
    ordered = sorted(entries, key=lambda entry: str(entry.created_at), reverse=True)
    return Ledger(
        counts=counts.get(schedule, FireCounts()),
        lines=tuple(ledger_line(entry) for entry in ordered if is_fire(entry)),
        partial=is_partial(database.binding, FIRES.index),
    )


def ledger_line(entry: Mention) -> LedgerLine:
    """What an entry of the journal says about its slot."""
    outcome = str(said(entry).get("outcome") or "")
    reason = said(entry).get("reason") or (entry.error or "")
    missed = said(entry).get("missed")
    before = f"; {plural(missed, 'slot')} missed" if isinstance(missed, int) and missed else ""
    text, status = _words(outcome, reason, said(entry).get("late_ms"))
    return LedgerLine(
        slot=_moment(given(entry).get("slot")) or entry.created_at,
        text=text + ("" if outcome == "missed" and missed == 1 else before),
        status=status,
        id=entry.id,
        outcome=outcome,
    )


def _words(outcome: str, reason: object, late_ms: object) -> tuple[str, str]:
    if outcome == "fired":
        seconds = late_ms / 1000 if isinstance(late_ms, int | float) else 0.0
        if seconds >= LATE:
            return f"late: started {duration(seconds)} after its time", "warning"
        return "done", "completed"
    if outcome == "twice":
        return f"done: {reason}", "completed"
    if outcome in ("missed", "moved"):
        return f"{outcome}: {reason}", "warning"
    if outcome == "wrong":
        return f"cannot fire: {reason}", "failed"
    return f"skipped: {reason}", "failed"


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
