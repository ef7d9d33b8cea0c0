"""The mail that people and campaigns wrote: the steady stream, the outbreaks, and this morning."""

import json
from collections.abc import Callable

from agentflow_tui.demo import operators, words
from agentflow_tui.demo.builder import World, later
from agentflow_tui.demo.mail import messages, relay, sending
from agentflow_tui.demo.mail.sending import Attempt, Letter
from agentflow_tui.demo.operators import Change

Write = Callable[[World], Letter]

_STEADY: tuple[tuple[Write, int], ...] = (
    (lambda world: messages.offer(world, world.rng.choice(messages.CUSTOMERS)), 30),
    (lambda world: messages.reminder(world, world.rng.choice(messages.CUSTOMERS)), 26),
    (lambda world: messages.offer(world, messages.SUMMIT), 8),
    (messages.approval, 12),
    (messages.transfer, 8),
    (lambda world: messages.transfer(world, messages.SUMMIT), 4),
    (lambda world: messages.reminder(world, messages.IMPORTS), 4),
    (messages.stock_list, 4),
)


def steady(world: World, number: int) -> None:
    """A week of ordinary mail."""
    writers, weights = zip(*_STEADY, strict=True)
    for write in world.rng.choices(writers, weights, k=number):
        sending.post(world, write(world), world.working_hour())


def outbreaks(world: World, number: int) -> None:
    """Two campaigns that met a relay in trouble: one was refused for good, one only held up."""
    for incident, each in ((relay.BLOCKLISTED, number), (relay.STORAGE_FULL, number * 2 // 3)):
        for _ in range(each):
            letter = messages.reminder(world, world.rng.choice(messages.CUSTOMERS))
            hours = world.rng.uniform(incident.last + 0.05, incident.first - 0.01)
            sending.post(world, letter, world.ago(hours=hours))


def this_morning(world: World, lakeside: int, fleet: int) -> None:
    """A rooftop's domain is down, a fleet buyer's refuses lists that it took last week."""
    for _ in range(lakeside):
        hours = 0.03 + 2.9 * world.rng.betavariate(1, 2.2)
        sending.post(world, messages.transfer(world), world.ago(hours=hours))
    for index in range(fleet):
        hours = world.rng.uniform(0.05, 1.9) if index % 4 else world.rng.uniform(3, 90)
        sending.post(world, messages.stock_list(world), world.ago(hours=hours))


def backlog(world: World, campaign: int, fresh: int) -> None:
    """A campaign that leaves slowly, what was queued just now, and what a lender greylisted."""
    start = world.ago(minutes=22)
    pace = 22 * 60 / max(1, campaign * 2 // 5)
    for index in range(campaign):
        letter = messages.reminder(world, world.rng.choice(messages.CUSTOMERS), priority=1)
        sending.post(world, letter, later(start, index * 0.02), wait=(index + 0.5) * pace)
    for _ in range(fresh):
        letter = messages.offer(world, world.rng.choice(messages.CUSTOMERS))
        sending.queue(world, letter, world.ago(seconds=world.rng.uniform(1, 80)))
    for _ in range(fresh):
        sending.post(world, messages.approval(world), world.ago(seconds=world.rng.uniform(35, 58)))


def in_flight(world: World, number: int) -> list[str]:
    """On their way at this moment. Returns their ids in the queue."""
    ids = []
    for _ in range(number):
        letter = messages.offer(world, messages.SUMMIT)
        at = world.ago(seconds=world.rng.uniform(30, 60))
        attempt = Attempt(world.ago(seconds=world.rng.uniform(0.2, 3)), None)
        ids.append(sending.queue(world, letter, at, [attempt]).queue_id or "")
    return ids


def stopped_by_hand(world: World, held: int, cancelled: int) -> None:
    """A campaign with a wrong price that was held, and one queued twice that was cancelled."""
    for verb, status, number, hours in (
        ("hold", "held", held, 1.0),
        ("cancel", "cancelled", cancelled, 70.0),
    ):
        moment = world.ago(hours=hours)
        changes = []
        for _ in range(number):
            letter = messages.reminder(world, world.rng.choice(messages.CUSTOMERS))
            at = later(moment, -world.rng.uniform(2, 25))
            posted = sending.queue(world, letter, at, status=status, moved=moment)
            changes.append(Change(posted.queue_id or "", {"status": "pending"}, {"status": status}))
        operators.act(world, words.AUDIENCES["marketing"][0], verb, "email_queue", changes, moment)


def drafts(world: World, number: int) -> None:
    """Written and left."""
    for _ in range(number):
        sending.draft(world, messages.offer(world, messages.CUSTOMERS[0]), world.working_hour())


def misshapen(world: World) -> None:
    """Recipients as other programs have written them: some can be made out, some cannot."""
    person = world.person(messages.CUSTOMERS[1])
    readable: tuple[object, ...] = (
        [person.email],
        [f"{person.name} <{person.email}>", world.person(messages.CUSTOMERS[2]).email],
        json.dumps([person.as_recipient()]),
        person.email,
    )
    for recipients in readable:
        letter = _misaddressed(world, recipients)
        sending.queue(world, letter, world.ago(minutes=world.rng.uniform(1, 14)))
    for recipients, why in (
        ({"list": "all customers"}, "recipients names nobody: an object with the key list"),
        ([], "recipients names nobody: the list is empty"),
        ("everybody in the CRM", "recipients names nobody: 'everybody in the CRM'"),
    ):
        letter = _misaddressed(world, recipients, why)
        sending.post(world, letter, world.ago(hours=world.rng.uniform(5, 60)))


def _misaddressed(world: World, recipients: object, wrong: str | None = None) -> Letter:
    letter = messages.offer(world, messages.CUSTOMERS[1])
    return Letter(
        owner=None,
        subject=letter.subject,
        body=letter.body,
        to=(),
        recipients=recipients,
        attachments={},
        wrong=wrong,
    )
