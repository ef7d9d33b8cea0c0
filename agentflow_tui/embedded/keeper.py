"""The keeper: one small process per home that starts, restarts and stops the embedded PostgreSQL.

``embedded`` runs it with ``python -I -S`` in a session of its own. It imports next to nothing,
so that it starts in milliseconds and waits in a few megabytes. Three files carry the whole
protocol, and the kernel tidies each of them after a ``kill -9``:

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

import contextlib
import fcntl
import os
import select
import signal
import time

from agentflow_tui.embedded.cluster import Cluster, ClusterError, log
from agentflow_tui.embedded.postmaster import (
    PORT,
    ROLE,
    Home,
    Postmaster,
    find_postmaster,
    is_alive,
    read_postmaster,
    reason,
    works_in,
)

LOG_LIMIT = 4 * 1024 * 1024
LOG_KEPT = 64 * 1024
AT_MOST_ASLEEP = 60.0
"""Seconds between two looks at the size of the log."""
FOREIGN_CLIENTS_EVERY = 2.0
"""Seconds between two looks for clients such as psql that outstay the last user."""
FAST_STOP_WITHIN = 60.0
"""Seconds to write everything to disk, before the next start has to recover it from the log."""
SAY_SO_AFTER = 1.0
"""Seconds after which a person who waits is told why."""
ATTEMPTS = 5
"""How often a server that is killed while it starts is started again."""
COUNT_CLIENTS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


class Keeper:
    """The process that looks after one cluster."""

    def __init__(self, arguments: list[str]) -> None:
        path, binaries, self.sockets, linger, uid, gid, start, report, *prefix = arguments
        self.home = Home(path)
        self.cluster = Cluster(self.home, binaries, (int(uid), int(gid)), prefix)
        self.linger = float(linger)
        self.start_lock, self.report_to = int(start), int(report)
        for end in (self.start_lock, self.report_to):
            os.set_inheritable(end, False)
        self.pid = 0
        self.pidfd = -1
        self.is_child = self.was_killed = False
        self.stop_signal = 0
        self.wakeup, wakes = os.pipe()
        for end in (self.wakeup, wakes):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self.on_signal)
        self.lock = self.users = -1

    def on_signal(self, number: int, _frame: object) -> None:
        """Stop after what is being done now."""
        self.stop_signal = number

    def acquire_lock(self) -> None:
        """Take the lock that makes this the only keeper; one just killed may still be ending."""
        lock = os.open(self.home.keeper_lock, os.O_RDWR | os.O_NOFOLLOW)
        give_up = time.monotonic() + 5
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise ClusterError(
                        f"{self.home.path} is in use by agentflow on another host, or by one that"
                        " does not end. Stop it there, or set AGENTFLOW_HOME to another directory."
                    ) from None
                time.sleep(0.02)
        self.lock = lock
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        self.users = self.open_users()

    def mark_stopped(self) -> None:
        """Note that this keeper ends on purpose, so that it is not replaced."""
        if self.lock >= 0:
            os.ftruncate(self.lock, 0)

    def open_users(self) -> int:
        return os.open(self.home.users, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)

    def report(self, line: str) -> None:
        """Tell the process that is waiting for us, if it still does."""
        if self.report_to >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.report_to, line.encode() + b"\n")

    def release_starter(self) -> None:
        """Close what the process that started this one, and others behind it, wait for."""
        os.close(self.report_to)
        os.close(self.start_lock)
        self.report_to = self.start_lock = -1

    # Bringing the server up

    def ensure_running(self) -> None:
        """Start the server unless it runs, and return when it takes connections.

        Raises ClusterError when neither is to be had.
        """
        self.cluster.begin_attempt()
        attempts = ATTEMPTS
        while not self.await_ready():
            if running := self.running():
                self.watch(running.pid, is_child=False)
                continue
            if attempts < ATTEMPTS and not (self.was_killed and attempts):
                raise self.cluster.failure(
                    "it was killed" if self.was_killed else "it did not start"
                )
            if not self.cluster.exists():
                self.report("+Creating the embedded PostgreSQL")
                self.cluster.create()
            self.watch(self.cluster.start(self.sockets), is_child=True)
            attempts -= 1

    def running(self) -> Postmaster | None:
        """The live postmaster of this cluster. A lock file whose process id went to some other
        program is removed, because PostgreSQL would refuse to start beside it."""
        found = read_postmaster(self.home.cluster)
        if not found or not is_alive(found.pid):
            return None
        if not works_in(found.pid, self.home.cluster):
            os.unlink(f"{self.home.cluster}/postmaster.pid")  # noqa: PTH108
            return None
        if found.sockets not in ("", self.sockets):
            raise ClusterError(
                f"The cluster {self.home.cluster} is in use by process {found.pid}, which agentflow"
                " did not start. End it, then start agentflow again."
            )
        return found

    def watch(self, pid: int, *, is_child: bool) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)
        self.pid, self.is_child, self.pidfd = pid, is_child, -1
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # gone already, or forbidden by a sandbox
                self.pidfd = os.pidfd_open(pid)
        if not is_child and not works_in(pid, self.home.cluster):
            self.pid = 0

    def await_ready(self) -> bool:
        """False when the postmaster ended instead, or there was none."""
        pause = 0.002
        tell = time.monotonic() + SAY_SO_AFTER
        while self.is_up():
            said = read_postmaster(self.home.cluster)
            if said and said.pid == self.pid and said.ready:
                return True
            if time.monotonic() > tell:
                self.report("+The embedded PostgreSQL is recovering")
                tell += AT_MOST_ASLEEP
            self.sleep(pause, watching_users=False)
            pause = min(pause * 1.5, 0.1)
        return False

    def is_up(self) -> bool:
        """Whether the postmaster lives. Reaps it, and any other child, when it does not."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.pid:
                    self.pid = 0
                    self.was_killed = os.WIFSIGNALED(ended[1])
        if not self.is_child and self.pid and not find_postmaster(self.home.cluster):
            self.pid = 0
        return self.pid > 0

    # Waiting, and taking it down

    def sleep(self, seconds: float, *, watching_users: bool = True) -> bool:
        """Sleep until a signal, the end of the postmaster, or (True) the last user's leaving."""
        poll = select.poll()
        poll.register(self.wakeup, select.POLLIN)
        if watching_users:
            poll.register(self.users, select.POLLIN)
        if self.pidfd >= 0 and self.pid:
            poll.register(self.pidfd, select.POLLIN)
        elif self.pid:
            seconds = min(seconds, 1.0)
        happened = [fd for fd, _ in poll.poll(seconds * 1000)]
        if self.wakeup in happened:
            os.read(self.wakeup, 4096)
        return self.users in happened

    def keep(self) -> None:
        """Look after the server until the last user has left and the lingering is over."""
        leave_at = None if self.has_users() else time.monotonic() + self.linger
        while not self.stop_signal:
            self.cluster.settle()
            left = AT_MOST_ASLEEP if leave_at is None else leave_at - time.monotonic()
            has_changed = self.sleep(min(max(left, 0), AT_MOST_ASLEEP))
            self.bound_log()
            if self.is_home_gone():
                self.stop_signal = signal.SIGQUIT
            elif not self.is_up():
                self.restart()
            elif self.has_users():
                leave_at = None
            elif has_changed or leave_at is None:
                self.reopen_pipe()
                leave_at = time.monotonic() + self.linger
            elif time.monotonic() >= leave_at:
                if self.leave():
                    return
                leave_at = time.monotonic() + FOREIGN_CLIENTS_EVERY
        self.stop(signal.SIGQUIT if self.stop_signal == signal.SIGQUIT else signal.SIGINT)

    def has_users(self) -> bool:
        """Whether a user holds the pipe, by the only test that has no memory: a read."""
        while True:
            try:
                if not os.read(self.users, 4096):
                    return False
            except BlockingIOError:
                return True

    def reopen_pipe(self) -> None:
        """A pipe whose last writer has left says so for ever; a new reader is told again only
        after someone has come and gone."""
        before, self.users = self.users, self.open_users()
        os.close(before)

    def is_home_gone(self) -> bool:
        """Whether the directory was removed, and maybe made anew, behind our back."""
        try:
            return not os.path.samestat(os.stat(self.home.keeper_lock), os.fstat(self.lock))  # noqa: PTH116
        except FileNotFoundError:
            return True

    def restart(self) -> None:
        """Start the server that died under its users, as often as it takes while they stay."""
        pause = 0.1
        while not self.stop_signal:
            try:
                self.ensure_running()
            except (ClusterError, OSError) as error:
                log(str(error))
                if self.is_home_gone() or not self.has_users():
                    self.stop_signal = signal.SIGQUIT
                self.sleep(pause, watching_users=False)
                pause = min(pause * 2, 5)
            else:
                return

    def leave(self) -> bool:
        """Stop the server if it has no user and none is just arriving."""
        lock = os.open(self.home.start_lock, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        if self.has_users() or self.has_clients():
            os.close(lock)
            return False
        self.stop(signal.SIGINT)
        return True  # and the lock is ours until we have ended

    def has_clients(self) -> bool:
        where = f"host='{self.sockets}' port={PORT} user={ROLE} dbname=postgres connect_timeout=5"
        try:
            return self.cluster.run("psql", "-XAtw", "-d", where, "-c", COUNT_CLIENTS) != "0\n"
        except ClusterError:
            return False  # a server that nobody can enter serves nobody

    def stop(self, mode: int) -> None:
        """Stop the server: SIGINT ends sessions and writes everything, SIGQUIT just ends it."""
        give_up = time.monotonic() + FAST_STOP_WITHIN
        while self.is_up():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, mode)
            self.sleep(5, watching_users=False)
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
    """Run the keeper in a process without a parent."""
    if os.fork():
        os._exit(0)
    keeper = Keeper(arguments)
    try:
        keeper.acquire_lock()
        keeper.ensure_running()
    except ClusterError as error:
        keeper.report(f"!{error}")
    except OSError as error:
        keeper.report(
            f"!The embedded PostgreSQL cannot be kept in {keeper.home.path}: {reason(error)}."
            " Set AGENTFLOW_HOME to a directory of your own with room in it."
        )
    else:
        keeper.report("ready")
        keeper.release_starter()
        keeper.keep()
    keeper.mark_stopped()
