"""What the group has automated: workflows, as steps that the runner can run.

Every result given here is what the step's handler would give (a test runs them), so a workflow that
is taken over half way goes on as if the runner had been there from the start.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, Person, World, later
from agentflow_tui.demo.mail import messages, sending
from agentflow_tui.demo.mail.sending import Letter
from agentflow_tui.demo.workflows.runs import Context, Perform, Step

GATEWAY = "http://127.0.0.1:8099"
"""Where api steps point: nowhere but at this machine."""


class Recipe:
    """The steps of a workflow, and the context it starts with."""

    __slots__ = ("context", "steps")

    def __init__(self, *steps: Step, **context: object):
        self.steps = steps
        self.context = context


Cook = Callable[[World], Recipe]


def _always(result: object) -> Perform:
    return lambda _world, _context, _at: result


def rows(key: str, name: str, source: str, found: list[Any], **operations: str) -> Step:
    """A dataProcessing step that finds these rows."""
    steps = [{how: expression} for how, expression in operations.items()]
    return Step(
        id=key,
        type="dataProcessing",
        name=name,
        config={"source": source, "operations": steps},
        perform=_always({"rows": found, "count": len(found)}),
        retries=1,
    )


def row(key: str, name: str, source: str, expression: str, found: object) -> Step:
    """A dataProcessing step that makes one thing of one thing."""
    return Step(
        id=key,
        type="dataProcessing",
        name=name,
        config={"source": source, "operations": [{"map": expression}], "single": True},
        perform=_always(found),
        retries=1,
    )


def delay(key: str, name: str, seconds: int) -> Step:
    def perform(_world: World, _context: Context, at: datetime) -> object:
        return {"until": at.isoformat()}

    return Step(
        id=key,
        type="delay",
        name=name,
        config={"seconds": seconds},
        perform=perform,
        retries=0,
    )


def condition(key: str, name: str, expression: str, holds: bool) -> Step:
    return Step(
        id=key,
        type="condition",
        name=name,
        config={"expression": expression},
        perform=_always({"holds": holds, "goto": None}),
        retries=0,
    )


def if_holds(key: str) -> dict[str, Any]:
    """What makes a step go only where the condition ``key`` held."""

    def goes(context: Context) -> bool:
        return cast("dict[str, bool]", context.get(key, {})).get("holds", False)

    return {"when": f"steps.{key}.holds", "goes": goes}


def api(key: str, name: str, method: str, path: str, key_name: str, body: object) -> Step:
    answer = {"status": 200, "headers": {"content-type": "application/json"}, "body": body}
    return Step(
        id=key,
        type="api",
        name=name,
        config={"url": f"{GATEWAY}{path}", "method": method, "timeout": 30, "apiKey": key_name},
        perform=_always(answer),
        timeout=45,
        needs=path.split("/")[1],
    )


def send(key: str, name: str, letter: Letter, *, to: str | None = None, **when: Any) -> Step:
    """An email step that queues this letter. ``to`` is where its config finds the recipients."""

    def perform(world: World, _context: Context, at: datetime) -> object:
        posted = sending.post(world, letter, at)
        return {
            "emailId": posted.id,
            "queueId": posted.queue_id,
            "recipients": len(letter.to),
        }

    return Step(
        id=key,
        type="email",
        name=name,
        config={
            "to": to or [person.as_recipient() for person in letter.to],
            "subject": letter.subject,
            "body": letter.body,
            "priority": letter.priority,
        },
        perform=perform,
        **when,
    )


def follow_up(world: World) -> Recipe:
    """Answer a lead, wait, and ask again if it is a hot one."""
    domain = world.rng.choice((*messages.CUSTOMERS, messages.SUMMIT, messages.IMPORTS))
    letter = messages.offer(world, domain)
    score = world.rng.randrange(20, 100)
    email = letter.to[0].email
    lead = {
        "id": world.rng.randrange(1_000_000, 9_999_999),
        "name": letter.to[0].name,
        "email": email,
        "source": world.rng.choice(words.LEAD_SOURCES),
        "score": score,
    }
    found = {"email": email, "hot": score >= 70}
    return Recipe(
        row("look", "Read the lead", "context.lead", "{email: email, hot: score >= `70`}", found),
        send("first", "First answer", letter, to="{{steps.look.email}}"),
        delay("wait", "Give them time", world.rng.choice((1_800, 3_600, 5_400))),
        condition("hot", "Worth a second mail?", "steps.look.hot", score >= 70),
        send("again", "Ask again", letter, to="{{steps.look.email}}", **if_holds("hot")),
        lead=lead,
    )


def service_reminder(world: World) -> Recipe:
    """Remind those of a day's list whose cars are due."""
    letter = messages.reminder(world, world.rng.choice(messages.CUSTOMERS), priority=3)
    domain = letter.to[0].email.rpartition("@")[2]
    people = [letter.to[0], *(world.person(domain) for _ in range(3))]
    miles = [88_000, *(world.rng.randrange(20, 99) * 1_000 for _ in range(3))]
    cars = [{**p.as_recipient(), "miles": m} for p, m in zip(people, miles, strict=True)]
    due = [person for person, driven in zip(people, miles, strict=True) if driven > 60_000]
    return Recipe(
        rows(
            "due",
            "Who is due",
            "context.cars",
            [person.as_recipient() for person in due],
            filter="miles > `60000`",
            map="{email: email, name: name}",
        ),
        condition("any", "Anybody?", "steps.due.count > `0`", True),
        send(
            "remind",
            "Remind them",
            letter.written_to(*due),
            to="{{steps.due.rows}}",
            **if_holds("any"),
        ),
        cars=cars,
    )


