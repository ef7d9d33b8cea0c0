"""The mail that people and campaigns wrote: a week of it, the incidents, and this morning."""

import json
from collections.abc import Callable
from dataclasses import replace

from agentflow_tui.demo.builder import SampleBuilder, later
from agentflow_tui.demo.mail import messages, relay
from agentflow_tui.demo.mail.messages import CUSTOMERS, IMPORTS, SUMMIT, SampleMessage
from agentflow_tui.demo.mail.sending import QueueState, SendAttempt, draft, queue, send
from agentflow_tui.demo.operators import RecordedChange, record_action
from agentflow_tui.demo.people import AUDIENCES


def _offer(builder: SampleBuilder) -> SampleMessage:
    return messages.offer(builder, builder.rng.choice(CUSTOMERS))


def _reminder(builder: SampleBuilder) -> SampleMessage:
    return messages.reminder(builder, builder.rng.choice(CUSTOMERS))


_WEEK: tuple[tuple[Callable[[SampleBuilder], SampleMessage], int], ...] = (
    (_offer, 30),
    (_reminder, 26),
    (lambda builder: messages.offer(builder, SUMMIT), 8),
    (messages.approval, 12),
    (messages.transfer, 8),
    (lambda builder: messages.transfer(builder, SUMMIT), 4),
    (lambda builder: messages.reminder(builder, IMPORTS), 4),
    (messages.stock_list, 4),
)
"""What is written in a week, and how often."""


def add_week(builder: SampleBuilder, number: int) -> None:
    """Add a week of ordinary mail."""
    writers, weights = zip(*_WEEK, strict=True)
    for write in builder.rng.choices(writers, weights, k=number):
        send(builder, write(builder), builder.working_hour())


def add_during_incidents(builder: SampleBuilder, number: int) -> None:
    """Add two campaigns that met a relay in trouble: one was refused for good, one held up."""
    for incident, each in ((relay.BLOCKLISTED, number), (relay.STORAGE_FULL, number * 2 // 3)):
        for _ in range(each):
            message = _reminder(builder)
            hours = builder.rng.uniform(incident.last + 0.05, incident.first - 0.01)
            send(builder, message, builder.ago(hours=hours))


def add_this_morning(builder: SampleBuilder, lakeside: int, fleet: int) -> None:
    """Add mail to a rooftop whose domain is down, and lists that a fleet buyer took last week and
    refuses now."""
    for _ in range(lakeside):
        hours = 0.03 + 2.9 * builder.rng.betavariate(1, 2.2)
        send(builder, messages.transfer(builder), builder.ago(hours=hours))
    for index in range(fleet):
        hours = builder.rng.uniform(0.05, 1.9) if index % 4 else builder.rng.uniform(3, 90)
        send(builder, messages.stock_list(builder), builder.ago(hours=hours))


def add_backlog(builder: SampleBuilder, campaign: int, fresh: int) -> None:
    """Add a campaign that leaves slowly, what was queued just now, and what a lender greylisted."""
    start = builder.ago(minutes=22)
    pace = 22 * 60 / max(1, campaign * 2 // 5)
    for index in range(campaign):
        send(builder, _reminder(builder), later(start, index * 0.02), wait=(index + 0.5) * pace)
    for _ in range(fresh):
        queue(builder, _offer(builder), builder.ago(seconds=builder.rng.uniform(1, 80)))
    for _ in range(fresh):
        message = messages.approval(builder)
        send(builder, message, builder.ago(seconds=builder.rng.uniform(35, 58)))


def add_in_flight(builder: SampleBuilder, number: int) -> None:
    """Add mail that is on its way at this moment."""
    for _ in range(number):
        message = messages.offer(builder, SUMMIT)
        at = builder.ago(seconds=builder.rng.uniform(30, 60))
        attempt = SendAttempt(builder.ago(seconds=builder.rng.uniform(0.2, 3)), None)
        queue(builder, message, at, [attempt])


def add_stopped_by_operators(builder: SampleBuilder, held: int, cancelled: int) -> None:
    """Add a campaign with a wrong price that was held, and one queued twice that was cancelled."""
    for verb, status, number, hours in (
        ("hold", "held", held, 1.0),
        ("cancel", "cancelled", cancelled, 70.0),
    ):
        moment = builder.ago(hours=hours)
        changes = []
        for _ in range(number):
            message = _reminder(builder)
            at = later(moment, -builder.rng.uniform(2, 25))
            queue_id = queue(builder, message, at, state=QueueState(status, moment)).queue_id
            changes.append(RecordedChange(queue_id, {"status": "pending"}, {"status": status}))
        record_action(builder, AUDIENCES["marketing"][0], verb, "email_queue", changes, moment)


def add_drafts(builder: SampleBuilder, number: int) -> None:
    """Add messages that were written and left."""
    for _ in range(number):
        draft(builder, messages.offer(builder, CUSTOMERS[0]), builder.working_hour())


def add_malformed(builder: SampleBuilder) -> None:
    """Add recipients as other programs have written them: some can be read, some cannot."""
    person = builder.person(CUSTOMERS[1])
    readable: tuple[object, ...] = (
        [person.email],
        [f"{person.name} <{person.email}>", builder.person(CUSTOMERS[2]).email],
        json.dumps([person.as_recipient()]),
        person.email,
    )
    for recipients in readable:
        message = _misaddressed(builder, recipients)
        queue(builder, message, builder.ago(minutes=builder.rng.uniform(1, 14)))
    for recipients, why in (
        ({"list": "all customers"}, "recipients names nobody: an object with the key list"),
        ([], "recipients names nobody: the list is empty"),
        ("everybody in the CRM", "recipients names nobody: 'everybody in the CRM'"),
    ):
        message = _misaddressed(builder, recipients, why)
        send(builder, message, builder.ago(hours=builder.rng.uniform(5, 60)))


def _misaddressed(
    builder: SampleBuilder, recipients: object, wrong: str | None = None
) -> SampleMessage:
    message = messages.offer(builder, CUSTOMERS[1])
    return replace(
        message,
        owner=None,
        to=(),
        priority=5,
        recipients=recipients,
        attachments={},
        wrong=wrong,
    )
