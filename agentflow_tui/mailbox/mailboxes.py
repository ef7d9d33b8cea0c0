"""Which mailbox reports come to: read from a URL or the environment, checked, secret kept."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import SettingsError
from agentflow_tui.hosts import is_this_machine, place_of
from agentflow_tui.text import safe

URL = "IMAP_URL"
"""The variable that names a mailbox, before AgentFlow's own ``EMAIL_HOST``."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


class MailboxSecurity(StrEnum):
    """How a connection to a mailbox is protected."""

    NONE = "imap"
    STARTTLS = "imap+starttls"
    TLS = "imaps"


_PORTS = {MailboxSecurity.NONE: 143, MailboxSecurity.STARTTLS: 143, MailboxSecurity.TLS: 993}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mailbox:
    """Where mail is read. ``repr`` and `url` hold no secret.

    ``token`` is an access token, which signs in by XOAUTH2 instead of the password; ``ca`` a file
    of certificates trusted besides the system's.
    """

    host: str
    port: int = 993
    security: MailboxSecurity = MailboxSecurity.TLS
    user: str = ""
    password: str = ""
    token: str = ""
    ca: Path | None = None

    @property
    def place(self) -> str:
        """``host:port``, for sentences."""
        return place_of(self.host, self.port)

    @property
    def url(self) -> str:
        """As ``IMAP_URL`` has it, without the password."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{self.security}://{user}{self.place}"

    def __repr__(self) -> str:
        return f"Mailbox({self.url})"

    def signed_in(self, user: str, password: str, token: str) -> "Mailbox":
        """The same with what is given of these instead of its own. Raises `SettingsError` where
        there is nothing to sign in with."""
        found = replace(
            self,
            user=user or self.user,
            password=password or self.password,
            token=token or self.token,
        )
        signs = found.user + found.password + found.token
        if not found.user or not (found.password or found.token):
            raise SettingsError(f"Nothing says how to sign in to {self.place}: user and password.")
        if any(ord(character) < 32 or character == "\x7f" for character in signs):
            raise SettingsError(f"What signs in to {self.place} holds a control character.")
        return found


def from_environ(environ: Mapping[str, str]) -> Mailbox:
    """The mailbox that the environment names: ``IMAP_URL``, else ``EMAIL_HOST`` with
    ``EMAIL_PORT`` 993 or 143, ``EMAIL_USER``, ``EMAIL_PASS`` and ``EMAIL_TLS``, whose ``false``
    is ``imap://`` of `from_url`.

    Raises `SettingsError` naming the variable and the mend.
    """
    if url := environ.get(URL, "").strip():
        return from_url(url, URL)
    host = environ.get("EMAIL_HOST", "").strip()
    if not host:
        raise SettingsError(
            f"No mailbox is configured. Set {URL}, or EMAIL_HOST, EMAIL_USER and EMAIL_PASS, "
            "or give the step a url."
        )
    port = environ.get("EMAIL_PORT", "").strip() or "993"
    if port not in ("993", "143"):
        raise SettingsError(f"By its port EMAIL_HOST is a relay and no mailbox: set {URL}.")
    host = _host(host, "EMAIL_HOST")
    security = MailboxSecurity.TLS if port == "993" else MailboxSecurity.STARTTLS
    if environ.get("EMAIL_TLS", "").strip().lower() == "false":
        security = MailboxSecurity.NONE if is_this_machine(host) else MailboxSecurity.STARTTLS
    return Mailbox(
        host=host,
        port=int(port),
        security=security,
        user=environ.get("EMAIL_USER", "").strip(),
        password=environ.get("EMAIL_PASS", ""),
    )


def from_url(url: str, what: str) -> Mailbox:
    """``imaps://`` or ``imap+starttls://``, then ``user:pass@host:port?ca=FILE``.

    ``imap://`` upgrades by STARTTLS, because a password never travels in the clear, unless the
    server is this very machine or ``?tls=off`` says so. ``what`` is the URL's name in complaints.
    Raises `SettingsError`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong(what, "its port or host cannot be read") from None
    try:
        security = MailboxSecurity(parts.scheme.lower())
    except ValueError:
        raise _wrong(what, "it must begin with imaps:// or imap+starttls://") from None
    options = _options(parts, what)
    host = _host(unquote(parts.hostname or ""), what)
    in_the_clear = options.get("tls") == "off" or is_this_machine(host)
    if security is MailboxSecurity.NONE and not in_the_clear:
        security = MailboxSecurity.STARTTLS
    return Mailbox(
        host=host,
        port=port or _PORTS[security],
        security=security,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        ca=_ca(options.get("ca", ""), what),
    )


def _options(parts: SplitResult, what: str) -> dict[str, str]:
    if parts.path not in ("", "/") or parts.fragment:
        raise _wrong(what, "after the host there is only ?option=value; folder is a field")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not set(options) <= {"ca", "tls"}:  # unnamed: after a stray "?" it may be half a password
        raise _wrong(what, "it has an option that does not exist; known are ca and tls")
    if options.get("tls", "off") != "off":
        raise _wrong(what, "tls=off is the only value; imaps:// asks for TLS")
    return options


def _host(host: str, what: str) -> str:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        if not _HOST.fullmatch(host) or ".." in host:
            raise _wrong(what, "it names no host" if not host else "its host is none") from None
    return host


def _ca(path: str, what: str) -> Path | None:
    if not path:
        return None
    file = Path(path).expanduser()
    if not file.is_file():
        raise _wrong(what, f"ca={safe(path, 60)} is not a file")
    return file


def _wrong(what: str, why: str) -> SettingsError:
    return SettingsError(
        f"{what} cannot be used: {why}. "
        "A URL looks like imaps://user:password@host:993, special characters written as %40."
    )
