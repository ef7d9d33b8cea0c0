"""Which account runs the embedded PostgreSQL: never root, because PostgreSQL refuses.

Root gives the server to the owner of the home, else to ``postgres``, else to ``nobody``. Where
that account cannot walk to the data or to the programs, as below ``/root``, the server gets the
one capability that lets it pass, and no file mode is changed.
"""

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentflow_tui.errors import EmbeddedServerError

CAPABILITIES = (("dac_read_search", 2), ("dac_override", 1))
"""Narrowest first, with their numbers in linux/capability.h."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server runs as."""

    name: str
    uid: int
    gid: int


def account_for(home: Path) -> Account:
    """The account that owns, or will own, the cluster under this home."""
    cluster = home / "postgres"
    owner = next((path.stat().st_uid for path in (cluster, home) if path.exists()), None)
    if os.geteuid() != 0:
        if cluster.exists() and owner != os.geteuid():
            raise EmbeddedServerError(
                f"{cluster} belongs to {name_of(owner)}. Run agentflow as that user, or set"
                " AGENTFLOW_HOME to a directory of your own."
            )
        return Account(name_of(os.geteuid()), os.geteuid(), os.getegid())
    for who in (owner, "postgres", "nobody"):
        if who and (entry := entry_of(who)):
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root and there is neither an account 'postgres' nor 'nobody'."
        " Create one, or run agentflow as another user."
    )


def entry_of(who: int | str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(who) if isinstance(who, int) else pwd.getpwnam(who)
    except KeyError:
        return None


def name_of(uid: int | None) -> str:
    entry = entry_of(uid) if uid is not None else None
    return entry.pw_name if entry else f"user {uid}"


def command_prefix(account: Account, directories: Sequence[Path]) -> list[str]:
    """What to put before a command so that this account reaches these directories.

    Empty when it simply can, or when it is the account that we run as already.
    """
    closed = next((way for path in directories if (way := first_closed(path, account))), None)
    if account.uid == os.geteuid() or closed is None:
        return []
    setpriv = shutil.which("setpriv")
    capability = next((name for name, number in CAPABILITIES if has_capability(number)), None)
    if setpriv is None or capability is None:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and {account.name}, who would run it, cannot enter"
            f" {closed}. Set AGENTFLOW_HOME to a directory that {account.name} can reach, such as"
            " /var/lib/agentflow, install agentflow outside of it, or run it as another user."
        )
    return [
        setpriv, f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups",
        "--no-new-privs", f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}",
        # access(2) disregards the capability without this, and initdb asks access(2).
        "--securebits=+no_setuid_fixup",
    ]  # fmt: skip


def first_closed(path: Path, account: Account) -> Path | None:
    """The first directory on the way to a path that an account cannot enter, going by its mode."""
    for way in reversed((path, *path.parents)):
        found = way.stat()
        shift = 6 if found.st_uid == account.uid else 3 if found.st_gid == account.gid else 0
        if not found.st_mode >> shift & 0o1:
            return way
    return None


def has_capability(number: int) -> bool:
    """Whether this process holds a capability (Linux) that it can hand on."""
    status = Path("/proc/self/status")
    if not status.exists():
        return False
    sets = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return all(int(sets.get(name, "0"), 16) >> number & 1 for name in ("CapPrm", "CapBnd"))
