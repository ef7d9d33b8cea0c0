"""What a filter means, decided in Python for one row: the referee of the conditions in SQL.

Each function of this module states the meaning that `agentflow_tui.store.reading.conditions`
compiles; tests compare the two on random rows.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from agentflow_tui.filters.filter import Filter
from agentflow_tui.filters.identifiers import uuid_prefix
from agentflow_tui.filters.terms import (
    FALSE,
    ORDERINGS,
    TRUE,
    Comparison,
    Condition,
    Flag,
    Match,
    Number,
    Period,
    Presence,
    Relative,
    Term,
    Text,
    Value,
    Word,
)
from agentflow_tui.filters.vocabulary import Field
from agentflow_tui.schema import Kind
from agentflow_tui.store.reading.conditions.scalars import number_in

_UUID = re.compile(r"[0-9A-Fa-f]+(-[0-9A-Fa-f]+){4}")
_HALF = re.compile(r"[\ud800-\udfff]")
_INDEX = re.compile(r"[ \t\n\r\f\v]*([-+]?[0-9]+)")

_COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.IS: lambda left, right: left == right,
    Comparison.BELOW: lambda left, right: left < right,
    Comparison.AT_MOST: lambda left, right: left <= right,
    Comparison.ABOVE: lambda left, right: left > right,
    Comparison.AT_LEAST: lambda left, right: left >= right,
}


def matches(wanted: Filter, row: Mapping[str, object], now: datetime) -> bool:
    """Whether one row is wanted, decided as the database decides it.

    ``row`` has values by field name, a missing one counting as NULL: texts and ids as ``str``
    (or UUID), times as aware datetimes, JSON as the text it is stored as or already parsed.
    """
    return all(matches_term(term, wanted.searched, row, now) for term in wanted.terms)


def depends_on_time(wanted: Filter) -> bool:
    """Whether rows enter and leave as time passes, without changing."""
    return any(
        isinstance(value, Relative) or (isinstance(value, Period) and value.until is not None)
        for term in wanted.terms
        if isinstance(term, Condition)
        for value in term.values
    )


def matches_term(
    term: Term, searched: tuple[Field, ...], row: Mapping[str, object], now: datetime
) -> bool:
    """Whether the term holds for the row; without a value nothing holds but its negation."""
    if isinstance(term, Word):
        found = any(_word_in(term, field, row.get(field.name)) for field in searched)
        return found != term.negated
    holds = _HOLDS[term.kind]
    stored = row.get(term.field)
    return any(holds(term, value, stored, now) for value in term.values) != term.negated


def contains(stored: str, wanted: str, *, pattern: bool) -> bool:
    """Whether ``wanted`` is somewhere in ``stored``, in any case; ``pattern``: with wildcards."""
    return like(stored, f"*{wanted}*") if pattern else wanted.lower() in stored.lower()


def like(stored: str, pattern: str) -> bool:
    """Whether all of ``stored`` fits a pattern in which ``*`` stands for any characters, in any
    case. Takes time in proportion to the two lengths, whatever the pattern."""
    text = stored.lower()
    first, *middle = pattern.lower().split("*")
    if not middle:
        return text == first
    last = middle.pop()
    if not text.startswith(first):
        return False
    position = len(first)
    for piece in middle:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return len(text) - len(last) >= position and text.endswith(last)


def looks_like_uuid(stored: str) -> bool:
    """Whether a text could be a UUID: 36 characters in five groups of hexadecimal digits."""
    return len(stored) == 36 and _UUID.fullmatch(stored) is not None


def _word_in(word: Word, field: Field, stored: object) -> bool:
    if stored is None:
        return False
    if field.kind is not Kind.ID:
        return contains(_raw(stored), word.text, pattern=word.pattern)
    if word.pattern:
        return like(str(stored), word.text + "*")
    starts = (word.text.lower(), uuid_prefix(word.text) or word.text.lower())
    return str(stored).lower().startswith(starts)


def _text_holds(condition: Condition, value: Value, stored: object, now: datetime) -> bool:
    if isinstance(value, Presence):
        return (stored not in (None, "")) == value.present
    if stored is None or not isinstance(value, Text):
        return False
    return _text_is(condition.operator, value, str(stored))


def _text_is(operator: Comparison, value: Text, stored: str) -> bool:
    if operator is Comparison.CONTAINS:
        return contains(stored, value.value, pattern=value.match is Match.PATTERN)
    match value.match:
        case Match.EXACT:
            return stored == value.value
        case Match.FOLDED | Match.WORD:
            return stored.lower() == value.value.lower()
        case Match.PATTERN:
            return like(stored, value.value)


def _id_holds(condition: Condition, value: Value, stored: object, now: datetime) -> bool:
    if not isinstance(value, Text) or stored is None:
        return _text_holds(condition, value, stored, now)
    if condition.operator is Comparison.CONTAINS or value.match is Match.PATTERN:
        return _text_is(condition.operator, value, str(stored))
    return _id_is(str(stored), value)


def _id_is(stored: str, value: Text) -> bool:
    """An id is meant by all of it, or by the beginning of a UUID; a whole UUID in either case."""
    if stored == value.value:
        return True
    prefix = uuid_prefix(value.value)
    if prefix is None:
        return False
    if len(prefix) == 36:
        return stored in (prefix, prefix.upper())
    is_start = value.match is not Match.EXACT
    return is_start and looks_like_uuid(stored) and stored.lower().startswith(prefix)


def _number_holds(condition: Condition, value: Value, stored: object, now: datetime) -> bool:
    if isinstance(value, Presence):
        return (stored is not None) == value.present
    number = None if stored is None else number_in(str(stored))
    if number is None or not isinstance(value, Number):
        return False
    return _COMPARE[condition.operator](number, value.value)


def _flag_holds(condition: Condition, value: Value, stored: object, now: datetime) -> bool:
    if isinstance(value, Presence):
        return (stored is not None) == value.present
    if stored is None or not isinstance(value, Flag):
        return False
    return str(stored).lower() in (TRUE if value.on else FALSE)


def _time_holds(condition: Condition, value: Value, stored: object, now: datetime) -> bool:
    if isinstance(value, Presence):
        return (stored is not None) == value.present
    if not isinstance(stored, datetime):
        return False
    moment = stored if stored.tzinfo else stored.replace(tzinfo=UTC)
    match value:
        case Period():
            return _in_period(condition.operator, value, moment)
        case Relative():
            return _at_distance(condition.operator, value, moment, now)
        case _:
            return False


def _in_period(operator: Comparison, period: Period, moment: datetime) -> bool:
    match operator:
        case Comparison.BELOW:
            return moment < period.start
        case Comparison.AT_MOST:
            return moment < period.end
        case Comparison.ABOVE:
            return moment >= period.end
        case Comparison.AT_LEAST:
            return moment >= period.start
        case _:
            return period.start <= moment < period.end


def _at_distance(operator: Comparison, value: Relative, moment: datetime, now: datetime) -> bool:
    length, ahead = value.distance.length, value.distance.ahead
    if operator is Comparison.IS:
        first, last = (now, now + length) if ahead else (now - length, now)
        return first <= moment <= last
    far = moment - now if ahead else now - moment
    return _COMPARE[operator](far, length)


def _document_holds(condition: Condition, value: Value, stored: object, now: datetime) -> bool:
    if condition.path:
        return _part_holds(condition.operator, value, part(stored, condition.path))
    if isinstance(value, Presence):
        has = stored is not None and _raw(stored).strip(" ") not in ("", "null")
        return has == value.present
    if stored is None or not isinstance(value, Text):
        return False
    return _text_is(condition.operator, value, _raw(stored))


def _part_holds(operator: Comparison, value: Value, stored: str | None) -> bool:
    if isinstance(value, Presence):
        return (stored not in (None, "")) == value.present
    if stored is None or not isinstance(value, Text):
        return False
    if operator in ORDERINGS:
        return _part_compares(operator, value.value, stored)
    if operator is Comparison.IS and value.match is Match.FOLDED:
        wanted = number_in(value.value)
        if wanted is not None and number_in(stored) == wanted:
            return True
    return _text_is(operator, value, stored)


def _part_compares(operator: Comparison, wanted: str, stored: str) -> bool:
    """Numbers compare with numbers only; other texts by their characters, which suits ISO dates."""
    limit = number_in(wanted)
    if limit is None:
        return _COMPARE[operator](stored, wanted)
    number = number_in(stored)
    return number is not None and _COMPARE[operator](number, limit)


def part(stored: object, path: tuple[str, ...]) -> str | None:
    """The part of a JSON document that a path leads to, as text; None where there is none.

    A document that was encoded twice is read as the one inside; what is no JSON has no parts.
    """
    document = stored
    for _ in range(2):
        if isinstance(document, str):
            document = _read(document)
    for step in path:
        document = _step(document, step)
    return _part_text(document)


class _Unreadable:
    """What is no JSON."""


def _read(text: str) -> object:
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
        return document if "\\u" not in text or _is_storable(document) else _Unreadable()
    except (ValueError, RecursionError):
        return _Unreadable()


def _is_storable(document: object) -> bool:
    """No text of the database holds NUL or half a character, though JSON can spell them."""
    match document:
        case str():
            return "\0" not in document and not _HALF.search(document)
        case list():
            return all(map(_is_storable, document))
        case dict():
            return all(map(_is_storable, (*document, *document.values())))
        case _:
            return True


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _step(document: object, step: str) -> object:
    if isinstance(document, Mapping):
        return document.get(step)
    index = _INDEX.fullmatch(step)
    if isinstance(document, list) and index and len(step) < 12:
        position = int(index[1])
        if -len(document) <= position < len(document):
            return document[position]
    return None


def _part_text(document: object) -> str | None:
    if document is None or isinstance(document, _Unreadable):
        return None
    if isinstance(document, str):
        return document
    if isinstance(document, Decimal):
        return f"{document.copy_abs() if document == 0 else document:f}"
    return _encoded(document)


def _raw(stored: object) -> str:
    return stored if isinstance(stored, str) else _encoded(stored)


def _encoded(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, default=str)


_HOLDS: dict[Kind, Callable[[Condition, Value, object, datetime], bool]] = {
    Kind.TEXT: _text_holds,
    Kind.ID: _id_holds,
    Kind.NUMBER: _number_holds,
    Kind.TIME: _time_holds,
    Kind.FLAG: _flag_holds,
    Kind.JSON: _document_holds,
}
