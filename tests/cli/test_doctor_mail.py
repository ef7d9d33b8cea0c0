"""What ``doctor`` says of mail: the relay is asked, up to the sender, and nothing is sent."""

import json
from collections.abc import AsyncIterator

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.store.connection.database import Database

from .running import agentflow


@pytest.fixture
async def catcher() -> AsyncIterator[Catcher]:
    relay = Catcher(CatcherOptions(script={"AUTH": "535 5.7.8 wrong password"}))
    await relay.start()
    yield relay
    await relay.close()


async def mail_line(database: Database, smtp_url: str) -> tuple[str, str]:
    done = await agentflow("doctor", "--json", url=database.url, SMTP_URL=smtp_url)
    [found] = [json.loads(line) for line in done.stdout.splitlines() if '"mail"' in line]
    return found["verdict"], found["message"]


@pytest.mark.parametrize(
    ("smtp_url", "words"),
    [
        ("smtp://127.0.0.1:9?from=a@acme.test", "127.0.0.1:9 cannot be reached"),
        ("smtp://no-such-host.invalid?from=a@acme.test", "its name is not known"),
        ("smtp://me:x@127.0.0.1:9", "127.0.0.1:9 cannot be reached"),
        ("smtp://relay.invalid", "nothing says who it is from"),
    ],
)
async def test_a_relay_that_is_not_there_is_a_problem(
    database: Database, smtp_url: str, words: str
) -> None:
    verdict, message = await mail_line(database, smtp_url)
    assert verdict != "fine"
    assert words in message


async def test_a_relay_is_asked_up_to_the_sender(database: Database, catcher: Catcher) -> None:
    url = f"{catcher.url}?from=reports@acme.test"
    verdict, message = await mail_line(database, url)
    assert "takes mail from reports@acme.test" in message
    assert [each.partition(" ")[0] for each in catcher.record.commands] == [
        "EHLO",
        "MAIL",
        "RSET",
        "QUIT",
    ]
    catcher.options = CatcherOptions(script={"MAIL": "553 5.7.1 sender not owned"})
    worse, message = await mail_line(database, url)
    assert worse != verdict
    assert "553 5.7.1 sender not owned. Set [workers] sender" in message
    assert not catcher.record.caught
