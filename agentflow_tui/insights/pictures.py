"""One picture for a digest: bars as a PNG, without a library and without anything remote."""

import struct
import zlib
from collections.abc import Sequence

WIDTH, HEIGHT = 1104, 192
"""Twice the size at which it is shown, for sharp screens."""

_PALETTE = bytes((0x3D, 0x7F, 0xC4, 0xC5, 0x3D, 0x3D))
"""Bars above zero and below it; the background is transparent, for light and dark."""

_GAP = 0.2
_EMPTY = (1, 0, 0)
"""A column of pixels without a bar: first, last and colour of one."""


def bars(values: Sequence[float]) -> bytes:
    """A PNG of upright bars; those below zero hang, in another colour."""
    top, bottom = max([0.0, *values]), min([0.0, *values])
    span = (top - bottom) or 1.0
    zero = round((HEIGHT - 1) * top / span)
    step = WIDTH / max(1, len(values))
    columns: list[tuple[int, int, int]] = []
    for at, value in enumerate(values):
        end = round((HEIGHT - 1) * (top - value) / span)
        colour = 1 if value >= 0 else 2
        first, last = sorted((zero, end))
        for edge, column in ((_GAP / 2, _EMPTY), (1 - _GAP / 2, (first, last, colour))):
            columns += [column] * (round(step * (at + edge)) - len(columns))
    columns += [_EMPTY] * (WIDTH - len(columns))
    lines = []
    for y in range(HEIGHT):
        pixels = (colour if first <= y <= last else 0 for first, last, colour in columns[:WIDTH])
        lines.append(b"\0" + bytes(pixels).ljust(WIDTH, b"\0"))
    return _png(b"".join(lines))


def _png(lines: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", head),
            _chunk(b"PLTE", b"\xff\xff\xff" + _PALETTE),
            _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
