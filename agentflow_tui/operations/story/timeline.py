"""The lines of a story, merged from rows and entries of the journal in the order of time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.story import entries as of
from agentflow_tui.operations.story import happenings
from agentflow_tui.operations.story.gathering import StoryMaterial
from agentflow_tui.operations.story.insights import insight_ranks, insight_title
from agentflow_tui.settings import Settings
from agentflow_tui.store.reading.listings import joined
from agentflow_tui.store.views.emails import Message, QueuedMail
from agentflow_tui.store.views.reports import Distribution, Insight, Report
from agentflow_tui.store.views.schedules import Schedule
from agentflow_tui.store.views.tasks import Mention
from agentflow_tui.store.views.workflows import Workflow
from agentflow_tui.text import plural

CHAIN = (
    "users",
    "credentials",
    "api_keys",
    "sessions",
    "health_checks",
    "schedules",
    "workflows",
    "reports",
    "insights",
    "insight_distributions",
    "emails",
    "email_queue",
    "task_logs",
)
"""Tables in the order in which one thing leads to the next, for what happened at one moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEvent:
    """A line of a story: something that happened ``at`` a time, or that ``comes``, about the row
    ``id`` of ``table``. ``status`` is a status word, ``took`` how long it lasted."""

    at: datetime | None
    text: str
    table: str
    id: str
    status: str = ""
    took: timedelta | None = None
    comes: bool = False
    place: int = 0
    """Where it stands among what happened at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRules:
    """What decides when something comes: the present by the database's clock, the leases of
    workflows and of mails, and the seconds between two attempts."""

    now: datetime
    lease: timedelta = timedelta(minutes=5)
    mail_lease: timedelta = timedelta(minutes=5)
    retry_base: float = 30.0
    retry_limit: float = 3600.0

    @classmethod
    def of(cls, settings: Settings, now: datetime) -> "StoryRules":
        return cls(
            now=now,
            lease=timedelta(minutes=settings.console.lease_minutes),
            mail_lease=timedelta(seconds=settings.workers.lease),
            retry_base=settings.workers.retry_base,
            retry_limit=settings.workers.retry_limit,
        )


def timeline(material: StoryMaterial, rules: StoryRules) -> list[StoryEvent]:
    """What happened, oldest first, and behind it what comes."""
    context = _Context(material, rules)
    events = [event for table in CHAIN for event in _of_table(table, material.of(table), context)]
    events += [happenings_event(entry) for entry in material.entries.values()]
    return sorted(_each_once(events), key=_order)


def happenings_event(entry: Mention) -> StoryEvent:
    """The line of an entry of the journal."""
    told = happenings.told(entry)
    took = entry.end_time - entry.start_time if entry.start_time and entry.end_time else None
    return StoryEvent(
        at=entry.created_at if of.is_fire(entry) else entry.end_time or entry.created_at,
        text=told.text,
        table="task_logs",
        id=entry.id,
        status=told.status,
        took=took if took and told.lasts else None,
        place=CHAIN.index(told.table),
    )


_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def _order(event: StoryEvent) -> tuple[bool, datetime, int]:
    return event.comes, event.at or _NEVER, event.place


def _each_once(events: Iterable[StoryEvent]) -> list[StoryEvent]:
    return list(dict.fromkeys(events))


@dataclass(slots=True)
class _Context:
    material: StoryMaterial
    rules: StoryRules
    ranks: Mapping[str, tuple[int, int]] = field(init=False)
    attempted: frozenset[object] = field(init=False)
    """The mails about whose attempts the journal tells."""

    def __post_init__(self) -> None:
        entries = self.material.entries.values()
        self.attempted = frozenset(of.given(each).get("queueId") for each in entries)
        self.ranks = insight_ranks(self.material.siblings)

    def is_about_earlier_run(self, row: Workflow) -> bool:
        """Whether the workflow has gone on since the run that the story is about."""
        until = self.material.until
        return until is not None and bool(row.last_updated and row.last_updated > until + _SOON)


_SOON = timedelta(minutes=1)


def _of_table(table: str, rows: Sequence[Any], context: _Context) -> Iterator[StoryEvent]:
    tell = _TELLERS.get(table, _other)
    place = CHAIN.index(table)
    if table == "task_logs":
        return
    for row in rows:
        for event in tell(row, context):
            yield StoryEvent(
                at=event.at,
                text=event.text,
                table=table,
                id=row.key,
                status=event.status,
                comes=event.comes,
                place=len(CHAIN) if event.ends else place,
            )


@dataclass(frozen=True, slots=True)
class _Told:
    at: datetime | None
    text: str
    status: str = ""
    comes: bool = False
    ends: bool = False
    """Nothing else of the same moment comes behind it."""


def _schedule(row: Schedule, context: _Context) -> Iterator[_Told]:
    name = joined(row.title) or "a workflow"
    yield _Told(row.created_at, f"Schedule made: {name}")
    if row.next_run is None:
        return
    if not row.active:
        yield _Told(row.next_run, f"No fire, for the schedule is off: {name}", "cancelled", True)
    else:
        yield _Told(row.next_run, f"Next fire: {name}", "pending", True)


def _workflow(row: Workflow, context: _Context) -> Iterator[_Told]:
    name = row.title or "workflow"
    now = context.rules.now
    yield _Told(row.created_at, f"Workflow made: {name}")
    if context.is_about_earlier_run(row):
        return
    if row.status in ("completed", "failed", "cancelled", "paused"):
        why = f": {row.last_error}" if row.last_error else ""
        text = f"Workflow {row.status}: {name}{why}"
        yield _Told(row.last_updated, text, row.status, ends=True)
    until = row.not_before(now)
    if until is not None:
        yield _Told(until, f"Next try of the workflow {name}", "pending", True)
    elif row.locked and row.locked_at is not None:
        yield _Told(
            row.locked_at + context.rules.lease,
            f"The lease on the workflow ends, unless its worker renews it: {name}",
            "running",
            True,
        )


def _report(row: Report, _context: _Context) -> Iterator[_Told]:
    day = f" of {row.report_date:%Y-%m-%d}" if row.report_date else ""
    yield _Told(row.created_at, f"Report stored: {joined(row.vendor, row.report_type)}{day}", "ok")


def _insight(row: Insight, context: _Context) -> Iterator[_Told]:
    rank, among = context.ranks.get(row.id, (0, 0))
    place = f"{rank} of {among}" if among > 1 else ""
    score = f"score {row.score}" if row.score is not None else "no score"
    said = ", ".join(filter(None, (place, score)))
    yield _Told(row.created_at, f"Insight ({said}): {insight_title(row)}", "ok")


def _distribution(row: Distribution, _context: _Context) -> Iterator[_Told]:
    role = f" ({row.recipient_type})" if row.recipient_type else ""
    method = row.distribution_method or "no known way"
    to = f"{row.recipient_id or 'somebody'}{role} by {method}"
    yield _Told(row.created_at, f"Insight meant for {to}", "" if row.sent_at else row.status or "")
    if row.sent_at is not None:
        yield _Told(row.sent_at, f"Insight has reached {to}", row.status or "")


def _message(row: Message, _context: _Context) -> Iterator[_Told]:
    yield _Told(
        row.created_at, f"Mail written: {row.title}", "" if row.sent_at else row.status or ""
    )


def _queued(row: QueuedMail, context: _Context) -> Iterator[_Told]:
    rules = context.rules
    name = row.title or "mail"
    if not row.email_id:
        yield _Told(row.created_at, f"Mail queued: {name}")
    match row.status:
        case "pending":
            due = row.next_try(rules.retry_base, rules.retry_limit)
            which = f"Attempt {(row.attempts or 0) + 1}" if row.attempts else "First attempt"
            if row.email_status == "cancelled":
                yield _Told(row.updated_at, f"Will not leave, its message is cancelled: {name}")
            else:
                yield _Told(due or rules.now, f"{which} is due: {name}", "pending", True)
        case "processing" if row.last_attempt is not None:
            ends = row.last_attempt + rules.mail_lease
            yield _Told(ends, f"The lease of its sender ends: {name}", "running", True)
        case "completed" if row.id not in context.attempted:
            yield _Told(row.updated_at, f"Mail delivered to the relay: {name}", "completed")
        case "held" | "cancelled":
            yield _Told(row.updated_at, f"Mail {row.status}: {name}", row.status)
        case "failed" if row.id not in context.attempted:
            why = f": {row.error}" if row.error else ""
            yield _Told(row.updated_at, f"Mail {row.status}: {name}{why}", row.status)


def _other(row: Any, _context: _Context) -> Iterator[_Told]:
    """Rows about which no more is known than their times."""
    name = row.title
    if made := getattr(row, "created_at", None):
        yield _Told(made, f"Made: {name}")
    changed = getattr(row, "updated_at", None)
    if changed and changed != made:
        yield _Told(changed, f"Changed last: {name}", getattr(row, "status", None) or "")
    for attribute, said in _EXPIRIES.items():
        at = getattr(row, attribute, None)
        if at is not None:
            yield _Told(at, f"{said}: {name}", "pending", at > _context.rules.now)


_EXPIRIES = {"expire": "Session ends", "refresh_token_expiry": "Refresh token expires"}

_TELLERS: Mapping[str, Any] = {
    "schedules": _schedule,
    "workflows": _workflow,
    "reports": _report,
    "insights": _insight,
    "insight_distributions": _distribution,
    "emails": _message,
    "email_queue": _queued,
}


def summary(events: Sequence[StoryEvent]) -> str:
    """How many lines there are, and how many of them tell of a failure."""
    failed = sum(event.status in ("failed", "error") for event in events)
    said = plural(len(events), "line")
    return f"{said}, {failed} failed" if failed else said
