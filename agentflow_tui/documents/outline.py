"""Documents as people read them: one line, headed paragraphs, or a tree that folds.

All text that comes out of here is harmless; none of it is meant for acting on.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import field
from itertools import islice
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents.reading import Document, NodeKind, kind_of
from agentflow_tui.patterns import pattern
from agentflow_tui.schema import spelling
from agentflow_tui.text import ELLIPSIS, NOTHING, number, plural, safe, safe_lines

LINES = 500
"""Lines that one section of :func:`readable` has at most."""

SECTIONS = 100
"""Sections that :func:`readable` gives at most."""

_LEVELS = 4
_MEMBERS = 8
_BRIEF = 60

_TITLES = (
    *("title", "headline", "summary", "subject", "message", "name", "label", "insight"),
    *("description", "recommendation", "text", "content", "error", "reason"),
)
_FIRST = (
    *("title", "headline", "summary", "description", "insight", "message", "text", "content"),
    *("finding", "findings", "analysis", "impact", "recommendation", "recommendations"),
    *("actions", "actionitems", "nextsteps", "metrics"),
)


def headline(document: Document, limit: int = 200) -> str:
    """The one line that says most: a title, a summary or a message, else the first values."""
    if document.value is None:
        return safe(document.text.lstrip().partition("\n")[0], limit)
    return safe(_headline(document.value, _LEVELS, limit), limit)


def _headline(value: Any, levels: int, limit: int) -> str:
    if levels and isinstance(value, list) and value:
        more = f" (+{number(len(value) - 1)})" if len(value) > 1 else ""
        return _headline(value[0], levels - 1, limit - len(more)) + more
    if not isinstance(value, dict):
        return preview(value, limit)
    title = _title(value)
    if title:
        return safe(title.partition("\n")[0], limit)
    if levels and len(value) == 1:
        return _headline(next(iter(value.values())), levels - 1, limit)
    return preview(value, limit)


def _title(members: dict[str, Any]) -> str:
    """The member that says what an object is about; ``""`` where none does."""
    texts = (members.get(key) for key in _TITLES)
    return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")


def preview(value: object, limit: int = 200) -> str:
    """Any JSON value in one line: ``{id: 42, items: [3], …}``."""
    if isinstance(value, dict):
        members = [f"{safe(key, _BRIEF)}: {_brief(v)}" for key, v in _few(value.items())]
        return safe("{" + ", ".join(members + _rest(value)) + "}", limit)
    if isinstance(value, list):
        return safe("[" + ", ".join([*map(_brief, _few(value)), *_rest(value)]) + "]", limit)
    return safe(_word(value), limit)


def _few(members: Any) -> Iterator[Any]:
    return islice(members, _MEMBERS)


def _rest(members: dict[str, Any] | list[Any]) -> list[str]:
    return [ELLIPSIS] if len(members) > _MEMBERS else []


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{number(len(value))}}}" if value else "{}"
    if isinstance(value, list):
        return f"[{number(len(value))}]" if value else "[]"
    return safe(_word(value), _BRIEF)


def _word(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (``""`` for none) and its text, which may have several lines."""

    heading: str
    text: str


def readable(document: Document) -> list[Section]:
    """A document as headed paragraphs: what it says first, then its numbers, then the rest.

    What is not JSON is one section of plain text. Nested values are indented lines, four levels
    deep; a section ends after :data:`LINES` lines.
    """
    value = document.value
    if value is None:
        text = "\n".join(safe_lines(document.text, LINES))
        return [Section("", text)] if text else []
    if not isinstance(value, dict):
        return [Section("", _paragraphs(value))]
    order = {name: index for index, name in enumerate(_FIRST)}
    keys = sorted(value, key=lambda key: order.get(spelling(key), len(order)))
    sections = [Section(heading(key), _paragraphs(value[key])) for key in keys[:SECTIONS]]
    if len(keys) > SECTIONS:
        sections.append(
            Section("", f"{ELLIPSIS} and {plural(len(keys) - SECTIONS, 'more', 'more')}")
        )
    return sections


