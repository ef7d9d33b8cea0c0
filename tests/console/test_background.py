"""What the console starts beside itself: it ends with the console, and what it does is said."""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.child_workers import LOG_LIMIT, ChildWorkers
from agentflow_tui.settings import Context, Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from tests import waiting
from tests.console.driving import burst, console, said, sees, told
from tests.console.ptys import ROOT, Terminal

WORKER_ROWS = Statement(
    int, "SELECT count(*)::int4 FROM {health_checks} WHERE {health_checks.id} LIKE 'worker:%'"
)

DEMO = """
import sys
from pathlib import Path
from agentflow_tui.cli.demo import demo_services
with demo_services(Path(sys.argv[1])) as urls:
    print(urls["smtp"], flush=True)
    sys.stdin.read()
"""


def app_of(pilot: Pilot[None]) -> ConsoleApp:
    assert isinstance(pilot.app, ConsoleApp)
    return pilot.app


async def workers_are(database: Database, count: int) -> None:
    async def found() -> int | None:
        return await database.fetch_one(WORKER_ROWS)

    async def are_so_many() -> bool:
        return await found() == count

    await waiting.until(are_so_many, f"{count} workers", state=found)


async def test_workers_of_a_console_that_is_killed_leave_in_order(
    database: Database, tmp_path: Path
) -> None:
    words = ["--database", database.url, "--screen", "workers", "--workers"]
    view = Terminal(words, AGENTFLOW_HOME=str(tmp_path))
    try:
        await workers_are(database, 1)
    finally:
        view.close()  # with SIGKILL
    await workers_are(database, 0)


async def test_the_services_of_a_demo_that_is_killed_end(tmp_path: Path) -> None:
    words = [sys.executable, "-c", DEMO, str(tmp_path)]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        port = urlsplit(demo.stdout.readline().strip()).port
        demo.kill()

    def refused() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) != 0

    await waiting.until(refused, f"port {port} refuses")


async def test_a_stop_that_takes_long_is_said_at_once_and_asked_for_once(
    database: Database, tmp_path: Path
) -> None:
    async with console(database.url, "workers", home=str(tmp_path)) as pilot:
        workers = app_of(pilot).child_workers
        await sees(pilot, "No worker runs")
        await burst(pilot, "W", "tab", "enter")
        await sees(pilot, "● alive")
        process = workers.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        await burst(pilot, "W", "tab", "enter")
        await told(pilot, "Stopping the workers")
        await burst(pilot, "W")
        await told(pilot, "still finishing")
        process.send_signal(signal.SIGCONT)
        await told(pilot, "Workers of this console stopped.")
        assert process.returncode == 0


async def test_the_log_is_private_and_starts_anew_when_it_is_long(tmp_path: Path) -> None:
    workers = ChildWorkers(Settings(environ={**os.environ, "AGENTFLOW_HOME": str(tmp_path)}))
    workers.log.touch(0o644)
    os.truncate(workers.log, LOG_LIMIT + 1)
    await workers.start("postgresql://127.0.0.1:1/none")
    assert await workers.ended() == 3
    older = tmp_path / "worker.log.1"
    assert [stat.S_IMODE(log.stat().st_mode) for log in (workers.log, older)] == [0o600, 0o600]
    assert older.stat().st_size > LOG_LIMIT
    assert "Nothing listens at 127.0.0.1:1" in workers.log.read_text()


async def test_the_log_may_be_another_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = ChildWorkers(Settings(environ={**os.environ, "AGENTFLOW_HOME": str(tmp_path)}))
    workers.log.touch()

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "chmod", refuse)
    await workers.start("postgresql://127.0.0.1:1/none")
    assert await workers.ended() == 3
    assert "Nothing listens at 127.0.0.1:1" in workers.log.read_text()


async def test_workers_that_can_have_no_log_are_a_problem_that_is_said(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    async with console(database.url, "workers", home=str(home), size=(120, 24)) as pilot:
        await sees(pilot, "No worker runs")
        await burst(pilot, "W", "tab", "enter")
        await told(pilot, "The workers were not started", "Not a directory")
        assert "Workers of this console started" not in said(app_of(pilot))
        assert not app_of(pilot).child_workers.running
        await pilot.press("1")
        await sees(pilot, "Needs attention")  # the console goes on


async def test_a_console_that_can_start_no_workers_opens_all_the_same(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    context = Context(database_url=database.url, workers=True)
    home = tmp_path / "file" / "home"
    async with console("", "workers", home=str(home), context=context) as pilot:
        await told(pilot, "The workers were not started")
        await sees(pilot, "No worker runs")
