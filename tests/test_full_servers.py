"""A server that takes no further connection: said at once, by all."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from tests.cli.running import agentflow
from tests.console.driving import console, sees

Limit = Callable[[int], Awaitable[None]]

WORDS = "has no connection left"


@pytest.fixture
async def few(database_url: str) -> AsyncIterator[tuple[str, Limit]]:
    """The URL of a role, and what sets how many connections it may have."""
    connection = await asyncpg.connect(database_url)
    role = "few_" + database_url.partition("?")[0].rpartition("/")[2]
    await connection.execute(f"CREATE ROLE {role} LOGIN; GRANT pg_read_all_data TO {role}")

    async def limit(most: int) -> None:
        await connection.execute(f"ALTER ROLE {role} CONNECTION LIMIT {most}")

    yield database_url.replace("agentflow@", f"{role}@"), limit
    await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await connection.close()


async def test_commands_and_the_console_say_it_and_the_console_goes_on(
    few: tuple[str, Limit], tmp_path: Path
) -> None:
    url, limit = few
    await limit(0)
    for words in (("list", "users"), ("doctor",), ("worker", "--drain")):
        done = await agentflow(*words, url=url, home=tmp_path)
        assert done.returncode != 0
        assert WORDS in done.stdout + done.stderr, words
    async with console(url, "mail", size=(200, 24), home=str(tmp_path)) as pilot:
        await sees(pilot, WORDS)
        await limit(3)
        await sees(pilot, "0 rows")
