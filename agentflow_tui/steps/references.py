"""``{{steps.fetch.body.items}}``: values of earlier results inside a step's config.

A text that is one reference becomes the value itself, typed; inside a longer text a reference is
written out (text as it is, null as nothing, anything else as JSON). ``\\{{`` is not a reference:
the backslash goes, the braces stay.
What was filled in is data and is never looked through for further references.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote

from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import safe

_REFERENCE = re.compile(r"(\\)?\{\{(.*?)\}\}", re.DOTALL)
_SEGMENT = re.compile(r"""\.?(?:\[(-?\d+)\]|\["([^"\]]*)"\]|\['([^'\]]*)'\]|([^.\[\]"'\s]+))""")
_KEYS_NAMED = 8

CREDENTIALS = "credentials"
"""What references to secrets of the vault begin with."""

_AUTHORITY = re.compile(r"[^/?#]*://[^/?#]*")
"""The beginning of a URL up to somewhere in its host and port."""


class LostReferenceError(ValueError):
    """A reference that leads nowhere, in words."""


@dataclass(frozen=True, slots=True)
class StepResults:
    """What references and expressions see: ``steps`` by step id, and the whole ``context``.
    ``credentials``, by label, are seen by references alone."""

    steps: Mapping[str, Any]
    context: Mapping[str, Any]
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def roots(self) -> dict[str, Any]:
        return {"steps": self.steps, "context": self.context}


def has_references(value: Any) -> bool:
    """Whether anything in a JSON value, at any depth, is to be filled in (or unescaped)."""
    if isinstance(value, str):
        return "{{" in value and _REFERENCE.search(value) is not None
    if isinstance(value, dict):
        return any(has_references(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(has_references, value))


def holds_reference(text: str) -> bool:
    """Whether a text holds one that is not escaped."""
    return any(not found[1] for found in _REFERENCE.finditer(text))


def steps_named(value: Any) -> set[str]:
    """Ids of the steps whose results the references in a JSON value may hand on."""
    if isinstance(value, str):
        paths = [_SEGMENT.findall(found[2].strip()) for found in _REFERENCE.finditer(value)]
        return {
            next(filter(None, path[1]), "")
            for path in paths
            if len(path) > 1 and path[0][3] != CREDENTIALS
        }
    if isinstance(value, dict):
        return {name for pair in value.items() for part in pair for name in steps_named(part)}
    if isinstance(value, list):
        return {name for inner in value for name in steps_named(inner)}
    return set()


def secrets_named(value: Any) -> dict[str, set[str]]:
    """The labels of the credentials that references in a JSON value name, with the fields."""
    found: dict[str, set[str]] = {}
    for _, path in references_in(value):
        segments = [next(filter(None, each), "") for each in _SEGMENT.findall(path.strip())]
        if len(segments) > 1 and segments[0] == CREDENTIALS:
            found.setdefault(segments[1], set()).add(".".join(segments[2:]))
    return found


def references_in(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every reference in a JSON value that is not escaped: the path of the text that holds it, and
    what stands between its braces."""
    if isinstance(value, str):
        yield from ((where, found[2]) for found in _REFERENCE.finditer(value) if not found[1])
    elif isinstance(value, dict):
        for name, inner in value.items():
            at = f"{where}.{name}" if where else str(name)
            yield from references_in(name, at)
            yield from references_in(inner, at)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from references_in(inner, f"{where}[{place}]")


def fill(value: Any, results: StepResults, where: str = "") -> Any:
    """A copy of a JSON value with every reference in it replaced, in names of members, too.

    Raises `LostReferenceError`, whose path begins with ``where``.
    """
    if isinstance(value, str):
        return fill_text(value, results, where) if "{{" in value else value
    if isinstance(value, dict):
        return fill_members(value, results, where, lambda inner, at: fill(inner, results, at))
    if isinstance(value, list):
        return [fill(inner, results, f"{where}[{at}]") for at, inner in enumerate(value)]
    return value


def fill_members(
    members: Mapping[str, Any],
    results: StepResults,
    where: str,
    fill_value: Callable[[Any, str], Any],
) -> dict[str, Any]:
    """The members of an object, each filled in by ``fill_value`` (value, path). Raises
    `LostReferenceError`, also for two that get the same name."""
    filled: dict[str, Any] = {}
    for key, inner in members.items():
        name = written(fill_text(key, results, where)) if "{{" in key else key
        if name in filled:
            raise LostReferenceError(f"{where} gets two members named '{safe(name, 40)}'")
        filled[name] = fill_value(inner, f"{where}.{name}")
    return filled


def fill_text(text: str, results: StepResults, where: str = "") -> Any:
    """A text with its references replaced; the value itself where it is one reference and no more.

    Raises `LostReferenceError`.
    """
    try:
        whole = _REFERENCE.fullmatch(text.strip())
        if whole and not whole[1] and "{{" not in whole[2]:
            return find(whole[2], results)
        return _REFERENCE.sub(
            lambda found: found[0][1:] if found[1] else written(find(found[2], results)), text
        )
    except LostReferenceError as error:
        raise _at(where, error) from None


def fill_url(text: str, results: StepResults, where: str = "") -> str:
    """A URL with its references replaced. What is filled in is one piece of the URL, so its
    characters are encoded; only a reference at the very beginning is a URL or the start of one.

    Raises `LostReferenceError`.
    """

    def piece(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        value = written(find(found[2], results))
        if not text[: found.start()].strip():
            return value
        in_authority = _AUTHORITY.fullmatch(text[: found.start()]) is not None
        return quote(value, safe=":" if in_authority else "", errors="replace")

    try:
        return _REFERENCE.sub(piece, text)
    except LostReferenceError as error:
        raise _at(where, error) from None


def _at(where: str, error: LostReferenceError) -> LostReferenceError:
    return LostReferenceError(f"{where}: {error}") if where else error


def written(value: Any) -> str:
    """A value inside a text: text as it is, null as nothing, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def find(path: str, results: StepResults) -> Any:
    """The value at a path such as ``steps.fetch.body.items[0]["odd name"]``.

    Raises `LostReferenceError`, which says how far the path leads and what is there.
    """
    segments = path_segments(path)
    value: Any = results.roots()
    if segments[0] == CREDENTIALS:
        value[CREDENTIALS] = results.credentials
    walked = ""
    for segment in segments:
        try:
            value = _member(value, segment)
        except (KeyError, IndexError):
            raise LostReferenceError(_nowhere(path, walked, segment, value)) from None
        walked = f"{walked}.{segment}" if walked else segment
    return value


def path_segments(path: str) -> list[str]:
    """The parts of a reference's path. Raises `LostReferenceError` for what is none."""
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
    if walked == CREDENTIALS:
        return f"{reference}: the credential '{missing}' cannot be used here"
    if walked == "steps":
        return f"{reference}: no step '{missing}' has given a result yet"
    if walked.startswith(f"{CREDENTIALS}."):
        return f"{reference}: the credential has no '{missing}'"
    if isinstance(value, Mapping):
        names = [safe(str(key), 30) for key in list(value)[:_KEYS_NAMED]]
        more = ", …" if len(value) > _KEYS_NAMED else ""
        has = ", ".join(names) + more if names else "nothing"
        return f"{reference}: {safe(walked, 60)} has no '{missing}' (it has {has})"
    if isinstance(value, list):
        return f"{reference}: {safe(walked, 60)} has {len(value)} entries and no '{missing}'"
    return f"{reference}: {safe(walked, 60)} is a single value and has no '{missing}'"
