"""``distribution``: insights to people, one digest each, never the same insight twice."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any
from uuid import UUID, uuid4, uuid5

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.mail.message.addresses import Address
from agentflow_tui.settings import DistributionSettings
from agentflow_tui.steps.audiences import Audience, RuleError, audiences_of, audiences_of_rules
from agentflow_tui.steps.calls import Call, StepError
from agentflow_tui.steps.configs import ConfigError
from agentflow_tui.store.changes import new_distributions as writes
from agentflow_tui.store.changes.new_distributions import DigestContent, NewDigest, NewDistribution
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.journal import JournalEntry, write
from agentflow_tui.store.queue import distribution_inputs as inputs
from agentflow_tui.store.queue.distribution_inputs import InsightInput, PendingDistribution

TASK = "insight.distribute"
MOST = 7
"""Insights of one digest."""

_IDS = UUID("3f0c7a52-6f1b-5d0e-8c1e-2a9d4b7e6c33")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionConfig:
    """What is distributed: insights, or all of some reports. ``rules`` as AgentFlow writes them,
    ``{ROLE: {emails, insightTypes, minScore}}``; without them the settings say who gets what."""

    insights: str | list[str] | None = None
    reports: str | list[str] | None = None
    rules: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributed:
    """What became of a distribution: ``distributions`` new rows in ``digests`` mails; ``known`` is
    how many had been distributed before."""

    digests: int
    distributions: int
    known: int = 0


@dataclass(slots=True)
class InsightRecipient:
    """Someone with an address, in the first role that wants something, and what is for them.
    ``ids`` are those of the distributions, by insight."""

    address: Address
    role: str
    insights: list[InsightInput] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def identify(self) -> None:
        """Work out the ids, once: they are hashes."""
        self.ids = {each.id: distribution_id(each.id, self.address.spec) for each in self.insights}


async def distribution(call: Call[DistributionConfig]) -> dict[str, Any]:
    """Queue a digest for everyone who gets something. Repeated, it queues nothing more."""
    config, services = call.config, call.services
    if (config.insights is None) == (config.reports is None):
        raise ConfigError("config needs either insights or reports")
    try:
        audiences = (
            audiences_of(services.settings.distribution)
            if config.rules is None
            else audiences_of_rules(config.rules)
        )
    except RuleError as error:
        raise StepError(str(error), retry=False) from None
    done = await distribute(
        services.database(),
        _ids(config.insights),
        _ids(config.reports),
        audiences,
        services.settings.distribution,
    )
    if done.digests:
        services.mail_queued()
    return {
        "success": True,
        "digests": done.digests,
        "distributions": done.distributions,
        "known": done.known,
    }


def _ids(given: str | list[str] | None) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else given


async def distribute(
    database: Database,
    insights: Sequence[str],
    reports: Sequence[str],
    audiences: Sequence[Audience],
    settings: DistributionSettings,
    about: Mapping[str, Any] | None = None,
) -> Distributed:
    """Write distributions, mails and queue entries in one transaction.

    The ids of distributions follow from insight and recipient, so each is written once, by
    whichever process comes first; a digest holds what its process has written. ``about`` is what
    the journal says of it, in a row of its own. Raises `RefusedError`, `UnreachableError`.
    """
    begun = clock.now()
    found = await database.fetch(inputs.BY_ID, list(insights)) if insights else []
    found += await database.fetch(inputs.OF_REPORTS, list(reports)) if reports else []
    people = people_of(found, audiences)
    rows = distributions_of(people)
    async with database.transaction() as session:
        new = await writes.insert_distributions(session, rows) if rows else frozenset()
        kept = [(p, [each for each in p.insights if p.ids[each.id] in new]) for p in people]
        mine = [(person, insights) for person, insights in kept if insights]
        await _queue(session, mine, settings)
        done = Distributed(digests=len(mine), distributions=len(new), known=len(rows) - len(new))
        if about is not None:
            said = {"digests": done.digests, "distributions": done.distributions}
            entry = JournalEntry(task_type=TASK, input=dict(about), output=said, started=begun)
            await write(session, [entry])
    return done


def distributions_of(people: Sequence[InsightRecipient]) -> list[NewDistribution]:
    """A row for each insight on its way to each of these people."""
    return [
        NewDistribution(
            id=person.ids[insight.id],
            insight_id=insight.id,
            recipient_type=person.role,
            recipient_id=person.address.spec,
        )
        for person in people
        for insight in person.insights
    ]


def distribution_id(insight_id: str, recipient: str) -> str:
    """The id of an insight's way to a person by mail."""
    return str(uuid5(_IDS, "\0".join((insight_id, recipient.lower(), "email", "0"))))


def people_of(
    insights: Sequence[InsightInput], audiences: Sequence[Audience]
) -> list[InsightRecipient]:
    """Everyone who gets something, with their best insights first. The best are chosen among all
    that were asked for, so that asking again chooses the same."""
    from agentflow_tui.insights.contents import score_of

    ordered = sorted(
        {insight.id: insight for insight in insights}.values(),
        key=lambda each: (-(each.score or 0), each.id),
    )
    people: dict[str, InsightRecipient] = {}
    for audience in audiences:
        wanted = [
            insight
            for insight in ordered
            if audience.wants(
                insight.insight_type or "", score_of(insight.score, ours=_is_ours(insight))
            )
        ]
        for address in audience.addresses if wanted else ():
            person = people.setdefault(
                address.spec.lower(), InsightRecipient(address, audience.role)
            )
            known = {insight.id for insight in person.insights}
            person.insights += [insight for insight in wanted if insight.id not in known]
    for person in people.values():
        person.insights.sort(key=lambda each: (-(each.score or 0), each.id))
        del person.insights[MOST:]
        person.identify()
    return list(people.values())


