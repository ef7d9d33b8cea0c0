"""``--profile FILE``: where the time and the bytes of a session went, and nothing of its rows."""

import json
import signal
from pathlib import Path
from typing import Any

from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from tests.cli.running import agentflow
from tests.console.ptys import Terminal
from tests.samples import fill


async def texts_of_rows(database: Database) -> set[str]:
    """Whatever stands in a row and is no word that statements use themselves."""
    found: set[str] = set()
    for table in TABLES:
        for row in await database.fetch(Statement(as_tuple, f"SELECT * FROM {{{table}}}")):
            found |= {str(value) for value in row if len(str(value)) > 11}
    return found


def parts(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["parts"]
    return found


async def test_the_profile_of_a_command_has_its_statements_without_values(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await fill(database)
    file = tmp_path / "profile.txt"
    done = await agentflow("--profile", str(file), "list", "users", "ann@", url=database_url)
    assert done.returncode == 0
    assert "ann@acme.test" in done.stdout
    text = file.read_text()
    assert "\nimports: " in text
    assert "\nqueries: " in text
    assert "SELECT" in text
    assert not [value for value in await texts_of_rows(database) if value in text]
    assert "ann@" not in text


async def test_the_profile_of_a_console_has_its_layout_and_bytes_however_it_ends(
    database: Database, tmp_path: Path
) -> None:
    await fill(database)
    file = tmp_path / "profile.json"
    view = Terminal(["--profile", str(file), "--database", database.url, "--screen", "users"])
    try:
        view.until("ann@acme.test")
        view.signal(signal.SIGTERM)
        assert view.wait() == 143
    finally:
        view.close()
    found = parts(file)
    assert {"imports", "queries", "styles", "layout", "output"} <= found.keys()
    sent = {each["name"]: each["size"] for each in found["output"]["longest"]}
    assert 500 < sent["TerminalWriter.write_frame"] < len(view.raw)
    assert (
        "agentflow_tui.console.list.list_view" in file.read_text() or found["imports"]["names"] > 50
    )
    assert not [value for value in await texts_of_rows(database) if value in file.read_text()]


async def test_a_worker_that_is_interrupted_writes_its_profile(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    arguments = ["worker", "--profile", str(file), "--only", "scheduler"]
    worker = Terminal(arguments, AGENTFLOW_DATABASE_URL=database_url)
    try:
        worker.until("started")
        worker.signal(signal.SIGINT)
        worker.wait()
    finally:
        worker.close()
    assert {"imports", "queries"} <= parts(file).keys()


async def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    tmp_path: Path,
) -> None:
    done = await agentflow("--profile", str(tmp_path / "no" / "file"), "list", "users")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert done.stdout == ""
