"""Where the databases of a run of the tests lie: in memory, where there is room.

A database is made for each test by copying some three hundred small files, which takes a file
system on a disk ten times as long as one in memory.
"""

import os
import shutil
from pathlib import Path

from tests import waiting

MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that have to be free there."""

PREFIX = "agentflow-tests-"


def server_place(controller: int) -> Path | None:
    """A folder in memory for the run whose first process is ``controller``; None without room."""
    place = MEMORY / f"{PREFIX}{controller}"
    if place.is_dir():
        return place
    try:
        if shutil.disk_usage(MEMORY).free < ROOM:
            return None
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    return place


async def clear(controller: int) -> None:
    """Remove the folder of this run, once its server has ended, and those of runs that were
    killed."""
    place = MEMORY / f"{PREFIX}{controller}"
    if place.is_dir():
        await waiting.until(lambda: not any(place.rglob("postmaster.pid")), "the server has ended")
        shutil.rmtree(place, ignore_errors=True)
    for left in MEMORY.glob(f"{PREFIX}*"):
        number = left.name.removeprefix(PREFIX)
        if number.isdigit() and not _lives(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
