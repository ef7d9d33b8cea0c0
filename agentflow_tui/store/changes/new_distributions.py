"""Distributions of insights, and the digests that carry them."""

from collections.abc import Sequence
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.insertions import assignments, insertion, unnested
from agentflow_tui.text import storable


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDistribution:
    """A row of ``insight_distributions``: one insight on its way to one person by mail."""

    id: str
    insight_id: str
    recipient_type: str
    recipient_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDigest:
    """Rows of ``emails`` and ``email_queue``. ``content`` is the place of what it says among the
    contents that are written with it: many people get the same."""

    email_id: str
    queue_id: str
    content: int
    recipients: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContent:
    """What a digest says. ``attachments`` as ``emails.attachments`` holds them."""

    subject: str
    html: str
    text: str
    attachments: list[dict[str, Any]]


async def insert_distributions(session: Session, rows: Sequence[NewDistribution]) -> frozenset[str]:
    """Insert those that are not there, in the order of their ids, so that two writers do not wait
    for each other. Returns the ids of the inserted ones."""
    ordered = sorted(rows, key=lambda row: row.id)
    found = await session.fetch(
        session.binding.cached(insert_rows),
        [row.id for row in ordered],
        [row.insight_id for row in ordered],
        [storable(row.recipient_type) for row in ordered],
        [storable(row.recipient_id) for row in ordered],
    )
    return frozenset(found)


def insert_rows(binding: Binding) -> Statement[str]:
    """The INSERT of distributions; the primary key serves the conflict."""
    names, values = insertion(
        binding,
        "insight_distributions",
        {
            "id": "d.id",
            "insightId": "d.insight_id",
            "recipientType": "d.recipient_type",
            "recipientId": "d.recipient_id",
            "distributionMethod": "'email'",
            "status": "'queued'",
            "createdAt": "now()",
        },
    )
    columns = "id, insight_id, recipient_type, recipient_id"
    return Statement(
        str,
        f"INSERT INTO {{insight_distributions}} ({names})\n"
        f"SELECT {values} FROM {unnested(['text'] * 4)} AS d ({columns})\n"
        "ON CONFLICT DO NOTHING RETURNING {insight_distributions.id}::text",
    )


async def insert_digests(
    session: Session,
    digests: Sequence[NewDigest],
    contents: Sequence[DigestContent],
    priority: int,
) -> None:
    """Insert mails and their queue entries. What several of them say is sent once."""
    if digests:
        await session.execute(
            session.binding.cached(insert_mails),
            [each.email_id for each in digests],
            [each.queue_id for each in digests],
            [each.content + 1 for each in digests],
            [journal.as_json(each.recipients) for each in digests],
            [storable(each.subject) for each in contents],
            [storable(each.html) for each in contents],
            [storable(each.text) for each in contents],
            [journal.as_json(each.attachments) for each in contents],
            priority,
        )


_DIGEST_TYPES = ("text", "text", "int", "text")
_CONTENT_TYPES = ("text", "text", "text", "text")


def insert_mails(binding: Binding) -> str:
    """The INSERT of mails and of their queue entries. Where there is a column for HTML the body is
    the text; else it is the HTML, and the text is made of it when it is sent."""
    separate = binding.has("emails", "html")
    mail_names, mail_values = insertion(
        binding,
        "emails",
        {
            "id": "d.email_id",
            "subject": "c.subject",
            "body": "c.text" if separate else "c.html",
            **({"html": "c.html"} if separate else {}),
            "recipients": "d.recipients",
            "attachments": "c.attachments",
            "status": "'queued'",
            "createdAt": "now()",
        },
    )
    queue_names, queue_values = insertion(
        binding,
        "email_queue",
        {
            "id": "d.queue_id",
            "emailId": "d.email_id",
            "priority": "$9::int",
            "attempts": "0",
            "status": "'pending'",
            "createdAt": "now()",
            "updatedAt": "now()",
        },
    )
    return f"""
WITH d AS MATERIALIZED (
  SELECT * FROM {unnested(_DIGEST_TYPES)} AS d (email_id, queue_id, content, recipients)
), c AS MATERIALIZED (
  SELECT * FROM {unnested(_CONTENT_TYPES, first=5)}
    WITH ORDINALITY AS c (subject, html, text, attachments, place)
), mails AS (
  INSERT INTO {{emails}} ({mail_names})
  SELECT {mail_values} FROM d JOIN c ON c.place = d.content
  ON CONFLICT DO NOTHING
)
INSERT INTO {{email_queue}} ({queue_names}) SELECT {queue_values} FROM d ON CONFLICT DO NOTHING
"""


def mark_queued(binding: Binding) -> str:
    """Say that distributions (``$1``) are in the queue again."""
    changes = {"status": "'queued'", "sentAt": "NULL"}
    return (
        "UPDATE {insight_distributions} d"
        f" SET {assignments(binding, 'insight_distributions', changes)}"
        " WHERE d.{insight_distributions.id} = ANY($1::{insight_distributions.id:type}[])"
    )
