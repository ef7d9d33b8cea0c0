"""Commands as processes of their own that need not import everything anew.

A process that has imported the command line waits on a socket and forks for each command; the
fork has its own environment, directory and standard streams, ends as the program ends, and costs
a tenth of an interpreter's start. `tests.test_start` and `tests.cli.test_commands` start real
interpreters.
"""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SHAPES_THE_INTERPRETER = ("PYTHON", "LC_", "LANG", "TZ")
"""Variables that are read when an interpreter starts: commands with them start one."""

_server: socket.socket | None = None


def run(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    given: str = "",
    timeout: float = 60,
) -> "subprocess.CompletedProcess[str]":
    """One command, ended, with what it has printed. Raises `subprocess.TimeoutExpired`."""
    if any(
        name.startswith(SHAPES_THE_INTERPRETER) and os.environ.get(name) != value
        for name, value in environ.items()
    ):
        return _started(arguments, environ, given, timeout)
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
        _connection() as connection,
    ):
        stdin.write(given.encode())
        stdin.seek(0)
        request = json.dumps([list(arguments), dict(environ), str(Path.cwd())]).encode()
        streams = [stdin.fileno(), stdout.fileno(), stderr.fileno()]
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], streams)
        connection.sendall(request)
        connection.settimeout(timeout)
        try:
            code = int(_all_of(connection))
        except TimeoutError:
            raise subprocess.TimeoutExpired(list(arguments), timeout) from None
        return subprocess.CompletedProcess(list(arguments), code, _said(stdout), _said(stderr))


def _started(
    arguments: Sequence[str], environ: Mapping[str, str], given: str, timeout: float
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "agentflow_tui", *arguments],
        env=dict(environ),
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def _said(stream: Any) -> str:
    stream.seek(0)
    text: str = stream.read().decode()
    return text.replace("\r\n", "\n")


def _all_of(connection: socket.socket) -> bytes:
    whole = b""
    while piece := connection.recv(4096):
        whole += piece
    return whole


def _connection() -> socket.socket:
    """A connection to the server of this test process, which is started by the first one."""
    global _server
    if _server is None:
        _server, theirs = socket.socketpair()
        theirs.set_inheritable(True)  # ends when this process ends, and with it the other end
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "tests.cli.forking", str(theirs.fileno())],
            os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        theirs.close()
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(_server, [b"!"], [theirs.fileno()])
    return ours


def _serve(requests: socket.socket) -> None:
    """Fork for each connection that comes, until the tests are over."""
    import agentflow_tui.cli.parser
    import agentflow_tui.store.connection.database
    import agentflow_tui.store.views.by_table  # noqa: F401 - what most commands import

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    while True:
        message, (*descriptors,), _flags, _address = socket.recv_fds(requests, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run_one(socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])


def _run_one(connection: socket.socket) -> None:
    """In a fork: become the command, and have another fork tell how it ended."""
    size, streams, _flags, _address = socket.recv_fds(connection, 4, 3)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += connection.recv(1 << 16)
    command = os.fork()
    if command:
        _pid, status = os.waitpid(command, 0)
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    connection.close()
    arguments, environ, directory = json.loads(request)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(directory)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False))
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False))
    said = os.fdopen(2, "wb", closefd=False)
    sys.stderr = io.TextIOWrapper(said, errors="backslashreplace", line_buffering=True)
    sys.argv = ["agentflow", *arguments]
    from agentflow_tui.cli.main import run as command_line

    command_line()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
