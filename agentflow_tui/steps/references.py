"""``{{steps.fetch.body.items}}``: values of earlier results inside a step's config.

A text that is one reference becomes the value itself, typed; inside a longer text a reference is
written out (text as it is, null as nothing, anything else as JSON). ``\\{{`` is not a reference.
What was filled in is data and is never looked through for further references.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentflow_tui.text import safe

_REFERENCE = re.compile(r"(\\)?\{\{(.*?)\}\}", re.DOTALL)
_SEGMENT = re.compile(r"""\.?(?:\[(-?\d+)\]|\["([^"\]]*)"\]|\['([^'\]]*)'\]|([^.\[\]"'\s]+))""")
_KEYS_NAMED = 8


class LostReferenceError(ValueError):
    """A reference that leads nowhere, in words."""


@dataclass(frozen=True, slots=True)
class StepResults:
    """What references and expressions see: ``steps`` by step id, and the whole ``context``."""

    steps: Mapping[str, Any]
    context: Mapping[str, Any]

    def roots(self) -> dict[str, Any]:
        return {"steps": self.steps, "context": self.context}


def has_references(value: str) -> bool:
    """Whether anything in a text is to be filled in (or unescaped)."""
    return "{{" in value and _REFERENCE.search(value) is not None


def fill(value: Any, results: StepResults) -> Any:
    """A copy of a JSON value with every reference in it replaced. Raises `LostReferenceError`."""
    if isinstance(value, str):
        return _fill_text(value, results) if "{{" in value else value
    if isinstance(value, dict):
        return {key: fill(inner, results) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, results) for inner in value]
    return value


def _fill_text(text: str, results: StepResults) -> Any:
    whole = _REFERENCE.fullmatch(text.strip())
    if whole and not whole[1] and "{{" not in whole[2]:
        return find(whole[2], results)

    return _REFERENCE.sub(
        lambda found: found[0][1:] if found[1] else written(find(found[2], results)), text
    )


def written(value: Any) -> str:
    """A value inside a text: text as it is, null as nothing, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def find(path: str, results: StepResults) -> Any:
    """The value at a path such as ``steps.fetch.body.items[0]["odd name"]``.

    Raises `LostReferenceError`, which says how far the path leads and what is there.
    """
    segments = _segments(path)
    value: Any = results.roots()
    walked = ""
    for segment in segments:
        try:
            value = _member(value, segment)
        except (KeyError, IndexError):
            raise LostReferenceError(_nowhere(path, walked, segment, value)) from None
        walked = f"{walked}.{segment}" if walked else segment
    return value


def _segments(path: str) -> list[str]:
    path = path.strip()
    segments = []
    at = 0
    while at < len(path):
        match = _SEGMENT.match(path, at)
        if match is None:
            break
        segments.append(next(group for group in match.groups() if group is not None))
        at = match.end()
    if at < len(path) or not segments:
        raise LostReferenceError(
            f"{{{{{safe(path, 80)}}}}} is not a reference; one looks like {{{{steps.fetch.body}}}}"
        )
    return segments


def _member(value: Any, segment: str) -> Any:
    if isinstance(value, Mapping):
        return value[segment]
    if isinstance(value, list) and segment.lstrip("-").isdecimal():
        return value[int(segment)]
    raise KeyError(segment)


def _nowhere(path: str, walked: str, segment: str, value: Any) -> str:
    reference = f"{{{{{safe(path.strip(), 80)}}}}} leads nowhere"
    missing = safe(segment, 40)
    if not walked:
        return f"{reference}: it must begin with 'steps.' or 'context.'"
    if walked == "steps":
        return f"{reference}: no step '{missing}' has given a result yet"
    if isinstance(value, Mapping):
        names = [safe(str(key), 30) for key in list(value)[:_KEYS_NAMED]]
        more = ", …" if len(value) > _KEYS_NAMED else ""
        has = ", ".join(names) + more if names else "nothing"
        return f"{reference}: {safe(walked, 60)} has no '{missing}' (it has {has})"
    if isinstance(value, list):
        return f"{reference}: {safe(walked, 60)} has {len(value)} entries and no '{missing}'"
    return f"{reference}: {safe(walked, 60)} is a single value and has no '{missing}'"
