"""What the console shows can be typed: short ids, digests of secret ones, ids from stdin."""

import asyncio
import json
import re
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow_tui.cli.ids import meant_ids
from agentflow_tui.errors import UsageError
from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from tests.changes.operating import add_mail, states
from tests.cli.running import PROGRAM, agentflow, environment
from tests.samples import fill, uid

NOTHING = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def add_checks(database: Database, ids: Sequence[str]) -> None:
    statement: Statement[object] = Statement(
        as_tuple,
        "INSERT INTO {health_checks} ({health_checks.id}, {health_checks.status}) "
        "SELECT x, 'ok' FROM unnest($1::text[]) x",
    )
    await database.fetch(statement, list(ids))


@pytest.mark.parametrize("end", [lambda i: i[:8], lambda i: i[-6:], lambda i: i[:8].upper()])
@pytest.mark.parametrize("command", ["show workflows {id}", "pause workflows {id}"])
async def test_a_short_id_from_either_end_is_its_row(
    database: Database, command: str, end: "type[str]"
) -> None:
    await fill(database)
    async with database.session() as session:
        await session.connection.execute(
            "INSERT INTO workflows (id, userid, status) "
            "VALUES ('01a2238e-7f20-4f6e-9a53-3c1f6c0aa77e', 'ann', 'pending')"
        )
    line = command.format(id=end("01a2238e-7f20-4f6e-9a53-3c1f6c0aa77e"))
    done = await agentflow(*line.split(), url=database.url)
    assert done.returncode == 0, done.stderr


async def test_an_ambiguous_id_is_answered_with_the_candidates(database: Database) -> None:
    await fill(database)
    for command in (["show"], ["cancel"]):
        done = await agentflow(*command, "workflows", "0000", url=database.url)
        assert done.returncode == 2
        assert "'0000' means several rows of workflows" in done.stderr
        assert f"{uid(11)}  Fetch leads" in done.stderr


@pytest.mark.parametrize("text", ["nothing", "zzzz", "01a2238e", "'", "\\", "%", "_" * 9, "ä€" * 9])
@pytest.mark.parametrize("command", ["show workflows", "retry workflows", "show users", "undo"])
async def test_what_is_no_id_is_no_sentence_of_the_driver(
    database: Database, command: str, text: str
) -> None:
    done = await agentflow(*command.split(), text, url=database.url)
    assert done.returncode in {1, 2}
    assert "invalid input" not in done.stderr
    assert "query argument" not in done.stderr
    assert "Traceback" not in done.stderr


@NOTHING
@given(data=st.data())
async def test_an_end_means_exactly_the_rows_that_have_it(
    database: Database, data: st.DataObject
) -> None:
    """For uuids in any spelling; a whole id means its row, whatever else it is an end of."""
    async with database.session() as session:
        await session.connection.execute("DELETE FROM email_queue")
    ids = data.draw(st.lists(st.uuids(), min_size=1, max_size=5, unique=True))
    shared = data.draw(st.text("0123456789abcdef", min_size=0, max_size=6))
    texts = [f"{shared}{i.hex[len(shared) :]}" for i in ids]
    rows: Statement[object] = Statement(
        as_tuple,
        "INSERT INTO {email_queue} ({email_queue.id}) SELECT x::uuid FROM unnest($1::text[]) x "
        "ON CONFLICT DO NOTHING",
    )
    await database.fetch(rows, texts)
    whole = data.draw(st.sampled_from(texts))
    length = data.draw(st.integers(4, 32))
    typed = data.draw(st.sampled_from([whole[:length], whole[-length:]]))
    meant = {text for text in texts if text.startswith(typed) or text.endswith(typed)}
    spelled = typed.upper() if data.draw(st.booleans()) else typed
    try:
        (found,) = await meant_ids(database, TABLES["email_queue"], [spelled])
    except UsageError:
        assert len(meant) > 1
    else:
        assert {found.replace("-", "")} == meant


async def test_a_whole_id_counts_before_those_that_begin_with_it(database: Database) -> None:
    await add_checks(database, ["smtp", "smtp-backup", "backup-smtp"])
    assert await meant_ids(database, TABLES["health_checks"], ["smtp"]) == ("smtp",)
    assert await meant_ids(database, TABLES["health_checks"], ["smtp-"]) == ("smtp-backup",)
    with pytest.raises(UsageError, match="several rows"):
        await meant_ids(database, TABLES["health_checks"], ["backup"])


async def test_a_listed_session_can_be_named(database: Database) -> None:
    await fill(database)
    done = await agentflow("list", "sessions", "--json", url=database.url)
    name = json.loads(done.stdout)["sid"]
    assert "secret" not in done.stdout
    for shown in (name, name[:15], name[-8:]):
        done = await agentflow("show", "sessions", shown, url=database.url)
        assert (done.returncode, name in done.stdout) == (0, True), done.stderr
        assert "secret-session" not in done.stdout
    done = await agentflow("revoke", "sessions", name, "--yes", url=database.url)
    assert done.returncode == 0, done.stderr
    assert (await agentflow("list", "sessions", "--json", url=database.url)).stdout == ""


async def test_ids_come_from_stdin_however_many(database: Database) -> None:
    mails = await add_mail(database, 3_000)
    done = await asyncio.to_thread(
        subprocess.run,
        [*PROGRAM, "retry", "email_queue", "-", "--yes", "--json"],
        input="".join(f"{mail}  Hello\n\n" for mail in mails),
        capture_output=True,
        text=True,
        env=environment(database.url),
    )
    assert json.loads(done.stdout)["applied"] == 3_000
    assert await states(database) == {"pending": 3_000}


async def test_no_id_on_stdin_is_wrong_usage(database: Database) -> None:
    await add_mail(database, 1)
    done = await agentflow("retry", "email_queue", "-", url=database.url)
    assert (done.returncode, "no id on stdin" in done.stderr) == (2, True)
    assert await states(database) == {"failed": 1}


async def test_a_dry_run_names_the_rows_also_read_only(database: Database) -> None:
    mails = await add_mail(database, 3)
    line = ["retry", "email_queue", "--where", "status:failed", "--dry-run"]
    done = await agentflow(*line, "--read-only", url=database.url)
    assert done.returncode == 0, done.stderr
    for mail in mails:
        assert re.search(rf"^  {mail}  a@b.test  Hello \d$", done.stderr, re.MULTILINE)
    done = await agentflow(*line, "--json", url=database.url)
    answer = json.loads(done.stdout)
    assert (answer["dry_run"], answer["matched"], answer["applied"]) == (True, 3, 0)
    assert all(mail in done.stderr for mail in mails)


async def test_an_operation_is_undone_by_a_short_id(database: Database) -> None:
    (mail,) = await add_mail(database, 1)
    done = await agentflow("retry", "email_queue", mail, "--json", url=database.url)
    journal = json.loads(done.stdout)["journal"]
    done = await agentflow("undo", journal[-8:], url=database.url)
    assert done.returncode == 0, done.stderr
    assert await states(database) == {"failed": 1}
