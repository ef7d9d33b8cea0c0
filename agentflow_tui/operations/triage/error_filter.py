"""The filter language on kinds of errors, which are counted here and stand in no table."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from agentflow_tui.filters import (
    Comparison,
    Condition,
    Field,
    Filter,
    Flag,
    Match,
    Number,
    Period,
    Presence,
    Relative,
    Term,
    Text,
    Value,
    Vocabulary,
    Word,
    parse,
)
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.operations.triage.issue_state import IssueMode
from agentflow_tui.schema import Kind

_VALUES: Mapping[str, tuple[Kind, Callable[[ErrorGroup], Any]]] = {
    "key": (Kind.TEXT, lambda group: group.key),
    "label": (Kind.TEXT, lambda group: group.label),
    "tables": (Kind.TEXT, lambda group: group.sources),
    "total": (Kind.NUMBER, lambda group: group.total),
    "first": (Kind.TIME, lambda group: group.first),
    "last": (Kind.TIME, lambda group: group.last),
    "new": (Kind.FLAG, lambda group: group.is_new),
    "back": (Kind.FLAG, lambda group: group.is_back),
    "needsAttention": (Kind.FLAG, lambda group: not group.quiet),
    "state": (Kind.TEXT, lambda group: str(group.state.mode) or None),
    "by": (Kind.TEXT, lambda group: group.state.by or None),
    "until": (Kind.TIME, lambda group: group.state.until),
}

_WORDS = {"state": tuple(str(mode) for mode in IssueMode if mode)}

VOCABULARY = Vocabulary(
    tuple(
        Field(name=name, kind=kind, words=_WORDS.get(name, ()), searched=name in {"key", "label"})
        for name, (kind, _) in _VALUES.items()
    ),
    age="last",
)
"""What a filter on kinds of errors may speak of; ``age`` is the time since the last one."""

_ORDERED: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.BELOW: lambda left, right: left < right,
    Comparison.AT_MOST: lambda left, right: left <= right,
    Comparison.ABOVE: lambda left, right: left > right,
    Comparison.AT_LEAST: lambda left, right: left >= right,
}


def read_error_filter(text: str, *, now: datetime, zone: tzinfo) -> Filter:
    """A filter on kinds of errors. Raises `FilterError`."""
    return parse(text, VOCABULARY, now=now, tz=zone)


def matches(wanted: Filter, group: ErrorGroup, now: datetime) -> bool:
    """Whether a kind of error is one of those that a filter wants."""
    return all(_holds(term, group, now) != term.negated for term in wanted.terms)


def _holds(term: Term, group: ErrorGroup, now: datetime) -> bool:
    if isinstance(term, Word):
        return any(
            _contains(text, term.text, pattern=term.pattern) for text in (group.key, group.label)
        )
    stored = _VALUES[term.field][1](group)
    several = stored if isinstance(stored, tuple) else (stored,)
    return any(_is(term, value, each, now) for value in term.values for each in several)


def _is(condition: Condition, value: Value, stored: Any, now: datetime) -> bool:
    if isinstance(value, Presence):
        return (stored is not None) == value.present
    if stored is None:
        return False
    match value:
        case Text():
            return _is_text(condition.operator, value, stored)
        case Number(number):
            ordered = _ORDERED.get(condition.operator)
            return bool(stored == number) if ordered is None else ordered(stored, number)
        case Flag(on):
            return bool(stored) is on
        case Period():
            return _in_period(condition.operator, value, stored)
        case Relative():
            return _at_distance(condition.operator, value, stored, now)


def _is_text(operator: Comparison, value: Text, stored: str) -> bool:
    pattern = value.match is Match.PATTERN
    if operator is Comparison.CONTAINS:
        return _contains(stored, value.value, pattern=pattern)
    if pattern:
        return _like(stored, value.value)
    if value.match is Match.EXACT:
        return stored == value.value
    return stored.casefold() == value.value.casefold()


def _contains(stored: str, wanted: str, *, pattern: bool) -> bool:
    return _like(stored, f"*{wanted}*") if pattern else wanted.casefold() in stored.casefold()


def _like(stored: str, pattern: str) -> bool:
    """Whether a text fits a pattern in which ``*`` stands for any characters, in any case."""
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*?".join(parts), stored, re.IGNORECASE | re.DOTALL) is not None


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
    far = moment - now if ahead else now - moment
    if operator in _ORDERED:
        return _ORDERED[operator](far, length)
    return far <= length and (far.total_seconds() >= 0)
