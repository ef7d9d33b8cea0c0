"""The keeper: one small process per home that starts, restarts and stops the embedded PostgreSQL.

``embedded`` runs it with ``python -I -S`` in a session of its own. It imports next to nothing,
so that it starts in milliseconds and waits in a few megabytes. Three files carry the whole
protocol, and the kernel cleans up each of them after a ``kill -9``:

``users.fifo``
    The keeper reads it, every user holds it open for writing. No writer: everyone has left.
    No reader: there is no keeper.
``keeper.lock``
    Locked by the keeper as long as it lives, so there is never a second one. Holds its process
    id; empty when it ended on purpose.
``start.lock``
    Held while a keeper is being started, until the server is ready, and while it is being
    stopped, so nobody can arrive in between.
"""

# Importing pathlib would double the time to start.
# ruff: noqa: PTH102, PTH104, PTH106, PTH108, PTH123, PTH208

import contextlib
import errno
import fcntl
import os
import select
import signal
import time

from agentflow_tui.store.postmaster import (
    DATABASE,
    PORT,
    ROLE,
    Home,
    Postmaster,
    end_orphans,
    is_alive,
    read_postmaster,
    works_in,
)

LOG_LIMIT = 4 * 1024 * 1024
LOG_KEPT = 64 * 1024
AT_MOST_ASLEEP = 60.0
"""Seconds between two looks at the size of the log."""
FOREIGN_CLIENTS_EVERY = 2.0
"""Seconds between two looks for clients such as psql that outstay the last user."""
FAST_STOP_WITHIN = 60.0

# What a person may tune lives in postgresql.conf, written once. What others rely on is given
# on the command line, where no edit of that file can change it.
CONFIGURATION = (
    "max_connections=100",
    "shared_buffers=128MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "jit=off",
    "log_min_error_statement=panic",
    "log_checkpoints=off",
)
INVARIANTS = (
    "listen_addresses=",
    f"port={PORT}",
    "unix_socket_permissions=0700",
    "logging_collector=off",
    "log_destination=stderr",
    "shared_preload_libraries=",
)


class KeeperError(Exception):
    """The server cannot be had; the message is for the person who started agentflow."""


def has_writer(fifo: int) -> bool:
    """Whether anyone holds the other end, by the only test that has no memory: a read."""
    while True:
        try:
            if not os.read(fifo, 4096):
                return False
        except BlockingIOError:
            return True


