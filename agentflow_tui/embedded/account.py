"""The account that runs the embedded PostgreSQL: never root, because PostgreSQL refuses.

Root gives the server to the owner of the home, else to ``postgres``, else to ``nobody``. Where
that account cannot get at the data or the programs, as below ``/root``, the server is given the
one capability that lets it pass, and no file's mode is changed.
"""

import os
import pwd
import shutil
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import EmbeddedServerError

SEARCH = ("dac_read_search", 2)
OVERRIDE = ("dac_override", 1)
"""Capabilities with their numbers in linux/capability.h; containers often have the second only."""


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The account that the server runs as."""

    name: str
    uid: int
    gid: int

    def may(self, bits: int, path: Path) -> bool:
        """Whether the mode of a file grants this account all of ``bits``, such as 0o5."""
        found = path.stat()
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 0
        return found.st_mode >> shift & bits == bits


def account_for(home: Path) -> ServerAccount:
    """The account that owns, or will own, the cluster under this home."""
    cluster = home / "postgres"
    owner = next((path.stat().st_uid for path in (cluster, home) if path.exists()), None)
    if os.geteuid() != 0:
        if cluster.exists() and owner != os.geteuid():
            raise EmbeddedServerError(
                f"{cluster} belongs to {name_of(owner)}. Run agentflow as that user, or set"
                " AGENTFLOW_HOME to a directory of your own."
            )
        return ServerAccount(name_of(os.geteuid()), os.geteuid(), os.getegid())
    for who in (owner, "postgres", "nobody"):
        if who and (entry := entry_of(who)):
            return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root and there is neither an account 'postgres' nor 'nobody'."
        " Create one, or run agentflow as another user."
    )


def entry_of(who: int | str) -> pwd.struct_passwd | None:
    """The passwd entry of an account, by number or by name."""
    try:
        return pwd.getpwuid(who) if isinstance(who, int) else pwd.getpwnam(who)
    except KeyError:
        return None


def name_of(uid: int | None) -> str:
    entry = entry_of(uid) if uid is not None else None
    return entry.pw_name if entry else f"user {uid}"


def command_prefix(account: ServerAccount, home: Path, binaries: Path) -> list[str]:
    """What to put before a command so that this account reaches the home and the programs.

    Empty when it simply can, or when it is the account that we run as already.
    """
    program = binaries / "postgres"
    ways = (*reversed(home.parents), home, *reversed(program.parents))
    closed = next((way for way in ways if not account.may(0o1, way)), None)
    if closed is None and not account.may(0o5, program):
        closed = program
    if closed is None or account.uid == os.geteuid():
        return []
    # To run a file that one may not execute takes the wider of the two.
    enough = (SEARCH, OVERRIDE) if account.may(0o1, program) else (OVERRIDE,)
    capability = next((name for name, number in enough if has_capability(number)), None)
    setpriv = shutil.which("setpriv")
    if setpriv is None or capability is None:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and {account.name}, who would run it, cannot enter"
            f" {closed}. Set AGENTFLOW_HOME to a directory that {account.name} can reach, such as"
            " /var/lib/agentflow, and install agentflow in such a place, or run it as another"
            " user."
        )
    return [
        setpriv, f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups",
        "--no-new-privs", f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}",
        # access(2) disregards the capability without this, and initdb asks access(2).
        "--securebits=+no_setuid_fixup",
    ]  # fmt: skip


def has_capability(number: int) -> bool:
    """Whether this process holds a capability that it can hand on; never so outside Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return False
    sets = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return all(int(sets.get(name, "0"), 16) >> number & 1 for name in ("CapPrm", "CapBnd"))
