"""Secrets that are added and edited: in which format, from where, and what the journal keeps."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.vault.formats import Format, SealedRow
from agentflow_tui.vault.keys import Key, read_keyring
from agentflow_tui.vault.opening import open_row
from agentflow_tui.vault.sealing import UnfitKeyError, seal, seal_new
from tests.cli.running import agentflow
from tests.vault.cases import (
    CASES,
    HEX_KEY,
    SECRET,
    add_companions,
    case,
    case_id,
    environ,
    insert,
    sealed,
)

KEYS = read_keyring({"ENCRYPTION_KEY": HEX_KEY})
ROWS: Statement[tuple[Any, ...]] = Statement(
    as_tuple,
    "SELECT id::text, platform, label, encrypteddata, iv, active FROM credentials ORDER BY id",
)
JOURNAL: Statement[tuple[Any, ...]] = Statement(
    as_tuple, "SELECT tasktype, input::text, output::text FROM task_logs"
)


@given(st.text(min_size=1).map(str.encode), st.sampled_from([Format.APPENDED, Format.BOUND]))
def test_a_new_secret_reads_back_on_its_own_row_only(plaintext: bytes, format_: Format) -> None:
    row = seal_new(plaintext, SealedRow(id="1", blob=None), format_, KEYS)
    opened = open_row(row, KEYS)
    assert (opened.plaintext, opened.format) == (plaintext, format_)
    elsewhere = open_row(replace(row, id="2"), KEYS)
    assert elsewhere.plaintext == (plaintext if format_ is Format.APPENDED else None)


def test_compatible_is_what_agentflow_reads() -> None:
    row = seal_new(b"secret", SealedRow(id="1", blob=None), Format.APPENDED, KEYS)
    assert len(base64.b64decode(row.blob or "")) == len("secret") + 16
    assert len(base64.b64decode(row.iv or "")) == 16


READABLE = [each for each in CASES if each["expect"]["data"] and each["case"] != 17]


@pytest.mark.parametrize("each", READABLE, ids=lambda each: f"case-{each['case']}")
def test_a_rewritten_secret_keeps_its_format_under_the_new_key(each: dict[str, Any]) -> None:
    row = sealed(each)
    opened = open_row(row, read_keyring(environ(each)), unauthenticated=True)
    assert opened.parts is not None
    new = read_keyring({**environ(each), "ENCRYPTION_KEY": "11" * 32})
    written = seal(b'{"apiKey":"new"}', row, opened.parts, new)
    again = open_row(written, new, unauthenticated=True)
    assert (again.data, again.format) == ({"apiKey": "new"}, opened.format)
    assert written.blob != row.blob


def test_a_format_that_wants_a_key_refuses_a_passphrase() -> None:
    with pytest.raises(UnfitKeyError, match="64 hex digits"):
        seal_new(b"x", SealedRow(id="1", blob=None), Format.BOUND, KEYS.only(Key("a", "phrase")))


async def test_a_secret_is_added_from_a_file_and_bound_where_no_agentflow_writes(
    database: Database, tmp_path: Any
) -> None:
    (tmp_path / "secret").write_text(json.dumps({"apiKey": SECRET}) + "\n")
    done = await agentflow(
        "credential", "add", "--platform", "vauto", "--label", "Main",
        "--from-file", str(tmp_path / "secret"), url=database.url, ENCRYPTION_KEY=HEX_KEY,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [(id_, platform, label, blob, iv, active)] = await database.fetch(ROWS)
    assert (id_, platform, label, active) == (done.stdout.strip(), "vauto", "Main", True)
    opened = open_row(SealedRow(id=id_, blob=blob, iv=iv), KEYS)
    assert (opened.status, opened.data) == ("current", {"apiKey": SECRET})
    [(kind, given_, said)] = await database.fetch(JOURNAL)
    assert (kind, json.loads(given_)["ids"]) == ("operator.add", [id_])
    assert SECRET not in given_ + said + done.stdout + done.stderr
    assert blob not in given_ + said


async def test_beside_rows_of_agentflow_a_new_secret_is_one_that_it_reads(
    database: Database, tmp_path: Any
) -> None:
    await insert(database, sealed(case(3)))
    (tmp_path / "secret").write_text("hunter2")
    done = await agentflow(
        "credential", "add", "--platform", "p", "--label", "l", "--json",
        "--from-file", str(tmp_path / "secret"), url=database.url, ENCRYPTION_KEY=HEX_KEY,
    )  # fmt: skip
    assert json.loads(done.stdout)["format"] == "gcm16-tag-appended"
    assert "AgentFlow's backend and this program" in done.stderr


async def test_a_field_is_edited_in_the_format_of_the_row(
    database: Database, tmp_path: Any
) -> None:
    await insert(database, sealed(case(1)))
    (tmp_path / "secret").write_text("another one\n")
    keys = environ(case(1))
    edit = ["credential", "edit", case_id(case(1)), "--field", "password"]
    done = await agentflow(
        *edit, "--from-file", str(tmp_path / "secret"), url=database.url, home=tmp_path, **keys
    )
    assert done.returncode == 0, done.stderr
    [(id_, _, _, blob, iv, _)] = await database.fetch(ROWS)
    opened = open_row(SealedRow(id=id_, blob=blob, iv=iv), read_keyring(keys))
    assert opened.format == "cryptojs-evp-md5-cbc"
    assert opened.data == {"username": "dealer7", "password": "another one", "dealerId": "0042"}
    [(kind, given_, said)] = await database.fetch(JOURNAL)
    assert kind == "operator.edit"
    assert "another one" not in given_ + said
    done = await agentflow("undo", url=database.url)
    assert (done.returncode, "holds no secrets" in done.stderr) == (1, True)


async def test_an_upgrade_binds_and_clears_the_columns_of_the_old_format(
    database: Database, tmp_path: Any
) -> None:
    await add_companions(database)
    await insert(database, sealed(case(4)))
    (tmp_path / "secret").write_text("hunter2")
    done = await agentflow(
        "credential", "edit", case_id(case(4)), "--upgrade", "--from-file",
        str(tmp_path / "secret"), url=database.url, ENCRYPTION_KEY=HEX_KEY,
    )  # fmt: skip
    assert "only this program" in done.stderr
    done = await agentflow(
        "credential", "reveal", case_id(case(4)), "--json", url=database.url,
        ENCRYPTION_KEY=HEX_KEY,
    )  # fmt: skip
    assert json.loads(done.stdout)["data"] == "hunter2"
    assert json.loads(done.stdout)["status"] == "current"


async def test_a_secret_is_not_taken_where_nobody_can_be_asked(database: Database) -> None:
    done = await agentflow(
        "credential", "add", "--platform", "p", "--label", "l",
        url=database.url, ENCRYPTION_KEY=HEX_KEY,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--stdin" in done.stderr
    done = await agentflow(
        "credential", "add", "--platform", "p", "--label", "l", "--stdin",
        url=database.url, ENCRYPTION_KEY=HEX_KEY[:-2],
    )  # fmt: skip
    assert (done.returncode, "62 hex digits" in done.stderr) == (2, True)
    assert not await database.fetch(ROWS)


async def test_disable_is_the_verb_of_the_credentials(database: Database) -> None:
    await insert(database, sealed(case(3)))
    done = await agentflow("credential", "disable", case_id(case(3)), url=database.url)
    assert done.returncode == 0, done.stderr
    [(*_, active)] = await database.fetch(ROWS)
    assert active is False
