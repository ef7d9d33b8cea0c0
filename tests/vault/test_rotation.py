"""Rotation: every secret under the present key or said to be left, whenever it is killed."""

import asyncio
import json
import random
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.store.changes.secrets import replacement
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple, same
from agentflow_tui.vault.encodings import EncodedBytes
from agentflow_tui.vault.formats import CipherParts, Format, SealedRow
from agentflow_tui.vault.keys import Derivation, Key, read_keyring
from agentflow_tui.vault.opening import open_row
from agentflow_tui.vault.sealing import fresh_parts, seal
from tests.cli.running import PROGRAM, agentflow, environment
from tests.namings import NAMINGS
from tests.vault.cases import (
    CASES,
    HEX_KEY,
    add_companions,
    case,
    case_id,
    environ,
    insert,
    sealed,
)
from tests.waiting import until

OLD, NEW = "22" * 32, "33" * 32
ROTATE = ["credential", "rotate-key", "--yes", "--json"]

ROWS: Statement[tuple[Any, ...]] = Statement(
    as_tuple,
    "SELECT id::text, label, encrypteddata, iv, auth_tag, salt FROM credentials ORDER BY id",
)
JOURNAL: Statement[tuple[Any, ...]] = Statement(
    as_tuple, "SELECT tasktype, input::text, output::text FROM task_logs"
)
BATCHES: Statement[int] = Statement(same, "SELECT count(*)::int FROM task_logs")

_IV, _TAG = EncodedBytes(bytes(16)), EncodedBytes(bytes(16))
LIKES = [
    lambda _id: CipherParts(
        format=Format.CRYPTOJS, derivation=Derivation.TEXT, sealed=EncodedBytes(b"")
    ),
    lambda _id: fresh_parts(Format.APPENDED, _id),
    lambda _id: fresh_parts(Format.BOUND, _id),
    lambda _id: CipherParts(
        format=Format.SEPARATE, derivation=Derivation.RAW_OR_SCRYPT,
        sealed=EncodedBytes(b""), iv=_IV, tag=_TAG,
    ),
    lambda _id: CipherParts(
        format=Format.SALTED, derivation=Derivation.SCRYPT,
        sealed=EncodedBytes(b""), iv=_IV, tag=_TAG, salt=_IV, aad=bytes(16),
    ),
    lambda _id: CipherParts(
        format=Format.COLONS, derivation=Derivation.PBKDF2,
        sealed=EncodedBytes(b""), iv=_IV, tag=_TAG,
    ),
]  # fmt: skip


def secret(number: int) -> str:
    return f"s3cret-{number:06}"


async def fill(database: Database, rows: int) -> None:
    """Rows under the old key in every format in turn; the label says which secret they hold."""
    await add_companions(database)
    keyring = read_keyring({"ENCRYPTION_KEY": OLD})
    values = []
    for number in range(rows):
        id_ = f"7f1c1b1e-0000-4000-8000-{number:012}"
        plaintext = json.dumps({"password": secret(number)}).encode()
        like = LIKES[number % len(LIKES)](id_)
        row = seal(plaintext, SealedRow(id=id_, blob=None, iv=""), like, keyring)
        values.append((id_, secret(number), row.blob, row.iv, row.tag, row.salt))
    async with database.session() as session:
        await session.connection.executemany(
            "INSERT INTO credentials (id, label, encrypteddata, iv, auth_tag, salt) "
            "VALUES ($1, $2, $3, $4, $5, $6)", values,
        )  # fmt: skip


async def under(database: Database, key: str) -> set[str]:
    """The labels of the rows that this key alone opens, each with its own secret."""
    keyring = read_keyring({}).only(Key("ENCRYPTION_KEY", key))
    found = set()
    for id_, label, blob, iv, tag, salt in await database.fetch(ROWS):
        opened = open_row(SealedRow(id=id_, blob=blob, iv=iv, tag=tag, salt=salt), keyring)
        if opened.plaintext is not None:
            assert opened.data == {"password": label}
            found.add(label)
    return found


def old_key_file(folder: Path) -> str:
    path = folder / "old"
    path.write_text(OLD)
    path.chmod(0o600)
    return str(path)


async def kill_once(database: Database, file: str, chance: random.Random) -> bool:
    """Start a rotation and kill it somewhere. Returns whether it was still at work."""
    begun = await database.fetch_one(BATCHES) or 0
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *ROTATE, "--old-key-file", file,
        stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE,
        env=environment(database.url, ENCRYPTION_KEY=NEW),
    )  # fmt: skip
    wanted = begun + chance.randrange(3)

    async def reached() -> bool:
        batches = await database.fetch_one(BATCHES) or 0
        return process.returncode is not None or batches >= wanted

    await until(reached)
    for _ in range(chance.randrange(200)):
        await asyncio.sleep(0)
    alive = process.returncode is None
    if alive:
        process.kill()
    await process.communicate()
    return alive


async def rotate_under_kills(database: Database, folder: Path, rows: int, kills: int) -> None:
    await fill(database, rows)
    file, chance = old_key_file(folder), random.Random(rows)
    killed = 0
    for _ in range(kills):
        killed += await kill_once(database, file, chance)
        done, left = await under(database, NEW), await under(database, OLD)
        assert len(done) + len(left) == rows
        assert not done & left
    assert killed
    done_ = await agentflow(*ROTATE, "--old-key-file", file, url=database.url, ENCRYPTION_KEY=NEW)
    assert done_.returncode == 0, done_.stderr
    assert len(await under(database, NEW)) == rows


