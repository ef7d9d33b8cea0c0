"""The console in a real terminal: bytes, hostile text, and every way to end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow_tui.store.connection.database import Database
from tests.console.ptys import Terminal
from tests.samples import ROWS, fill, uid
from tests.waiting import until_sync

RESTORED = (b"\x1b[?1049l", b"\x1b[?25h")
"""Back from the alternate screen, cursor shown."""

HOSTILE = {
    "escape": "\x1b[2J\x1b[31mred",
    "osc 52": "\x1b]52;c;aGVsbG8=\x07",
    "title": "\x1b]0;owned\x07",
    "c1": "\x9b31m\x9d0;x\x9c",
    "dcs": "\x1bP1$r\x1b\\",
    "controls": "a\x01\x02\x07\x08\x0b\x0c\x0e\x1a\x7fb",
    "newlines": "one\ntwo\r\nthree\rfour",
    "bidi": "abc\u202edef\u2066ghi\u2069",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe",
    "combining": "z" + "\u0301" * 400,
    "emoji": "👨\u200d👩\u200d👧 ⚠️ 🏴\u200d☠️",
    "markup": "[bold red]x[/] [@click=app.quit]y[/] Re: [/b]",
    "long": "x" * 1_000_000,
    "tags": "\U000e0041\U000e0042",
    "private": "\ue000\uf8ff",
}

_OURS = re.compile(
    rb"\x1b\[[0-9;?=<>]*[A-Za-z~$]"  # CSI with parameters
    rb"|\x1b\[[0-9;?=<>]*\$p"  # mode requests
    rb"|\x1b\[[0-9;]* q"  # cursor shape
    rb"|\x1b[()][0-9A-Za-z]|\x1b[=>78M]"
    rb"|\x1b\][0-9]+;[^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, checked further below
    rb"|\x1bP\+q[0-9A-Fa-f;]*\x1b\\|\x1b_G[^\x1b]*\x1b\\"
)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, **more: object) -> Terminal:
        opened.append(Terminal(list(arguments), **more))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for each in opened:
        each.close()


async def test_unchanged_data_writes_nothing_to_the_terminal(
    database: Database, terminal: Callable[..., Terminal]
) -> None:
    await fill(database)
    view = terminal("--database", database.url, "--screen", "users")
    view.until("ann@acme.test", "2 rows", "✗ 1")
    view.quiet()
    # Ages and the clock move on with the minute, which may pass once or twice.
    assert 0 in [view.read(2.5) for _ in range(3)]


async def test_one_changed_cell_writes_little(
    database: Database, terminal: Callable[..., Terminal]
) -> None:
    await fill(database)
    view = terminal("--database", database.url, "--screen", "users", size=(200, 60))
    view.until("ann@acme.test", "2 rows", "✗ 1")
    written = []
    for name in ("Eve", "Amy", "Zoe"):  # with one of them the minute may pass, and the clock move
        view.quiet()
        before = len(view.raw)
        await database.execute(
            "UPDATE {users} SET {users.firstName} = $1 WHERE {users.id} = 'ann'", name
        )
        view.until(name)
        view.quiet()
        written.append(len(view.raw) - before)
    assert min(written) <= 80, written


@pytest.mark.parametrize("screen", ["mail", "emails", "workflows", "tasks", "overview", "errors"])
async def test_hostile_text_reaches_no_terminal(
    database: Database, terminal: Callable[..., Terminal], screen: str
) -> None:
    rows = {
        table: [
            {
                **entry,
                **{
                    name: text
                    for name in ("subject", "error", "lastError", "message", "name", "firstName")
                    if name in entry
                },
            }
            for entry in entries
        ]
        for text in ["".join(part[:300] for part in HOSTILE.values()).replace("\x00", "")]
        for table, entries in ROWS.items()
    }
    await fill(database, rows)
    for number, text in enumerate(HOSTILE.values()):
        await database.execute(
            "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.status}, "
            "{task_logs.error}, {task_logs.input}, {task_logs.createdAt}) "
            "VALUES ($1, $2, 'failed', $3, to_jsonb($4::text), now())",
            uid(900 + number),
            text[:200],
            text,
            text,
        )
    view = terminal("--database", database.url, "--screen", screen)
    view.until("Help")
    view.quiet()
    view.type("\r")
    view.quiet()
    rest = _OURS.sub(b"", bytes(view.raw))
    text = rest.decode("utf-8")
    bad = {c for c in text if not c.isprintable() and c not in "\r\n"}
    assert not bad
    assert b"\x1b]52" not in view.raw
    assert b"\x1b]0;" not in view.raw


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
async def test_a_signal_gives_the_terminal_back(
    database: Database, terminal: Callable[..., Terminal], number: signal.Signals, code: int
) -> None:
    await fill(database)
    view = terminal("--database", database.url, "--screen", "users")
    view.until("ann@acme.test")
    view.signal(number)
    assert view.wait() == code
    assert all(sequence in view.raw[-400:] for sequence in RESTORED)


LEADER = """
import pathlib, signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-m", "agentflow_tui", *sys.argv[2:]])
pathlib.Path(sys.argv[1]).write_text(str(child.wait()))
"""
"""Leads the session and waits, as make does: it passes no hang-up on."""


async def test_a_console_ends_with_its_terminal_when_nobody_tells_it(
    database: Database, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    arguments = ["--database", database.url, "--screen", "users"]
    view = Terminal(arguments, script=("-c", LEADER, str(code)))
    view.until("Users")
    os.close(view.fd)
    try:
        until_sync(lambda: code.exists() and code.read_text(), "an exit code")
        assert code.read_text() == "129"
    finally:
        os.killpg(view.pid, signal.SIGKILL)
        os.waitpid(view.pid, 0)


async def test_quitting_gives_the_terminal_back(
    database: Database, terminal: Callable[..., Terminal]
) -> None:
    view = terminal("--database", database.url, "--screen", "users")
    view.until("Users")
    view.type("\x11")
    assert view.wait() == 0
    assert all(sequence in view.raw[-400:] for sequence in RESTORED)


async def test_a_database_that_is_not_there_is_said_on_the_screen(
    terminal: Callable[..., Terminal],
) -> None:
    view = terminal("--database", "postgresql://me:hidden@127.0.0.1:1/none", "--screen", "users")
    view.until("Nothing listens at 127.0.0.1:1/none", "no connection")
    view.type("\x11")
    assert view.wait() == 0
    assert b"hidden" not in view.raw


async def test_without_a_terminal_the_console_says_so(database: Database, tmp_path: Path) -> None:

    done = subprocess.run(
        [sys.executable, "-m", "agentflow_tui", "--database", database.url],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("agentflow: The console needs a terminal")


async def test_keys_that_arrive_in_one_burst_go_where_the_first_one_leads(
    database: Database, terminal: Callable[..., Terminal]
) -> None:
    await fill(database)
    view = terminal("--database", database.url, "--screen", "mail")
    view.until("carl@customer.test")
    view.type(":wf\r")
    view.until("stale lock", "everything")
    view.type("/status:failed\r")
    view.until("1 rows", "HTTP 503", "status:failed")


STARTING = """
import time
from agentflow_tui.cli.first_frame import first_frame
from agentflow_tui.errors import UsageError
with first_frame():
    {}
"""


@pytest.mark.parametrize(
    ("what", "code"), [("time.sleep(60)", -signal.SIGTERM), ("raise UsageError('no')", 1)]
)
def test_a_console_that_ends_while_it_starts_gives_the_terminal_back(what: str, code: int) -> None:
    view = Terminal([], script=("-c", STARTING.format(what)))
    try:
        until_sync(lambda: b" agentflow" in view.raw, "a title", pause=lambda: view.read(0.05))
        if code < 0:
            view.signal(signal.SIGTERM)
        assert view.wait() == code
        assert RESTORED[0] in view.raw
    finally:
        view.close()
