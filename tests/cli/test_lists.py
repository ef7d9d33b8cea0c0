"""Lists: which columns, how many, in which order; kinds of errors by the same filters."""

import csv
import io
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail
from tests.cli.running import agentflow
from tests.samples import ROWS, fill


async def listed(database: Database, *arguments: str) -> str:
    done = await agentflow("list", *arguments, url=database.url)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_columns_are_printed_in_the_order_asked_for(database: Database) -> None:
    await fill(database)
    text = await listed(database, "users", "--columns", "email,ID", "--json", "--sort", "-email")
    rows = [json.loads(line) for line in text.splitlines()]
    assert [list(row) for row in rows] == [["email", "id"]] * 2
    assert [row["id"] for row in rows] == ["bob", "ann"]
    text = await listed(database, "users", "--columns", "id", "--csv")
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["id", "bob", "ann"]
    text = await listed(database, "users", "--columns", "id,email", "ann@")
    assert text.split() == ["id", "email", "ann", "ann@acme.test"]


async def test_the_filter_looks_at_columns_that_are_not_printed(database: Database) -> None:
    await fill(database)
    assert (await listed(database, "users", "--columns", "id", "--json", "email~bob")).split() == [
        '{"id":',
        '"bob"}',
    ]


async def test_the_count_is_of_all_rows_whatever_is_printed(database: Database) -> None:
    await fill(database)
    await add_mail(database, 700)
    assert await listed(database, "email_queue", "subject~Hello", "--count") == "700\n"
    assert json.loads(await listed(database, "users", "--count", "--json")) == {"count": 2}


async def test_several_sorts_order_what_is_equal(database: Database) -> None:
    await add_mail(database, 600)
    async with database.session() as session:
        await session.connection.execute(
            "UPDATE email_queue q SET priority = n % 3, attempts = n % 7 "
            "FROM (SELECT id, row_number() OVER () AS n FROM email_queue) x WHERE x.id = q.id"
        )
    sorts = ["--sort", "-priority", "--sort", "attempts"]
    text = await listed(
        database, "email_queue", *sorts, "--columns", "priority,attempts,id", "--json"
    )
    rows = [tuple(json.loads(line).values()) for line in text.splitlines()]
    assert len(set(rows)) == 600
    assert rows == sorted(rows, key=lambda row: (-row[0], row[1], row[2]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["usrs"], "Did you mean users?"),
        (["eror"], "Did you mean errors?"),
        (["users", "--sort", "nope"], "users has no column 'nope'"),
        (["users", "--sort", "emial"], "Did you mean email?"),
        (["users", "--columns", "emial"], "Did you mean email?"),
        (["credentials", "--sort", "iv"], "iv is a secret"),
        (["errors", "--columns", "lable"], "Did you mean label?"),
        (["errors", "lable:x"], "Did you mean label?"),
    ],
)
async def test_a_mistake_gets_the_nearest_right_thing(
    database: Database, arguments: list[str], words: str
) -> None:
    done = await agentflow("list", *arguments, url=database.url)
    assert done.returncode == 2
    assert words in done.stderr, done.stderr
    assert "computed" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("retyr", "retry"), ("lsit", "list"), ("unod", "undo"), ("snoze", "snooze")],
)
async def test_a_mistyped_command_is_told_the_nearest(typed: str, meant: str) -> None:
    done = await agentflow(typed, "email_queue")
    assert (done.returncode, done.stderr) == (
        2,
        f"agentflow: There is no command {typed!r}. Did you mean {meant}?\n",
    )


async def test_a_status_that_nothing_has_gets_a_hint(database: Database) -> None:
    await fill(database)
    done = await agentflow("list", "email_queue", "status:faild", url=database.url)
    assert "Did you mean failed?" in done.stderr
    done = await agentflow(
        "retry", "email_queue", "--where", "status:faild", "--dry-run", url=database.url
    )
    assert "Did you mean failed?" in done.stderr


async def test_undo_takes_yes_as_every_other_verb(database: Database) -> None:
    await add_mail(database, 1)
    await agentflow("retry", "email_queue", "--all", url=database.url)
    assert (await agentflow("undo", "--yes", url=database.url)).returncode == 0
    assert (await agentflow("redo", "--yes", url=database.url)).returncode == 0


@pytest.mark.parametrize(
    ("verb", "status", "words"),
    [
        ("hold", "pending", "3 rows will be waiting again"),
        ("retry", "failed", "3 rows will be failed again"),
        ("delete", "failed", "3 rows will be there again"),
    ],
)
async def test_undo_says_what_the_rows_will_be(
    database: Database, verb: str, status: str, words: str
) -> None:
    await add_mail(database, 3, status)
    await agentflow(verb, "email_queue", "--all", "--yes", url=database.url)
    done = await agentflow("undo", url=database.url)
    assert f"email_queue: {words}." in done.stderr
    assert "will be held" not in done.stderr
    done = await agentflow("redo", url=database.url)
    past = {"hold": "held", "retry": "waiting", "delete": "deleted"}[verb]
    assert f"3 rows will be {past} again" in done.stderr


async def test_undo_of_an_edit_says_that_the_row_will_be_as_it_was(database: Database) -> None:
    [mail] = await add_mail(database, 1, "pending")
    await agentflow("priority", "email_queue", mail, "--to", "9", "--yes", url=database.url)
    done = await agentflow("undo", url=database.url)
    assert "email_queue: 1 row will be as it was before." in done.stderr


async def test_show_tells_times_in_the_zone_of_the_settings(
    database: Database, tmp_path: Path
) -> None:
    await fill(database)
    config = tmp_path / "agentflow" / "config.toml"
    config.parent.mkdir()
    config.write_text('[console]\ntime_zone = "Asia/Tokyo"\n')
    done = await agentflow("show", "users", "ann", url=database.url, home=tmp_path)
    made = ROWS["users"][0]["createdAt"].astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{made:%Y-%m-%d %H:%M:%S} JST" in done.stdout


@pytest.mark.parametrize(
    ("terms", "labels"),
    [
        ("total:>1", {"mailbox full"}),
        ("tables:workflows", {"no such dealer"}),
        ("!full", {"no such dealer"}),
        ("new:yes age:<1d", {"mailbox full", "no such dealer"}),
        ("label:*dealer -key:none", {"no such dealer"}),
        ("state:none by:none first:any", {"mailbox full", "no such dealer"}),
        ("total:<=1 needsAttention:yes", {"no such dealer"}),
        ("until:any", set()),
    ],
)
async def test_kinds_of_errors_are_filtered_as_rows_are(
    database: Database, terms: str, labels: set[str]
) -> None:
    await add_mail(database, 2)
    async with database.session() as session:
        await session.connection.execute("UPDATE email_queue SET error = 'mailbox full'")
        await session.connection.execute("INSERT INTO users (id, email) VALUES ('ann', 'a@b.test')")
        await session.connection.execute(
            "INSERT INTO workflows (id, userid, status, lasterror, lastupdated, createdat) "
            "VALUES (gen_random_uuid(), 'ann', 'failed', 'no such dealer', now(), now())"
        )
    text = await listed(database, "errors", *terms.split(), "--json", "--columns", "label")
    assert {json.loads(line)["label"] for line in text.splitlines()} == labels
    assert await listed(database, "errors", *terms.split(), "--count") == f"{len(labels)}\n"
