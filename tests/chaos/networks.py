"""A network of one's own, in which packets vanish: a namespace with two wires to this machine.

One wire leads to the database, the other to all else, so that a partition cuts worker processes in
the namespace off from the database and not from the relay. Needs root and ``ip`` of iproute2.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agentflow_tui.embedded import postgres
from agentflow_tui.embedded.account import account_for, command_prefix
from tests.stopping import stop_now

_letters = itertools.cycle("abcdefgh")

NOWHERE = "02:00:00:00:00:99"
"""A hardware address that no interface has: what is sent to it is lost, and nothing is said."""


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
    return done.stdout


@cache
def why_not() -> str:
    """Why no network can be made here; nothing where it can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs root, and ip of iproute2"
    try:
        _ip("netns", "add", f"can{os.getpid()}")
        _ip("netns", "del", f"can{os.getpid()}")
    except subprocess.CalledProcessError as error:
        return f"no network namespace can be made here: {error.stderr.strip()}"
    return ""


@dataclass(frozen=True, slots=True)
class Link:
    """A wire between this machine and a namespace. ``here`` and ``there`` are its addresses."""

    namespace: str
    name: str
    here: str
    there: str

    def lay(self) -> None:
        near, far = f"{self.name}0", f"{self.name}1"
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", self.namespace)
        _ip("addr", "add", f"{self.here}/30", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", self.namespace, "addr", "add", f"{self.there}/30", "dev", far)
        _ip("-n", self.namespace, "link", "set", far, "up")

    def take_up(self) -> None:
        """Remove it, both ends at once: with the namespace it would go a while later."""
        subprocess.run(["ip", "link", "del", f"{self.name}0"], capture_output=True)

    def drop(self) -> None:
        """From now on everything that either end sends is lost."""
        self._lead_to(NOWHERE, NOWHERE)

    def pass_on(self) -> None:
        near = Path(f"/sys/class/net/{self.name}0/address").read_text(encoding="ascii").strip()
        found = _ip("-n", self.namespace, "-o", "link", "show", f"{self.name}1")
        self._lead_to(found.split("link/ether ")[1].split()[0], near)

    def _lead_to(self, far: str, near: str) -> None:
        way = ("nud", "permanent")
        _ip("neigh", "replace", self.there, "lladdr", far, "dev", f"{self.name}0", *way)
        inside = ("-n", self.namespace, "neigh", "replace", self.here)
        _ip(*inside, "lladdr", near, "dev", f"{self.name}1", *way)


@dataclass(frozen=True, slots=True)
class Network:
    """A namespace and its wires. ``prefix`` begins a command that runs in it."""

    namespace: str
    database: Link
    others: Link

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.namespace)


@contextmanager
def network() -> Iterator[Network]:
    """A network for one scenario."""
    number = os.getpid() % 200 + 1
    name = f"agf{os.getpid()}{next(_letters)}"
    links = [
        Link(name, f"{name}{end}", f"10.{room}.{number}.1", f"10.{room}.{number}.2")
        for end, room in (("d", 77), ("o", 78))
    ]
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        for link in links:
            link.lay()
        yield Network(name, *links)
    finally:
        for link in links:
            link.take_up()
        _ip("netns", "del", name)


@contextmanager
def server_on(home: Path, address: str) -> Iterator[str]:
    """URL of a server for one scenario that listens on this address, for everyone: TCP from end to
    end, so that it is the server which notices, or not, that a client is gone."""
    cluster = home / "postgres"
    with postgres.start(home, linger=0):
        with (cluster / "pg_hba.conf").open("a") as admitted:
            admitted.write("host all all 10.0.0.0/8 trust\n")
        stop_now(home)
    binaries = postgres.find_binaries()
    prefix = command_prefix(account_for(home), home, binaries)
    words = (f"listen_addresses={address}", "port=5432", "unix_socket_directories=", "fsync=off")
    settings = [word for setting in words for word in ("-c", setting)]
    command = [*prefix, str(binaries / "postgres"), "-D", str(cluster), *settings]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            yield f"postgresql://agentflow@{address}:5432/agentflow"
        finally:
            server.send_signal(signal.SIGQUIT)


@asynccontextmanager
async def reachable_at(address: str, port: int) -> AsyncIterator[int]:
    """A port at this address by which a service on loopback can be reached."""
    open_ends: set[asyncio.StreamWriter] = set()

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while piece := await source.read(65_536):
                target.write(piece)
                await target.drain()
        except OSError:
            pass
        finally:
            target.close()

    async def connect(asks: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, service = await asyncio.open_connection("127.0.0.1", port)
        open_ends.update((client, service))
        await asyncio.gather(carry(asks, service), carry(answers, client))
        open_ends.difference_update((client, service))

    server = await asyncio.start_server(connect, address, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for end in open_ends:
            end.transport.abort()
