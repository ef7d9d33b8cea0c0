"""Completions of a filter: columns, operators, known words, flags, times and units."""

import re
from collections.abc import Iterable, Iterator

from agentflow_tui.dataclass import dataclass
from agentflow_tui.filters.terms import HEAD, ORDERINGS, Comparison, quoted
from agentflow_tui.filters.times import UNITS
from agentflow_tui.filters.vocabulary import AGE, Field, Vocabulary
from agentflow_tui.patterns import pattern
from agentflow_tui.schema import Kind, spelling

MOST = 40


@dataclass(frozen=True, slots=True)
class Completion:
    """Put ``insert`` in place of what stands from ``start`` to ``end``.

    ``label`` is for the list of choices and ``hint`` says what it means.
    """

    start: int
    end: int
    insert: str
    label: str
    hint: str


_TOKEN = pattern(r'(?:[^\s"]|"(?:[^"\\]|\\.)*(?:"|$))+', re.DOTALL)
_REST_OF_NAME = pattern(r"\w*")
_REST_OF_VALUE = pattern(r"[^\s,]*")
_PARTIAL_NAME = pattern(r"(?:[^\W\d]\w*)?")
_COUNT = pattern(r"\+?(?:[0-9]+[smhdw])*[0-9]+", re.IGNORECASE)

_HINTS = {
    Kind.TEXT: "text",
    Kind.ID: "id",
    Kind.JSON: "JSON, ask for a part of it",
    Kind.TIME: "time",
    Kind.FLAG: "yes or no",
    Kind.NUMBER: "number",
}

_OPERATORS: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.TEXT: ((":", "is, in any case"), ("~", "contains"), ("=", "is exactly")),
    Kind.ID: ((":", "is, or begins like this"), ("~", "contains"), ("=", "is exactly")),
    Kind.NUMBER: ((":", "is"), (":>", "more than"), (":<", "less than")),
    Kind.TIME: ((":", "is within"), (":>", "after, or longer ago"), (":<", "before, or newer")),
    Kind.FLAG: ((":", "is"),),
    Kind.JSON: ((".", "a part of it"), ("~", "contains"), (":", "none or any")),
}

_PRESENCES = (("none", "without a value"), ("any", "with a value"))
_MOMENTS = (
    ("today", "since midnight"),
    ("yesterday", "the day before"),
    ("tomorrow", "the day after"),
    ("now", "this moment"),
)
_LENGTHS = ("10m", "1h", "1d", "1w")
_LENGTHS_AGO = tuple((length, "") for length in _LENGTHS)
_AGES = tuple(
    (sign + length, meaning)
    for sign, meaning in ((">", "older"), ("<", "newer"))
    for length in _LENGTHS
)
_TIMES = (
    *_MOMENTS,
    *((length, "ago") for length in _LENGTHS),
    *((f"+{length}", "ahead") for length in _LENGTHS),
)
_VALUES: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.FLAG: (("yes", ""), ("no", "")),
    Kind.NUMBER: ((">", "more than"), ("<", "less than"), (">=", ""), ("<=", "")),
    Kind.TIME: (
        *_MOMENTS,
        (">1h", "longer ago than an hour"),
        ("<1h", "in the last hour, or ahead"),
        ("<+1h", "before an hour from now"),
    ),
}


def complete(text: str, cursor: int, vocabulary: Vocabulary) -> list[Completion]:
    """The completions that fit at the cursor, best first; none inside quotes. Never raises."""
    cursor = min(max(cursor, 0), len(text))
    start = _token_start(text, cursor)
    if start is None:
        return []
    if text[start:cursor].startswith(("!", "-")):
        start += 1
    head = HEAD.match(text, start)
    if head and head.end() <= cursor:
        found = _values(text, cursor, head, vocabulary)
    else:
        found = _names(text, start, cursor, vocabulary)
    return [completion for completion, _ in zip(found, range(MOST), strict=False)]


def _token_start(text: str, cursor: int) -> int | None:
    """Where the token begins that the cursor stands in or behind; None inside quotes."""
    tokens = list(_TOKEN.finditer(text, 0, cursor))
    if not tokens or tokens[-1].end() < cursor:
        return cursor
    token = tokens[-1]
    quotes = re.findall(r'\\.|"', token[0], re.DOTALL)
    return None if quotes.count('"') % 2 else token.start()


