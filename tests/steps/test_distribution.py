"""Insights reach the right people, in one digest each and never twice."""

import asyncio
import json
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from agentflow_tui.documents import as_attachments, as_recipients, read
from agentflow_tui.insights.contents import story_of
from agentflow_tui.insights.digests import LARGEST, DigestInsight, digest
from agentflow_tui.mail.message.messages import OutgoingMail, SenderIdentity, compose
from agentflow_tui.settings import DistributionSettings
from agentflow_tui.steps.audiences import RuleError, audiences_of, audiences_of_rules
from agentflow_tui.steps.distribution import Distributed, distribute, distribute_again
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from tests.cli.running import agentflow
from tests.namings import NAMINGS
from tests.samples import NOW, uid

HOSTILE = '<script src="http://evil.test/x.js"></script>\x1b[31m {{ 7 * 7 }}'
SETTINGS = DistributionSettings(
    recipients={
        "EXECUTIVE": '"Doe, Ann" <ann@acme.test>, bob@acme.test',
        "Sales Manager": "ann@acme.test, kim@acme.test",
    },
    rules={"executive": "* >= 60", "sales_manager": "sales_trends >= 30"},
)


async def add_insights(database: Database, *insights: tuple[str, int, dict[str, Any]]) -> list[str]:
    """Insights of a report, by type, score and content; their ids."""
    await database.execute(
        "INSERT INTO {reports} ({reports.id}, {reports.vendor}, {reports.reportType},"
        " {reports.reportDate}) VALUES ($1, 'VinSolutions', 'sold_log', $2) ON CONFLICT DO NOTHING",
        uid(70),
        NOW,
    )
    ids = []
    for number, (type_, score, content) in enumerate(insights):
        ids.append(uid(700 + number))
        await database.execute(
            "INSERT INTO {insights} ({insights.id}, {insights.reportId}, {insights.insightType},"
            " {insights.score}, {insights.content}, {insights.metadata})"
            " VALUES ($1, $2, $3, $4, $5::text::{insights.content:type},"
            " $6::text::{insights.metadata:type})",
            ids[-1],
            uid(70),
            type_,
            score,
            json.dumps(content),
            '{"method": 1, "candidates": 10, "q": 0.012}',
        )
    return ids


def said(title: str, values: Sequence[float] = (3.0, 5.0, 2.0, 9.0)) -> dict[str, Any]:
    """Content as ours."""
    return {
        "title": title,
        "summary": f"{title}, said at length.",
        "recommendation": "Ask the vendor.",
        "parts": [{"label": f"{at} Nov", "value": value} for at, value in enumerate(values, 1)],
    }


async def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    return await database.fetch(Statement(as_tuple, sql))


async def mails(database: Database) -> dict[str, tuple[str, str, str, str]]:
    """Subject, body, recipients and attachments of each mail, by its recipient's address."""
    found = await rows(
        database,
        "SELECT {emails.subject}, {emails.body}, {emails.recipients}::text,"
        " {emails.attachments}::text FROM {emails} ORDER BY {emails.createdAt}",
    )
    return {json.loads(mail[2])[0]["email"]: mail for mail in found}


