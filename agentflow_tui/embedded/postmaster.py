"""The files, the lock and the processes of an embedded PostgreSQL, seen from outside.

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

END_WITHIN = 5.0
"""Seconds for killed processes to be gone; only a dead disk holds one longer."""


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


def reason(error: OSError) -> str:
    """What the operating system refused, without its number."""
    return f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)


def read_postmaster(cluster: str) -> Postmaster | None:
    """The lock file of a cluster, whether or not its writer lives.

    The process id of a single-user backend counts like any other, but it is never ready.
    """
    try:
        with open(f"{cluster}/postmaster.pid", encoding="utf-8") as file:
            lines = file.read().split("\n")
        pid = abs(int(lines[0]))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    lines += [""] * 8
    return Postmaster(pid, lines[4], lines[7].strip() == "ready")


def find_postmaster(cluster: str) -> Postmaster | None:
    """The live server of a cluster."""
    found = read_postmaster(cluster)
    return found if found and is_alive(found.pid) and works_in(found.pid, cluster) else None


def is_alive(pid: int) -> bool:
    """Whether there is such a process, be it another user's or not yet reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def works_in(pid: int, directory: str) -> bool:
    """Whether a live process has this working directory, as all processes of a cluster do.

    True where that cannot be known, so that nothing foreign is ever taken for stale.
    """
    if not os.path.isdir("/proc/self"):
        import subprocess  # only where there is no /proc

        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return f"-D {directory}" in shown
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", directory)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        return True


def end_orphans(directory: str) -> None:
    """End what a killed postmaster, or a killed creation, left at work in this directory.

    Such processes block a new server, and their work is lost in any case.
    """
    give_up = time.monotonic() + END_WITHIN
    while time.monotonic() < give_up:
        orphans = [pid for pid in postgres_processes() if works_in(pid, directory)]
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not orphans:
            return
        time.sleep(0.01)


def postgres_processes() -> list[int]:
    """The process ids of all PostgreSQL programs that we may look at; none without /proc."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            with contextlib.suppress(OSError):
                program = os.readlink(f"/proc/{name}/exe").rpartition("/")[2]
                if program.startswith(("postgres", "initdb")):
                    found.append(int(name))
    return found
