"""What the group has automated: workflows of the steps in the data file, with drawn values.

Every result given here is what the step's handler would give (a test runs them), so a workflow that
is taken over half way goes on as if the runner had been there from the start.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from string import Template
from typing import Any, cast

from agentflow_tui.demo import data, words
from agentflow_tui.demo.builder import SampleBuilder, later
from agentflow_tui.demo.mail import messages
from agentflow_tui.demo.mail.messages import CUSTOMERS, IMPORTS, SUMMIT, SampleMessage
from agentflow_tui.demo.mail.sending import send
from agentflow_tui.demo.workflows.steps import Context, SampleWorkflow, SimulatedStep, StepEffect

PROMPT_VERSION = "v2.3.1"
"""Of the insight generator."""

_RETRIES = {"dataProcessing": 1, "delay": 0, "condition": 0}
"""Of step types that have others than the usual three."""


WorkflowTemplate = Callable[[SampleBuilder], SampleWorkflow]


def from_template(
    name: str,
    outcomes: Mapping[str, object],
    values: Mapping[str, object] | None = None,
    /,
    **context: object,
) -> SampleWorkflow:
    """The workflow of that name in the data file, with ``values`` in place of its "$name"s.

    ``outcomes`` says by step what comes of it: the message that it queues, whether a condition
    holds, the body of an api call's answer, else the result; or a `StepEffect`.
    """
    filled = _fill(data.read("workflow_templates")[name], values or {})
    return SampleWorkflow(tuple(_step(step, outcomes.get(step["id"])) for step in filled), context)


def _fill(template: Any, values: Mapping[str, object]) -> Any:
    if isinstance(template, dict):
        return {key: _fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, values) for value in template]
    if isinstance(template, str) and "$" in template:
        name = template.removeprefix("$")
        return values[name] if name in values else Template(template).substitute(values)
    return template


def _step(fields: dict[str, Any], outcome: object) -> SimulatedStep:
    config = fields.pop("config", {})
    if isinstance(outcome, SampleMessage):
        config = {
            "to": [person.as_recipient() for person in outcome.to],
            "subject": outcome.subject,
            "body": outcome.body,
            "priority": outcome.priority,
            **config,
        }
    fields.setdefault("retries", _RETRIES.get(fields["type"], 3))
    return SimulatedStep(**fields, config=config, effect=_effect(fields["type"], config, outcome))


def _effect(type_: str, config: dict[str, object], outcome: Any) -> StepEffect:
    if callable(outcome):
        return cast("StepEffect", outcome)
    match type_:
        case "email":
            return partial(_send, outcome)
        case "delay":
            return lambda _builder, _context, at: {"until": at.isoformat()}
        case "condition":
            result = {"holds": outcome, "goto": None}
        case "api":
            headers = {"content-type": "application/json"}
            result = {"status": 200, "headers": headers, "body": outcome}
        case "dataProcessing" if not config.get("single"):
            result = {"rows": outcome, "count": len(outcome)}
        case _:
            result = outcome
    return lambda _builder, _context, _at: result


def _send(
    message: SampleMessage, builder: SampleBuilder, _context: Context, at: datetime
) -> object:
    sent = send(builder, message, at)
    return {"emailId": sent.id, "queueId": sent.queue_id, "recipients": len(message.to)}


def follow_up(builder: SampleBuilder) -> SampleWorkflow:
    """Answer a lead, wait, and ask again if it is a hot one."""
    rng = builder.rng
    message = messages.offer(builder, rng.choice((*CUSTOMERS, SUMMIT, IMPORTS)))
    score = rng.randrange(20, 100)
    hot = score >= 70
    person = message.to[0]
    lead = {
        "id": rng.randrange(1_000_000, 9_999_999),
        "name": person.name,
        "email": person.email,
        "source": rng.choice(words.LEAD_SOURCES),
        "score": score,
    }
    return from_template(
        "follow_up",
        {
            "look": {"email": person.email, "hot": hot},
            "first": message,
            "hot": hot,
            "again": message,
        },
        {"seconds": rng.choice((1_800, 3_600, 5_400))},
        name=f"Follow up {person.name}",
        lead=lead,
    )


def service_reminder(builder: SampleBuilder) -> SampleWorkflow:
    """Remind those of a day's list whose cars are due."""
    rng = builder.rng
    message = messages.reminder(builder, rng.choice(CUSTOMERS), priority=3)
    domain = message.to[0].email.rpartition("@")[2]
    people = [message.to[0], *(builder.person(domain) for _ in range(3))]
    miles = [88_000, *(rng.randrange(20, 99) * 1_000 for _ in range(3))]
    cars = [{**p.as_recipient(), "miles": m} for p, m in zip(people, miles, strict=True)]
    due = [person for person, driven in zip(people, miles, strict=True) if driven > 60_000]
    return from_template(
        "service_reminder",
        {
            "due": [person.as_recipient() for person in due],
            "any": True,
            "remind": replace(message, to=tuple(due)),
        },
        name="Service reminders",
        cars=cars,
    )


