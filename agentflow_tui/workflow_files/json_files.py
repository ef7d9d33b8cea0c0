"""JSON with the place of each value."""

import json
import math
import re
from bisect import bisect_right
from typing import Any

from agentflow_tui.workflow_files.nodes import DEPTH, BrokenFileError, TreeBuilder

DIGITS = 1000
"""Digits of the longest number that is read."""

_PIECE = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')
"""A bracket, a text, or a number or word. Only for what is known to be JSON."""


def read_json(text: str) -> TreeBuilder:
    """Read a file's JSON. Raises `BrokenFileError` for what is none."""
    _require_json(text)
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    builder = TreeBuilder()
    for piece in _PIECE.finditer(text):
        row = bisect_right(starts, piece.start())
        _take(builder, piece[0], row, piece.start() - starts[row - 1] + 1)
    return builder


def _require_json(text: str) -> None:
    try:
        json.loads(text, parse_int=len, parse_float=len)  # numbers are for later: they may be long
    except json.JSONDecodeError as error:
        said = f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise BrokenFileError(error.lineno, error.colno, said) from None
    except RecursionError:
        raise BrokenFileError(1, 1, f"this is nested more than {DEPTH} levels deep") from None


def _take(builder: TreeBuilder, piece: str, line: int, column: int) -> None:
    if piece in "{[":
        builder.begin(line, column, is_object=piece == "{")
    elif piece in "}]":
        builder.end()
    elif builder.wants_name:
        builder.name(json.loads(piece), line, column)
    else:
        builder.scalar(_value(builder, piece, line, column), line, column)


def _value(builder: TreeBuilder, piece: str, line: int, column: int) -> Any:
    if len(piece) > DIGITS and not piece.startswith('"'):
        builder.report(line, column, too_long())
        return None
    value = json.loads(piece)
    if isinstance(value, float) and not math.isfinite(value):
        is_word = not piece.lstrip("-")[0].isdecimal()
        builder.report(line, column, no_number(piece) if is_word else too_long())
        return None
    return value


def no_number(word: str) -> str:
    """What to say about infinity and what is no number."""
    return f"JSON has no number {word}: write null, or '{word}' in quotes"


def too_long() -> str:
    """What to say about a number that cannot be held."""
    return "this number is too large: write it as a text, in quotes"
