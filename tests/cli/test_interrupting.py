"""Questions at a terminal, and changes that are interrupted."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail, states, whole
from tests.cli.running import PROGRAM, agentflow, at_a_terminal, environment, until_said
from tests.waiting import until


@pytest.mark.parametrize(
    ("typed", "code", "then"),
    [("60", 0, "cancelled"), ("6", 1, "failed"), ("y", 1, "failed"), ("\x04", 1, "failed")],
)
async def test_many_rows_are_only_changed_when_their_number_is_typed(
    database: Database, typed: str, code: int, then: str
) -> None:
    await add_mail(database, 60)
    command = ("cancel", "email_queue", "--all")
    async with at_a_terminal(*command, url=database.url) as (process, keyboard):
        said = await until_said(process, "Type 60 to go on")
        assert "It is more than 50 rows." in said
        os.write(keyboard, f"{typed}\n".encode())
        await process.communicate()
    assert process.returncode == code
    assert await states(database) == {then: 60}


async def test_a_question_can_be_interrupted(database: Database) -> None:
    await add_mail(database, 60)
    command = ("cancel", "email_queue", "--all")
    async with at_a_terminal(*command, url=database.url) as (process, _):
        await until_said(process, "Type 60 to go on")
        process.send_signal(signal.SIGINT)
        _, left = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in left
    assert await states(database) == {"failed": 60}


async def cancelled(database: Database, at_least: int = 1) -> bool:
    """Whether so many mails are cancelled."""
    return (await states(database)).get("cancelled", 0) >= at_least


@asynccontextmanager
async def cancelling_slowly(
    database: Database, url: str
) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    """A process that has cancelled the first of many parts, and is slow with the others; and the
    mail as it was before."""
    mail = sorted(await add_mail(database, 5_500))
    before = await whole(database, "email_queue")
    other = await Database.open(url)
    lock = "SELECT FROM {email_queue} WHERE {email_queue.id} = ANY($1) FOR UPDATE"
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("cancel", "email_queue", "--all", "--yes", "--json"),
        env=environment(url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with other.transaction() as session:
            await session.execute(lock, mail[1_500::1_000])  # every later part waits for a while
            await until(lambda: cancelled(database))
            yield process, before
    finally:
        other.close()


async def test_interrupted_it_stops_between_parts_and_says_what_was_done(
    database: Database, database_url: str
) -> None:
    async with cancelling_slowly(database, database_url) as (process, before):
        process.send_signal(signal.SIGINT)
        await until_said(process, "Stopping after the rows that are being written")
    stdout, stderr = await process.communicate()
    assert process.returncode == 130, stderr
    assert b"stopped before the end" in stderr
    said = json.loads(stdout)
    assert 1_000 <= said["applied"] < 5_500
    assert (await states(database))["cancelled"] == said["applied"]
    done = await agentflow("undo", said["journal"], url=database_url)
    assert done.returncode == 0, done.stderr
    assert await whole(database, "email_queue") == before


async def test_what_a_killed_process_had_changed_is_taken_back_as_a_whole(
    database: Database, database_url: str
) -> None:
    async with cancelling_slowly(database, database_url) as (process, before):
        await until(lambda: cancelled(database, 1_900))  # a part and most of another
        process.kill()
        await process.communicate()
    done = await agentflow("undo", "--json", url=database_url)
    assert done.returncode == 0, done.stderr
    assert "1,000 rows or more, broken off," in done.stderr
    assert json.loads(done.stdout)["applied"] >= 1_900
    assert await whole(database, "email_queue") == before
