"""``api``: call an HTTP service, with a key from ``api_keys`` that is shown nowhere."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from agentflow_tui.steps.calls import Call, StepError
from agentflow_tui.steps.configs import PUBLIC
from agentflow_tui.steps.redaction import is_secret_name, place
from agentflow_tui.steps.results import LIMIT
from agentflow_tui.text import safe, size

if TYPE_CHECKING:
    import httpx

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]

LONGEST_WAIT = 3600.0
"""Seconds; a service that asks to be left alone for longer is asked again by then."""

_AGAIN = frozenset({404, 408, 409, 423, 425, 429})
"""Answers of the 4xx that a later attempt may change; the others stay what they are, and repeating
a refused sign-in locks accounts."""

_WORDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """One request. ``timeout`` is in seconds, for all of it; ``max_bytes`` bounds the body.

    ``expect`` lists the statuses that count as success; left out, any 2xx does. ``json`` is sent as
    JSON, ``body`` as it is. ``api_key`` names an active row of ``api_keys``, sent as a bearer token
    or, as it is, in the header ``api_key_header``.
    """

    url: str
    method: Method = "GET"
    headers: dict[str, str | int | float] | None = None
    query: dict[str, str | int | float | bool | list[str | int | float | bool] | None] | None = None
    json: Any = None
    body: str | None = None
    timeout: float = 30.0
    expect: int | list[int] | None = None
    max_bytes: int = LIMIT
    api_key: str | None = field(default=None, metadata=PUBLIC)
    api_key_header: str | None = field(default=None, metadata=PUBLIC)
    follow_redirects: bool = False

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

    def expects(self, status: int) -> bool:
        if self.expect is None:
            return 200 <= status < 300
        return status == self.expect if isinstance(self.expect, int) else status in self.expect


def make_client() -> "httpx.AsyncClient":
    """The client that all steps of a process share: connections are reused, redirects not followed
    unless a step says so, and nothing that a step sends is logged."""
    import httpx  # 60 ms that a worker without api steps never spends

    logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold whole URLs
    return httpx.AsyncClient(
        headers={"User-Agent": "agentflow"},
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
    )


async def request(call: Call[ApiConfig]) -> dict[str, Any]:
    """Send the request; the result is ``{status, headers, body}``, a body of JSON parsed.

    Raises `StepError` for an unexpected status, an answer that is too long, and for whatever keeps
    the service from answering.
    """
    import httpx

    config = call.config
    where = f"{config.method} {safe(place(config.url), 200)}"
    headers = {**_plain_headers(config, call.key), **await _key_header(call)}
    content = {"json": config.json} if config.json is not None else {"content": config.body}
    try:
        async with (
            asyncio.timeout(config.timeout),  # the client's own is for each read, and can add up
            call.services.http().stream(
                config.method,
                config.url,
                params=_without_nulls(config.query),
                headers=headers,
                timeout=config.timeout,
                follow_redirects=config.follow_redirects,
                **content,
            ) as response,
        ):
            body = await _body(response, config.max_bytes, where)
    except (httpx.TimeoutException, TimeoutError):
        raise StepError(f"{where} did not answer within {config.timeout:g} s.") from None
    except httpx.TooManyRedirects:
        raise StepError(f"{where} redirects in circles.", retry=False) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise StepError(
            f"{where} cannot be sent: its URL or headers are wrong.", retry=False
        ) from None
    except httpx.HTTPError as error:
        raise StepError(f"{where} failed: {_reason(error)}.") from None
    if not config.expects(response.status_code):
        raise _unexpected(where, response, body)
    return {
        "status": response.status_code,
        "headers": _public(response.headers),
        "body": _parsed(response, body),
    }


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


async def _body(response: "httpx.Response", limit: int, where: str) -> bytes:
    parts = []
    length = 0
    async for part in response.aiter_bytes():
        length += len(part)
        if length > limit:
            raise StepError(
                f"{where} answered with more than {size(limit)}. Ask for less at a time, "
                "or raise config.maxBytes.",
                retry=False,
            )
        parts.append(part)
    return b"".join(parts)


def _parsed(response: "httpx.Response", body: bytes) -> Any:
    if not body:
        return None
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):  # says JSON and is not; text is better than nothing
            return _text(response, body)
    return _text(response, body)


def _text(response: "httpx.Response", body: bytes) -> str:
    try:
        return body.decode(response.charset_encoding or "utf-8", "replace")
    except LookupError:  # a charset that does not exist
        return body.decode("utf-8", "replace")


def _public(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if not is_secret_name(name)}


def _unexpected(where: str, response: "httpx.Response", body: bytes) -> StepError:
    status = response.status_code
    words = safe(_text(response, body[:2000]).strip(), _WORDS)
    said = f": {words}" if words else "."
    return StepError(
        f"{where} answered {status} {safe(response.reason_phrase, 40)}".rstrip() + said,
        retry=not 400 <= status < 500 or status in _AGAIN,
        wait=_retry_after(response.headers.get("retry-after", "")),
    )


def _retry_after(value: str) -> float:
    """Seconds that the service asks for; a date is left to the step's own backoff."""
    return min(float(value), LONGEST_WAIT) if value.isdecimal() and value.isascii() else 0.0


def _reason(error: "httpx.HTTPError") -> str:
    """What went wrong, without what was sent: the cause's own words are about sockets and TLS."""
    return safe(str(error).partition("\n")[0], _WORDS) or type(error).__name__