class Keeper:
    """The state of the one process that looks after one cluster."""

    def __init__(self, arguments: list[str]) -> None:
        home, self.binaries, self.sockets, linger, uid, gid, start, report, *prefix = arguments
        self.home = Home(home)
        self.linger = float(linger)
        self.account = (int(uid), int(gid))
        self.start_lock = int(start)
        self.report_to = int(report)
        for end in (self.start_lock, self.report_to):
            os.set_inheritable(end, False)
        self.prefix = prefix
        self.pid = 0
        self.is_child = False
        self.pidfd = -1
        self.log_from = 0
        self.stop_signal = 0
        self.bell, bell_rings = os.pipe()
        for end in (self.bell, bell_rings):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(bell_rings, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self.on_signal)
        self.lock = self.take_keeper_lock()
        self.users = self.open_users()

    def on_signal(self, number: int, _frame: object) -> None:
        self.stop_signal = number

    def take_keeper_lock(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        lock = os.open(self.home.keeper_lock, flags, 0o600)
        give_up = time.monotonic() + 5
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > give_up:
                    self.report(
                        f"!{self.home.path} is in use by agentflow on another host, or by one that"
                        " does not end. Stop it there, or set AGENTFLOW_HOME to another directory."
                    )
                    raise SystemExit(1) from None
                time.sleep(0.02)
            else:
                os.ftruncate(lock, 0)
                os.pwrite(lock, b"%d\n" % os.getpid(), 0)
                return lock

    def open_users(self) -> int:
        return os.open(self.home.users, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)

    def report(self, line: str) -> None:
        """Tell the process that is waiting for us; it may have been killed."""
        if self.report_to >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.report_to, line.encode() + b"\n")

    def begun(self) -> None:
        """Let go of what the process that started us is waiting for."""
        for end in (self.report_to, self.start_lock):
            os.close(end)
        self.report_to = self.start_lock = -1

    # Running other programs

    def spawn(self, *argv: str, stdin: int = -1, stdout: int = 2) -> int:
        """Start a program as the server's account, in no directory, with nothing of ours open."""
        pid = os.fork()
        if pid:
            return pid
        try:
            os.umask(0o077)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY) if stdin < 0 else stdin, 0)
            os.dup2(stdout, 1)
            if not self.prefix and self.account[0] != os.geteuid():
                os.setgroups([])
                os.setgid(self.account[1])
                os.setuid(self.account[0])
            program = [*self.prefix, f"{self.binaries}/{argv[0]}", *argv[1:]]
            environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
            os.execve(program[0], program, environment)  # noqa: S606  there is no shell to fear
        except OSError as error:
            os.write(2, f"FATAL:  {argv[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)

    def run(self, *argv: str, stdin: bytes = b"") -> str:
        """The output of a program; raises KeeperError when it fails. ``stdin`` is at most 4 kB."""
        takes, give = os.pipe()
        hears, says = os.pipe()
        os.write(give, stdin)
        os.close(give)
        pid = self.spawn(*argv, stdin=takes, stdout=says)
        os.close(takes)
        os.close(says)
        with open(hears, encoding="utf-8", errors="replace") as output:
            text = output.read()
        _, status = os.waitpid(pid, 0)
        if status:
            raise KeeperError(self.last_words(f"{argv[0]} failed"))
        return text

    def last_words(self, what: str) -> str:
        """What went wrong, in the words that the log has for it since this attempt began."""
        size = os.fstat(2).st_size
        log = os.open(self.home.log, os.O_RDONLY | os.O_NOFOLLOW)
        since = max(self.log_from, size - 8192)
        lines = os.pread(log, 8192, since).decode(errors="replace").splitlines()
        os.close(log)
        marks = ("FATAL:", "PANIC:", "ERROR:", "error:", "HINT:", "DETAIL:")
        grave = [
            line.partition(mark)[2].strip() for line in lines for mark in marks if mark in line
        ]
        words = " ".join(grave[-4:] or lines[-3:]) or "it said nothing"
        return (
            f"The embedded PostgreSQL in {self.home.path}: {what}: {words} (Nothing was deleted;"
            f" the whole story is in {self.home.log}.)"
        )

    # Bringing the server up

    def bring_up(self) -> None:
        """Return when the server takes connections: ours, or one that was already running."""
        self.log_from = os.fstat(2).st_size
        while True:
            running = self.running()
            if running:
                self.adopt(running)
            else:
                self.prepare()
                self.start()
            if self.await_ready():
                return
            if self.is_child and not self.running():
                raise KeeperError(self.last_words("it did not start"))

    def running(self) -> Postmaster | None:
        """The live postmaster of this cluster. A lock file whose process id went to some other
        program is removed, because PostgreSQL would refuse to start beside it."""
        found = read_postmaster(self.home.cluster)
        if not found or not is_alive(abs(found.pid)):
            return None
        if not works_in(abs(found.pid), self.home.cluster):
            os.unlink(f"{self.home.cluster}/postmaster.pid")
            return None
        if found.pid < 0 or found.sockets not in ("", self.sockets):
            raise KeeperError(
                f"The cluster {self.home.cluster} is in use by process {abs(found.pid)}, which"
                " agentflow did not start. End it, then start agentflow again."
            )
        return found

    def prepare(self) -> None:
        """Make the cluster if there is none; refuse one that this PostgreSQL cannot open."""
        cluster = self.home.cluster
        with contextlib.suppress(OSError):
            os.rmdir(cluster)  # only an empty one
        if not os.path.lexists(cluster):
            self.create()
            return
        try:
            with open(f"{cluster}/PG_VERSION", encoding="ascii") as file:
                theirs = file.read().strip()
        except FileNotFoundError:
            raise KeeperError(
                f"{cluster} is there but is no PostgreSQL cluster. It was left untouched: move it"
                " away, or set AGENTFLOW_HOME to another directory."
            ) from None
        ours = self.run("postgres", "--version").split()[-1].partition(".")[0]
        if theirs != ours:
            raise KeeperError(
                f"The cluster {cluster} was made by PostgreSQL {theirs} and this is PostgreSQL"
                f" {ours}. It was left untouched: move it away, or set AGENTFLOW_HOME to another"
                f" directory, or use an agentflow that brings PostgreSQL {theirs}."
            )

    def create(self) -> None:
        """A new cluster with our database, under another name until it is whole."""
        import shutil  # costs more than everything else here and is needed once

        self.report("+Creating the embedded PostgreSQL")
        for name in os.listdir(self.home.path):
            if name.startswith("postgres.new-"):
                shutil.rmtree(f"{self.home.path}/{name}")
        new = f"{self.home.path}/postgres.new-{os.getpid()}"
        os.mkdir(new, 0o700)
        os.chown(new, *self.account)
        settings = [word for setting in CONFIGURATION for word in ("-c", setting)]
        self.run(
            "initdb", "--no-sync", "--no-instructions", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            f"--username={ROLE}", *settings, "-D", new,
        )  # fmt: skip
        statement = f"CREATE DATABASE {DATABASE}\n".encode()
        self.run("postgres", "--single", "-F", "-D", new, "postgres", stdin=statement)
        os.rename(new, self.home.cluster)
        # From now on a crash of the machine matters, but nobody needs to wait for the disk.
        if not os.fork():
            os.sync()
            os._exit(0)

    def start(self) -> None:
        end_orphans(self.home.cluster)
        settings = [word for setting in INVARIANTS for word in ("-c", setting)]
        sockets = f'unix_socket_directories="{self.sockets}"'
        pid = self.spawn("postgres", "-D", self.home.cluster, *settings, "-c", sockets)
        self.watch(pid, is_child=True)

    def adopt(self, running: Postmaster) -> None:
        self.watch(running.pid, is_child=False)

    def watch(self, pid: int, *, is_child: bool) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)
        self.pid, self.is_child, self.pidfd = pid, is_child, -1
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(ProcessLookupError):
                self.pidfd = os.pidfd_open(pid)

    def await_ready(self) -> bool:
        """False when the postmaster ended instead."""
        pause = 0.002
        while self.is_up():
            said = read_postmaster(self.home.cluster)
            if said and said.pid == self.pid and said.ready:
                return True
            self.sleep(pause, watching_users=False)
            pause = min(pause * 1.5, 0.1)
        return False

    def is_up(self) -> bool:
        """Whether the postmaster lives; buries it, and any other child, when it does not."""
        with contextlib.suppress(ChildProcessError):
            while (child := os.waitpid(-1, os.WNOHANG)[0]) > 0:
                if child == self.pid:
                    self.pid = 0
        if not self.is_child and not (self.running() and is_alive(self.pid)):
            self.pid = 0
        return self.pid > 0

    # Waiting, and taking it down

    def sleep(self, seconds: float, *, watching_users: bool = True) -> bool:
        """Sleep until a signal, the end of the postmaster, or (True) the last user's leaving."""
        poll = select.poll()
        poll.register(self.bell, select.POLLIN)
        if watching_users:
            poll.register(self.users, select.POLLIN)
        if self.pid and self.pidfd >= 0:
            poll.register(self.pidfd, select.POLLIN)
        elif not hasattr(os, "pidfd_open"):
            seconds = min(seconds, 1.0)
        happened = [fd for fd, _ in poll.poll(seconds * 1000)]
        if self.bell in happened:
            os.read(self.bell, 4096)
        return self.users in happened

    def keep(self) -> None:
        """Look after the server until the last user has left and the lingering is over."""
        leave_at = None if has_writer(self.users) else time.monotonic() + self.linger
        while not self.stop_signal:
            if not self.is_up():
                self.revive()
                continue
            left = AT_MOST_ASLEEP if leave_at is None else leave_at - time.monotonic()
            has_changed = self.sleep(min(max(left, 0), AT_MOST_ASLEEP))
            self.bound_log()
            if has_writer(self.users):
                leave_at = None
            elif has_changed or leave_at is None:
                self.listen_anew()
                leave_at = time.monotonic() + self.linger
            elif time.monotonic() >= leave_at:
                if self.leave():
                    return
                leave_at = time.monotonic() + FOREIGN_CLIENTS_EVERY
        self.stop(signal.SIGINT if self.stop_signal != signal.SIGQUIT else signal.SIGQUIT)

    def listen_anew(self) -> None:
        """A pipe whose last writer has left says so for ever; a new reader is told again only
        after someone has come and gone."""
        before, self.users = self.users, self.open_users()
        os.close(before)

    def revive(self) -> None:
        """Start the server that died under its users, as often as it takes while they stay."""
        pause = 0.1
        while not self.stop_signal:
            try:
                self.bring_up()
            except KeeperError as failure:
                os.write(2, f"{failure}\n".encode())
                if not has_writer(self.users):
                    raise SystemExit(1) from None
                self.sleep(pause, watching_users=False)
                pause = min(pause * 2, 5)
            else:
                return

    def leave(self) -> bool:
        """Stop the server if nobody is there and nobody is just arriving."""
        lock = os.open(self.home.start_lock, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        if has_writer(self.users) or self.has_clients():
            os.close(lock)
            return False
        self.stop(signal.SIGINT)
        return True  # the lock stays ours until we have ended

    def has_clients(self) -> bool:
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        where = f"host='{self.sockets}' port={PORT} user={ROLE} dbname=postgres connect_timeout=5"
        try:
            return self.run("psql", "-XAtw", "-d", where, "-c", query).strip() != "0"
        except KeeperError:
            return False  # a fast shutdown harms no data, and a server nobody can enter serves none

    def stop(self, mode: int) -> None:
        give_up = time.monotonic() + FAST_STOP_WITHIN
        while self.is_up():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, mode)
            self.sleep(min(5, FAST_STOP_WITHIN), watching_users=False)
            if time.monotonic() > give_up:
                mode = signal.SIGQUIT

    def bound_log(self) -> None:
        """Forget all but the end of a long log. Its writers append, so they notice nothing."""
        size = os.fstat(2).st_size
        if size > LOG_LIMIT:
            log = os.open(self.home.log, os.O_RDONLY | os.O_NOFOLLOW)
            tail = os.pread(log, LOG_KEPT, size - LOG_KEPT)
            os.close(log)
            os.ftruncate(2, 0)
            os.write(2, tail)


def main(arguments: list[str]) -> None:
    if os.fork():
        os._exit(0)  # so that nobody has to bury the keeper
    keeper = Keeper(arguments)
    try:
        keeper.bring_up()
    except KeeperError as failure:
        keeper.report(f"!{failure}")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        keeper.report(f"!The embedded PostgreSQL in {keeper.home.path}: {error}")
    else:
        keeper.report("ready")
        keeper.begun()
        keeper.keep()
    os.ftruncate(keeper.lock, 0)
