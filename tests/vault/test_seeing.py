"""How secrets stand, seen without any of them: lists, details, what needs attention."""

import json
import resource
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.store.connection.database import Database
from tests.cli.running import agentflow
from tests.console.driving import console, screen_text, sees
from tests.vault.cases import SECRET, case, insert, sealed

KEY = "sk-test-4711-0815-abcd"


def shown(pilot: Pilot[None]) -> str:
    assert isinstance(pilot.app, ConsoleApp)
    return screen_text(pilot.app)


async def add_key(database: Database, name: str, value: str) -> None:
    await database.execute(
        "INSERT INTO {api_keys} ({api_keys.id}, {api_keys.keyName}, {api_keys.keyValue},"
        " {api_keys.active}) VALUES ($1, $1, $2, true)",
        name,
        value,
    )


async def test_api_keys_are_shown_by_their_ends(database: Database, tmp_path: Path) -> None:
    for name, value in (("long", KEY), ("eight", "12345678"), ("short", "1234567")):
        await add_key(database, name, value)
    done = await agentflow("list", "api_keys", "--json", url=database.url, home=tmp_path)
    masked = {row["keyName"]: row["keyValue"] for row in map(json.loads, done.stdout.splitlines())}
    assert masked == {"long": "sk-t…abcd", "eight": "****", "short": "****"}
    for flags in ((), ("--json",)):
        done = await agentflow("show", "api_keys", "long", *flags, url=database.url, home=tmp_path)
        assert "sk-t" in done.stdout
        assert KEY not in done.stdout
    async with console(database.url, "api_keys") as pilot:
        await sees(pilot, "sk-t…abcd", "****")
        await pilot.press("enter")
        await sees(pilot, "keyValue")
        assert KEY not in shown(pilot)


async def test_the_console_says_how_secrets_stand(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable = case(3)
    await insert(database, sealed(readable))
    await database.execute(
        "INSERT INTO {credentials} ({credentials.id}, {credentials.platform}, {credentials.label},"
        " {credentials.encryptedData}, {credentials.iv}, {credentials.active}) SELECT"
        " gen_random_uuid(), 'vauto', label, blob, iv, true FROM (VALUES"
        " ('open', '{\"password\": \"seen-by-all\"}', ''), ('shut', 'AAAA', 'AAAA'))"
        " AS given (label, blob, iv)"
    )
    environ = {"ENCRYPTION_KEY": readable["ENCRYPTION_KEY"]}
    async with console(database.url, "credentials", environ=environ) as pilot:
        await sees(pilot, "readable", "plaintext", "undecryptable")
        assert SECRET not in shown(pilot)
        assert "seen-by-all" not in shown(pilot)
        await pilot.press("1")
        await sees(
            pilot,
            "vauto credential open is stored in the clear",
            "vauto credential shut cannot be decrypted",
        )


async def test_a_console_without_a_key_does_not_complain_of_every_row(database: Database) -> None:
    await insert(database, sealed(case(3)))
    async with console(database.url, "overview") as pilot:
        await sees(pilot, "✓ nothing")


def test_no_command_leaves_a_core_dump() -> None:
    import subprocess

    code = (
        "import resource; from agentflow_tui.cli.main import main; main(['--version']);"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2
        ),
    )
    assert done.stdout.split()[-1] == "0"
