"""What can be seen of an embedded PostgreSQL from outside: its files, its lock and its processes.

Shared by the users of the server and by its keeper, which must start quickly; so this imports
little.
"""

# Importing pathlib would double the time that the keeper needs to start.
# ruff: noqa: PTH112, PTH115, PTH121, PTH123, PTH208

import contextlib
import os
import signal
import time

DATABASE = "agentflow"
ROLE = "agentflow"
PORT = 5432


class Home:
    """Where everything of the embedded server is, under one directory."""

    __slots__ = ("cluster", "keeper_lock", "log", "path", "run", "start_lock", "users")

    def __init__(self, path: str) -> None:
        self.path = path
        self.cluster = f"{path}/postgres"
        self.run = f"{path}/run"
        self.log = f"{path}/postgres.log"
        self.users = f"{path}/users.fifo"
        self.start_lock = f"{path}/start.lock"
        self.keeper_lock = f"{path}/keeper.lock"


class Postmaster:
    """What PostgreSQL says about itself in postmaster.pid."""

    __slots__ = ("pid", "ready", "sockets")

    def __init__(self, pid: int, sockets: str, ready: bool) -> None:
        self.pid = pid
        self.sockets = sockets
        self.ready = ready


def read_postmaster(cluster: str) -> Postmaster | None:
    """The lock file of a cluster, whether or not its writer lives. A negative id means that the
    writer is a single-user backend."""
    try:
        with open(f"{cluster}/postmaster.pid", encoding="utf-8") as file:
            lines = file.read().split("\n")
    except FileNotFoundError:
        return None
    try:
        pid = int(lines[0])
    except ValueError:
        return None
    lines += [""] * 8
    return Postmaster(pid, lines[4], lines[7].strip() == "ready")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def works_in(pid: int, directory: str) -> bool:
    """Whether a process has this working directory, as all processes of a cluster do.

    True where that cannot be known, so that nothing foreign is ever taken for stale.
    """
    if not os.path.isdir("/proc/self"):
        import subprocess  # only where there is no /proc

        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return f"-D {directory}" in shown
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", directory)
    except FileNotFoundError:
        return False
    except PermissionError:
        return True


def end_orphans(cluster: str) -> None:
    """End what a killed postmaster left behind: it blocks a new one, and its work is lost."""
    if not os.path.isdir("/proc/self"):
        return
    give_up = time.monotonic() + 2
    while orphans := [pid for pid in postgres_processes() if works_in(pid, cluster)]:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT if time.monotonic() < give_up else signal.SIGKILL)
        time.sleep(0.01)


def postgres_processes() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{name}/exe").rpartition("/")[2].startswith("postgres"):
                    found.append(int(name))
    return found
