"""Text parts of a message: line ends, transfer encoding, alternatives.

Everything that leaves is seven-bit, so no relay has to offer 8BITMIME: ASCII as it is,
mostly-ASCII as quoted-printable, the rest as base64 (RFC 2045).
"""

import re
from base64 import encodebytes
from binascii import b2a_qp
from functools import lru_cache
from hashlib import blake2s

LONGEST_LINE = 998
"""Bytes of one line without its end (RFC 5322 2.1.1)."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ASCII = bytes(range(128))


@lru_cache(maxsize=64)
def text_part(text: str, kind: str) -> bytes:
    """A whole ``text/KIND`` part: its two headers, an empty line, the encoded body.

    Ends with a line break. Remembered, because the mails of one campaign share their body.
    """
    encoding, body = _encoded(with_lf(text))
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}'
    return b"%b\r\n\r\n%b" % (head.encode(), body)


def with_lf(text: str) -> str:
    """``text`` with ``\\n`` as its only line end, one at its end, and encodable."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = _SURROGATES.sub("\ufffd", text)
    return text if text.endswith("\n") else text + "\n"


def _encoded(text: str) -> tuple[str, bytes]:
    raw = text.encode()
    short = len(raw) <= LONGEST_LINE or max(map(len, raw.split(b"\n"))) <= LONGEST_LINE
    if short and text.isascii() and not _CONTROLS.search(text):
        return "7bit", raw.replace(b"\n", b"\r\n")
    if len(raw.translate(None, _ASCII)) * 6 > len(raw):
        return "base64", encodebytes(raw).replace(b"\n", b"\r\n")
    return "quoted-printable", b2a_qp(raw, istext=True).replace(b"\n", b"\r\n")


def multipart(subtype: str, parts: list[bytes], seed: str) -> bytes:
    """Parts put together as ``multipart/SUBTYPE``: header, empty line, parts, end.

    ``seed`` makes the boundary the same in every attempt at the same mail.
    """
    boundary = _boundary(subtype, parts, seed)
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    mark = b"--" + boundary.encode()
    pieces = [head]
    for part in parts:
        pieces += (mark, b"\r\n", part, b"\r\n")  # the last line end belongs to the mark
    pieces += (mark, b"--\r\n")
    return b"".join(pieces)


def _boundary(subtype: str, parts: list[bytes], seed: str) -> str:
    """``=_`` cannot occur in quoted-printable or base64; plain text is searched for it."""
    number = 0
    while True:
        digest = blake2s(f"{number} {subtype} {seed}".encode(), digest_size=12).hexdigest()
        if not any(digest.encode() in part for part in parts):
            return f"=_{digest}"
        number += 1
