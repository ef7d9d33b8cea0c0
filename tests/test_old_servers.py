"""Servers from the oldest that is served on do what the newest does; older ones are refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.pooler import OLDEST
from agentflow_tui.store.schema.accelerators import build, buildable
from tests import samples
from tests.cli.running import agentflow
from tests.old_servers import needs, server_of
from tests.reads import read_everything

SERVED = [
    pytest.param(
        version,
        marks=[needs(version), *([] if version in {OLDEST, 15} else [pytest.mark.long])],
        id=str(version),
    )
    for version in range(OLDEST, 18)
]
"""Those in between take as long as the others, and have not yet told anything new."""

MAIL = samples.uid(71)


@pytest.fixture
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new server of the major version that the test asks for."""
    with server_of(request.param, tmp_path / "server") as url:
        yield url


@pytest.mark.parametrize("old_url", SERVED, indirect=True)
async def test_lists_verbs_undo_and_workers_do_what_they_should(
    old_url: str, tmp_path: Path
) -> None:
    async def run(*words: str, **more: str) -> str:
        done = await agentflow(*words, url=old_url, home=tmp_path, **more)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    async def mail() -> tuple[str, int]:
        row = json.loads(await run("list", "email_queue", f"id:{MAIL}", "--json"))
        return row["status"], row["attempts"]

    await run("db", "init")
    database = await Database.open(old_url)
    for accelerator in buildable(database.binding):
        await build(database, accelerator)
    await database.rebind()
    await samples.fill(database)
    await read_everything(database)

    await run("hold", "email_queue", MAIL, "--yes", "--json")
    assert await mail() == ("held", 0)
    await run("undo", "--yes", "--json")
    assert await mail() == ("pending", 0)
    catcher = Catcher()
    await catcher.start()
    await run("worker", "--drain", SMTP_URL=catcher.url)
    await catcher.close()
    assert await mail() == ("completed", 1)
    database.close()


@pytest.mark.parametrize(
    "old_url", [pytest.param(OLDEST - 1, marks=needs(OLDEST - 1))], indirect=True
)
async def test_older_ones_are_refused_with_the_oldest_that_is_served(
    old_url: str, tmp_path: Path
) -> None:
    for words in (("list", "users"), ("worker", "--drain"), ("doctor",)):
        done = await agentflow(*words, url=old_url, home=tmp_path)
        said = done.stdout + done.stderr
        assert done.returncode != 0, words
        assert f"PostgreSQL {OLDEST - 1}" in said, words
        assert f"oldest that is served is PostgreSQL {OLDEST}" in said, words
        assert "Traceback" not in said, words
