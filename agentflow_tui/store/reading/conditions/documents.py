"""SQL that reads JSON columns without ever failing, whatever type they have and whatever they hold.

Documents are kept as ``jsonb``, ``json`` or text, some encoded twice, some broken. PostgreSQL 16
can be asked whether a text is valid (``pg_input_is_valid``); earlier servers cannot, and there only
``jsonb`` columns can be looked into.
"""

from agentflow_tui.errors import FilterError
from agentflow_tui.filters.terms import ORDERINGS, Comparison, Condition, Match
from agentflow_tui.store.reading.conditions.columns import (
    Compilation,
    ConditionColumn,
    presence,
    texts_in,
)
from agentflow_tui.store.reading.conditions.scalars import number_in, numeric
from agentflow_tui.store.reading.conditions.texts import text_is

DEEPEST = 5_000
"""Brackets within brackets up to which a text is parsed. The parser fails for good, not politely,
at some 10,000 with the usual ``max_stack_depth`` of 2 MB."""

FIRST_SAFE_VERSION = 16

_WHOLE = "ARRAY[]::text[]"


def json_is(column: ConditionColumn, condition: Condition) -> list[str]:
    if condition.path:
        return _part(column, condition)
    absent = is_null_document(column.sql, column.family)
    return presence(condition, absent) + text_is(column.target, column.text, condition)


def _part(column: ConditionColumn, condition: Condition) -> list[str]:
    target = column.target
    read = document(column.sql, column.family, target.server_version)
    if read is None:
        raise FilterError(
            f"{column.name} is kept as text in this database, and parts of it can be asked for on "
            f"PostgreSQL 16 or later only. Look in all of it with {column.name}~text."
        )
    part = f"({read} #>> {target.parameter(list(condition.path), 'text[]')})"
    if condition.operator in ORDERINGS:
        (wanted,) = texts_in(condition, Match.EXACT)
        return [_part_compares(target, part, condition.operator, wanted)]
    absent = f"({part} IS NULL OR {part} = '')"
    alternatives = presence(condition, absent) + text_is(target, part, condition)
    if condition.operator is Comparison.IS:
        numbers = [number_in(text) for text in texts_in(condition, Match.FOLDED)]
        wanted_numbers = [number for number in numbers if number is not None]
        if wanted_numbers:
            any_of = f"ANY({target.parameter(wanted_numbers, 'numeric[]')})"
            alternatives.append(numeric(part, "=", any_of))
    return alternatives


def _part_compares(target: Compilation, part: str, operator: Comparison, wanted: str) -> str:
    limit = number_in(wanted)
    if limit is not None:
        return numeric(part, operator, target.parameter(limit, "numeric"))
    return f'{part} COLLATE "C" {operator} {target.parameter(wanted, "text")}'


def document(sql: str, family: str, server_version: int) -> str | None:
    """The column ``sql`` as jsonb: the inner document where it was encoded twice, NULL where it is
    no JSON. ``family`` is ``jsonb`` or anything else that casts to text. None where this server
    cannot read it safely."""
    can_check = server_version >= FIRST_SAFE_VERSION
    if family == "jsonb":
        stored = f"{sql}::jsonb"
        return _unwrapped(stored) if can_check else f"({stored})"
    if not can_check:
        return None
    text = f"{sql}::text"
    return (
        f"(CASE WHEN {_is_json(text)} THEN "
        f"CASE WHEN ltrim({text}, E' \\t\\r\\n') LIKE '\"%' THEN {_unwrapped(f'{text}::jsonb')}"
        f" ELSE {text}::jsonb END END)"
    )


def is_null_document(sql: str, family: str) -> str:
    """Whether there is no document: NULL, JSON's null, or a text with nothing in it."""
    if family == "jsonb":
        return f"({sql} IS NULL OR jsonb_typeof({sql}::jsonb) = 'null')"
    return f"({sql} IS NULL OR btrim({sql}::text, E' \\t\\r\\n') IN ('', 'null'))"


def _unwrapped(document: str) -> str:
    inner = f"({document} #>> {_WHOLE})"
    return (
        f"(CASE WHEN jsonb_typeof({document}) = 'string' THEN "
        f"CASE WHEN {_is_json(inner)} THEN {inner}::jsonb ELSE {document} END"
        f" ELSE {document} END)"
    )


def _is_json(text: str) -> str:
    return (
        f"CASE WHEN length({text}) <= {DEEPEST} OR {_openings(text)} <= {DEEPEST}"
        f" OR {_openings(_without_leaves(text))} <= {DEEPEST}"
        f" THEN pg_input_is_valid({text}, 'jsonb') ELSE false END"
    )


def _openings(text: str) -> str:
    """How many brackets open; nothing can be nested deeper than that."""
    return f"(length({text}) - length(translate({text}, '[{{', '')))"


def _without_leaves(text: str) -> str:
    """Less the strings and, twice, the innermost brackets: a long list of flat objects has few
    openings left, and what is nested deep has nearly all."""
    bare = f"""regexp_replace({text}, '"([^"\\\\]|\\\\.)*"', '', 'g')"""
    leaf = "'[[{][^][{}]*[]}]'"
    return f"regexp_replace(regexp_replace({bare}, {leaf}, '', 'g'), {leaf}, '', 'g')"
