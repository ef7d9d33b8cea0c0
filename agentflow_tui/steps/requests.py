"""``api``: call an HTTP service, with a key from ``api_keys`` that is shown nowhere."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Literal

from agentflow_tui.dataclass import dataclass
from agentflow_tui.steps.calls import Call, StepError
from agentflow_tui.steps.configs import PUBLIC, SERVICE, URL
from agentflow_tui.steps.http_answers import ENCODINGS, parsed, retry_after, text, whole_body
from agentflow_tui.steps.redaction import is_secret_name, place, redacted_text, without_passwords
from agentflow_tui.steps.results import LIMIT
from agentflow_tui.text import safe

if TYPE_CHECKING:
    import httpx

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]

MOST_REDIRECTS = 20
"""After so many it is a circle."""

_HARMLESS = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "host", "user-agent"}
)
"""Headers that another host gets, too, after a redirect."""

_AGAIN = frozenset({404, 408, 409, 423, 425, 429})
"""Answers of the 4xx that a later attempt may change; the others stay what they are, and repeating
a refused sign-in locks accounts."""

_WORDS = 200

_PYTHON = re.compile(r"^\[(?:Errno -?\d+|SSL(?:: \w+)?)\] | \(_\w+\.c:\d+\)$")
"""What Python puts around the words of the system: a number, a place in its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """One request. ``timeout`` is in seconds, for all of it; ``max_bytes`` bounds the body.

    ``expect`` lists the statuses that count as success; left out, any 2xx does. ``json`` is sent as
    JSON, ``body`` as it is where it is a text. One of JSON is AgentFlow's own, as is ``auth_type``,
    and answered as there. ``api_key`` names an active row of ``api_keys``, sent as a bearer token
    or, as it is, in the header ``api_key_header``.
    """

    url: str = field(metadata=URL)
    method: Method = "GET"
    headers: dict[str, str | int | float] | None = field(default=None, metadata=SERVICE)
    query: dict[str, str | int | float | bool | list[str | int | float | bool] | None] | None = (
        field(default=None, metadata=SERVICE)
    )
    json: Any = field(default=None, metadata=SERVICE)
    body: str | dict[str, Any] | list[Any] | None = field(default=None, metadata=SERVICE)
    timeout: float = 30.0
    expect: int | list[int] | None = None
    max_bytes: int = LIMIT
    api_key: str | None = field(default=None, metadata=PUBLIC)
    api_key_header: str | None = field(default=None, metadata=PUBLIC)
    follow_redirects: bool = False
    auth_type: str | None = field(default=None, metadata=PUBLIC)

    def __post_init__(self) -> None:
        if not self.url.lower().startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://")
        if not 0 < self.timeout <= 3600:
            raise ValueError("timeout must be more than 0 and at most 3600 seconds")
        if not 0 < self.max_bytes <= LIMIT:
            raise ValueError(f"maxBytes must be between 1 and {LIMIT}")
        if self.json is not None and self.body is not None:
            raise ValueError("body and json exclude each other")
        if self.api_key_header is not None and self.api_key is None:
            raise ValueError("apiKey is missing: apiKeyHeader only says where to put it")
        if self.api_key is not None and self.follow_redirects:
            raise ValueError("followRedirects would carry the apiKey to wherever the answer says")

    @property
    def is_agentflows(self) -> bool:
        """Whether it says in AgentFlow's own shape what is sent."""
        return isinstance(self.body, dict | list)

    def expects(self, status: int) -> bool:
        if self.expect is None:
            return 200 <= status < 300
        return status == self.expect if isinstance(self.expect, int) else status in self.expect


def make_client() -> "httpx.AsyncClient":
    """The client that all steps of a process share: connections are reused, cookies are not kept,
    and nothing that a step sends is logged."""
    import httpx  # 60 ms that a worker without api steps never spends

    logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold whole URLs
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        headers={"User-Agent": "agentflow", "Accept-Encoding": ENCODINGS},
        cookies=no_cookies,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
    )


async def request(call: Call[ApiConfig]) -> dict[str, Any]:
    """Send the request; the result is ``{status, headers, body}``, a body of JSON parsed. To a
    config in AgentFlow's shape it is ``{success, data, status, timestamp}``.

    Raises `StepError` for an unexpected status, an answer that is too long, and for whatever keeps
    the service from answering.
    """
    import httpx

    config = call.config
    where = f"{config.method} {safe(place(config.url), 200)}"
    headers = {**_plain_headers(config, call.key), **await _key_header(call)}
    content = _content(config)
    client = call.services.http()
    try:
        async with asyncio.timeout(config.timeout):  # the client's own is for each read
            first = client.build_request(
                config.method,
                config.url,
                params=_without_nulls(config.query),
                headers=headers,
                timeout=config.timeout,
                **content,
            )
            response = await _answer(client, first, where, follow=config.follow_redirects)
            try:
                body = await whole_body(response, config.max_bytes, where)
            finally:
                await response.aclose()
    except (httpx.TimeoutException, TimeoutError):
        raise StepError(f"{where} did not answer within {config.timeout:g} s.") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise StepError(
            f"{where} cannot be sent: its URL or headers are wrong.", retry=False
        ) from None
    except UnicodeError:
        raise StepError(
            f"{where} cannot be sent: its host, headers or body hold characters that no request "
            "can carry.",
            retry=False,
        ) from None
    except httpx.HTTPError as error:
        raise StepError(f"{where} failed: {_reason(error)}.") from None
    if not config.expects(response.status_code):
        raise _unexpected(where, response, body, call.now)
    if config.is_agentflows:
        return {
            "success": True,
            "data": parsed(response, body, where),
            "status": response.status_code,
            "timestamp": call.now.isoformat(),
        }
    return {
        "status": response.status_code,
        "headers": _public(response.headers),
        "body": parsed(response, body, where),
    }


