"""Mail to one address: what became of each, and where it came from."""

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations.story import entries as of
from agentflow_tui.operations.story.gathering import StoryMaterial, carried_by
from agentflow_tui.operations.story.timeline import StoryEvent, StoryRules, timeline
from agentflow_tui.text import plural

TOLD = 3
"""Insights of one mail, the best, that are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStory:
    """A mail: its ``head``, its ``fate`` (attempts, and what comes) and its ``origin``, from the
    insights that it carries back to the schedule."""

    head: StoryEvent
    fate: Sequence[StoryEvent] = ()
    origin: Sequence[StoryEvent] = ()

    @property
    def events(self) -> list[StoryEvent]:
        return [self.head, *self.fate, *self.origin]


@dataclass(slots=True)
class _Mail:
    """What is known of one mail while its story is put together."""

    message: Any = None
    queued: list[Any] = field(default_factory=list)

    @property
    def at(self) -> datetime | None:
        row = self.message or self.queued[0]
        at: datetime | None = row.created_at
        return at


def mail_stories(material: StoryMaterial, rules: StoryRules) -> list[MailStory]:
    """The mails to an address, newest first."""
    events = timeline(material, rules)
    mails = sorted(_mails(material), key=lambda mail: str(mail.at), reverse=True)
    return [_story(mail, material, events) for mail in mails]


def _mails(material: StoryMaterial) -> list[_Mail]:
    mails = {row.key: _Mail(row) for row in material.of("emails")}
    for row in material.of("email_queue"):
        mails.setdefault(row.email_id or row.key, _Mail()).queued.append(row)
    return list(mails.values())


def _story(mail: _Mail, material: StoryMaterial, events: Sequence[StoryEvent]) -> MailStory:
    queued = {row.key for row in mail.queued}
    attempts = {
        entry.id
        for entry in material.entries.values()
        if (entry.task_type or "").startswith("email.") and of.given(entry).get("queueId") in queued
    }
    fate = [event for event in events if event.id in queued or event.id in attempts]
    return MailStory(
        head=_head(mail, fate),
        fate=fate,
        origin=list(_origin(mail, material, events)),
    )


def _head(mail: _Mail, fate: Sequence[StoryEvent]) -> StoryEvent:
    row = mail.message or mail.queued[0]
    newest = mail.queued[-1] if mail.queued else row
    subject = row.subject or "without a subject"
    waits = "" if mail.queued else ", and is not in the queue"
    return StoryEvent(
        at=mail.at,
        text=f"{_FATES.get(newest.status or '', newest.status or '?')}: {subject}{waits}",
        table="emails" if mail.message else "email_queue",
        id=row.key,
        status=newest.status or "",
    )


_FATES = {
    "completed": "Delivered",
    "sent": "Delivered",
    "pending": "Waiting",
    "queued": "Waiting",
    "processing": "Being sent",
    "held": "Held back",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "draft": "Not queued",
}


def _origin(
    mail: _Mail, material: StoryMaterial, events: Sequence[StoryEvent]
) -> Iterator[StoryEvent]:
    """What the mail came from: distributions, insights, reports, workflow, schedule."""
    carried = [] if mail.message is None else carried_by(mail.message.recipients, material.id)
    ways = [way for way in material.of("insight_distributions") if way.key in carried]
    insights = {way.insight_id for way in ways}
    rows = [row for row in material.of("insights") if row.key in insights]
    reports = {row.report_id for row in rows}
    wanted = {*insights, *reports} | ({mail.message.key} if mail.message else set())
    steps = [e for e in material.entries.values() if of.is_step(e)]
    makers = [step for step in steps if any(id_ and id_ in (step.output or "") for id_ in wanted)]
    runs = {(of.workflow_of(step), of.run_of(step)) for step in makers}
    workflows = {workflow for workflow, _ in runs}
    yield from _of_insights(ways, rows, events)
    yield from _from("report", events, reports)
    yield from _from("workflow", events, workflows)
    fires = [entry for entry in material.entries.values() if of.is_fire(entry)]
    told = [each for run, each in of.by_run(steps).items() if run in runs]
    started = {fire.id for each in told for fire in of.fire_of(fires, each)}
    yield from (event for event in events if event.id in started)
    schedules = [row for row in material.of("schedules") if row.workflow_id in workflows]
    ids = {row.key for row in schedules}
    yield from (
        event for event in events if event.table == "schedules" and event.id in ids and event.comes
    )


def _of_insights(
    ways: Sequence[Any], rows: Sequence[Any], events: Sequence[StoryEvent]
) -> Iterator[StoryEvent]:
    best = sorted(rows, key=lambda row: (-(row.score or 0), row.key))
    for row in best[:TOLD]:
        yield from _from("insight", events, {row.key})
    if len(best) > TOLD:
        way = ways[0]
        text = f"and {plural(len(best) - TOLD, 'more insight')}"
        yield StoryEvent(
            at=way.created_at, text=text, table="insight_distributions", id=way.key, status=""
        )


_SAID = {"insight": "Insight ", "report": "Report stored: ", "workflow": "Workflow made: "}
"""How the first line about each kind of row begins."""


def _from(what: str, events: Sequence[StoryEvent], ids: set[Any]) -> list[StoryEvent]:
    """The first line about each of these rows, in the words of an origin."""
    found: dict[str, StoryEvent] = {}
    for event in events:
        if event.table == f"{what}s" and event.id in ids and not event.comes:
            text = f"from the {what} {event.text.removeprefix(_SAID[what])}"
            found.setdefault(event.id, replace(event, text=text, status=""))
    return list(found.values())
