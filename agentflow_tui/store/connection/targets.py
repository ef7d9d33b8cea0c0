"""The database that a URL points at, as providers and other clients write URLs.

Parameters of libpq are honoured as psql honours them, those of well-known clients by their meaning
or not at all; everything else is a setting of the server, which says if it knows it.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern

DRIVER = frozenset(
    (
        *("host", "port", "dbname", "database", "user", "password", "passfile", "sslmode"),
        *("sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"),
        *("krbsrvname", "gsslib"),
    )
)
"""Parameters that the driver reads itself."""

MEANINGS = {
    "connect_timeout": "timeout",
    "connecttimeout": "timeout",
    "connection_timeout": "timeout",
    "options": "options",
    "service": "service",
    "ssl": "ssl",
    "schema": "search_path",
    "currentschema": "search_path",
    "applicationname": "application_name",
    "fallback_application_name": "application_name",
}
"""Parameters of libpq and other clients that are honoured here, by what they mean."""

IGNORED = {
    **dict.fromkeys(
        (
            *("pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "sslaccept"),
            *("sslidentity", "statement_cache_size", "prepared_statement_cache_size"),
            *("prepared_statement_cache_queries", "prepared_statements", "preparethreshold"),
            *("pool_max_conns", "pool_min_conns", "pool_max_conn_lifetime", "pool_size", "max"),
            *("pool_max_conn_idle_time", "default_query_exec_mode", "max_overflow", "poolsize"),
            *("uselibpqcompat", "supa", "workaround", "sslfactory", "ssl_mode", "reconnect"),
            *("sslinline", "statement_cache_mode", "async_fallback", "encoding", "pool"),
        ),
        "is another client's and has no meaning here",
    ),
    **dict.fromkeys(
        ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        "is left to the system",
    ),
    **dict.fromkeys(("tcp_user_timeout", "requirepeer"), "is left to the system"),
    **dict.fromkeys(("gssencmode", "gssdelegation"), "is not supported: TLS serves"),
    **dict.fromkeys(
        ("sslcompression", "sslsni", "sslcertmode", "sslcrldir"), "is left as the driver has it"
    ),
    "channel_binding": "is not checked: the driver has no channel binding. sslmode=verify-full "
    "proves the server",
    "require_auth": "is not checked",
    "hostaddr": "is looked up from the host instead",
    "load_balance_hosts": "is not supported: hosts are tried in their order",
    "client_encoding": "is UTF8 always",
    "replication": "is not wanted here",
    "min_protocol_version": "is left as the driver has it",
    "max_protocol_version": "is left as the driver has it",
}
"""Parameters that are not honoured, with what to say about each."""

_CHOICES = sorted({*DRIVER, *MEANINGS, *IGNORED})
_SETTING = pattern(r"(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)")
_SCHEME = pattern(r"(?:jdbc:)?(?:postgres|postgresql|postgis|pgsql)(?:\+\w+)?://", re.IGNORECASE)
_TRUE = {"true": "require", "1": "require", "on": "require", "no-verify": "require"}


class UrlError(ValueError):
    """What is wrong with a URL, in words that hold nothing secret."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL and the environment ask for. ``url`` is what the driver gets; ``settings`` are the
    server's, ``timeout`` is in seconds; ``remarks`` say what is not honoured."""

    url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    remarks: tuple[str, ...] = ()


def target_of(url: str, environ: Mapping[str, str]) -> Target:
    """Read a database URL; ``PGSERVICE``, ``PGOPTIONS`` and ``PGCONNECT_TIMEOUT`` give what it does
    not. Raises `UrlError` for a service or a file that is not there, ``ValueError`` for a number
    that is none."""
    head, _, query = _SCHEME.sub("postgresql://", url, count=1).partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    meant, driver = _with_service(given, head, environ)
    _check_files(driver)
    timeout = meant.get("timeout") or environ.get("PGCONNECT_TIMEOUT", "")
    return Target(
        url=head + ("?" + urlencode(driver, safe="/,:", quote_via=quote) if driver else ""),
        settings={
            **_options(meant.get("options") or environ.get("PGOPTIONS", "")),
            **_named(meant),
            **{name: value for name, value in given.items() if not _is_known(name)},
        },
        timeout=_seconds(timeout) if timeout else None,
        remarks=tuple(f"{n} {IGNORED[n]}" for n in map(str.lower, given) if n in IGNORED),
    )


