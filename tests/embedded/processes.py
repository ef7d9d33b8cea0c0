"""Homes, users and their ends, for the tests of the embedded server."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentflow_tui.embedded.account import ServerAccount
from agentflow_tui.embedded.postgres import find_binaries
from tests.stopping import stop_now
from tests.waiting import until_sync

IS_ROOT = os.geteuid() == 0
LINGER = 0.1
USER = """
import sys
from pathlib import Path
from agentflow_tui.embedded.postgres import postmaster_pid, start
from agentflow_tui.errors import EmbeddedServerError
try:
    server = start(Path(sys.argv[1]), linger=float(sys.argv[2]))
except EmbeddedServerError as error:
    sys.exit(str(error))
print(postmaster_pid(server.home), flush=True)
sys.stdin.read()
"""
Process = subprocess.Popen[str]


def user(home: Path, *prefix: str) -> Process:
    """A process that uses the server until its standard input ends."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", USER, str(home), str(LINGER)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def server_of(process: Process) -> int:
    """Which postmaster that process uses; waits until it has one."""
    assert process.stdout
    return int(process.stdout.readline())


def end(*processes: Process) -> None:
    for process in processes:
        process.communicate()


def query(url: str, statement: str) -> str:
    psql = [str(find_binaries() / "psql"), "-XAtwq", "-v", "ON_ERROR_STOP=1", url, "-c", statement]
    return subprocess.run(psql, capture_output=True, text=True, check=True).stdout.strip()


def kill(pid: int | None) -> None:
    """Kill a process and wait until the kernel has taken everything from it."""
    assert pid
    os.kill(pid, signal.SIGKILL)
    until_sync(lambda: state_of(pid) in ("", "Z", "X"))


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def tidy(home: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        stop_now(home, "immediate")
    shutil.rmtree(home, ignore_errors=True)


@contextmanager
def new_home() -> Iterator[Path]:
    """A home that does not exist yet, below a directory that every account can enter."""
    with tempfile.TemporaryDirectory(prefix="agentflow-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory) / "home"
        tidy(Path(directory) / "home")


def copy_to(home: Path, cluster: Path, account: ServerAccount) -> None:
    home.mkdir()
    shutil.copytree(cluster / "postgres", home / "postgres")
    for path in (home / "postgres", *(home / "postgres").rglob("*")):
        os.chown(path, account.uid, account.gid)
