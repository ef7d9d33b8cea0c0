"""Texts and ids: equality, patterns, beginnings of UUIDs."""

from agentflow_tui.filters.identifiers import uuid_prefix, uuid_range
from agentflow_tui.filters.terms import Comparison, Condition, Match, Text, Word
from agentflow_tui.store.reading.conditions.columns import (
    Compilation,
    ConditionColumn,
    presence,
    texts_in,
)

SHORTEST_ID = 4
"""Characters that the beginning of an id has at least, where a whole one is meant else."""

_UUID = "'^[0-9A-Fa-f]+-[0-9A-Fa-f]+-[0-9A-Fa-f]+-[0-9A-Fa-f]+-[0-9A-Fa-f]+$'"


def string_is(column: ConditionColumn, condition: Condition) -> list[str]:
    empty = f"{column.sql} IS NULL OR {column.text} = ''"
    is_lower = column.name in column.target.lower_case
    return presence(condition, f"({empty})") + text_is(
        column.target, column.text, condition, is_lower=is_lower
    )


def text_is(
    target: Compilation, sql: str, condition: Condition, *, is_lower: bool = False
) -> list[str]:
    """A text that is, fits or contains one of the condition's texts; ``is_lower`` where it has no
    capitals."""
    contained = condition.operator is Comparison.CONTAINS
    served = {Match.EXACT, Match.WORD} if target.words_as_written else {Match.EXACT}
    if condition.negated:  # no index serves it, and what it leaves out must be left out whole
        served = {Match.EXACT}
    alternatives = []
    exact = texts_in(condition, *served)
    if is_lower and not contained:
        served.add(Match.FOLDED)
        exact += [text.lower() for text in texts_in(condition, Match.FOLDED)]
    if exact:
        alternatives.append(_equals_any(target, sql, exact, "text"))
    patterns = [
        like(value.value, pattern=value.match is Match.PATTERN, contained=contained)
        for value in condition.values
        if isinstance(value, Text) and value.match not in served
    ]
    if patterns:
        alternatives.append(f"{sql} ILIKE ANY({target.parameter(patterns, 'text[]')})")
    return alternatives


def _equals_any(target: Compilation, sql: str, values: list[str], type_: str) -> str:
    if len(values) == 1:
        return f"{sql} = {target.parameter(values[0], type_)}"
    return f"{sql} = ANY({target.parameter(values, type_ + '[]')})"


def id_is(column: ConditionColumn, condition: Condition) -> list[str]:
    if condition.operator is Comparison.CONTAINS:
        return text_is(column.target, column.text, condition)
    absent = f"{column.sql} IS NULL"
    if column.family == "text":
        absent = f"({absent} OR {column.text} = '')"
    fitting = [
        like(text, pattern=True, contained=False) for text in texts_in(condition, Match.PATTERN)
    ]
    alternatives = presence(condition, absent)
    if fitting:
        parameter = column.target.parameter(fitting, "text[]")
        alternatives.append(f"{column.text} ILIKE ANY({parameter})")
    is_uuid = column.family == "uuid"
    return alternatives + (_uuid_is if is_uuid else _text_id_is)(column, condition)


def _meant(condition: Condition) -> list[tuple[Text, str]]:
    """The ids that are asked for, each with what it is the beginning of, if that is a UUID."""
    return [
        (value, uuid_prefix(value.value) or "")
        for value in condition.values
        if isinstance(value, Text) and value.match is not Match.PATTERN
    ]


def _uuid_is(column: ConditionColumn, condition: Condition) -> list[str]:
    whole: dict[str, None] = {}
    alternatives: list[str] = []
    for value, prefix in _meant(condition):
        if len(prefix) == 36:
            whole[prefix] = None
        elif prefix and value.match is Match.FOLDED:
            alternatives += _between(column, prefix)
    if whole:
        alternatives.append(_equals_any(column.target, column.sql, list(whole), "uuid"))
    return alternatives


def is_beginning(value: Text, *, as_written: bool) -> bool:
    """Whether a text is taken for the beginning of UUIDs that are kept as texts."""
    prefix = uuid_prefix(value.value) if value.match is Match.FOLDED else None
    shortest = SHORTEST_ID if as_written else 1
    return prefix is not None and shortest <= len(prefix) < 36


def _text_id_is(column: ConditionColumn, condition: Condition) -> list[str]:
    """Ids kept as text: equality for the index, and the beginnings of those that are UUIDs."""
    equal: dict[str, None] = {}
    beginnings: dict[str, None] = {}
    for value, prefix in _meant(condition):
        equal[value.value] = None
        if len(prefix) == 36:
            equal |= {prefix: None, prefix.upper(): None}
        elif is_beginning(value, as_written=column.target.words_as_written):
            beginnings[prefix + "%"] = None
    alternatives = []
    if equal:
        alternatives.append(_equals_any(column.target, column.text, list(equal), "text"))
    if beginnings:
        starts = column.target.parameter(list(beginnings), "text[]")
        alternatives.append(
            f"({column.text} ILIKE ANY({starts}) AND length({column.text}) = 36"
            f" AND {column.text} ~ {_UUID})"
        )
    return alternatives


def id_begins(column: ConditionColumn, word: Word) -> list[str]:
    """An id that begins with the word."""
    parameter = column.target.parameter
    if word.pattern:
        pattern = like(word.text + "*", pattern=True, contained=False)
        return [f"{column.text} ILIKE {parameter(pattern, 'text')}"]
    prefix = uuid_prefix(word.text)
    if column.family == "uuid":
        return _between(column, prefix) if prefix else []
    starts = dict.fromkeys(start for start in (word.text, prefix) if start)
    patterns = [escaped(start) + "%" for start in starts]
    return [f"{column.text} ILIKE ANY({parameter(patterns, 'text[]')})"]


def _between(column: ConditionColumn, prefix: str) -> list[str]:
    """UUIDs that begin with the prefix are a range, which the primary key's index serves."""
    lowest, highest = uuid_range(prefix)
    parameter = column.target.parameter
    if lowest == highest:
        return [f"{column.sql} = {parameter(lowest, 'uuid')}"]
    return [f"{column.sql} BETWEEN {parameter(lowest, 'uuid')} AND {parameter(highest, 'uuid')}"]


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def like(text: str, *, pattern: bool, contained: bool) -> str:
    """The LIKE pattern for a text in which, where it is a ``pattern``, ``*`` is a wildcard."""
    wanted = escaped(text)
    if pattern:
        wanted = wanted.replace("*", "%")
    return f"%{wanted}%" if contained else wanted