def contract_chase(builder: SampleBuilder) -> SampleWorkflow:
    """Ask a lender for its money, and ask again."""
    message = messages.approval(builder)
    days = builder.rng.randrange(5, 24)
    late = days > 10
    return from_template(
        "contract_chase",
        {"deal": {"late": late}, "ask": message, "late": late, "again": message},
        name=f"Ask {words.LENDERS[0]} to fund deal {builder.rng.randrange(100_000, 999_999)}",
        contract={"days": days, "lender": words.LENDERS[0]},
    )


def price_sync(builder: SampleBuilder) -> SampleWorkflow:
    """Carry vAuto's prices to the website."""
    rng = builder.rng
    cars = [
        {"stock": f"T{rng.randrange(10_000, 99_999)}", "change": rng.randrange(-9, 9)}
        for _ in range(5)
    ]
    changed = [car["stock"] for car in cars if car["change"] != 0]
    return from_template(
        "price_sync",
        {"prices": {"items": cars}, "changed": changed, "publish": {"updated": len(changed)}},
        name="Prices to the website",
    )


def lead_pull(builder: SampleBuilder) -> SampleWorkflow:
    """Fetch new leads from VinSolutions."""
    rng = builder.rng
    leads = [
        {"id": rng.randrange(1_000_000, 9_999_999), "state": rng.choice(("new", "open"))}
        for _ in range(rng.randrange(1, 7))
    ]
    new = [lead["id"] for lead in leads if lead["state"] == "new"]
    return from_template(
        "lead_pull", {"leads": {"items": leads}, "new": new}, name="Leads from VinSolutions"
    )


def appraisal(builder: SampleBuilder) -> SampleWorkflow:
    """Book out a trade-in and mail the offer."""
    vin, value = builder.vin(), builder.rng.randrange(60, 410) * 100
    message = messages.offer(builder, builder.rng.choice(CUSTOMERS))
    outcomes = {"bookout": {"vin": vin, "value": value}, "offer": {"offer": value}, "mail": message}
    name = f"Appraise {vin[-8:]}"
    return from_template("appraisal", outcomes, {"vin": vin}, name=name, vin=vin)


def month_end(builder: SampleBuilder) -> SampleWorkflow:
    """The pack for the managers: most of it is done by AgentFlow's own backend."""
    rng = builder.rng
    report = rng.choice(("Lead Response Time", "Inventory Aging", "F&I Deal Log"))
    files = rng.randrange(20, 32)
    return from_template(
        "month_end",
        {
            "collect": {"files": files},
            "count": files,
            "write": {"score": rng.randrange(55, 96), "insights": []},
            "share": {"shared": 2},
            "tell": messages.month_end(builder, report),
        },
        {"report": report, "version": PROMPT_VERSION},
        name=f"Month-end pack: {report}",
        month=later(builder.now, -30 * 86_400).strftime("%Y-%m"),
    )


def digest(builder: SampleBuilder, what: str = "open leads") -> SampleWorkflow:
    """A regular look at something, without mail: short, and safe to run at any time."""
    ages = [builder.rng.randrange(0, 40) for _ in range(6)]
    outcomes = {"ages": ages, "old": max(ages) > 30}
    items = [{"age": age} for age in ages]
    return from_template("digest", outcomes, {"what": what}, name=f"Watch {what}", items=items)


TEMPLATES: dict[str, WorkflowTemplate] = {
    "follow_up": follow_up,
    "service_reminder": service_reminder,
    "contract_chase": contract_chase,
    "price_sync": price_sync,
    "lead_pull": lead_pull,
    "appraisal": appraisal,
    "month_end": month_end,
    "digest": digest,
}
"""By their names in the data files."""
