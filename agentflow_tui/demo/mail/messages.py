"""What the group writes to its customers, lenders and partners."""

from base64 import b64encode

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import Person, World
from agentflow_tui.demo.domains import DOMAINS, DomainBehaviour
from agentflow_tui.demo.mail.sending import Letter
from agentflow_tui.demo.vendors.reports import Finding

CUSTOMERS = tuple(name for name, how in DOMAINS.items() if how is DomainBehaviour.FINE)[1:]
LENDER = "granite-credit.example"
LAKESIDE = "lakeside-motors.test"
FLEET = "northgate-fleet.example"
IMPORTS = "oldtown-imports.test"
SUMMIT = "summit-chevrolet.test"

_GREETINGS = ("Hello", "Good morning", "Dear", "Hi")


def _vehicle(world: World) -> str:
    make, model, _ = world.rng.choice(words.CARS)
    return f"{make} {model}"


def _sign(world: World) -> str:
    first, last = world.rng.choice(words.COLLEAGUES)
    return f"{first} {last}\nHarbor Ridge Auto Group"


def reminder(world: World, domain: str, priority: int = 1) -> Letter:
    """A service reminder, in a language the customer may speak."""
    to, car = world.person(domain), _vehicle(world)
    mileage = world.rng.randrange(2, 13) * 5_000
    subject = world.rng.choices(
        (
            f"Your {car} is due for its {mileage:,}-mile service",
            f"Votre {car} : l’entretien des {mileage:,} miles approche",
            f"Tu {car} necesita su servicio de {mileage:,} millas",
            f"ご愛車 {car} の点検のご案内",
        ),
        (12, 2, 3, 1),
    )[0]
    body = (
        f"{world.rng.choice(_GREETINGS)} {to.name},\n\n"
        f"by our records your {car} is close to {mileage:,} miles. A service now keeps the "
        "warranty whole. Reply to this mail or book on the website; the first coffee is on us.\n\n"
        f"{_sign(world)}\n"
    )
    owner = words.AUDIENCES["marketing"][0]
    return Letter(owner=owner, subject=subject, body=body, to=(to,), priority=priority)


def offer(world: World, domain: str) -> Letter:
    """A follow-up to a lead, as HTML."""
    to, car = world.person(domain), _vehicle(world)
    price = world.rng.randrange(180, 620) * 100 - 5
    body = (
        f"<p>{world.rng.choice(_GREETINGS)} {to.name},</p>\n"
        f"<p>the <strong>{car}</strong> you asked about is still here, at "
        f"<strong>{price:,}&nbsp;$</strong> including delivery. "
        "Shall we keep it for you until Saturday?</p>\n"
        f"<p>{_sign(world).replace(chr(10), '<br>')}</p>\n"
    )
    owner = world.rng.choice(words.AUDIENCES["sales_manager"])
    subject = world.rng.choice(
        (f"The {car} you asked about", f"Re: {car}", f"Still interested in the {car}?")
    )
    return Letter(owner=owner, subject=subject, body=body, to=(to,), priority=6)


def approval(world: World, domain: str = LENDER) -> Letter:
    """A question to a lender about a contract."""
    deal = world.rng.randrange(100_000, 999_999)
    missing = world.rng.choice(("proof of income", "the title application", "the signature page"))
    body = (
        f"Deal {deal} has been in transit for {world.rng.randrange(6, 21)} days. You asked for "
        f"{missing}; it was uploaded to the portal. Please confirm funding.\n\n{_sign(world)}\n"
    )
    owner = words.AUDIENCES["finance_manager"][0]
    subject = f"Deal {deal}: funding outstanding"
    to = (world.person(domain),)
    return Letter(owner=owner, subject=subject, body=body, to=to, priority=8)


def stock_list(world: World, domain: str = FLEET) -> Letter:
    """A price sheet for a fleet buyer, with an attachment of some size."""
    lines = ["stock,vin,vehicle,colour,price"]
    for _ in range(110):
        price = world.rng.randrange(140, 600) * 100
        lines.append(
            f"N{world.rng.randrange(10_000, 99_999)},{world.vin()},"
            f"{_vehicle(world)},{world.rng.choice(words.COLOURS)},{price}"
        )
    content = b64encode("\n".join(lines).encode()).decode()
    name = f"fleet-stock-{world.rng.randrange(100, 999)}.csv"
    return Letter(
        owner=words.AUDIENCES["inventory_manager"][0],
        subject=f"Fleet stock and prices, list {name[12:15]}",
        body="Attached is this week's list. Prices hold until Friday.\n\n" + _sign(world) + "\n",
        to=(world.person(domain),),
        attachments=[{"filename": name, "contentType": "text/csv", "content": content}],
        size=len(content) + 1_500,
    )


def transfer(world: World, domain: str = LAKESIDE) -> Letter:
    """A dealer trade with another rooftop."""
    car, stock = _vehicle(world), world.rng.randrange(10_000, 99_999)
    return Letter(
        owner=world.rng.choice(world.users),
        subject=f"Dealer trade: {car}, stock L{stock}",
        body=f"Can you hold L{stock} ({car}) for us? The driver comes this afternoon.\n\n"
        f"{_sign(world)}\n",
        to=tuple(world.person(domain) for _ in range(world.rng.choice((1, 1, 1, 2)))),
        priority=world.rng.choice((4, 5, 5, 7)),
    )


def insight(finding: Finding, to: Person, owner: str | None) -> Letter:
    """An insight as mail to someone who should know."""
    figures = "\n".join(f"  {name}: {value}" for name, value in finding.metrics.items())
    return Letter(
        owner=owner,
        subject=f"Insight: {finding.title}",
        body=f"{finding.summary}\n\nRecommendation\n{finding.recommendation}\n\n"
        f"Figures\n{figures}\n",
        to=(to,),
        priority=7,
    )
