"""Making a PostgreSQL cluster and running PostgreSQL's programs on it, as its account.

Used by the keeper alone, which must start quickly; so this imports little.
"""

# Importing pathlib would double the time that the keeper needs to start.
# ruff: noqa: PTH102, PTH104, PTH106, PTH108, PTH123, PTH208

import contextlib
import os
import signal

from agentflow_tui.embedded.postmaster import DATABASE, PORT, ROLE, Home, end_orphans

# What a person may tune is written to postgresql.conf, once. What others rely on is given on
# the command line, where no edit of that file can change it.
CONFIGURATION = (
    "max_connections=100",
    "shared_buffers=128MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "jit=off",
    "log_checkpoints=off",
    "log_min_error_statement=panic",
)
INVARIANTS = (
    "listen_addresses=",
    f"port={PORT}",
    "unix_socket_permissions=0700",
    "logging_collector=off",
    "log_destination=stderr",
    "shared_preload_libraries=",
)
NEW = "postgres.new-"
"""How a cluster is called until it is whole; the creator's process id follows."""
LITTLE_ROOM = 100 << 20
"""Bytes; a new cluster takes two thirds of it."""
SEVERITIES = ("FATAL:", "PANIC:", "ERROR:", "error:", "DETAIL:", "HINT:")


class ClusterError(Exception):
    """The server cannot be had; the message is for the person who started agentflow."""


def log(line: str) -> None:
    """Write to the log, if the disk has room for it."""
    with contextlib.suppress(OSError):
        os.write(2, line.encode() + b"\n")


class Cluster:
    """One cluster, the programs that fit it, and the account that they run as.

    Programs write to file descriptor 2 of this process, which is the log.
    """

    def __init__(
        self, home: Home, binaries: str, account: tuple[int, int], prefix: list[str]
    ) -> None:
        self.home = home
        self.binaries = binaries
        self.account = account
        self.prefix = prefix
        self.log_from = 0
        self.is_new = False

    def create(self) -> None:
        """Make a new cluster with our database, under another name until it is whole."""
        import shutil  # takes as long as all else here and is needed once

        for name in os.listdir(self.home.path):
            if name.startswith(NEW):
                end_orphans(f"{self.home.path}/{name}")
                shutil.rmtree(f"{self.home.path}/{name}")
        new = f"{self.home.path}/{NEW}{os.getpid()}"
        os.mkdir(new, 0o700)
        try:
            self.fill(new)
        except ClusterError:
            shutil.rmtree(new, ignore_errors=True)
            raise
        os.rename(new, self.home.cluster)
        self.is_new = True

    def settle(self) -> None:
        """Write a new cluster to the disk, in a process that is not waited for.

        Its programs were told not to, so that it is ready sooner.
        """
        if self.is_new and not os.fork():
            os.sync()
            os._exit(0)
        self.is_new = False

    def fill(self, directory: str) -> None:
        os.chown(directory, *self.account)
        settings = [word for setting in CONFIGURATION for word in ("-c", setting)]
        self.run(
            "initdb", "--no-sync", "--no-instructions", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            f"--username={ROLE}", *settings, "-D", directory, directory=directory,
        )  # fmt: skip
        statement = f"CREATE DATABASE {DATABASE}\n".encode()
        self.run("postgres", "--single", "-F", "-D", directory, "postgres", stdin=statement)

    def exists(self) -> bool:
        """Whether there is a cluster already. Raises ClusterError when what is there is none of
        ours, or of another major version."""
        cluster = self.home.cluster
        with contextlib.suppress(OSError):
            os.rmdir(cluster)  # only an empty one
        try:
            with open(f"{cluster}/PG_VERSION", encoding="ascii") as file:
                theirs = file.read().strip()
        except FileNotFoundError:
            if not os.path.lexists(cluster):
                return False
            raise ClusterError(
                f"{cluster} is there but is no PostgreSQL cluster. It was left untouched: move it"
                " away, or set AGENTFLOW_HOME to another directory."
            ) from None
        ours = self.run("postgres", "--version").split()[2].partition(".")[0]
        if theirs != ours:
            raise ClusterError(
                f"The cluster {cluster} was made by PostgreSQL {theirs} and this is PostgreSQL"
                f" {ours}. It was left untouched: move it away, or set AGENTFLOW_HOME to another"
                f" directory, or use an agentflow that brings PostgreSQL {theirs}."
            )
        return True

    def start(self, sockets: str) -> int:
        """Start a postmaster and return its process id; it is not ready yet.

        Only the keeper may, so whatever lock a socket still has is a dead server's, though
        its process id may live on in a stranger.
        """
        end_orphans(self.home.cluster)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{sockets}/.s.PGSQL.{PORT}.lock")
        settings = (*INVARIANTS, f'unix_socket_directories="{sockets}"')
        words = [word for setting in settings for word in ("-c", setting)]
        return self.spawn("postgres", "-D", self.home.cluster, *words)

    def run(self, *argv: str, stdin: bytes = b"", directory: str = "/") -> str:
        """The output of a program; raises ClusterError when it fails. ``stdin`` is one page."""
        takes, give = os.pipe()
        hears, says = os.pipe()
        os.write(give, stdin)
        os.close(give)
        pid = self.spawn(*argv, stdin=takes, stdout=says, directory=directory)
        os.close(takes)
        os.close(says)
        with open(hears, encoding="utf-8", errors="replace") as output:
            text = output.read()
        _, status = os.waitpid(pid, 0)
        if status:
            raise self.failure(f"{argv[0]} failed")
        return text

    def spawn(self, *argv: str, stdin: int = -1, stdout: int = 2, directory: str = "/") -> int:
        """Start a program as the account and return its process id."""
        return os.fork() or self.become(argv, stdin, stdout, directory)

    def become(self, argv: tuple[str, ...], stdin: int, stdout: int, directory: str) -> int:
        """Replace this process, a fresh child, by a program; never returns."""
        try:
            os.umask(0o077)
            os.chdir(directory)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY) if stdin < 0 else stdin, 0)
            os.dup2(stdout, 1)
            if not self.prefix and self.account[0] != os.geteuid():
                os.setgroups([])
                os.setgid(self.account[1])
                os.setuid(self.account[0])
            program = [*self.prefix, f"{self.binaries}/{argv[0]}", *argv[1:]]
            environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
            os.execve(program[0], program, environment)  # noqa: S606  there is no shell to fear
        except OSError as error:
            log(f"FATAL:  {argv[0]}: {error.strerror}")
        finally:
            os._exit(127)

    def begin_attempt(self) -> None:
        """What the log has from here on explains a failure."""
        self.log_from = os.fstat(2).st_size

    def failure(self, what: str) -> ClusterError:
        """What went wrong, in the words that the log has for it."""
        log = os.open(self.home.log, os.O_RDONLY | os.O_NOFOLLOW)
        since = max(self.log_from, os.fstat(log).st_size - 8192)
        lines = os.pread(log, 8192, since).decode(errors="replace").splitlines()
        os.close(log)
        grave = [line.partition(m)[2].strip() for line in lines for m in SEVERITIES if m in line]
        words = "; ".join(grave[-4:] or lines[-3:]) or "it did not say why"
        disk = os.statvfs(self.home.path)
        if (free := disk.f_bavail * disk.f_frsize) < LITTLE_ROOM:
            words += f"; only {free >> 20} MB are free there"
        return ClusterError(
            f"The embedded PostgreSQL in {self.home.path} cannot run: {what}: {words}. Nothing was"
            f" deleted; the whole story is in {self.home.log}."
        )
