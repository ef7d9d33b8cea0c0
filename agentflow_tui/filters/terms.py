"""The terms of a filter, and how they are written."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from agentflow_tui.dataclass import dataclass
from agentflow_tui.filters.times import Distance, written_distance
from agentflow_tui.patterns import pattern
from agentflow_tui.schema import Kind


class Comparison(StrEnum):
    """How a condition compares. ``!=`` is EXACTLY, negated."""

    IS = ":"
    EXACTLY = "="
    CONTAINS = "~"
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="


ORDERINGS = frozenset({Comparison.BELOW, Comparison.AT_MOST, Comparison.ABOVE, Comparison.AT_LEAST})


class Match(StrEnum):
    """How a text is looked for."""

    EXACT = "exact"
    FOLDED = "folded"
    """Upper and lower case are the same."""
    WORD = "word"
    """Folded, and a word that the column is known to take, spelled as AgentFlow writes it."""
    PATTERN = "pattern"
    """Folded, and ``*`` stands for any characters."""


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    match: Match = Match.FOLDED


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal


@dataclass(frozen=True, slots=True)
class Flag:
    on: bool


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` until before ``end``, as ``written``.

    ``until`` is when the writing begins to mean another period (``today`` does at midnight), None
    for a fixed one.
    """

    start: datetime
    end: datetime
    written: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Relative:
    """A distance from the moment the filter is applied, by the database's clock."""

    distance: Distance


@dataclass(frozen=True, slots=True)
class Presence:
    """With a value, or without one: NULL, and for texts the empty text."""

    present: bool


Value = Text | Number | Flag | Period | Relative | Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word to look for wherever the list is searched. ``pattern``: ``*`` is a wildcard."""

    text: str
    pattern: bool = False
    negated: bool = False

    def __str__(self) -> str:
        sign = "!" if self.negated else ""
        plain = self.pattern or not _WORD_NEEDS_QUOTES.search(self.text)
        return sign + (self.text if plain else quoted(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A field compared with any of some values.

    ``path`` leads into a JSON document; ``as_age`` says that ``age`` was written for ``field``.
    """

    field: str
    kind: Kind
    operator: Comparison
    values: tuple[Value, ...]
    path: tuple[str, ...] = ()
    negated: bool = False
    as_age: bool = False

    def __str__(self) -> str:
        sign = "-" if self.negated else ""
        name = "age" if self.as_age else self.field
        path = "".join("." + _segment(part) for part in self.path)
        colon = ":" if self.operator in ORDERINGS else ""
        values = ",".join(_written(value, self.operator) for value in self.values)
        return f"{sign}{name}{path}{colon}{self.operator}{values}"


Term = Word | Condition

TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
"""How flags are written, in a filter and in columns that are no booleans."""

HEAD = pattern(
    r"(?P<name>[^\W\d]\w*)"
    r"(?P<path>(?:\.(?:\"(?:[^\"\\]|\\.)*\"|[^\s.:~=<>!\",]*))*)"
    r"(?P<operator>:?(?:[<>!]=|[<>=])|[:~])",
    re.DOTALL,
)
"""How a condition begins: a name, the path into its document, the operator."""

TORN = pattern(r"[^\W\d]\w*(?:\.\S*)?\.\"")
"""What begins like a quoted path, but does not lead to an operator."""

LONE_OPERATOR = pattern(r":?(?:[<>!]=|[<>=])|[:~]")

_WORD_NEEDS_QUOTES = pattern(
    rf"^$|^[!\"-]|[\s*]|^(?:{LONE_OPERATOR.pattern})$|^(?:{TORN.pattern})"
    r"|^[^\W\d]\w*(?:\.(?:\"(?:[^\"\\]|\\.)*\"|[^\s.:~=<>!\",]*))*(?:[:~=<>]|!=)"
)
_VALUE_NEEDS_QUOTES = pattern(r"^[\"<>=!~]|[\s,*]|^(?i:any|none|null)$|^$")
_PLAIN_SEGMENT = pattern(r"[^\s.:~=<>!\",]+")


def quoted(text: str) -> str:
    """``text`` between quotes, as the language writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _segment(part: str) -> str:
    return part if _PLAIN_SEGMENT.fullmatch(part) else quoted(part)


def _written(value: Value, operator: Comparison) -> str:
    match value:
        case Text(text, Match.PATTERN):
            return text
        case Text(text):
            return quoted(text) if _VALUE_NEEDS_QUOTES.search(text) else text
        case Number(number):
            return f"{number:f}"
        case Flag(on):
            return "yes" if on else "no"
        case Period():
            return value.written
        case Relative(distance):
            return written_distance(distance)
        case Presence(present):
            return "any" if present else "none"
