"""The commands, run as a user runs them."""

import asyncio
import csv
import io
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from agentflow_tui.store.connection.database import Database
from tests.cli.running import agentflow
from tests.samples import ROWS, fill, uid


async def test_a_list_as_json_has_the_documents_names_and_no_secret(database: Database) -> None:
    await fill(database)
    for table, entries in ROWS.items():
        done = await agentflow("list", table, "--json", url=database.url)
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(rows) == len(entries)
        assert set(entries[0]) <= set(rows[0])
        assert "secret" not in done.stdout
        assert "cipher-text" not in done.stdout


async def test_filters_sorts_limits_and_spellings(database: Database) -> None:
    await fill(database)
    done = await agentflow(
        "list", "emailQueue", "--sort", "-priority", "--json", "-status:failed", url=database.url
    )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [uid(71)]
    done = await agentflow("list", "workflows", "--limit", "1", "--csv", url=database.url)
    assert len(list(csv.reader(io.StringIO(done.stdout)))) == 2
    done = await agentflow("list", "workflows", "context.fetch:any", "--json", url=database.url)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [uid(11)]


async def test_show_prints_a_row_and_its_relations(database: Database) -> None:
    await fill(database)
    done = await agentflow("show", "reports", uid(31), "--json", url=database.url)
    shown = json.loads(done.stdout)
    assert shown["reportData"] == {"leads": 41}
    assert shown["related"] == {"insights.reportId": 1}
    done = await agentflow("show", "reports", uid(99), url=database.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no row" in done.stderr
    done = await agentflow("show", "reports", "nothing", url=database.url)
    assert done.stderr.splitlines() == ["agentflow: reports has no row nothing."]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["list"], 2, "arguments are required: table. See"),
        (["list", "nonsense"], 2, "There is no table"),
        (["list", "users", "nonsense:1"], 2, "There is no column nonsense"),
        (["list", "users", "--sort", "nonsense"], 2, "Not sorted"),
        (["list", "users", "--bogus"], 2, "unrecognized arguments"),
        (["--context", "nowhere", "list", "users"], 2, "There is no context"),
        (["worker", "--only", "nonsense"], 2, "--only wants"),
    ],
)
async def test_wrong_usage_is_one_sentence_and_exit_code_2(
    database_url: str, arguments: list[str], code: int, words: str
) -> None:
    done = await agentflow(*arguments, url=database_url)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def babbler() -> tuple[socket.socket, int]:
    """Something on a port that is no PostgreSQL."""
    server = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.recv(1024)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    threading.Thread(target=talk, daemon=True).start()
    return server, server.getsockname()[1]


async def test_every_way_not_to_reach_a_database_has_its_sentence(database_url: str) -> None:
    server, port = babbler()
    head, query = database_url.split("?")
    cases = {
        "postgresql://me:hidden@127.0.0.1:1/db": "Nothing listens at 127.0.0.1:1/db",
        f"postgresql://me:hidden@127.0.0.1:{port}/db": f"127.0.0.1:{port}/db",
        "postgresql://me:hidden@no.such.host.invalid/db": "no.such.host.invalid",
        "postgresql:///db?host=/tmp/nowhere": "There is no socket at /tmp/nowhere/.s.PGSQL.5432.",
        f"{head}_none?{query}": "does not exist",
        f"{head.replace('agentflow@', 'stranger:hidden@')}?{query}": "does not admit this user",
    }
    for url, words in cases.items():
        done = await agentflow("list", "users", url=url)
        assert done.returncode == 3, (url, done.stderr)
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert "hidden" not in done.stderr
    server.close()
    done = await agentflow("list", "users", url="mysql://me:hidden@h/db")
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "hidden" not in done.stderr


async def test_a_role_without_privileges_hears_which_table(database: Database) -> None:
    name = f"poor_{os.getpid()}"
    async with database.session() as session:
        await session.connection.execute(f"CREATE ROLE {name} LOGIN")
    url = database.url.replace("agentflow@", f"{name}@")
    done = await agentflow("list", "users", url=url)
    assert done.returncode == 1
    assert "permission denied for table users" in done.stderr
    done = await agentflow("doctor", url=url)
    assert "may not read users" in done.stdout
    assert done.returncode == 1


async def test_doctor_says_when_the_console_writes_as_textual_does(database: Database) -> None:
    lines = {}
    for driver in ("", "textual.drivers.linux_driver:LinuxDriver"):
        done = await agentflow("doctor", url=database.url, TEXTUAL_DRIVER=driver)
        [lines[driver]] = [line for line in done.stdout.splitlines() if " output " in line]
    assert lines[""].startswith("✓")
    assert lines.popitem()[1].startswith("▲ output      Textual's own: TEXTUAL_DRIVER")


async def test_doctor_finds_what_is_missing(database: Database) -> None:
    done = await agentflow("doctor", "--json", url=database.url)
    found = {line["subject"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert found["connection"]["verdict"] == "fine"
    assert found["naming"]["verdict"] == "fine"
    assert done.returncode == 0
    async with database.session() as session:
        await session.connection.execute("DROP TABLE sessions")
    done = await agentflow("doctor", url=database.url)
    assert "no table sessions" in done.stdout
    assert done.returncode == 1


async def test_accelerate_builds_and_removes_exactly_its_own(database: Database) -> None:
    done = await agentflow("db", "accelerate", url=database.url)
    assert done.returncode == 2
    done = await agentflow("db", "accelerate", "--yes", url=database.url)
    assert done.returncode == 0, done.stderr
    count = "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'agentflow%'"
    async with database.session() as session:
        assert await session.connection.fetchval(count) > 20
    done = await agentflow("db", "accelerate", "--drop", url=database.url)
    assert done.returncode == 0, done.stderr
    async with database.session() as session:
        assert await session.connection.fetchval(count) == 0


async def test_the_reader_of_a_pipe_may_leave(database: Database) -> None:
    await fill(database)
    environ = {**os.environ, "AGENTFLOW_DATABASE_URL": database.url}
    command = f"{sys.executable} -m agentflow_tui list task_logs --json | true"
    done = await asyncio.to_thread(
        subprocess.run, command, shell=True, capture_output=True, text=True, env=environ
    )
    assert done.stderr == ""


async def test_the_url_is_printed_with_its_password_hidden(database_url: str) -> None:
    url = database_url.replace("agentflow@", "agentflow:hidden@")
    done = await agentflow("db", "uri", url=url)
    assert "hidden" not in done.stdout
    done = await agentflow("db", "uri", "--show-password", url=url)
    assert done.stdout.strip() == url


async def test_bash_completes_commands_tables_columns_and_words() -> None:
    script = await agentflow("completion", "bash")
    code = (
        f"{script.stdout}\n"
        f'agentflow() {{ {sys.executable} -m agentflow_tui "$@"; }}\n'
        'try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _agentflow 2>/dev/null; '
        'echo "${COMPREPLY[@]}"; }\n'
        "try agentflow li; try agentflow list work; try agentflow list workflows status:pa\n"
        "try agentflow requ; try agentflow retry em; try agentflow retry emailQueue --where st; "
        "try agentflow edit emails --set su; try agentflow reset workflows --t"
    )
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-c", code], capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "list"
    assert lines[1] == "workflows"
    assert lines[2].endswith("paused")
    assert lines[3:] == ["requeue", "email_queue", "status:", "subject=", "--to"]