def contract_chase(world: World) -> Recipe:
    """Ask a lender for its money, and ask again."""
    letter = messages.approval(world)
    days = world.rng.randrange(5, 24)
    return Recipe(
        row(
            "deal",
            "Days in transit",
            "context.contract",
            "{late: days > `10`}",
            {"late": days > 10},
        ),
        send("ask", "Ask the lender", letter),
        delay("wait", "Two hours", 7_200),
        condition("late", "More than ten days?", "steps.deal.late", days > 10),
        send("again", "Ask again", letter, **if_holds("late")),
        contract={"days": days, "lender": words.LENDERS[0]},
    )


def price_sync(world: World) -> Recipe:
    """Carry vAuto's prices to the website."""
    cars = [
        {"stock": f"T{world.rng.randrange(10_000, 99_999)}", "change": world.rng.randrange(-9, 9)}
        for _ in range(5)
    ]
    changed = [car["stock"] for car in cars if car["change"] != 0]
    updated = {"updated": len(changed)}
    return Recipe(
        api("prices", "Prices from vAuto", "GET", "/vauto/v2/pricing", "vauto-pricing",
            {"items": cars}),
        rows("changed", "What changed", "steps.prices.body.items", changed,
             filter="change != `0`", map="stock"),
        api("publish", "Publish", "POST", "/website/v1/prices", "website-inventory", updated),
    )  # fmt: skip


def lead_pull(world: World) -> Recipe:
    """Fetch new leads from VinSolutions."""
    leads = [
        {
            "id": world.rng.randrange(1_000_000, 9_999_999),
            "state": world.rng.choice(("new", "open")),
        }
        for _ in range(world.rng.randrange(1, 7))
    ]
    new = [lead["id"] for lead in leads if lead["state"] == "new"]
    return Recipe(
        api("leads", "Leads from VinSolutions", "GET", "/vinsolutions/gateway/v1/leads",
            "vinsolutions-gateway", {"items": leads}),
        rows("new", "New ones", "steps.leads.body.items", new, filter="state == 'new'", map="id"),
    )  # fmt: skip


def appraisal(world: World) -> Recipe:
    """Book out a trade-in and mail the offer."""
    vin, value = world.vin(), world.rng.randrange(60, 410) * 100
    letter = messages.offer(world, world.rng.choice(messages.CUSTOMERS))
    return Recipe(
        Step(
            id="bookout",
            type="custom",
            name="Book out the trade-in",
            config={"function": "bookout", "input": {"vin": vin}},
            perform=_always({"vin": vin, "value": value}),
            retries=2,
        ),
        row("offer", "Make an offer", "steps.bookout", "{offer: value}", {"offer": value}),
        send("mail", "Mail the offer", letter),
        vin=vin,
    )


def month_end(world: World) -> Recipe:
    """The pack for the managers: most of it is done by AgentFlow's own backend."""
    kind = world.rng.choice(("Lead Response Time", "Inventory Aging", "F&I Deal Log"))
    files = world.rng.randrange(20, 32)
    letter = Letter(
        owner=OPERATIONS_LEAD,
        subject=f"Month-end pack: {kind}",
        body=f"The month-end pack for {kind} is on the dashboard.\n",
        to=(Person("Dana Whitaker", "dana.whitaker@harborridge.example"),),
    )
    return Recipe(
        Step(
            id="collect",
            type="emailIngestion",
            name="Collect the month's reports",
            config={"mailbox": "reports@harborridge.example", "report": kind, "days": 31},
            perform=_always({"files": files}),
            timeout=600,
        ),
        row("count", "How many", "steps.collect", "files", files),
        Step(
            id="write",
            type="insightGeneration",
            name="Write the summary",
            config={"prompt": "month-end", "version": words.PROMPT_VERSION},
            perform=_always({"score": world.rng.randrange(55, 96)}),
            timeout=300,
        ),
        Step(
            id="share",
            type="distribution",
            name="Share it",
            config={"audience": "executive", "methods": ["email", "dashboard"]},
            perform=_always({"shared": 2}),
        ),
        send("tell", "Tell the lead", letter),
        month=later(world.now, -30 * 86_400).strftime("%Y-%m"),
    )


def digest(world: World, what: str = "open leads") -> Recipe:
    """A regular look at something, without mail: short, and safe to run at any time."""
    ages = [world.rng.randrange(0, 40) for _ in range(6)]
    return Recipe(
        rows("ages", f"Ages of {what}", "context.items", ages, map="age"),
        condition("old", "Anything over 30 days?", "max(steps.ages.rows) > `30`", max(ages) > 30),
        items=[{"age": age} for age in ages],
    )
