"""What the years before looked like: the stuff of which rows are made by the million."""

import json
from datetime import datetime, timedelta
from random import Random

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import World, plain
from agentflow_tui.demo.domains import DOMAINS
from agentflow_tui.demo.mail import messages, relay
from agentflow_tui.demo.workflows import templates
from agentflow_tui.store.schema.bulk_rows import Multitude

_BEFORE = timedelta(days=8)
"""The sample's own story begins after that."""

_APART = timedelta(seconds=31)
_LONGEST = timedelta(days=1_000)

_VARIETY = 40

_REFUSALS = (
    "550 5.1.1 <{}>: recipient address rejected: user unknown",
    "550 5.1.1 <{}>: recipient address rejected: user unknown",
    "550 5.7.1 <{}>: message refused by policy",
    "554 5.4.7 delivery expired: no answer from the mail exchanger",
    relay.BLOCKLISTED.line,
)

_TROUBLES = (
    "Step 1 (Ages of open leads): config.source finds nothing; it should find a list.",
    "Step 1 (Ages of repair orders): The expression 'max(rows)' fails: invalid type for value",
    "Step 1 (Ages of titles): The step did not end within 60 s.",
)


def multitude(seed: int, now: datetime, rows: int, owners: list[str]) -> Multitude:
    """``rows`` finished mails and workflows, the newest eight days before ``now``.

    ``owners`` are ids of users, who must be there before.
    """
    world = World(now=now, rng=Random(f"multitude {seed}"))
    span = min(rows * _APART, _LONGEST)
    written = [messages.reminder(world, messages.CUSTOMERS[0]) for _ in range(_VARIETY)]
    written += [messages.offer(world, messages.CUSTOMERS[0]) for _ in range(_VARIETY)]
    people = [world.person(messages.CUSTOMERS[0]) for _ in range(10 * _VARIETY)]
    return Multitude(
        rows=rows,
        seed=seed,
        oldest=now - _BEFORE - span,
        seconds=span.total_seconds() / max(1, rows),
        owners=owners,
        letters=[(letter.subject, letter.body) for letter in written],
        people=[(person.name, plain(person.name).replace(" ", ".")) for person in people],
        domains=list(DOMAINS),
        refusals=_REFUSALS,
        jobs=[_job(world, number) for number in range(_VARIETY)],
        troubles=_TROUBLES,
        relay=relay.RELAY,
    )


def _job(world: World, number: int) -> tuple[str, str, str, str]:
    """A workflow of one step, as JSON texts: its steps, its context at the end, and the step's id
    and result."""
    recipe = templates.digest(world, words.WATCHED[number % len(words.WATCHED)])
    step = recipe.steps[0]
    result = step.perform(world, {}, world.now)
    return (
        json.dumps([step.as_json()]),
        json.dumps({**recipe.context, step.id: result}),
        step.id,
        json.dumps(result),
    )
