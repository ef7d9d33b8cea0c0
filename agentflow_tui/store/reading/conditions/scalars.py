"""Numbers, flags and times."""

import re
from decimal import Decimal

from agentflow_tui.errors import FilterError
from agentflow_tui.filters.terms import (
    FALSE,
    TRUE,
    Comparison,
    Condition,
    Flag,
    Number,
    Period,
    Relative,
)
from agentflow_tui.store.reading.conditions.columns import ConditionColumn, presence

LONGEST_NUMBER = 500
"""Characters up to which a text in a document counts as a number."""

_INT8 = range(-(2**63), 2**63)
_NUMBER = "[-+]?[0-9]+([.][0-9]+)?([eE][-+]?[0-9][0-9]?[0-9]?)?"
"""How a number is written in a text, for PostgreSQL as for Python."""


def number_in(text: str) -> Decimal | None:
    """The number that a text in a document stands for, None where it stands for none."""
    if len(text) > LONGEST_NUMBER or not re.fullmatch(_NUMBER, text):
        return None
    return Decimal(text)


def number_is(column: ConditionColumn, condition: Condition) -> list[str]:
    sign = "=" if condition.operator is Comparison.IS else condition.operator
    return presence(condition, f"{column.sql} IS NULL") + [
        _compares_number(column, sign, value.value)
        for value in condition.values
        if isinstance(value, Number)
    ]


def _compares_number(column: ConditionColumn, sign: str, number: Decimal) -> str:
    parameter = column.target.parameter
    if column.family != "integer":
        return numeric(column.text, sign, parameter(number, "numeric"))
    if number == number.to_integral_value() and int(number) in _INT8:
        return f"{column.sql} {sign} {parameter(int(number), 'bigint')}"
    return f"{column.sql}::numeric {sign} {parameter(number, 'numeric')}"


def numeric(sql: str, sign: str, number: str) -> str:
    """A text compared as the number it stands for; NULL where it stands for none."""
    is_number = f"length({sql}) <= {LONGEST_NUMBER} AND {sql} ~ '^{_NUMBER}$'"
    return f"CASE WHEN {is_number} THEN {sql}::numeric {sign} {number} END"


def flag_is(column: ConditionColumn, condition: Condition) -> list[str]:
    wanted = [value.on for value in condition.values if isinstance(value, Flag)]
    alternatives = presence(condition, f"{column.sql} IS NULL")
    for on in wanted:
        if column.family == "flag":
            alternatives.append(column.sql if on else f"NOT {column.sql}")
        else:
            words = column.target.parameter(sorted(TRUE if on else FALSE), "text[]")
            alternatives.append(f"lower({column.text}) = ANY({words})")
    return alternatives


def time_is(column: ConditionColumn, condition: Condition) -> list[str]:
    alternatives = presence(condition, f"{column.sql} IS NULL")
    for value in condition.values:
        match value:
            case Period():
                alternatives.append(_in_period(column, condition.operator, value))
            case Relative():
                alternatives.append(_at_distance(column, condition.operator, value))
            case _:
                pass
    return alternatives


def _moment(column: ConditionColumn) -> str:
    """The column as a time. A text that is no time is NULL."""
    if column.family in ("timestamp", "timestamptz"):
        return column.sql
    if column.target.server_version < 16:
        raise FilterError(
            f"{column.name} is kept as text in this database, and its times can be compared on "
            "PostgreSQL 16 or later only."
        )
    text = column.text
    return f"(CASE WHEN pg_input_is_valid({text}, 'timestamptz') THEN {text}::timestamptz END)"


def _bound(column: ConditionColumn, sql: str) -> str:
    """A moment in the type of the column: ``timestamp`` holds UTC."""
    return f"(({sql}) AT TIME ZONE 'UTC')" if column.family == "timestamp" else f"({sql})"


def _in_period(column: ConditionColumn, operator: Comparison, period: Period) -> str:
    moment = _moment(column)
    ends = operator in (Comparison.AT_MOST, Comparison.ABOVE)
    edge = period.end if ends else period.start
    bound = _bound(column, column.target.parameter(edge, "timestamptz"))
    match operator:
        case Comparison.BELOW | Comparison.AT_MOST:
            return f"{moment} < {bound}"
        case Comparison.ABOVE | Comparison.AT_LEAST:
            return f"{moment} >= {bound}"
        case _:
            end = _bound(column, column.target.parameter(period.end, "timestamptz"))
            return f"({moment} >= {bound} AND {moment} < {end})"


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _at_distance(column: ConditionColumn, operator: Comparison, value: Relative) -> str:
    moment = _moment(column)
    ahead = value.distance.ahead
    length = column.target.parameter(value.distance.length, "interval")
    far = _bound(column, f"now() {'+' if ahead else '-'} {length}")
    if operator is Comparison.IS:
        now = _bound(column, "now()")
        first, last = (now, far) if ahead else (far, now)
        return f"({moment} BETWEEN {first} AND {last})"
    return f"{moment} {operator if ahead else _MIRRORED[operator]} {far}"
