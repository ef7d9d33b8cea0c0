"""Database URLs taken apart, and how they are shown: never with the password."""

import re

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[\w.%-]*)(?::\d*)?"
_WHERE = pattern(rf"({_HOST}(?:,{_HOST})*)(/[^@]*)?")
_QUERY = pattern(r"(?:[\w.]+=[^&]*(?:&|$))*")
_SECRET = pattern(r"\b((?:ssl)?password=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Address:
    scheme: str
    user: str
    has_password: bool
    hosts: str
    path: str
    query: str

    @property
    def host(self) -> str:
        """The hosts; the directory of the socket where that is what is connected to."""
        return self.hosts or self._named.get("host", "localhost")

    @property
    def socket(self) -> str:
        """The socket's file, empty where none is used."""
        if not self.host.startswith("/"):
            return ""
        return f"{self.host.rstrip('/')}/.s.PGSQL.{self._named.get('port', '5432')}"

    @property
    def _named(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in self.query.split("&") if pair)


def _address(url: str) -> _Address | None:
    """The parts, or None where it is not certain which of them is the password."""
    head, _, query = url.partition("?")
    scheme, there, rest = head.partition("://")
    signed_in, _, target = rest.rpartition("@")
    user, colon, _ = signed_in.partition(":")
    where = _WHERE.fullmatch(target)
    if not there or where is None or _QUERY.fullmatch(query) is None:
        return None
    return _Address(scheme, user, bool(colon), where[1], where[2] or "", query)


def masked(url: str) -> str:
    """The URL with its password hidden, fit for the screen and for logs."""
    parts = _address(url)
    if parts is None:
        return "(unreadable)"
    user = parts.user + (":***" if parts.has_password else "")
    query = _SECRET.sub(r"\1***", parts.query)
    return (
        f"{parts.scheme}://{user}{'@' if user else ''}{parts.hosts}{parts.path}"
        f"{'?' if query else ''}{query}"
    )


def place(url: str) -> str:
    """The host, port and database of a URL, for error messages; no user and no password."""
    parts = _address(url)
    return "the database" if parts is None else f"{parts.host}{parts.path}"


def endpoint(url: str) -> str:
    """The file of the socket that is connected to, or the same as `place`."""
    parts = _address(url)
    return place(url) if parts is None else parts.socket or place(url)


def short_place(url: str) -> str:
    """The `place` of a URL for a title bar, without what goes without saying."""
    parts = _address(url)
    if parts is None:
        return "a database"
    host = "local" if parts.host.startswith("/") else parts.host.replace(":5432", "")
    return f"{host}{parts.path}"
