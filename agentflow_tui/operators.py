"""Who sits at the console: what the journal and the other operators call a person."""

import getpass
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from agentflow_tui.text import safe


@dataclass(frozen=True, slots=True)
class Operator:
    """A person at a host."""

    name: str
    host: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """``AGENTFLOW_OPERATOR``, else the login name; never fails."""
        name = environ.get("AGENTFLOW_OPERATOR", "").strip()
        if not name:
            try:
                name = getpass.getuser()
            except (OSError, KeyError):  # a user id without a name
                name = "somebody"
        return cls(safe(name, 60), safe(socket.gethostname(), 60))

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"