def _names(text: str, start: int, cursor: int, vocabulary: Vocabulary) -> Iterator[Completion]:
    partial = text[start:cursor]
    if not _PARTIAL_NAME.fullmatch(partial):
        return
    end = _end_of(_REST_OF_NAME, text, cursor)
    fields = [field for field in vocabulary.fields if not field.secret]
    named = _beginning_with(spelling(partial), fields, vocabulary)
    if HEAD.match(text, start) is not None:  # the operator is there already
        yield from (Completion(start, end, name, name, _hint(name, field)) for name, field in named)
        return
    for field in fields:
        if partial and spelling(field.name) == spelling(partial):
            yield from _operators(field, start, end)
    for name, field in named:
        sign = "." if field.kind is Kind.JSON else ":"
        yield Completion(start, end, name + sign, name, _hint(name, field))
    if partial:
        yield from _conditions(partial.lower(), fields, start, end)


def _end_of(rest: re.Pattern[str], text: str, cursor: int) -> int:
    """Where what the cursor stands in ends."""
    found = rest.match(text, cursor)
    return found.end() if found else cursor


def _operators(field: Field, start: int, end: int) -> Iterator[Completion]:
    for sign, hint in _OPERATORS[field.kind]:
        written = field.name + sign
        yield Completion(start, end, written, written, hint)


def _beginning_with(
    wanted: str, fields: list[Field], vocabulary: Vocabulary
) -> Iterator[tuple[str, Field]]:
    """Names that begin with what is written, then those that have it later."""
    names = [(field.name, field) for field in fields]
    age = vocabulary.find(vocabulary.age) if vocabulary.age else None
    if age is not None and vocabulary.means_age(AGE):
        names.append((AGE, age))
    yield from ((n, f) for n, f in names if spelling(n).startswith(wanted))
    if len(wanted) > 1:
        yield from ((n, f) for n, f in names if wanted in spelling(n)[1:])


def _conditions(partial: str, fields: list[Field], start: int, end: int) -> Iterator[Completion]:
    """Whole conditions for a known word: ``fai`` offers ``status:failed``."""
    for field in fields:
        for word in field.words:
            if word.startswith(partial):
                written = f"{field.name}:{word}"
                yield Completion(start, end, written, written, field.name)


def _hint(name: str, field: Field) -> str:
    if name == AGE and field.name != AGE:
        return f"how long since {field.name}"
    return ", ".join(field.words) or _HINTS[field.kind]


def _values(
    text: str, cursor: int, head: re.Match[str], vocabulary: Vocabulary
) -> Iterator[Completion]:
    as_age = vocabulary.means_age(head["name"])
    field = vocabulary.find((as_age and vocabulary.age) or head["name"])
    start = text.rfind(",", head.end(), cursor) + 1 or head.end()
    partial = text[start:cursor].lower()
    if field is None or field.secret or partial.startswith('"'):
        return
    end = _end_of(_REST_OF_VALUE, text, cursor)
    taken = {item.lower() for item in text[head.end() : start].split(",")}
    for value, hint in _choices(field, head, partial, as_age=as_age):
        if value.lower().startswith(partial) and value not in taken:
            yield Completion(start, end, value, value, hint)


def _choices(
    field: Field, head: re.Match[str], partial: str, *, as_age: bool
) -> Iterable[tuple[str, str]]:
    """Values with their meaning; they are still to be compared with what is written."""
    operator = Comparison(head["operator"].removeprefix(":").replace("!=", "=") or ":")
    if field.kind is Kind.TIME and _COUNT.fullmatch(partial):
        return ((partial + unit, name) for unit, name in UNITS.items())
    if as_age:
        return _LENGTHS_AGO if operator in ORDERINGS else _AGES
    if operator in ORDERINGS:
        return _TIMES if field.kind is Kind.TIME else ()
    words = [(_insertable(word), field.name) for word in field.words]
    if operator is Comparison.CONTAINS:
        return words
    return (*words, *(() if head["path"] else _VALUES.get(field.kind, ())), *_PRESENCES)


def _insertable(word: str) -> str:
    return word if re.fullmatch(r"[\w-]+", word) else quoted(word)
