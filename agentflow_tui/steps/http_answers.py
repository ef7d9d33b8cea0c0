"""What an HTTP service answered: read whole or refused, decoded, parsed, and put into words."""

import json
import math
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

from agentflow_tui.steps.calls import StepError
from agentflow_tui.text import size

if TYPE_CHECKING:
    import httpx

ENCODINGS = "gzip, deflate"
"""What is asked for: the content codings of which the end can be told from the middle."""

LONGEST_WAIT = 3600.0
"""Seconds; a service that asks to be left alone for longer is asked again by then."""


_NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
"""Codecs of Python's that decode bytes and are no charset."""


class _Decoder(Protocol):
    def decode(self, part: bytes) -> Iterator[bytes]: ...

    @property
    def is_whole(self) -> bool: ...


class _Identity:
    is_whole = True

    def decode(self, part: bytes) -> Iterator[bytes]:
        yield part


class _Inflater:
    """Decodes gzip (several members, too) or deflate, a piece at a time: a small answer that swells
    is stopped at the limit before it fills the memory."""

    PIECE = 65_536

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16 if gzip else zlib.MAX_WBITS)
        self._begun = False

    @property
    def is_whole(self) -> bool:
        return self._inflate.eof or not self._begun

    def decode(self, part: bytes) -> Iterator[bytes]:
        while part:
            if self._inflate.eof:
                if not self._gzip:
                    return  # what follows belongs to nothing
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                yield self._inflate.decompress(part, self.PIECE)
            except zlib.error:
                if self._gzip or self._begun:
                    raise
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # deflate without its frame
                self._begun = True
                continue
            self._begun = True
            part = self._inflate.unconsumed_tail or self._inflate.unused_data


def _decoder(response: "httpx.Response", where: str) -> _Decoder:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return _Identity()
    if coding in ("gzip", "x-gzip", "deflate"):
        return _Inflater(gzip=coding != "deflate")
    raise StepError(
        f"{where} answered in the content coding '{coding[:40]}', which it was not asked for.",
        retry=False,
    )


async def whole_body(response: "httpx.Response", limit: int, where: str) -> bytes:
    """The decoded body. Raises `StepError` for one that is too long or ends in the middle, and what
    the client raises."""
    decoder = _decoder(response, where)
    parts: list[bytes] = []
    length = 0
    raw: AsyncIterator[bytes] = response.aiter_raw()
    try:
        async for part in raw:
            for piece in decoder.decode(part):
                length += len(piece)
                if length > limit:
                    raise StepError(
                        f"{where} answered with more than {size(limit)}. Ask for less at a time, "
                        "or raise config.maxBytes.",
                        retry=False,
                    )
                parts.append(piece)
    except zlib.error:
        raise StepError(f"{where} answered with a body that is not what its coding says.") from None
    if not decoder.is_whole:
        raise _cut(where)
    return b"".join(parts)


def _cut(where: str) -> StepError:
    return StepError(f"{where} answered with a body that ends in the middle.")


def parsed(response: "httpx.Response", body: bytes, where: str) -> Any:
    """The body: a JSON value where it says so, else text. Raises `StepError` for JSON that was cut
    off by the end of the connection."""
    if not body:
        return None
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    said = text(response, body)
    if kind != "application/json" and not kind.endswith("+json"):
        return said
    try:
        # Without a charset JSON tells by its first bytes which UTF it is in.
        return json.loads(said if response.charset_encoding else body)
    except (ValueError, RecursionError):  # says JSON and is not; text is better than nothing
        if _ends_with_connection(response):
            raise _cut(where) from None
        return said


def _ends_with_connection(response: "httpx.Response") -> bool:
    """Whether only the end of the connection says where the body ends, so that it may be cut."""
    headers = response.headers
    by_itself = "content-length" in headers or "transfer-encoding" in headers
    return not by_itself and response.http_version in ("HTTP/1.0", "HTTP/1.1")


def text(response: "httpx.Response", body: bytes) -> str:
    """The body as text, in the charset that it names; UTF-8 for one that cannot be used."""
    charset = response.charset_encoding or "utf-8"
    if charset.lower().replace("-", "_") in _NO_CHARSETS:
        charset = "utf-8"
    try:
        decoded = body.decode(charset, "replace")
    except (LookupError, ValueError):  # there is no such charset
        decoded = body.decode("utf-8", "replace")
    return decoded.removeprefix("\ufeff")


def retry_after(response: "httpx.Response", now: datetime) -> float:
    """Seconds for which the service asks to be left alone, by its own clock where it tells it."""
    asked = response.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdecimal():
        return min(float(asked), LONGEST_WAIT)
    until = _date(asked)
    if until is None:
        return 0.0
    seconds = (until - (_date(response.headers.get("date", "")) or now)).total_seconds()
    return min(max(0.0, math.ceil(seconds)), LONGEST_WAIT)


def _date(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