_WORD_BREAK = pattern(r"(?<=[a-z0-9])(?=[A-Z])|[\s_.\-]+")


def heading(key: str) -> str:
    """``keyMetrics`` and ``key_metrics`` as ``Key metrics``; ``ROI`` stays ``ROI``."""
    words = [word for word in _WORD_BREAK.split(safe(key, _BRIEF)) if word]
    words = [word if len(word) > 1 and word.isupper() else word.lower() for word in words]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _paragraphs(value: Any) -> str:
    lines = list(islice(_lines(value, _LEVELS), LINES + 1))
    return "\n".join([*lines[:LINES], ELLIPSIS] if len(lines) > LINES else lines)


def _lines(value: Any, levels: int) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value and levels:
        pairs = (
            ((f"{heading(key)}: ", inner) for key, inner in value.items())
            if isinstance(value, dict)
            else (("- ", inner) for inner in value)
        )
        for label, inner in pairs:
            yield from _labelled(label, inner, levels - 1)
    elif isinstance(value, (dict, list)):
        yield preview(value) if value else NOTHING
    else:
        yield from safe_lines(_word(value), LINES)


def _labelled(label: str, value: Any, levels: int) -> Iterator[str]:
    """Lines under a label: a list's dash stays on the first one, a name stands above several."""
    lines = _lines(value, levels)
    if label != "- " and isinstance(value, (dict, list)) and value and levels:
        yield label.rstrip()
    else:
        yield label + next(lines, "")
    for line in lines:
        yield "  " + line


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One line of a document's tree.

    ``key`` is the member's name or the position in a list, as stored, None for a document that is
    a single value; ``label`` and ``preview`` are harmless text; ``children`` counts the members.
    """

    key: str | int | None
    depth: int
    kind: NodeKind
    value: Any = field(repr=False)
    parent: "Node | None" = field(default=None, repr=False)

    @property
    def label(self) -> str:
        return "" if self.key is None else safe(str(self.key), _BRIEF)

    @property
    def preview(self) -> str:
        return preview(self.value)

    @property
    def children(self) -> int:
        return len(self.value) if isinstance(self.value, (dict, list)) else 0

    @property
    def path(self) -> str:
        """Where the value is, as the filter language writes it: ``customer.ids[2]."odd key"``."""
        parts: list[str] = []
        node: Node | None = self
        while node is not None and node.key is not None:
            if isinstance(node.key, int):
                parts.append(f"[{node.key}]")
            else:
                name = node.key if _NAME.fullmatch(node.key) else json.dumps(node.key)
                parts.append(f".{name}")
            node = node.parent
        return "".join(reversed(parts)).removeprefix(".")


_NAME = pattern(r"[A-Za-z_][A-Za-z0-9_]*")


def walk(document: Document, is_open: Callable[[Node], bool] | None = None) -> Iterator[Node]:
    """The lines of a document's tree, top down, made as they are taken.

    ``is_open`` says whether a node's members follow it; without it everything is open. Take as many
    as are shown: a document of a million values costs what is taken from it, at any depth.
    """
    value = document.value
    if not isinstance(value, (dict, list)):
        if value is not None or document.text:
            value = document.text if value is None else value
            yield Node(key=None, depth=0, kind=kind_of(value), value=value)
        return
    open_nodes: list[tuple[Node | None, Iterator[tuple[str | int, Any]]]] = [(None, _pairs(value))]
    while open_nodes:
        parent, pairs = open_nodes[-1]
        pair = next(pairs, None)
        if pair is None:
            open_nodes.pop()
            continue
        key, value = pair
        node = Node(
            key=key, depth=len(open_nodes) - 1, kind=kind_of(value), value=value, parent=parent
        )
        yield node
        if isinstance(value, (dict, list)) and (is_open is None or is_open(node)):
            open_nodes.append((node, _pairs(value)))


def _pairs(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str | int, Any]]:
    return iter(value.items()) if isinstance(value, dict) else enumerate(value)
