"""Configured checks of other services: does it answer, how fast, and how long is its certificate
good for."""

import asyncio
import re
import ssl
import time
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import SettingsError
from agentflow_tui.store.queue.check_claims import CheckFinding
from agentflow_tui.workers.monitor.findings import DEFAULT_TIMES

TIMEOUT = 10.0
"""Seconds a service has to answer in."""

EXPIRES_SOON, EXPIRES_NOW = 21, 7
"""Days before a certificate's end from which that is a warning, and an error."""

_PORTS = {"http": 80, "https": 443, "tls": 443, "tcp": 0}

_PYTHON = re.compile(r"^\[(?:Errno -?\d+|SSL(?:: \w+)?)\] | \(_\w+\.c:\d+\)$")


@dataclass(frozen=True, slots=True)
class Probe:
    """One configured check. ``host`` and ``port`` are what messages may show of its ``url``;
    ``slow`` is the number of seconds from which an answer is a warning."""

    name: str
    url: str
    scheme: str
    host: str
    port: int
    slow: float = DEFAULT_TIMES.service

    async def check(self) -> CheckFinding:
        """Ask the service. Never raises for what the service does."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return await _ASK[self.scheme](self)
        except TimeoutError:
            return self.failed(f"did not answer within {TIMEOUT:.0f} seconds")
        except UnicodeError:
            return self.failed("cannot be asked: this is no host name")
        except Exception as error:  # noqa: BLE001  the boundary to whatever a service does
            return self.failed(f"could not be asked: {type(error).__name__}")

    def failed(self, why: str) -> CheckFinding:
        return CheckFinding(status="error", message=f"{self.host}:{self.port} {why}.")

    def answered(self, started: float, how: str) -> CheckFinding:
        """A good answer: a warning if it was slow."""
        took = time.monotonic() - started
        slow = took > self.slow
        return CheckFinding(
            status="warning" if slow else "ok",
            message=f"{self.host}:{self.port} {how}{f', but took {took:.1f} s' if slow else ''}.",
            response=took,
        )


def probe(name: str, url: str, slow: float = DEFAULT_TIMES.service) -> Probe:
    """The check configured as ``name = url``. Raises `SettingsError`."""
    wrong = SettingsError(
        f"[workers.checks] {name} = {url.rsplit('@', maxsplit=1)[-1]!r} is not a check; "
        "write http://…, https://…, tcp://host:port or tls://host:port."
    )
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise wrong from None
    if not parts.hostname or not port:
        raise wrong
    return Probe(name, url, parts.scheme, parts.hostname, port, slow)


async def _ask_http(probe: Probe) -> CheckFinding:
    # It takes 100 ms, which other checks would take for the time of their own answers.
    await asyncio.to_thread(import_module, "httpx")
    import httpx  # most configurations have no such check

    started = time.monotonic()
    try:
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=TIMEOUT) as client,
            client.stream("GET", probe.url) as answer,
        ):
            code = answer.status_code
    except httpx.RemoteProtocolError:
        return probe.failed("answered something that is not HTTP")
    except httpx.HTTPError as error:
        return probe.failed(f"gave no answer: {_words(error)}")
    if code >= 400:
        return probe.failed(f"answered {code}")
    return probe.answered(started, f"answered {code}")


async def _ask_tcp(probe: Probe) -> CheckFinding:
    started = time.monotonic()
    try:
        _, writer = await asyncio.open_connection(probe.host, probe.port)
    except OSError as error:
        return probe.failed(f"cannot be connected to: {_words(error)}")
    writer.close()
    return probe.answered(started, "accepts connections")


async def _ask_tls(probe: Probe) -> CheckFinding:
    started = time.monotonic()
    context = ssl.create_default_context()
    try:
        _, writer = await asyncio.open_connection(probe.host, probe.port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        return probe.failed(f"has a certificate that is not trusted: {error.verify_message}")
    except OSError as error:
        return probe.failed(f"cannot be connected to: {_words(error)}")
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return certificate_finding(probe, certificate, datetime.now(UTC), started)


def certificate_finding(
    probe: Probe, certificate: dict[str, Any], now: datetime, started: float
) -> CheckFinding:
    """What the end of a certificate's validity means at ``now``."""
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (ends - now).days
    found = probe.answered(started, f"has a certificate good for {days} more days")
    if days >= EXPIRES_SOON:
        return found
    return CheckFinding(
        status="error" if days < EXPIRES_NOW else "warning",
        message=f"The certificate of {probe.host}:{probe.port} ends in {days} days, "
        f"on {ends:%Y-%m-%d}. Renew it.",
        response=found.response,
    )


def _words(error: BaseException) -> str:
    """What went wrong, without the number and the place in the source that Python adds to it."""
    text = str(error).strip()
    said = text.splitlines()[0] if text else type(error).__name__
    return _PYTHON.sub("", said).rstrip(".")


_ASK = {"http": _ask_http, "https": _ask_http, "tcp": _ask_tcp, "tls": _ask_tls}
