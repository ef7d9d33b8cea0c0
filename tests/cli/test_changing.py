"""The verbs on the command line, on a real database."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.verbs import OPERATIONS
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail, states, value, whole
from tests.cli.running import agentflow
from tests.samples import NOW, ago, fill, uid


@dataclass(frozen=True)
class Case:
    """An operation's row: made fit by ``first``, and how it is ``then`` (None: gone)."""

    id: str
    then: dict[str, Any] | None
    first: dict[str, Any] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    at: tuple[str, str] | None = None


LEASED = {"status": "processing", "lastAttempt": ago(hours=2)}
RECIPIENTS = ("--set", "recipients=new@customer.test")
NEW = '["new@customer.test"]'
SUBJECT = ("--set", "subject=Another 'subject'")
MESSAGE = ("emails", uid(61))

CASES = {
    "retry email_queue": Case(uid(72), {"status": "pending", "attempts": 0}),
    "cancel email_queue": Case(uid(71), {"status": "cancelled"}),
    "hold email_queue": Case(uid(71), {"status": "held"}),
    "release email_queue": Case(uid(71), {"status": "pending"}, {"status": "held"}),
    "priority email_queue": Case(uid(71), {"priority": -9}, said=("--to", "-9")),
    "unlock email_queue": Case(uid(71), {"status": "pending"}, LEASED),
    "delete email_queue": Case(uid(72), None),
    "edit email_queue recipients": Case(uid(71), {"recipients": NEW}, said=RECIPIENTS, at=MESSAGE),
    "edit email_queue subject": Case(
        uid(71), {"subject": "Another 'subject'"}, said=SUBJECT, at=MESSAGE
    ),
    "edit emails recipients": Case(uid(62), {"recipients": NEW}, said=RECIPIENTS),
    "edit emails subject": Case(uid(62), {"subject": "Another 'subject'"}, said=SUBJECT),
    "retry workflows": Case(uid(12), {"status": "pending", "lastError": None}),
    "cancel workflows": Case(uid(13), {"status": "cancelled"}),
    "pause workflows": Case(uid(13), {"status": "paused"}),
    "resume workflows": Case(uid(13), {"status": "pending"}, {"status": "paused"}),
    "run workflows": Case(uid(12), {"status": "pending", "currentStep": 0}),
    "reset workflows": Case(uid(12), {"currentStep": 2}, said=("--to", "2")),
    "unlock workflows": Case(uid(11), {"locked": False}),
    "delete workflows": Case(uid(13), None),
    "pause schedules": Case(uid(21), {"active": False}),
    "resume schedules": Case(uid(21), {"active": True}, {"active": False}),
    "run schedules": Case(uid(22), {"status": "pending"}, at=("workflows", uid(12))),
    "edit schedules cron": Case(uid(22), {"cron": "0 7 * * *"}, said=("--set", "cron=0 7 * * *")),
    "delete schedules": Case(uid(21), None),
    "enable credentials": Case(uid(1), {"active": True}, {"active": False}),
    "disable credentials": Case(uid(1), {"active": False}),
    "edit schedules workflowId": Case(
        uid(22), {"workflowId": uid(11)}, said=("--set", f"workflowId={uid(11)}")
    ),
    "edit credentials label": Case(
        uid(1), {"label": "Other store"}, said=("--set", "label=Other store")
    ),
    "enable api_keys": Case("k1", {"active": True}, {"active": False}),
    "disable api_keys": Case("k1", {"active": False}),
    "revoke sessions": Case("secret-session", None, said=("--yes",)),
    "purge sessions": Case(
        "secret-session", None, {"expire": NOW - timedelta(hours=1)}, said=("--yes",)
    ),
    "rerun health_checks": Case("smtp", {"lastChecked": None}),
    "delete health_checks": Case("smtp", None),
    "requeue insight_distributions": Case(
        uid(51), {"status": "pending", "sentAt": None}, {"status": "failed"}
    ),
}


def called(operation: Operation) -> str:
    return f"{operation.verb} {operation.table} {operation.field}".strip()


def key(table: str) -> str:
    return "{sessions.sid}" if table == "sessions" else f"{{{table}.id}}"