def _content(config: ApiConfig) -> dict[str, Any]:
    """What is sent, as the client wants to be told."""
    if config.is_agentflows:
        return {"json": config.body}
    return {"json": config.json} if config.json is not None else {"content": config.body}


async def _answer(
    client: "httpx.AsyncClient", request: "httpx.Request", where: str, *, follow: bool
) -> "httpx.Response":
    """The answer, of which the body is not read yet, after the redirects. Another host is sent no
    header but harmless ones, and no body."""
    for _ in range(MOST_REDIRECTS + 1):
        response = await client.send(request, stream=True)
        if not follow or response.next_request is None:
            return response
        await response.aclose()
        following = response.next_request
        if _is_elsewhere(request.url, following.url):
            if following.headers.get("content-length", "0") != "0":
                raise StepError(
                    f"{where} redirects what it was sent to another host, "
                    f"{safe(following.url.host, 100)}. It is not sent there.",
                    retry=False,
                )
            for name in set(following.headers) - _HARMLESS:
                del following.headers[name]
        request = following
    raise StepError(f"{where} redirects in circles.", retry=False)


def _is_elsewhere(from_url: "httpx.URL", to_url: "httpx.URL") -> bool:
    """Whether a redirect leads to another host or port, or gives up encryption."""
    if from_url.host != to_url.host:
        return True
    if (from_url.scheme, to_url.scheme) == ("http", "https"):
        return (from_url.port, to_url.port) != (None, None)
    return (from_url.scheme, from_url.port) != (to_url.scheme, to_url.port)


def _without_nulls(query: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """None rather than nothing, which would take the query off the URL."""
    return {name: value for name, value in (query or {}).items() if value is not None} or None


def _plain_headers(config: ApiConfig, key: str) -> dict[str, str]:
    """The step's own headers, and the key by which a service knows a repeated request."""
    headers = {name: str(value) for name, value in (config.headers or {}).items()}
    unsafe = any("\r" in text or "\n" in text for pair in headers.items() for text in pair)
    if unsafe or not all(text.isascii() for text in (*headers, *headers.values())):
        raise StepError("config.headers holds a line break or is not ASCII.", retry=False)
    if config.method in ("POST", "PATCH") and "idempotency-key" not in map(str.lower, headers):
        headers["Idempotency-Key"] = key
    return headers


async def _key_header(call: Call[ApiConfig]) -> dict[str, str]:
    """The header with the API key; neither name nor value appears in the errors, for people
    mistake one for the other."""
    if call.config.api_key is None:
        return {}
    value = await call.services.api_key(call.config.api_key)
    if value is None:
        raise StepError(
            "config.apiKey names no active API key. See 'agentflow list api_keys'.", retry=False
        )
    value = value.strip()
    if not value or not value.isascii() or not value.isprintable():
        raise StepError("The API key's value cannot be sent in a header.", retry=False)
    call.secrets.append(value)
    if call.config.api_key_header is not None:
        return {call.config.api_key_header: value}
    return {"Authorization": f"Bearer {value}"}


def _public(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are no secret, without the passwords that a ``Location`` may hold."""
    return {
        name.lower(): without_passwords(value)
        for name, value in headers.items()
        if not is_secret_name(name)
    }


def _unexpected(where: str, response: "httpx.Response", body: bytes, now: datetime) -> StepError:
    status = response.status_code
    words = safe(redacted_text(text(response, body[:2000]).strip()), _WORDS)
    said = f": {words}" if words else "."
    return StepError(
        f"{where} answered {status} {safe(response.reason_phrase, 40)}".rstrip() + said,
        retry=not 400 <= status < 500 or status in _AGAIN,
        wait=retry_after(response, now),
    )


def _reason(error: "httpx.HTTPError") -> str:
    """What went wrong, without what was sent: the cause's own words are about sockets and TLS."""
    words = safe(_PYTHON.sub("", str(error).partition("\n")[0]), _WORDS).rstrip(".")
    return words or _SILENT.get(type(error).__name__, "the connection broke")


_SILENT = {
    "ConnectError": "no connection could be made",
    "ReadError": "the connection broke before the answer was whole",
    "RemoteProtocolError": "the service broke off, or does not speak HTTP",
    "WriteError": "the connection broke before the request was sent",
    "ProxyError": "the proxy made no connection",
}
"""What the client's errors mean when they say nothing themselves."""
