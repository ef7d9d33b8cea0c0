"""Header fields of a message: one line in, standards-conforming folded bytes-to-be out.

RFC 5322 (format), 2047 (words outside ASCII), 2231 (parameters outside ASCII), 6532 (UTF-8 as it
is, only in messages that need SMTPUTF8 anyway). Whatever goes in, no line break comes out but the
folding made here, so no value can start a header of its own.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote

LINE = 76
"""Characters after which a header is folded (RFC 5322 asks for at most 78)."""

# What could end or forge a line becomes a space; direction overrides, which make "gpj.exe" of
# "exe.jpg", go; half surrogate pairs cannot be encoded.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_WORD_BYTES = 45  # base64 of it, with "=?utf-8?B?" and "?=" around, stays within RFC 2047's 75


def one_line(text: str) -> str:
    """``text`` without line breaks, controls, direction overrides and outer blanks."""
    if not (text.isascii() and text.isprintable()):
        text = _BREAKS.sub(" ", text)
        text = _OVERRIDES.sub("", text)
        text = _SURROGATES.sub("\ufffd", text)
    return text.strip()


def unstructured(name: str, text: str, *, utf8: bool = False) -> str:
    """``Subject`` and the like: one whole header field without its final line break."""
    text = one_line(text)
    plain = "=?" not in text and (utf8 or text.isascii())
    if plain and len(name) + len(text) <= LINE - 2:
        return f"{name}: {text}"
    if plain and len(text.encode()) < 800 and "  " not in text:
        return f"{name}: {_folded(text, len(name) + 2)}"
    return f"{name}: {encoded_words(text)}"


def _folded(text: str, column: int) -> str:
    """Broken before single spaces only, so that unfolding gives the same text back."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and column + len(line) + 1 + len(word) > LINE:
            lines.append(line)
            line, column = word, 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def encoded_words(text: str) -> str:
    """``text`` as RFC 2047 encoded words, one a line; readers join them again without blanks."""
    return "\r\n ".join(f"=?utf-8?B?{b64encode(part).decode()}?=" for part in _parts(text))


def _parts(text: str) -> Iterator[bytes]:
    """UTF-8 in pieces that never cut a character in two."""
    whole = text.encode()
    if len(whole) <= _WORD_BYTES:
        yield whole
        return
    piece = bytearray()
    for character in text:
        encoded = character.encode()
        if len(piece) + len(encoded) > _WORD_BYTES:
            yield bytes(piece)
            piece.clear()
        piece += encoded
    yield bytes(piece)


@lru_cache(maxsize=10_000)
def phrase(name: str, *, utf8: bool = False) -> str:
    """A display name as it may stand before ``<address>``: atoms, quoted, or encoded words."""
    name = one_line(name)
    if "=?" in name or len(name) > LINE - 20 or not (utf8 or name.isascii()):
        return encoded_words(name[:300])
    if _ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def listed(name: str, items: list[str]) -> str:
    """``To`` and the like: items separated by commas, folded between items."""
    line = ", ".join(items)
    if len(name) + len(line) <= LINE - 2 and "\r\n" not in line:
        return f"{name}: {line}"
    return f"{name}: " + ",\r\n ".join(items)


def parameter(name: str, value: str) -> str:
    """``; name=value`` of a Content header, each piece on its own line.

    Quoted where it is plain ASCII; else percent-encoded UTF-8 by RFC 2231, in numbered pieces
    where it is long.
    """
    value = one_line(value)
    if value.isascii() and len(value) <= LINE - len(name) - 5:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n {name}="{escaped}"'
    room = LINE - len(name) - 16
    pieces = [""]
    for character in value:
        encoded = quote(character, safe="")
        if len(pieces[-1]) + len(encoded) > room:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f";\r\n {name}*=utf-8''{pieces[0]}"
    first, *others = pieces
    numbered = [f";\r\n {name}*0*=utf-8''{first}"]
    numbered += [f";\r\n {name}*{n}*={piece}" for n, piece in enumerate(others, 1)]
    return "".join(numbered)
