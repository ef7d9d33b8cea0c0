"""What the group writes to its customers, lenders and partners."""

from base64 import b64encode
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.demo import data, words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, Person, SampleBuilder
from agentflow_tui.demo.domains import DOMAINS, DomainBehaviour
from agentflow_tui.demo.people import AUDIENCES, COLLEAGUES

CUSTOMERS = [name for name, how in DOMAINS.items() if how is DomainBehaviour.FINE][1:]
LENDER = "granite-credit.example"
LAKESIDE = "lakeside-motors.test"
FLEET = "northgate-fleet.example"
IMPORTS = "oldtown-imports.test"
SUMMIT = "summit-chevrolet.test"

_TEXTS = data.read("messages")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleMessage:
    """A message before it is queued.

    ``recipients`` is what stands in the column where it is not the plain list of ``to``; ``wrong``
    says why such a message can never be sent; ``size`` is in bytes.
    """

    owner: str | None
    subject: str
    body: str
    to: tuple[Person, ...]
    priority: int = 5
    attachments: object = field(default_factory=list)
    recipients: object = None
    size: int = 1_200
    wrong: str | None = None


def reminder(builder: SampleBuilder, domain: str, priority: int = 1) -> SampleMessage:
    """A service reminder, in a language the customer may speak."""
    texts = _TEXTS["reminder"]
    to, vehicle = builder.person(domain), _vehicle(builder)
    mileage = builder.rng.randrange(2, 13) * 5_000
    subject = builder.rng.choices(texts["subjects"], texts["weights"])[0]
    values = {"vehicle": vehicle, "mileage": mileage}
    body = texts["body"].format(**_addressed(builder, to), **values)
    return SampleMessage(
        owner=AUDIENCES["marketing"][0],
        subject=subject.format(**values),
        body=body,
        to=(to,),
        priority=priority,
    )


def offer(builder: SampleBuilder, domain: str) -> SampleMessage:
    """A follow-up to a lead, as HTML."""
    texts = _TEXTS["offer"]
    to, vehicle = builder.person(domain), _vehicle(builder)
    price = builder.rng.randrange(180, 620) * 100 - 5
    addressed = _addressed(builder, to, newline="<br>")
    body = texts["body"].format(vehicle=vehicle, price=price, **addressed)
    return SampleMessage(
        owner=builder.rng.choice(AUDIENCES["sales_manager"]),
        subject=builder.rng.choice(texts["subjects"]).format(vehicle=vehicle),
        body=body,
        to=(to,),
        priority=6,
    )


def approval(builder: SampleBuilder, domain: str = LENDER) -> SampleMessage:
    """A question to a lender about a contract."""
    texts = _TEXTS["approval"]
    deal = builder.rng.randrange(100_000, 999_999)
    missing = builder.rng.choice(texts["missing"])
    days = builder.rng.randrange(6, 21)
    signature = _signature(builder)
    return SampleMessage(
        owner=AUDIENCES["finance_manager"][0],
        subject=texts["subject"].format(deal=deal),
        body=texts["body"].format(deal=deal, days=days, missing=missing, signature=signature),
        to=(builder.person(domain),),
        priority=8,
    )


def stock_list(builder: SampleBuilder, domain: str = FLEET) -> SampleMessage:
    """A price sheet for a fleet buyer, with an attachment of some size."""
    rng = builder.rng
    lines = ["stock,vin,vehicle,colour,price"]
    for _ in range(110):
        price = rng.randrange(140, 600) * 100
        lines.append(
            f"N{rng.randrange(10_000, 99_999)},{builder.vin()},"
            f"{_vehicle(builder)},{rng.choice(words.COLOURS)},{price}"
        )
    content = b64encode("\n".join(lines).encode()).decode()
    number = rng.randrange(100, 999)
    name = f"fleet-stock-{number}.csv"
    texts = _TEXTS["stock_list"]
    return SampleMessage(
        owner=AUDIENCES["inventory_manager"][0],
        subject=texts["subject"].format(list=number),
        body=texts["body"].format(signature=_signature(builder)),
        to=(builder.person(domain),),
        attachments=[{"filename": name, "contentType": "text/csv", "content": content}],
        size=len(content) + 1_500,
    )


def transfer(builder: SampleBuilder, domain: str = LAKESIDE) -> SampleMessage:
    """A dealer trade with another rooftop."""
    rng = builder.rng
    values = {"vehicle": _vehicle(builder), "stock": rng.randrange(10_000, 99_999)}
    texts = _TEXTS["transfer"]
    return SampleMessage(
        owner=rng.choice(builder.users),
        subject=texts["subject"].format(**values),
        body=texts["body"].format(**values, signature=_signature(builder)),
        to=tuple(builder.person(domain) for _ in range(rng.choice((1, 1, 1, 2)))),
        priority=rng.choice((4, 5, 5, 7)),
    )


def month_end(builder: SampleBuilder, report: str) -> SampleMessage:
    """Word that the month's reports are on the dashboard, to the operations lead."""
    texts = _TEXTS["month_end"]
    return SampleMessage(
        owner=OPERATIONS_LEAD,
        subject=texts["subject"].format(report=report),
        body=texts["body"].format(report=report),
        to=(builder.people[OPERATIONS_LEAD],),
    )


def _vehicle(builder: SampleBuilder) -> str:
    make, model, _ = builder.rng.choice(words.CARS)
    return f"{make} {model}"


def _signature(builder: SampleBuilder, newline: str = "\n") -> str:
    first, last = builder.rng.choice(COLLEAGUES)
    return f"{first} {last}{newline}Harbor Ridge Auto Group"


def _addressed(builder: SampleBuilder, to: Person, newline: str = "\n") -> dict[str, Any]:
    """The greeting, the name and the signature of a personal message."""
    greeting = builder.rng.choice(_TEXTS["greetings"])
    return {
        "greeting": greeting,
        "name": to.name,
        "signature": _signature(builder, newline),
    }
