"""The operator: the name under which changes are journalled and other consoles see this one."""

import getpass
import os
import socket
from collections.abc import Mapping

from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import safe

LONGEST = 64
"""Characters of a name, and of a host's."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A person at a machine, as ``anna@bastion``: harmless text without blanks."""

    name: str
    host: str

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"


def operator(environ: Mapping[str, str]) -> Operator:
    """This process's operator: ``AGENTFLOW_OPERATOR``, else the login name, at this machine."""
    name = environ.get("AGENTFLOW_OPERATOR") or _login()
    host, _, _ = socket.gethostname().partition(".")
    return Operator(_word(name), _word(host))


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without an entry, as in a container
        return f"uid{os.getuid()}"


def _word(text: str) -> str:
    return "-".join(safe(text, LONGEST).split()) or "unknown"