async def column(database: Database, table: str, id_: str, name: str) -> Any:
    sql = f"SELECT {{{table}.{name}}} FROM {{{table}}} WHERE {key(table)} = $1"
    return await value(database, sql, id_)


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if not each.in_editor],  # those have `test_edit`
    ids=called,
)
async def test_every_operation_is_done_from_the_command_line(
    database: Database, operation: Operation
) -> None:
    await fill(database)
    case, table = CASES[called(operation)], operation.table
    for name, first in case.first.items():
        sql = f"UPDATE {{{table}}} SET {{{table}.{name}}} = $2 WHERE {key(table)} = $1"
        await database.execute(sql, case.id, first)
    arguments = (operation.verb, table, case.id, *case.said, "--json")
    done = await agentflow(*arguments, url=database.url)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert list(said) == ["verb", "table", "matched", "applied", "skipped", "journal"]
    assert list(said.values())[:5] == [operation.verb, table, 1, 1, []]
    assert await value(
        database, "SELECT 1 FROM {task_logs} WHERE {task_logs.id} = $1", said["journal"]
    )
    at, id_ = case.at or (table, case.id)
    if case.then is None:
        assert (
            await value(database, f"SELECT 1 FROM {{{table}}} WHERE {key(table)} = $1", id_) is None
        )
    for name, then in (case.then or {}).items():
        assert await column(database, at, id_, name) == then


async def test_a_dry_run_says_what_would_be_done_and_changes_nothing(database: Database) -> None:
    failed = await add_mail(database, 3)
    [sent] = await add_mail(database, 1, "completed")
    before = await whole(database, "email_queue")
    done = await agentflow(
        "retry", "emailQueue", "--where", "status:failed", "--dry-run", url=database.url
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "3 rows will be requeued." in done.stderr
    assert "Nothing was changed." in done.stderr
    done = await agentflow(
        "retry", "email_queue", *failed, sent, "--dry-run", "--json", url=database.url
    )
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "verb": "retry",
        "table": "email_queue",
        "matched": 4,
        "applied": 0,
        "skipped": [{"id": sent, "reason": "is completed"}],
        "journal": None,
        "dry_run": True,
    }
    assert "3 rows will be requeued, 1 will be skipped: is completed." in done.stderr
    assert await whole(database, "email_queue") == before
    assert await value(database, "SELECT count(*) FROM {task_logs}") == 0


async def test_expect_refuses_another_number_of_rows(database: Database) -> None:
    await add_mail(database, 3)
    wanted = ("cancel", "email_queue", "--where", "status:failed", "--json")
    done = await agentflow(*wanted, "--expect", "2", url=database.url)
    assert done.returncode == 1
    assert "3 rows matched, not 2." in done.stderr
    assert json.loads(done.stdout)["applied"] == 0
    assert await states(database) == {"failed": 3}
    done = await agentflow(*wanted, "--expect", "3", url=database.url)
    assert done.returncode == 0, done.stderr
    assert await states(database) == {"cancelled": 3}


