"""A step's result as the JSON text that is stored, or a clear word on why it cannot be."""

import json
from typing import Any

from agentflow_tui.steps.calls import StepError
from agentflow_tui.text import is_storable, number, size, storable

LIMIT = 1_048_576
"""Characters of JSON that one step's result may have: a result is kept in the workflow's row, read
whenever the workflow is, and no place for a file."""

DEPTH = 80
"""Levels of nesting; the reader of JSON columns follows a hundred, and the context adds some."""

NODES = 500_000
"""Values in one result. Counted before it is written out, because a value that contains another
one twice, and so on, is small in memory and endless on paper."""

JOURNAL_LIMIT = 16_384
"""Characters of a result that are repeated in the journal; a longer one is summed up there."""

_PREVIEW = 2_000

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_PLAIN = frozenset({bool, int, float, type(None)})


class ResultError(StepError):
    """A result that cannot be stored. The step did its work; trying again would only repeat it."""

    def __init__(self, message: str):
        super().__init__(f"The step's result {message}", retry=False)


def pack(result: Any) -> str:
    """A result as JSON text that every PostgreSQL JSON type takes. Raises `ResultError`.

    Characters that no text column can hold (NUL, half a surrogate pair) become ``�``.
    """
    if not _weigh(result):
        result = _mended(result)
    try:
        text = _encode(result)
    except TypeError:
        raise ResultError("holds something that JSON cannot, such as a date or bytes.") from None
    except ValueError:
        raise ResultError("holds a number that JSON cannot, such as NaN or infinity.") from None
    if len(text) > LIMIT:
        raise ResultError(
            f"is {size(len(text))}; up to {size(LIMIT)} is kept. Pick out what later steps need."
        )
    return text


def _weigh(result: Any) -> bool:
    """Whether all text in it can be stored as it is. Raises `ResultError` for what is too big."""
    if type(result) in _PLAIN:
        return True
    clean = True
    nodes = 0
    level = [result]
    for _ in range(DEPTH):
        inner: list[Any] = []
        for value in level:
            if type(value) in _PLAIN:
                continue
            if isinstance(value, str):
                clean = clean and is_storable(value)
            elif isinstance(value, dict):
                clean = all(map(_is_storable_key, value)) and clean
                inner.extend(value.values())
            elif isinstance(value, (list, tuple)):
                inner.extend(value)
        nodes += len(inner)
        if nodes > NODES:
            raise ResultError(f"has more than {number(NODES)} values. Pick out what is needed.")
        if not inner:
            return clean
        level = inner
    raise ResultError(f"is nested more than {DEPTH} levels deep.")


def _is_storable_key(key: object) -> bool:
    if not isinstance(key, str):
        raise ResultError("has a key that is not text.")
    return is_storable(key)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): _mended(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(inner) for inner in value]
    return value


def for_journal(packed: str) -> str:
    """What the journal keeps of a result: all of it, or its size and its beginning."""
    if len(packed) <= JOURNAL_LIMIT:
        return packed
    kept = {"truncated": True, "characters": len(packed), "beginning": packed[:_PREVIEW]}
    return json.dumps(kept, ensure_ascii=False)