def _is_ours(insight: InsightInput) -> bool:
    from agentflow_tui.insights.contents import is_ours

    return is_ours(read(insight.metadata).value)


async def _queue(
    session: Session,
    people: Sequence[tuple[InsightRecipient, Sequence[InsightInput]]],
    settings: DistributionSettings,
    *,
    again: bool = False,
) -> None:
    """Write a digest for each person. ``again``: it is new mail about what was mailed before."""
    digests, contents = digests_for(people, settings, again=again)
    await writes.insert_digests(session, digests, contents, settings.priority)


def digests_for(
    people: Sequence[tuple[InsightRecipient, Sequence[InsightInput]]],
    settings: DistributionSettings,
    *,
    again: bool = False,
) -> tuple[list[NewDigest], list[DigestContent]]:
    """A digest for each person, and what the digests say: people of a role with the same insights
    get the same. ``again``: they are new mail about what was mailed before."""
    places: dict[tuple[str, ...], int] = {}
    contents: list[DigestContent] = []
    digests = []
    for person, insights in people:
        key = (person.role, *(insight.id for insight in insights))
        if key not in places:
            places[key] = len(contents)
            contents.append(_content(insights, person.role, settings))
        ids = [person.ids[insight.id] for insight in insights]
        email_id = str(uuid4() if again else uuid5(_IDS, "\0".join(("digest", *sorted(ids)))))
        recipient: dict[str, Any] = {"email": person.address.spec, "type": "to"}
        if person.address.name:
            recipient["name"] = person.address.name
        digests.append(
            NewDigest(
                email_id=email_id,
                queue_id=str(uuid5(_IDS, f"queue\0{email_id}")),
                content=places[key],
                recipients=[{**recipient, "distributions": ids}],
            )
        )
    return digests, contents


def _content(
    insights: Sequence[InsightInput], role: str, settings: DistributionSettings
) -> DigestContent:
    from agentflow_tui.insights.digests import PICTURE, digest

    made = digest([_of_digest(each) for each in insights], role, settings.subject)
    attachments: list[dict[str, Any]] = [
        {
            "filename": "digest.txt",
            "contentType": "text/plain",
            "content": made.text,
            "encoding": "utf-8",
            "disposition": "alternative",
        }
    ]
    if made.picture:
        attachments.append(
            {
                "filename": "insight.png",
                "contentType": "image/png",
                "content": base64.b64encode(made.picture).decode(),
                "encoding": "base64",
                "cid": PICTURE,
                "disposition": "inline",
            }
        )
    return DigestContent(
        subject=made.subject, html=made.html, text=made.text, attachments=attachments
    )


def _of_digest(insight: InsightInput) -> Any:
    from agentflow_tui.insights.contents import is_ours, score_of, story_of
    from agentflow_tui.insights.digests import DigestInsight

    metadata = read(insight.metadata).value
    story = story_of(read(insight.content).value)
    score = score_of(insight.score, ours=is_ours(metadata))
    return DigestInsight(
        id=insight.id,
        type=insight.insight_type or "",
        score=score if score is not None else story.score,
        story=story,
        vendor=insight.vendor or "",
        report_type=insight.report_type or "",
        day=insight.report_date.date() if insight.report_date else None,
        sure=_sure(metadata),
    )


def _sure(metadata: Any) -> str:
    """How likely chance is, in words, of an insight of ours."""
    q = metadata.get("q") if isinstance(metadata, dict) else None
    if not isinstance(q, int | float):
        return ""
    return "chance is below 1 in 1,000" if q < 0.001 else f"q {q:.3f}"


async def distribute_again(database: Database, settings: DistributionSettings) -> Distributed:
    """New mail for distributions of ours that an operator has requeued.

    Their rows are locked until they are queued again, so two processes do not both write one.
    Raises `RefusedError`, `UnreachableError`.
    """
    async with database.transaction() as session:
        pending = await session.fetch(inputs.PENDING)
        if not pending:
            return Distributed(digests=0, distributions=0)
        ids = sorted({each.insight_id for each in pending})
        insights = {each.id: each for each in await session.fetch(inputs.BY_ID, ids)}
        people = _waiting_people(pending, insights)
        await _queue(session, people, settings, again=True)
        queued = [each.id for each in pending if each.insight_id in insights]
        await session.execute(session.binding.cached(writes.mark_queued), queued)
    return Distributed(digests=len(people), distributions=len(queued))


def _waiting_people(
    pending: Sequence[PendingDistribution], insights: Mapping[str, InsightInput]
) -> list[tuple[InsightRecipient, Sequence[InsightInput]]]:
    """Each person with what waits for them, in digests of at most seven."""
    people: dict[str, InsightRecipient] = {}
    for each in pending:
        insight = insights.get(each.insight_id)
        if insight is not None:
            address = Address(each.recipient_id)
            key = each.recipient_id.lower()
            person = people.setdefault(key, InsightRecipient(address, each.recipient_type or ""))
            person.insights.append(insight)
    found: list[tuple[InsightRecipient, Sequence[InsightInput]]] = []
    for person in people.values():
        person.identify()
        ordered = sorted(person.insights, key=lambda each: (-(each.score or 0), each.id))
        found += [(person, ordered[at : at + MOST]) for at in range(0, len(ordered), MOST)]
    return found
