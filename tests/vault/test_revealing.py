"""``agentflow credential reveal``, ``list``, ``show`` and ``check``, run as a user runs them."""

import json
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.views import secrets
from tests.cli.running import agentflow
from tests.namings import NAMINGS
from tests.vault.cases import (
    CASES,
    DATA,
    HEX_KEY,
    SECRET,
    add_companions,
    case,
    case_id,
    environ,
    insert,
    sealed,
)

JOURNAL: Statement[tuple[Any, ...]] = Statement(
    as_tuple, "SELECT tasktype, input::text, output::text FROM task_logs"
)


@pytest.mark.parametrize("each", CASES, ids=lambda each: f"case-{each['case']}")
async def test_reveal_prints_the_outcome_of_each_sample(
    database: Database, each: dict[str, Any]
) -> None:
    await add_companions(database)
    await insert(database, sealed(each))
    expected, id_ = each["expect"], case_id(each)
    flags = ["--unauthenticated"] if expected["status"] == "unauthenticated" else []
    done = await agentflow(
        "credential", "reveal", id_, "--json", *flags, url=database.url, home=None, **environ(each)
    )
    shown = json.loads(done.stdout)
    assert list(shown) == ["id", "platform", "label", "status", "format", "data"]
    assert {**shown, **{k: v for k, v in expected.items() if k in shown}} == shown
    assert (shown["id"], shown["platform"], shown["label"]) == (id_, "vinsolutions", "a label")
    assert done.returncode == (0 if expected["data"] else 1)
    assert expected.get("reason", "") in done.stderr
    assert SECRET not in done.stderr
    assert HEX_KEY not in done.stderr + done.stdout


async def test_a_row_without_its_tag_is_not_revealed_without_the_flag(database: Database) -> None:
    await insert(database, sealed(case(5)))
    done = await agentflow(
        "credential",
        "reveal",
        case_id(case(5)),
        "--json",
        url=database.url,
        home=None,
        **environ(case(5)),
    )
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["status"], shown["data"]) == (1, "unauthenticated", None)
    assert "--unauthenticated" in done.stderr
    assert not await database.fetch(JOURNAL)


async def test_a_reveal_is_journalled_with_who_and_why_and_nothing_secret(
    database: Database,
) -> None:
    await insert(database, sealed(case(3)))
    done = await agentflow(
        "credential", "reveal", case_id(case(3)), "--why", "ticket 7",
        url=database.url, ENCRYPTION_KEY=HEX_KEY, AGENTFLOW_OPERATOR="anna",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert SECRET in done.stdout
    [(kind, given, said)] = await database.fetch(JOURNAL)
    assert kind == "operator.reveal"
    assert json.loads(given)["operator"] == "anna"
    assert json.loads(given)["ids"] == [case_id(case(3))]
    assert json.loads(said) == {"status": "readable", "why": "ticket 7", "key": "ENCRYPTION_KEY"}


async def test_what_cannot_be_journalled_is_not_revealed(database: Database) -> None:
    await insert(database, sealed(case(3)))
    asked = ["credential", "reveal", case_id(case(3)), "--json"]
    done = await agentflow(*asked, "--read-only", url=database.url, ENCRYPTION_KEY=HEX_KEY)
    assert (done.returncode, done.stdout) == (1, "")
    await database.execute("DROP TABLE task_logs")
    done = await agentflow(*asked, url=database.url, ENCRYPTION_KEY=HEX_KEY)
    assert (done.returncode, done.stdout) == (1, "")
    assert "journal" in done.stderr


async def test_lists_checks_and_rows_say_the_status_and_never_the_secret(
    database: Database,
) -> None:
    await add_companions(database)
    for each in CASES:
        if each["case"] not in {9, 10, 11}:
            await insert(database, sealed(each))
    for row in (case(9), case(10)):
        await insert(database, sealed(row))
    statuses = {}
    for arguments in (["list"], ["list", "--json"], ["check"], ["check", "--json"]):
        done = await agentflow("credential", *arguments, url=database.url, ENCRYPTION_KEY=HEX_KEY)
        assert done.returncode == (0 if arguments[0] == "list" else 1), done.stderr
        for word in ("p@ss", "dealer7", "wörd", HEX_KEY):
            assert word not in done.stdout + done.stderr
        if "--json" in arguments:
            shown = [json.loads(line) for line in done.stdout.splitlines()]
            statuses = {each["id"]: each["status"] for each in shown}
    expected = {3: "readable", 9: "current", 10: "undecryptable", 16: "insecure-default-key"}
    assert {n: statuses[case_id(case(n))] for n in expected} == expected
    assert statuses[case_id(case(17))] == "plaintext"
    done = await agentflow("credential", "show", case_id(case(17))[-8:], url=database.url)
    assert "plaintext" in done.stdout
    assert "dealer7" not in done.stdout


async def test_check_is_content_where_all_decrypts(database: Database) -> None:
    await insert(database, sealed(case(3)))
    done = await agentflow("credential", "check", url=database.url, ENCRYPTION_KEY=HEX_KEY)
    assert (done.returncode, done.stdout) == (0, "")


async def test_a_row_that_is_not_there_is_said(database: Database) -> None:
    done = await agentflow("credential", "reveal", "nothing", "--json", url=database.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no row nothing" in done.stderr


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_secrets_are_read_in_every_naming(named: Database) -> None:
    assert await named.fetch(named.binding.cached(secrets.page), None, 5) == []
    assert await named.fetch(named.binding.cached(secrets.by_id), DATA["username"]) == []