def _with_service(
    given: Mapping[str, str], head: str, environ: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters by their meaning, and those for the driver, completed by the service's."""
    meant, driver = _understood(given)
    service = _service(meant.get("service") or environ.get("PGSERVICE", ""), environ)
    further, completing = _understood(service)
    meant = {**further, **meant}
    driver = {n: v for n, v in completing.items() if not _stands_in(head, n)} | driver
    if "ssl" in meant:  # says less than an sslmode does, also than that of a service
        driver.setdefault("sslmode", _TRUE.get(meant["ssl"].lower(), meant["ssl"]))
    return meant, driver


def _understood(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters by their meaning, and those for the driver."""
    lower = {name.lower(): value for name, value in given.items()}
    meant = {MEANINGS[name]: value for name, value in lower.items() if name in MEANINGS}
    return meant, {name: value for name, value in lower.items() if name in DRIVER}


def _named(meant: Mapping[str, str]) -> dict[str, str]:
    """The settings of the server that other clients have names of their own for."""
    return {name: meant[name] for name in meant if name in {"search_path", "application_name"}}


def _check_files(driver: Mapping[str, str]) -> None:
    for name in ("sslcert", "sslkey", "sslrootcert", "sslcrl"):
        path = driver.get(name, "system")
        if path != "system" and not Path(path).exists():
            raise UrlError(f"{name} names the file {path}, which is not there")


def did_you_mean(name: str) -> str:
    """What an unknown parameter was probably meant to be, as a question; or nothing."""
    near = get_close_matches(name.lower(), _CHOICES, 1, 0.7)
    return f" Did you mean {near[0]}?" if near else ""


def _is_known(name: str) -> bool:
    return name.lower() in DRIVER or name.lower() in MEANINGS or name.lower() in IGNORED


def _seconds(text: str) -> float | None:
    """The time to connect in; as with psql, 0 and less wait for ever."""
    seconds = float(text)
    return seconds if seconds > 0 else None


def _options(text: str) -> dict[str, str]:
    """The settings in ``options``, which is a command line of the server: ``-c name=value``. What
    is no such line (a proxy's ``endpoint=…``) goes to the server as it is."""
    text = text.strip()
    found = {match[1].replace("-", "_"): match[2] for match in _SETTING.finditer(text)}
    if not text:
        return {}
    if _SETTING.sub("", text).strip():
        return {"options": text}
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in found.items()}


def _service(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a service, from the file that psql reads them of."""
    if not name:
        return {}
    home = Path(environ.get("HOME") or Path.home())
    files = [Path(environ.get("PGSERVICEFILE") or home / ".pg_service.conf")]
    if environ.get("PGSYSCONFDIR"):
        files.append(Path(environ["PGSYSCONFDIR"]) / "pg_service.conf")
    for path in files:
        parser = configparser.RawConfigParser()
        parser.read(path)
        if parser.has_section(name):
            return dict(parser[name])
    raise UrlError(f"there is no service {name} in {files[0]}")


def _stands_in(head: str, name: str) -> bool:
    """Whether the URL itself says what this parameter would."""
    authority, _, path = unquote(head.partition("://")[2]).partition("/")
    signed_in, _, hosts = authority.rpartition("@")
    user, _, password = signed_in.partition(":")
    return bool(
        {"host": hosts, "port": ":" in hosts, "dbname": path, "database": path}.get(
            name, {"user": user, "password": password}.get(name)
        )
    )
