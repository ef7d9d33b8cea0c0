"""The years before the sample: what rows are made of by the million."""

import json
from datetime import datetime, timedelta
from random import Random

from agentflow_tui.demo import data, words
from agentflow_tui.demo.builder import SampleBuilder, plain
from agentflow_tui.demo.domains import DOMAINS
from agentflow_tui.demo.mail import messages, relay
from agentflow_tui.demo.workflows import templates
from agentflow_tui.store.schema.bulk_rows import BulkRows

_BEFORE = timedelta(days=8)
"""The sample's own story begins after that."""

_APART = timedelta(seconds=31)
_LONGEST = timedelta(days=1_000)

_VARIETY = 40


def bulk_rows(seed: int, now: datetime, rows: int, owners: list[str]) -> BulkRows:
    """``rows`` finished mails and workflows, the newest eight days before ``now``.

    ``owners`` are ids of users, who must be there before.
    """
    # The word is a part of the seed: with another the rows would be others.
    builder = SampleBuilder(now=now, rng=Random(f"multitude {seed}"))
    customers = messages.CUSTOMERS[0]
    span = min(rows * _APART, _LONGEST)
    written = [messages.reminder(builder, customers) for _ in range(_VARIETY)]
    written += [messages.offer(builder, customers) for _ in range(_VARIETY)]
    people = [builder.person(customers) for _ in range(10 * _VARIETY)]
    answers = data.read("bulk_rows")
    return BulkRows(
        rows=rows,
        seed=seed,
        oldest=now - _BEFORE - span,
        seconds=span.total_seconds() / max(1, rows),
        owners=owners,
        messages=[(message.subject, message.body) for message in written],
        people=[(person.name, plain(person.name).replace(" ", ".")) for person in people],
        domains=list(DOMAINS),
        mail_errors=answers["refusals"],
        workflows=[_job(builder, number) for number in range(_VARIETY)],
        step_errors=answers["step_errors"],
        relay=relay.RELAY,
    )


def _job(builder: SampleBuilder, number: int) -> tuple[str, str, str, str]:
    """A workflow of one step, as JSON texts: its steps, its context at the end, and the step's id
    and result."""
    workflow = templates.digest(builder, words.WATCHED[number % len(words.WATCHED)])
    step = workflow.steps[0]
    result = step.effect(builder, {}, builder.now)
    return (
        json.dumps([step.as_json()]),
        json.dumps({**workflow.context, step.id: result}),
        step.id,
        json.dumps(result),
    )
