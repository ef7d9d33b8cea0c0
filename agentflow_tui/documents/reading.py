"""The value in a JSON column, or what is wrong with it in words."""

import json
import math
import re
from enum import StrEnum
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern
from agentflow_tui.text import size

LIMIT = 2_000_000
"""Characters up to which a document is parsed for the screen. Larger ones are shown as text."""

DEPTH = 100
"""Levels of nesting that are read; what people and programs write has fewer than twenty."""

_HEAD = 20_000
_ENCODINGS = 4


class NodeKind(StrEnum):
    """What a JSON value is."""

    OBJECT = "an object"
    LIST = "a list"
    TEXT = "text"
    NUMBER = "a number"
    FLAG = "true or false"
    NULL = "null"


def kind_of(value: object) -> NodeKind:
    """What kind of JSON value this is; the kind's own value names it in a sentence."""
    if value is None:
        return NodeKind.NULL
    return _KINDS.get(type(value), NodeKind.TEXT)


_KINDS = {
    dict: NodeKind.OBJECT,
    list: NodeKind.LIST,
    str: NodeKind.TEXT,
    int: NodeKind.NUMBER,
    float: NodeKind.NUMBER,
    bool: NodeKind.FLAG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One JSON column of one row.

    ``value`` is the parsed JSON, None where there is none; ``problem`` says in words what is wrong
    (the value may be there all the same, as with ``encoded twice``); ``text`` is the head of what
    could not be parsed, as it came; ``size`` counts the characters stored.
    """

    value: Any = None
    problem: str | None = None
    text: str = ""
    size: int = 0


def read(raw: str | bytes | None, limit: int = LIMIT) -> Document:
    """The document in a JSON or text column. Never raises, whatever was stored.

    Characters that no text column could hold (NUL, half a surrogate pair) are read as ``�``; of a
    key given twice the last counts, as in ``jsonb``; a number too large to hold stays text.
    """
    if raw is None:
        return Document()
    if len(raw) > limit:
        head = _text_of(raw[:_HEAD])
        return Document(problem=f"{size(len(raw))}, shown as text", text=head, size=len(raw))
    text = _text_of(raw).strip("\ufeff \t\r\n\0")
    if not text:
        return Document(size=len(raw))
    value, problem = _parse(text)
    for times in range(2, _ENCODINGS + 1):
        if not isinstance(value, str) or not value.lstrip().startswith(("[", "{", '"')):
            break
        inner, failure = _parse(value)
        if failure or not isinstance(inner, (dict, list, str)):
            break
        value, problem = inner, "encoded twice" if times == 2 else f"encoded {times} times"
    return Document(
        value=value, problem=problem, text=text[:_HEAD] if value is None else "", size=len(raw)
    )


def _text_of(raw: str | bytes) -> str:
    if isinstance(raw, str):
        if raw.isascii():
            return raw
        raw = raw.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "replace")


_ESCAPE = pattern(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|u(?P<unfit>0000|[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def _parse(text: str) -> tuple[Any, str | None]:
    if "\\u" in text:
        text = _ESCAPE.sub(lambda found: r"\ufffd" if found["unfit"] else found[0], text)
    try:
        value = _loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return None, f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} ({where})"
    except RecursionError:
        return None, f"nested more than {DEPTH} levels, shown as text"
    if text.count("[") + text.count("{") > DEPTH and _is_deeper(value, DEPTH):
        return None, f"nested more than {DEPTH} levels, shown as text"
    return value, None


def _loads(text: str) -> Any:
    try:
        return _USUAL.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer longer than Python is willing to convert
        return _LENIENT.decode(text)


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 400 else digits


_USUAL = json.JSONDecoder(strict=False, parse_constant=str, parse_float=_float)
_LENIENT = json.JSONDecoder(
    strict=False, parse_constant=str, parse_float=_float, parse_int=_integer
)


def _is_deeper(value: object, depth: int) -> bool:
    level: list[object] = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(outer, (dict, list)) for outer in level)
