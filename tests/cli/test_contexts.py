"""``--context``: any command, before or behind its name, on a database of the settings."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentflow_tui.store.connection.database import Database
from tests.samples import ROWS, fill


async def agentflow(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AGENTFLOW", "DATABASE"))}
    environ |= {"AGENTFLOW_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "agentflow_tui", *arguments],
        capture_output=True,
        text=True,
        env=environ,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.fixture
async def home(tmp_path: Path, database: Database) -> Path:
    """A home whose settings name the database ``here``, and one that is not there."""
    await fill(database)
    (tmp_path / "agentflow").mkdir()
    (tmp_path / "agentflow" / "config.toml").write_text(
        f'[contexts.here]\ndatabase_url = "{database.url}"\n'
        f'[contexts.shut]\ndatabase_url = "{database.url}"\nread_only = true\n'
        '[contexts.gone]\ndatabase_url = "postgresql://ann:hunter2@127.0.0.1:1/gone"\n'
    )
    return tmp_path


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (("list", "users"), "ann@acme.test"),
        (("show", "users", str(ROWS["users"][0]["id"])), "ann@acme.test"),
        (("db", "uri"), "/test_"),
        (("doctor",), "PostgreSQL"),
        (("db", "init"), "All thirteen tables are there."),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_every_command_works_on_a_context(
    home: Path, command: tuple[str, ...], output: str
) -> None:
    for arguments in (("--context", "here", *command), (*command, "--context", "here")):
        done = await agentflow(home, *arguments)
        assert output in done.stdout + done.stderr, done.stderr
        assert "gone" not in done.stdout + done.stderr
    done = await agentflow(home, *command, "--context", "gone")
    assert "hunter2" not in done.stdout + done.stderr
    if command != ("db", "uri"):
        assert done.returncode == 3
        assert "Nothing listens at 127.0.0.1:1/gone" in done.stdout + done.stderr


async def test_no_worker_runs_on_a_context_that_is_read_only(home: Path) -> None:
    done = await agentflow(home, "worker", "--drain", "--context", "shut")
    assert (done.returncode, done.stdout) == (2, "")
    assert "read-only" in done.stderr


async def test_a_context_that_is_not_there_is_named_with_those_that_are(home: Path) -> None:
    done = await agentflow(home, "--context", "live", "list", "users")
    assert done.returncode == 2
    assert "There is no context 'live'" in done.stderr
    assert "gone, here, shut" in done.stderr