async def test_what_is_skipped_is_named_and_the_exit_code_tells(database: Database) -> None:
    failed = await add_mail(database, 2)
    [sent] = await add_mail(database, 1, "completed")
    done = await agentflow("retry", "email_queue", *failed, sent, uid(5), url=database.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "2 requeued, 2 skipped" in done.stderr
    assert f"{sent}  is completed" in done.stderr
    assert f"{uid(5)}  is not there" in done.stderr
    assert await states(database) == {"pending": 2, "completed": 1}
    done = await agentflow(
        "retry", "email_queue", "--where", "status:held", "--json", url=database.url
    )
    assert done.returncode == 1
    assert "no row matches" in done.stderr
    assert json.loads(done.stdout)["matched"] == 0


async def test_undo_and_redo_print_the_same_object(database: Database) -> None:
    mail = await add_mail(database, 2)
    before = await whole(database, "email_queue")
    done = await agentflow("retry", "email_queue", *mail, "--json", url=database.url)
    first = json.loads(done.stdout)["journal"]
    assert f"To take that back: agentflow undo {first}" in done.stderr
    done = await agentflow("undo", "--json", url=database.url)
    undone = json.loads(done.stdout)
    assert (done.returncode, undone["verb"], undone["applied"]) == (0, "undo", 2)
    assert list(undone) == ["verb", "table", "matched", "applied", "skipped", "journal"]
    assert await whole(database, "email_queue") == before
    done = await agentflow("undo", url=database.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "changed nothing here that could be taken back" in done.stderr
    done = await agentflow("undo", first, url=database.url)
    assert done.returncode == 1
    assert f"taken back by {undone['journal']}" in done.stderr
    done = await agentflow("redo", "--json", url=database.url)
    redone = json.loads(done.stdout)
    assert (done.returncode, redone["verb"], redone["applied"]) == (0, "redo", 2)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'completed' WHERE {email_queue.id} = $1",
        mail[0],
    )
    done = await agentflow("undo", redone["journal"], "--json", url=database.url)
    assert done.returncode == 1
    assert json.loads(done.stdout)["skipped"] == [{"id": mail[0], "reason": "changed meanwhile"}]
    for wrong in (uid(404), "nonsense"):
        done = await agentflow("undo", wrong, url=database.url)
        assert done.returncode == 2
        assert "The journal has no operation" in done.stderr


async def test_undo_takes_back_ones_own_change_and_names_whose_it_is(database: Database) -> None:
    mail = await add_mail(database, 2)
    for operator, id_ in zip(("ann", "bob"), mail, strict=True):
        await agentflow("retry", "email_queue", id_, url=database.url, AGENTFLOW_OPERATOR=operator)
    done = await agentflow("undo", url=database.url, AGENTFLOW_OPERATOR="ann")
    assert done.returncode == 0, done.stderr
    assert "retry of 1 row of email_queue by ann@" in done.stderr
    assert await column(database, "email_queue", mail[0], "status") == "failed"
    assert await column(database, "email_queue", mail[1], "status") == "pending"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["retry", "nonsense", "x"], "There is no table"),
        (["retry", "users", "x"], "retry does not apply to users; it does to email_queue"),
        (["retry", "email_queue"], "Name ids, or say --where or --all"),
        (["retry", "email_queue", "x", "--all"], "One of ids, --where and --all"),
        (["retry", "email_queue", "--where", "status:failed", "age:1h"], "stands in quotes"),
        (["retry", "email_queue", "--where", "a", "--all"], "One of ids, --where and --all"),
        (["retry", "email_queue", "--where", " "], "which would match every row"),
        (["retry", "email_queue", "--where", "a bogus:1"], "  a bogus:1\n    ^^^^^\n"),
        (["retry", "email_queue", "--all", "--expect", "-1"], "--expect wants a number"),
        (["retry", "email_queue", "--all", "--expect", "x"], "invalid int value"),
        (["retry", "email_queue", "--all", "--bogus"], "unrecognized arguments: --bogus"),
        (["retry", "email_queue", "--all", "--to", "3"], "unrecognized arguments: --to"),
        (["priority", "email_queue", "--all"], "priority needs --to"),
        (["priority", "email_queue", "--all", "--to", "x"], "no whole number"),
        (["priority", "email_queue", "--all", "--to", "1", "--to", "2"], "One --to at a time"),
        (["edit", "emails", "--all"], "COLUMN is recipients or subject"),
        (["edit", "emails", "--all", "--set", "subject"], "--set wants COLUMN=VALUE"),
        (["edit", "emails", "--all", "--set", "body=x"], "sets recipients or subject"),
        (["edit", "schedules", "--all", "--set", "cron=x"], "A cron expression has five"),
        (["list", "users", "bogus:1"], "  bogus:1\n  ^^^^^\n"),
    ],
)
async def test_wrong_usage_says_what_is_wrong(
    database_url: str, arguments: list[str], words: str
) -> None:
    done = await agentflow(*arguments, url=database_url)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_read_only_context_refuses_before_it_connects(tmp_path: Path) -> None:
    nowhere = "postgresql://127.0.0.1:1/db"
    done = await agentflow("--read-only", "retry", "email_queue", "--all", url=nowhere)
    assert done.returncode == 1
    assert "--read-only opens the database read-only" in done.stderr
    config = tmp_path / "agentflow" / "config.toml"
    config.parent.mkdir()
    config.write_text(f'[contexts.look]\ndatabase_url = "{nowhere}"\nread_only = true\n')
    for command in (["retry", "email_queue", "--all"], ["undo"], ["redo"]):
        done = await agentflow("--context", "look", *command, home=tmp_path)
        assert done.returncode == 1
        assert "'look' opens the database read-only" in done.stderr


