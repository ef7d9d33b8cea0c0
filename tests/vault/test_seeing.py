"""How secrets stand, seen without any of them: lists, details, what needs attention."""

import json
import resource
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from agentflow_tui.console import revealing
from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.dialogs.secret_dialogs import ShownSecret
from agentflow_tui.console.widgets.pane import text_line
from agentflow_tui.operations.credentials import find_secret
from agentflow_tui.store.connection.database import Database
from agentflow_tui.vault.formats import sealed_row
from agentflow_tui.vault.keys import read_keyring as keys
from agentflow_tui.vault.opening import open_row
from tests.cli.running import agentflow
from tests.console.driving import console, screen_text, sees, told, until
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


async def journalled(database: Database) -> list[tuple[str, str, str]]:
    async with database.session() as session:
        rows = await session.connection.fetch(
            "SELECT tasktype, input::text, output::text FROM task_logs ORDER BY createdat"
        )
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("view", ["credentials", "api_keys"])
async def test_a_secret_is_revealed_in_the_console_for_a_moment(
    database: Database, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revealing, "keep_memory_private", lambda: None)  # of this test process
    monkeypatch.setattr(revealing, "SHOWN_SECONDS", 3600.0)
    readable = case(3)
    await insert(database, sealed(readable))
    await add_key(database, "mailer", KEY)
    environ = {"ENCRYPTION_KEY": readable["ENCRYPTION_KEY"]}
    secret = SECRET if view == "credentials" else KEY
    async with console(database.url, view, environ=environ, size=(120, 24)) as pilot:
        await sees(pilot, "a label" if view == "credentials" else "mailer")
        await pilot.press("S")
        await sees(pilot, "Why?")
        await pilot.press(*"audit", "enter")
        await sees(pilot, "hidden by enter", secret[:4])
        assert pilot.app.export_screenshot() == ""
        await pilot.press("enter")
        await until(pilot, lambda: "hidden by enter" not in shown(pilot), "hidden")
        assert secret not in shown(pilot)
        assert pilot.app.export_screenshot() != ""
    [(task, given, said)] = await journalled(database)
    assert task == "operator.reveal"
    assert json.loads(given)["table"] == view
    assert json.loads(said)["why"] == "audit"
    assert secret not in given + said


async def test_a_secret_hides_itself(database: Database) -> None:
    async with console(database.url, "credentials") as pilot:
        assert isinstance(pilot.app, ConsoleApp)
        await pilot.app.open_dialog(ShownSecret("x", [text_line(KEY)], seconds=0.05))
        await until(pilot, lambda: KEY not in shown(pilot), "hidden")


async def test_a_secret_is_edited_in_the_console(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revealing, "keep_memory_private", lambda: None)  # of this test process
    monkeypatch.setattr(revealing, "SHOWN_SECONDS", 3600.0)
    readable = case(3)
    await insert(database, sealed(readable))
    environ = {"ENCRYPTION_KEY": readable["ENCRYPTION_KEY"]}
    async with console(database.url, "credentials", environ=environ, size=(120, 24)) as pilot:
        await sees(pilot, "a label")
        await pilot.press("I")
        await sees(pilot, "Change which part", "password")
        await pilot.press("down", "enter")
        await sees(pilot, "a label: password")
        await pilot.press(*"new-one", "enter")
        await sees(pilot, "once more")
        assert "new-one" not in shown(pilot)
        await pilot.press(*"new-one", "enter")
        await told(pilot, "Written as gcm16-tag-appended")
    opened = open_row(sealed_row(await find_secret(database, sealed(readable).id)), keys(environ))
    assert opened.data["password"] == "new-one"
    [(task, given, said)] = await journalled(database)
    assert task == "operator.edit"
    assert "new-one" not in given + said


async def test_an_api_key_is_revealed_on_the_command_line(
    database: Database, tmp_path: Path
) -> None:
    await add_key(database, "mailer", KEY)
    done = await agentflow(
        "credential", "reveal", "mailer", "--api-key", "--json", "--why", "audit",
        url=database.url, home=tmp_path,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"id": "mailer", "data": KEY}
    [(task, _, said)] = await journalled(database)
    assert (task, json.loads(said)) == ("operator.reveal", {"why": "audit"})


async def test_a_credential_says_who_uses_it(database: Database, tmp_path: Path) -> None:
    await insert(database, sealed(case(3)))
    call = {"url": "https://x.test", "headers": {"X": '{{credentials["a label"].password}}'}}
    steps = json.dumps([{"id": "a", "type": "api", "name": "Call", "config": call}])
    await database.execute(
        "INSERT INTO workflows (id, steps) VALUES (gen_random_uuid(), $1::text::jsonb),"
        " (gen_random_uuid(), '[]')",
        steps,
    )
    for input_ in ({"secrets": ["credentials.a label.password"]}, {"step": "other"}):
        await database.execute(
            "INSERT INTO task_logs (id, tasktype, input, createdat) VALUES"
            " (gen_random_uuid(), 'workflow.step', $1::text::jsonb, now() - interval '2 hours')",
            json.dumps(input_),
        )
    done = await agentflow("credential", "list", "--json", url=database.url, home=tmp_path)
    shown = json.loads(done.stdout)
    assert len(shown["workflows"]) == 1
    assert shown["lastUsed"] is not None
    done = await agentflow("credential", "list", url=database.url, home=tmp_path)
    assert done.stdout.splitlines()[1].split()[-2:] == ["2h", "1"]
    async with console(database.url, "credentials", size=(120, 24)) as pilot:
        await sees(pilot, "a label")
        await pilot.press("enter", "right_square_bracket")
        await sees(pilot, "Last used", "2h ago", "Call")
