"""The open consoles, each known by the ``application_name`` of its connections.

``agentflow console anna@bastion mail 4f2a.c``: operator, screen, which console, and how often it
has changed its screen so far. One of its connections is told of a change; the others keep an
earlier name, so the highest count is the one that is true.
"""

import json
import secrets
from dataclasses import field, replace
from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern
from agentflow_tui.text import plain

PREFIX = "agentflow console"

LONGEST = 63
"""Bytes that PostgreSQL keeps of an application's name."""

_NAME = pattern(rf"{PREFIX} (\S+) (\S+) ([0-9a-f]{{4}})\.([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Console:
    """An open console. ``since`` is unknown where the role may not see others' sessions."""

    token: str
    name: str
    host: str
    screen: str
    since: datetime | None


@dataclass(slots=True)
class ConsoleIdentity:
    """The name of one console among the sessions: its operator, its screen, its token."""

    operator: str
    screen: str = "-"
    token: str = field(default_factory=lambda: secrets.token_hex(2))
    _turn: int = 0

    def go(self, screen: str) -> None:
        """Change the screen in the name."""
        if screen != self.screen:
            self.screen = screen
            self._turn += 1

    def __str__(self) -> str:
        tail = f" {self.screen} {self.token}.{self._turn:x}"
        operator = plain(self.operator).replace(" ", "-")
        return f"{PREFIX} {operator[: LONGEST - len(PREFIX) - 1 - len(tail)]}{tail}"


CONSOLES = f"""(SELECT jsonb_agg(jsonb_build_array(a.application_name, a.backend_start))::text
          FROM pg_stat_activity a WHERE a.datname = current_database()
           AND a.application_name LIKE '{PREFIX} %')"""
"""SQL for the names of all consoles' connections here, as JSON; reads no table."""


def read_consoles(text: str | None) -> tuple[Console, ...]:
    """The consoles that `CONSOLES` tells of, longest open first."""
    newest: dict[str, tuple[int, Console]] = {}
    started: dict[str, datetime] = {}
    for application, since in json.loads(text or "[]"):
        found = _NAME.fullmatch(application)
        if found is None:
            continue
        operator, screen, token, turn = found.groups()
        if since is not None:
            at = datetime.fromisoformat(since)
            started[token] = min(at, started.get(token, at))
        who, _, host = operator.rpartition("@")
        if token not in newest or int(turn, 16) > newest[token][0]:
            newest[token] = int(turn, 16), Console(token, who or host, host, screen, None)
    consoles = (replace(found, since=started.get(token)) for token, (_, found) in newest.items())
    return tuple(sorted(consoles, key=lambda c: (str(c.since or ""), c.token)))
