"""The directory that the embedded PostgreSQL lives in, made ready for the account that runs it."""

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from agentflow_tui.embedded.account import ServerAccount
from agentflow_tui.embedded.postmaster import PORT, Home, reason
from agentflow_tui.errors import EmbeddedServerError

SOCKET_PATH_LIMIT = 103
"""Bytes that the path of a Unix socket may have on every system we run on."""


@contextlib.contextmanager
def explained(home: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot be kept in {home}: {reason(error)}. Set"
            " AGENTFLOW_HOME to a directory of your own with room in it, or"
            " AGENTFLOW_DATABASE_URL to a database."
        ) from error


def prepare(home: Path, account: ServerAccount) -> Home:
    """The directory with its locks, log and pipe, these being the account's."""
    is_other = account.uid != os.geteuid()
    if not home.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711 if is_other else 0o700)  # the account passes through, and sees no more
    places = Home(str(home))
    with contextlib.suppress(FileExistsError):
        os.mkfifo(places.users, 0o600)
    if is_other:
        os.chown(places.users, account.uid, account.gid, follow_symlinks=False)
    for path in (places.start_lock, places.keeper_lock, places.log):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if is_other:
            os.fchown(file, account.uid, account.gid)
        os.close(file)
    return places


def socket_directory(home: Home, account: ServerAccount) -> str:
    """A private directory whose name fits into a socket's address and into a URL.

    Usually ``run`` in the home; else one in /tmp whose name is made from the home's, so that
    every process finds the same one whatever its environment.
    """
    directory = home.run
    length = len(f"{directory}/.s.PGSQL.{PORT}".encode())
    if length > SOCKET_PATH_LIMIT or not re.fullmatch(r"[\w/.+ -]+", directory, re.ASCII):
        name = hashlib.sha256(home.path.encode()).hexdigest()[:16]
        directory = f"/tmp/agentflow-{account.uid}-{name}"  # noqa: S108  checked below
    with contextlib.suppress(FileExistsError):
        Path(directory).mkdir(0o700)
    found = os.lstat(directory)
    if found.st_uid == os.geteuid() != account.uid:  # just made, by us or by another newcomer
        os.chown(directory, account.uid, account.gid)
        found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedServerError(
            f"{directory} must be a directory of {account.name} that nobody else can enter, and is"
            " not. Move it away, then start agentflow again."
        )
    return directory
