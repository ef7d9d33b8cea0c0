"""What a row holds leaves as it is meant, however large it is for a screen."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from tests.mail.samples import parsed
from tests.workers.conftest import Start
from tests.workers.sending import queue, row_of

LARGE = bytes(range(256)) * 8000


@pytest.mark.parametrize(
    ("entries", "sizes"),
    [
        (
            [
                {"filename": "a.pdf", "content": b64encode(LARGE).decode(), "encoding": "base64"},
                {"filename": "b.pdf", "content": b64encode(LARGE).decode(), "encoding": "base64"},
            ],
            [len(LARGE), len(LARGE)],
        ),
        (
            [{"filename": "c.bin", "content": {"type": "Buffer", "data": list(LARGE[:700_000])}}],
            [700_000],
        ),
    ],
)
async def test_attachments_larger_than_a_screen_shows_are_sent(
    database: Database, catcher_of: Any, sender_on: Start, entries: Any, sizes: list[int]
) -> None:
    catcher = await catcher_of()
    await queue(database, ["bob@acme.test"], attachments=entries)
    await sender_on(catcher.url).settled()
    assert (await row_of(database))[:3] == ("completed", 1, None)
    message = parsed(catcher.record.contents[0])
    got = [part.get_payload(decode=True) for part in message.iter_attachments()]
    assert [len(each) for each in got if isinstance(each, bytes)] == sizes


async def test_what_is_over_the_limit_says_so_and_not_what_a_screen_would(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    content = b64encode(bytes(26_000_000)).decode()
    await queue(
        database,
        ["bob@acme.test"],
        attachments=[{"filename": "a", "content": content, "encoding": "base64"}],
    )
    await sender_on(catcher.url).settled()
    status, _, error, _, _ = await row_of(database)
    assert status == "failed"
    assert error == "The attachments have 26.0 MB; at most 25.0 MB can be sent."


async def test_a_mail_is_dated_when_it_leaves(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["bob@acme.test"])
    await database.execute("UPDATE {emails} SET {emails.createdAt} = now() - interval '5 days'")
    await sender_on(catcher.url).settled()
    dated = parsedate_to_datetime(str(parsed(catcher.record.contents[0])["Date"]))
    assert datetime.now(UTC) - dated < timedelta(hours=1)


async def test_a_message_says_where_answers_go(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, {"to": ["bob@acme.test"], "replyTo": "desk@acme.test", "format": "text"})
    await database.execute("UPDATE {emails} SET {emails.body} = $1", "<p>as it is</p>")
    await sender_on(catcher.url).settled()
    message = parsed(catcher.record.contents[0])
    assert (message["Reply-To"], message.get_content_type()) == ("desk@acme.test", "text/plain")
    assert catcher.record.caught[0].recipients == ("bob@acme.test",)
    assert json.dumps(str(message.get_content()).strip()) == '"<p>as it is</p>"'