def composed(mail: tuple[str, str, str, str]) -> EmailMessage:
    subject, body, recipients, attachments = mail
    envelope = compose(
        OutgoingMail(
            id="digest",
            subject=subject,
            body=body,
            recipients=as_recipients(read(recipients)),
            attachments=as_attachments(read(attachments)),
            date=NOW,
        ),
        SenderIdentity.unknown(),
    )
    message = message_from_bytes(envelope.message, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_everyone_gets_one_digest_once_however_many_write_it(named: Database) -> None:
    ids = await add_insights(
        named, ("trend", 80, said("Leads rise")), ("movers", 40, said("Web is down"))
    )
    to = audiences_of(SETTINGS)
    done = await asyncio.gather(*(distribute(named, ids, [], to, SETTINGS) for _ in range(3)))
    assert sum(each.digests for each in done) == 3
    assert sum(each.distributions for each in done) == 5
    assert await distribute(named, [], [uid(70)], to, SETTINGS) == Distributed(
        digests=0, distributions=0, known=5
    )
    found = await rows(
        named,
        "SELECT {insight_distributions.recipientId}, {insight_distributions.recipientType},"
        " {insight_distributions.status}, count(*)::int FROM {insight_distributions}"
        " GROUP BY 1, 2, 3 ORDER BY 1",
    )
    assert found == [
        ("ann@acme.test", "executive", "queued", 2),
        ("bob@acme.test", "executive", "queued", 1),
        ("kim@acme.test", "sales_manager", "queued", 2),
    ]
    queued = "SELECT count(*)::int, count(DISTINCT {email_queue.emailId})::int FROM {email_queue}"
    assert await rows(named, queued) == [(3, 3)]
    assert set(await mails(named)) == {"ann@acme.test", "bob@acme.test", "kim@acme.test"}


async def test_a_digest_is_html_text_and_a_picture_and_nothing_remote(database: Database) -> None:
    ids = await add_insights(
        database, ("trend", 80, said("Leads rise")), ("movers", 70, said(HOSTILE))
    )
    await distribute(database, ids, [], audiences_of(SETTINGS), SETTINGS)
    mail = (await mails(database))["ann@acme.test"]
    message = composed(mail)
    assert message["Subject"] == "2 insights for VinSolutions: Leads rise"
    assert message.get_content_type() == "multipart/alternative"
    text, related = message.iter_parts()
    assert text.get_content().splitlines()[0] == "Leads rise"
    assert related.get_content_type() == "multipart/related"
    html, picture = related.iter_parts()
    assert picture.get_content_type() == "image/png"
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html.get_content()
    page = html.get_content()
    assert "prefers-color-scheme:dark" in page
    assert len(page.encode()) < LARGEST
    assert [
        word for word in ("<script", "\x1b", 'src="http', "href=", "url(") if word in page
    ] == []
    assert "{{ 7 * 7 }}" in page  # as it was written, and not worked out


def test_a_digest_stays_below_its_size_and_has_seven_at_most() -> None:
    huge = story_of({"title": "&" * 3000, "summary": "<" * 9000, "actions": ["&" * 3000] * 9})
    many = [DigestInsight(id=str(n), type="trend", score=80, story=huge) for n in range(20)]
    assert len(digest(many, "executive", "{title}").html.encode()) < LARGEST
    small = [
        DigestInsight(id=str(n), type="trend", score=80, story=story_of(said(f"No {n}.")))
        for n in range(20)
    ]
    made = digest(small, "executive", "{count}")
    assert (made.subject, made.text.count("No ") // 2) == ("7 insights", 7)


async def test_what_is_asked_for_again_is_not_the_next_seven(database: Database) -> None:
    ids = await add_insights(database, *(("trend", 90 - n, said(f"No {n}")) for n in range(9)))
    to = audiences_of(SETTINGS)
    first = await distribute(database, ids, [], to, SETTINGS)
    again = await distribute(database, ids, [], to, SETTINGS)
    assert (first.distributions, again.distributions, again.known) == (21, 0, 21)


async def test_new_mail_is_written_for_what_is_requeued(
    database: Database, database_url: str
) -> None:
    ids = await add_insights(database, ("trend", 80, said("Leads rise")))
    await distribute(database, ids, [], audiences_of(SETTINGS), SETTINGS)
    await database.execute(
        "UPDATE {insight_distributions} SET {insight_distributions.status} = 'failed'"
    )
    assert await distribute_again(database, SETTINGS) == Distributed(digests=0, distributions=0)
    done = await agentflow("requeue", "insight_distributions", "--all", "--yes", url=database_url)
    assert done.returncode == 0, done.stderr
    states = "SELECT {insight_distributions.status}, count(*)::int FROM {insight_distributions}"
    assert await rows(database, f"{states} GROUP BY 1") == [("queued", 3)]
    assert await rows(database, "SELECT count(*)::int FROM {email_queue}") == [(6,)]


async def test_a_filter_finds_what_reached_nobody(database: Database, database_url: str) -> None:
    ids = await add_insights(
        database, ("trend", 90, said("A")), ("trend", 85, said("B")), ("trend", 20, said("C"))
    )
    await distribute(database, ids[:1], [], audiences_of(SETTINGS), SETTINGS)
    await database.execute(
        "UPDATE {insight_distributions} SET {insight_distributions.status} = 'sent'"
    )

    async def listed(*words: str) -> list[str]:
        done = await agentflow("list", "insights", *words, "--json", url=database_url)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["id"] for line in done.stdout.splitlines()]

    assert await listed("reached:0", "score:>80") == [ids[1]]
    assert await listed("reached:3") == [ids[0]]
    assert await listed("lost:>0") == await listed("waiting:>0") == []


def test_rules_of_agentflow_are_accepted_with_its_types() -> None:
    (audience,) = audiences_of_rules(
        {"GENERAL_MANAGER": {"emails": ["gm@acme.test"], "insightTypes": ["sales_trends"]}}
    )
    assert audience.role == "general_manager"
    wanted = [audience.wants(type_, 10) for type_ in ("trend", "sales_trends", "ageing")]
    assert wanted == [True, True, False]


@pytest.mark.parametrize(
    ("recipients", "rules", "words"),
    [
        ({"a": "no address"}, {}, "is not a mail address"),
        ({"a": "x@acme.test"}, {"b": "*"}, "no one of that role"),
        ({"a": "x@acme.test"}, {"a": "trend > 5"}, "is no rule"),
        ({"a": " , "}, {}, "has no recipients"),
    ],
)
def test_a_mistake_in_a_rule_is_a_sentence(
    recipients: dict[str, str], rules: dict[str, str], words: str
) -> None:
    with pytest.raises(RuleError, match=words):
        audiences_of(DistributionSettings(recipients=recipients, rules=rules))
