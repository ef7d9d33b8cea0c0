"""Bytes as text: base64, base64url and hex, with or without line breaks."""

import base64
import binascii
import re
from dataclasses import field
from enum import StrEnum

from agentflow_tui.dataclass import dataclass

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}")


class Encoding(StrEnum):
    """A way of writing bytes as text. ``BYTEA`` is PostgreSQL's own: ``\\x`` and hex digits."""

    BASE64 = "base64"
    BASE64URL = "base64url"
    HEX = "hex"
    BYTEA = "bytea"


@dataclass(frozen=True, slots=True)
class EncodedBytes:
    """Bytes that were read from text, with the encoding to write their successors in."""

    data: bytes = field(repr=False)
    encoding: Encoding = Encoding.BASE64

    def encode(self, data: bytes) -> str:
        """Other bytes as text, in this encoding."""
        match self.encoding:
            case Encoding.HEX:
                return data.hex()
            case Encoding.BYTEA:
                return "\\x" + data.hex()
            case Encoding.BASE64URL:
                return base64.urlsafe_b64encode(data).decode()
            case Encoding.BASE64:
                return base64.b64encode(data).decode()


def decode(text: str) -> tuple[EncodedBytes, ...]:
    """Every way to read a text as bytes, the likeliest first; empty where there is none.

    Hex digits are base64 as well, so one text may have two readings; the length of an IV or a tag,
    or the tag itself, tells which one was meant.
    """
    packed = "".join(text.split())
    if packed.startswith("\\x") and _HEX.fullmatch(packed[2:]):
        return (EncodedBytes(bytes.fromhex(packed[2:]), Encoding.BYTEA),)
    found = []
    if _HEX.fullmatch(packed):
        found.append(EncodedBytes(bytes.fromhex(packed), Encoding.HEX))
    if _BASE64.fullmatch(packed):
        standard = packed.rstrip("=").translate(str.maketrans("-_", "+/"))
        url = "-" in packed or "_" in packed
        try:
            data = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except binascii.Error:
            pass
        else:
            found.append(EncodedBytes(data, Encoding.BASE64URL if url else Encoding.BASE64))
    return tuple(found)


def decode_sized(text: str, sizes: tuple[int, ...]) -> EncodedBytes | None:
    """The reading of a text that has one of these numbers of bytes; None where none has."""
    return next((each for each in decode(text) if len(each.data) in sizes), None)