async def test_a_rotation_that_is_killed_ends_whole(database: Database, tmp_path: Path) -> None:
    await rotate_under_kills(database, tmp_path, rows=420, kills=3)
    for _, given, said in await database.fetch(JOURNAL):
        assert "s3cret" not in given + said
        assert OLD not in given + said
        assert NEW not in given + said
        assert json.loads(said)["old_keys"] == [Key("old", OLD).fingerprint]
        assert json.loads(said)["new_key"] == Key("new", NEW).fingerprint


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_secrets_are_replaced_in_every_naming(named: Database) -> None:
    async with named.session() as session:
        assert await session.fetch(named.binding.cached(replacement), *[[]] * 7) == []


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_large_rotation_killed_twenty_times_ends_whole(
    database: Database, tmp_path: Path
) -> None:
    await rotate_under_kills(database, tmp_path, rows=10_000, kills=20)


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 12)
    done = await agentflow(
        *ROTATE, "--dry-run", "--old-key-file", old_key_file(tmp_path),
        url=database.url, ENCRYPTION_KEY=NEW,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "12 secrets will be written anew" in done.stderr
    assert len(await under(database, OLD)) == 12
    assert not await database.fetch(JOURNAL)


async def test_nobody_to_ask_is_no_agreement(database: Database, tmp_path: Path) -> None:
    await fill(database, 6)
    done = await agentflow(
        "credential", "rotate-key", "--old-key-file", old_key_file(tmp_path),
        url=database.url, ENCRYPTION_KEY=NEW,
    )  # fmt: skip
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert len(await under(database, OLD)) == 6


async def test_a_row_that_stays_shut_stops_no_other_and_refuses_success(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 12)
    await insert(database, sealed(case(9)))  # under a key that is not given
    done = await agentflow(
        *ROTATE, "--old-key-file", old_key_file(tmp_path), url=database.url, ENCRYPTION_KEY=NEW
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["matched"], told["applied"]) == (1, 13, 12)
    assert [each["id"] for each in told["skipped"]] == [case_id(case(9))]
    assert "Keep the old key" in done.stderr
    assert len(await under(database, NEW)) == 12


async def test_a_row_that_the_database_refuses_stops_no_other(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 12)
    await database.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF OLD.label = 's3cret-000003' THEN RAISE 'not this one'; END IF; "
        "IF OLD.label = 's3cret-000004' THEN NEW.encrypteddata = 'spoilt'; END IF; "
        "RETURN NEW; END $$"
    )
    await database.execute(
        "CREATE TRIGGER refuse BEFORE UPDATE ON credentials FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    done = await agentflow(
        *ROTATE, "--old-key-file", old_key_file(tmp_path), url=database.url, ENCRYPTION_KEY=NEW
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["applied"]) == (1, 10)
    reasons = " ".join(each["reason"] for each in told["skipped"])
    assert "not this one" in reasons
    assert "does not read back" in reasons
    assert await under(database, OLD) == {secret(3), secret(4)}


async def test_rows_without_a_tag_are_rotated_with_the_flag_only(database: Database) -> None:
    await insert(database, sealed(case(5)))
    keys = {"ENCRYPTION_KEY": NEW, "ENCRYPTION_KEY_V1": environ(case(5))["ENCRYPTION_KEY"]}
    done = await agentflow(*ROTATE, url=database.url, home=None, **keys)
    assert (done.returncode, json.loads(done.stdout)["applied"]) == (1, 0)
    assert "nothing proves" in done.stderr
    done = await agentflow(*ROTATE, "--unauthenticated", url=database.url, home=None, **keys)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["applied"] == 1
    done = await agentflow(
        "credential", "reveal", case_id(case(5)), "--json", "--unauthenticated",
        url=database.url, ENCRYPTION_KEY=NEW,
    )  # fmt: skip
    assert json.loads(done.stdout)["data"] == case(5)["expect"]["data"]


async def test_public_phrases_are_replaced_and_an_upgrade_binds_everything(
    database: Database,
) -> None:
    await add_companions(database)
    for each in CASES:
        if each["case"] in {3, 16, 17}:
            await insert(database, sealed(each))
    done = await agentflow(*ROTATE, url=database.url, ENCRYPTION_KEY=HEX_KEY)
    assert (done.returncode, json.loads(done.stdout)["applied"]) == (0, 1)  # the public phrase's
    assert "1 secret in the clear" in done.stderr
    done = await agentflow(*ROTATE, "--upgrade", url=database.url, ENCRYPTION_KEY=HEX_KEY)
    assert (done.returncode, json.loads(done.stdout)["applied"]) == (0, 3)
    done = await agentflow("credential", "list", "--json", url=database.url, ENCRYPTION_KEY=HEX_KEY)
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["status"] for each in shown} == {"current"}


@pytest.mark.parametrize("keys", [{}, {"ENCRYPTION_KEY": OLD}, {"ENCRYPTION_KEY_V1": OLD}])
async def test_a_rotation_needs_a_present_key_that_is_not_the_old_one(
    database: Database, tmp_path: Path, keys: dict[str, str]
) -> None:
    file = old_key_file(tmp_path)
    done = await agentflow(*ROTATE, "--old-key-file", file, url=database.url, home=None, **keys)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ENCRYPTION_KEY" in done.stderr