async def test_an_unreachable_database_is_exit_code_3() -> None:
    done = await agentflow("hold", "email_queue", "--all", url="postgresql://127.0.0.1:1/db")
    assert done.returncode == 3
    assert "Nothing listens" in done.stderr


async def test_what_a_database_lacks_is_said(database: Database) -> None:
    await database.execute("DROP TABLE {api_keys}")
    done = await agentflow("disable", "api_keys", "k1", url=database.url)
    assert done.returncode == 1
    assert "Disable cannot be done here: this database has no table api_keys." in done.stderr


async def test_a_production_context_asks_for_one_row(database: Database, tmp_path: Path) -> None:
    [mail] = await add_mail(database, 1)
    config = tmp_path / "agentflow" / "config.toml"
    config.parent.mkdir()
    config.write_text(f'[contexts.live]\ndatabase_url = "{database.url}"\nproduction = true\n')
    wanted = ("--context", "live", "retry", "email_queue", mail)
    done = await agentflow(*wanted, home=tmp_path)
    assert done.returncode == 2
    assert "Nothing was changed: live is in production" in done.stderr
    assert await states(database) == {"failed": 1}
    done = await agentflow(*wanted, "--yes", home=tmp_path)
    assert done.returncode == 0, done.stderr


async def test_a_session_is_named_by_its_digest_and_found_by_it(database: Database) -> None:
    await fill(database)
    done = await agentflow(
        "purge", "sessions", "secret-session", "--dry-run", "--json", url=database.url
    )
    [skipped] = json.loads(done.stdout)["skipped"]
    assert skipped["reason"] == "has not expired"
    assert "secret-session" not in done.stdout + done.stderr
    done = await agentflow("revoke", "sessions", skipped["id"], url=database.url)
    assert done.returncode == 2
    assert "cannot be taken back" in done.stderr
    absent = "sha256:0123456789abcdef"
    done = await agentflow(
        "revoke", "sessions", skipped["id"], absent, "--yes", "--json", url=database.url
    )
    said = json.loads(done.stdout)
    assert (said["applied"], said["skipped"]) == (1, [{"id": absent, "reason": "is not there"}])
    assert await value(database, "SELECT count(*) FROM {sessions}") == 0


async def test_ten_thousand_rows_are_changed_and_taken_back(database: Database) -> None:
    await add_mail(database, 10_000)
    before = await whole(database, "email_queue")
    done = await agentflow("cancel", "email_queue", "--all", url=database.url)
    assert done.returncode == 2
    assert "more than 50 rows" in done.stderr
    done = await agentflow("cancel", "email_queue", "--all", "--yes", "--json", url=database.url)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["applied"] == 10_000
    assert await states(database) == {"cancelled": 10_000}
    done = await agentflow("undo", "--json", url=database.url)
    assert json.loads(done.stdout)["applied"] == 10_000
    assert await whole(database, "email_queue") == before


async def test_a_row_that_the_database_refuses_is_named_and_the_others_are_changed(
    database: Database,
) -> None:
    mail = sorted(await add_mail(database, 1_200))
    table = database.binding.tables["email_queue"].sql
    async with database.session() as session:
        await session.connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'not this one'; END $$"
        )
        await session.connection.execute(
            f"CREATE TRIGGER refuse BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (OLD.id::text = '{mail[1_100]}') EXECUTE FUNCTION refuse()"
        )
    done = await agentflow("cancel", "email_queue", "--all", "--yes", "--json", url=database.url)
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert (said["matched"], said["applied"]) == (1_200, 1_199)
    [skipped] = said["skipped"]
    assert skipped["id"] == mail[1_100]
    assert "not this one" in skipped["reason"]
    assert await states(database) == {"cancelled": 1_199, "failed": 1}
    done = await agentflow("undo", said["journal"], url=database.url)
    assert done.returncode == 0, done.stderr
    assert await states(database) == {"failed": 1_200}
