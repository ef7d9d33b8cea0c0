"""Distributions follow the mail that carries them, each its own recipient."""

from typing import Any

from agentflow_tui.store.connection.database import Database
from tests.samples import uid
from tests.workers.conftest import Start
from tests.workers.sending import ask, queue


def entry(address: str, *distributions: int) -> dict[str, Any]:
    """A recipient whose mail carries these."""
    return {"email": address, "type": "to", "distributions": [uid(at) for at in distributions]}


async def fates(database: Database) -> dict[str, tuple[str, bool]]:
    found = await ask(
        database,
        "SELECT {insight_distributions.id}::text, {insight_distributions.status},"
        " {insight_distributions.sentAt} IS NOT NULL FROM {insight_distributions}",
    )
    return {id_: (status, sent) for id_, status, sent in found}


async def test_each_distribution_has_the_fate_of_its_recipient(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    for number in (91, 92, 93, 94):
        await database.execute(
            "INSERT INTO {insight_distributions} ({insight_distributions.id},"
            " {insight_distributions.recipientId}, {insight_distributions.status})"
            " VALUES ($1, 'x@acme.test', 'queued')",
            uid(number),
        )
    await queue(
        database,
        [entry("anna@acme.test", 91), entry("unknown@acme.test", 92)],
        [entry("bob@acme.test", 93)],
        [entry("no address", 94)],
        ["carl@acme.test"],
    )
    await sender_on(catcher.url).settled()
    assert await fates(database) == {
        uid(91): ("sent", True),
        uid(92): ("failed", False),
        uid(93): ("sent", True),
        uid(94): ("failed", False),
    }
