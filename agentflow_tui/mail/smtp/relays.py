"""Which relay takes the mail: read from the environment, checked, secret kept.

``SMTP_URL`` first, else AgentFlow's own ``EMAIL_HOST``, ``EMAIL_PORT``, ``EMAIL_USER`` and
``EMAIL_PASS``.
"""

import ipaddress
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import SettingsError
from agentflow_tui.hosts import is_this_machine, place_of
from agentflow_tui.mail.errors import MessageError
from agentflow_tui.mail.message import addresses

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


class Security(StrEnum):
    """How a connection is protected."""

    NONE = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


_PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}
_OPTIONS = ("from", "helo", "ca", "tls")
_KNOWN = ", ".join(_OPTIONS)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Relay:
    """Where mail is handed over. ``repr`` and `url` mask the password.

    ``sender`` is the address mail comes from when nothing else says so; ``helo`` the name given in
    EHLO, this host's when empty; ``ca`` a file of certificates trusted besides the system's.
    """

    host: str
    port: int = 25
    security: Security = Security.NONE
    user: str = ""
    password: str = ""
    sender: str = ""
    helo: str = ""
    ca: Path | None = None

    @property
    def place(self) -> str:
        """``host:port``, for sentences."""
        return place_of(self.host, self.port)

    @property
    def url(self) -> str:
        """As ``SMTP_URL`` has it, the password as ``***``."""
        user = f"{quote(self.user, safe='')}{':***' if self.password else ''}@" if self.user else ""
        return f"{self.security}://{user}{self.place}"

    def __repr__(self) -> str:
        return f"Relay({self.url})"


def from_environ(environ: Mapping[str, str]) -> Relay | None:
    """The configured relay, or None. Raises `SettingsError` naming the variable and the mend."""
    if url := environ.get("SMTP_URL", "").strip():
        return from_url(url)
    host = environ.get("EMAIL_HOST", "").strip()
    return _from_parts(host, environ) if host and not names_mailbox(environ) else None


def names_mailbox(environ: Mapping[str, str]) -> bool:
    """Whether ``EMAIL_HOST`` is a mailbox, which AgentFlow collects reports from, and no relay: by
    its port, 993 or 143."""
    has_host = bool(environ.get("EMAIL_HOST", "").strip())
    return has_host and environ.get("EMAIL_PORT", "").strip() in _MAILBOX_PORTS


_MAILBOX_PORTS = ("993", "143")


def from_url(url: str) -> Relay:
    """``smtp://``, ``smtps://`` or ``smtp+starttls://``, then ``user:pass@host:port?option=value``.

    With a user, ``smtp://`` upgrades by STARTTLS, because a password never travels in the clear,
    unless the relay is this very machine or ``?tls=off`` says so. Raises `SettingsError`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("its port or host cannot be read") from None
    try:
        security = Security(parts.scheme.lower())
    except ValueError:
        raise _wrong("it must begin with smtp://, smtps:// or smtp+starttls://") from None
    options = _options(parts)
    host = _host(unquote(parts.hostname or ""), "SMTP_URL")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if security is Security.NONE and _must_encrypt(host, user, options.get("tls", "")):
        security, port = Security.STARTTLS, port or 25
    sender = options.get("from", "") or (user if "@" in user else "")
    return Relay(
        host=host,
        port=port or _PORTS[security],
        security=security,
        user=user,
        password=password,
        sender=_sender(sender, "SMTP_URL"),
        helo=_helo(options.get("helo", "")),
        ca=_ca(options.get("ca", "")),
    )


def _options(parts: SplitResult) -> dict[str, str]:
    if parts.path not in ("", "/") or parts.fragment:
        raise _wrong("after the host there is only ?option=value; write # and / as %23 and %2F")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not set(options) <= set(_OPTIONS):  # unnamed: after a stray "?" it may be half a password
        raise _wrong(f"it has an option that does not exist; known are {_KNOWN}")
    if options.get("tls", "off") != "off":
        raise _wrong("tls=off is the only value; smtps:// and smtp+starttls:// ask for TLS")
    return options


def _from_parts(host: str, environ: Mapping[str, str]) -> Relay:
    """465 means TLS from the start, 587 STARTTLS, as in AgentFlow; else as with ``smtp://``."""
    host = _host(host, "EMAIL_HOST")
    user = environ.get("EMAIL_USER", "").strip()
    port = _port(environ.get("EMAIL_PORT", "").strip() or "587")
    security = Security.NONE
    if port == 465:
        security = Security.TLS
    elif port == 587 or _must_encrypt(host, user, ""):
        security = Security.STARTTLS
    return Relay(
        host=host,
        port=port,
        security=security,
        user=user,
        password=environ.get("EMAIL_PASS", ""),
        sender=_sender(user if "@" in user else "", "EMAIL_USER"),
    )


def _must_encrypt(host: str, user: str, tls: str) -> bool:
    return bool(user) and tls != "off" and not is_this_machine(host)


def _host(host: str, variable: str) -> str:
    if not host:
        raise _wrong("it names no host", variable)
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    ascii_host = host
    if not host.isascii():
        try:
            ascii_host = addresses.parse(f"a@{host}").domain
        except MessageError:
            ascii_host = ""
    if not _HOST.fullmatch(ascii_host) or ".." in ascii_host:
        shown = "what stands there" if variable == "SMTP_URL" else addresses.shown(host)
        raise _wrong(f"{shown} is no host name", variable)
    return ascii_host


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536:
        return int(text)
    raise _wrong(f"{addresses.shown(text)} is no port number", "EMAIL_PORT")


def _sender(text: str, variable: str) -> str:
    if not text:
        return ""
    try:
        addresses.parse(text)
    except MessageError as error:
        raise _wrong(str(error).rstrip("."), variable) from None
    return text


def _helo(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z0-9.-]{1,253}|\[[A-Za-z0-9:.]{2,50}\]", name):
        raise _wrong(f"helo={addresses.shown(name)} is no host name")
    return name


def _ca(path: str) -> Path | None:
    if not path:
        return None
    file = Path(path).expanduser()
    if not file.is_file():
        raise _wrong(f"ca={addresses.shown(path)} is not a file")
    return file


def _wrong(why: str, variable: str = "SMTP_URL") -> SettingsError:
    return SettingsError(
        f"{variable} cannot be used: {why}. "
        + (
            "It looks like smtps://user:password@host:465, special characters written as %40."
            if variable == "SMTP_URL"
            else "Mend it, or set SMTP_URL instead."
        )
    )
