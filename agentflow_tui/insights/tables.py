"""A report's table as the analyses see it: columns with a role, and groups of rows."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.personal_data.columns import personal_columns


class ColumnRole(StrEnum):
    """What can be done with a column."""

    SUM = "sum"
    """Figures that add up: money, units, leads."""
    LEVEL = "level"
    """Figures that do not add up and have a mean: ages, days, minutes, scores."""
    RATE = "rate"
    """Ratios, which are never averaged."""
    DIMENSION = "dimension"
    TIME = "time"
    OTHER = "other"


_NO_FIGURE = re.compile(
    r"#|\b(id|ids|no|nr|num|number|stock|vin|deal|zip|year|yr|month|week|quarter|phone|account)\b",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b(age|days?|hours?|minutes?|mins?|seconds?|miles|mileage|odometer|term|score|rating|avg"
    r"|average|mean|median|per|supply|turn|rank|position|response|time)\b|dayson|days_on",
    re.IGNORECASE,
)
_RATE = re.compile(r"%|\b(pct|percent\w*|rate|ratio|share|apr|roi)\b", re.IGNORECASE)
_PERSONAL = re.compile(
    r"\b(customer|buyer|name|first|last|e-?mail|phone|mobile|address|street|city|note|notes"
    r"|comment|comments|vin|stock|description|vehicle|url|title)\b|#",
    re.IGNORECASE,
)
_PERSON_AT_WORK = re.compile(
    r"\b(rep|sales ?person|salesperson|advisor|manager|store)\b", re.IGNORECASE
)
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")

NUMERIC = frozenset({"integer", "number", "money", "percent"})
MOST_VALUES = 40
"""Different values up to which a column of text divides the rows into groups."""


def words_of(name: str) -> str:
    """``daysOnLot`` and ``days_on_lot`` as ``days on lot``."""
    return _WORD_BREAK.sub(" ", name).lower()


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its type is one of those in a report's metadata."""

    name: str
    type: str
    role: ColumnRole
    values: Sequence[Any]
    empty: int


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of rows: their number, or the sum or the mean of a column's values.

    ``unit`` is ``money``, ``count``, ``number`` or ``percent``.
    """

    name: str
    how: str
    unit: str
    column: TableColumn | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        return f"{self.how}({self.name})"

    @property
    def label(self) -> str:
        """What the figure is called in a sentence."""
        if self.how == "count":
            return f"number of {self.name}"
        return f"average {self.name}" if self.how == "mean" else self.name


ROWS = Metric("rows", "count", "count")
Subject = tuple[tuple[str, str], ...]
"""The rows that something is about: pairs of a column and its value; empty for all of them."""


def subject_words(subject: Subject) -> str:
    """``Web, Used`` for the rows of a source and a kind."""
    return ", ".join(value for _, value in subject)


@dataclass(frozen=True)
class ReportTable:
    """The columns of a report, each with its role."""

    columns: tuple[TableColumn, ...]
    count: int

    @cached_property
    def dimensions(self) -> tuple[TableColumn, ...]:
        return tuple(c for c in self.columns if c.role is ColumnRole.DIMENSION)

    @cached_property
    def figures(self) -> tuple[TableColumn, ...]:
        return tuple(c for c in self.columns if c.role in (ColumnRole.SUM, ColumnRole.LEVEL))

    @cached_property
    def time(self) -> TableColumn | None:
        """The column that says when: the first of those with the fewest empty cells."""
        times = [c for c in self.columns if c.role is ColumnRole.TIME]
        return min(times, key=lambda c: c.empty, default=None)

    @cached_property
    def days(self) -> tuple[date | None, ...]:
        """The day of each row; empty where no column says when."""
        return tuple(map(day_of, self.time.values)) if self.time is not None else ()

    @cached_property
    def groups(self) -> Mapping[str, Mapping[str, list[int]]]:
        """The rows of each value of each dimension, largest groups first."""
        found: dict[str, dict[str, list[int]]] = {}
        for column in self.dimensions:
            rows: dict[str, list[int]] = {}
            for at, value in enumerate(column.values):
                if value is not None and value != "":
                    rows.setdefault(str(value), []).append(at)
            order = sorted(rows, key=lambda value: (-len(rows[value]), value))
            found[column.name] = {value: rows[value] for value in order}
        return found

    def column(self, name: str) -> TableColumn | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)

    def find(self, *patterns: str, roles: Sequence[ColumnRole] = ()) -> TableColumn | None:
        """The first column whose name, in words, matches the earliest of these expressions."""
        for pattern in patterns:
            for column in self.columns:
                if re.search(pattern, words_of(column.name)) and (
                    not roles or column.role in roles
                ):
                    return column
        return None


_LOOKED_AT = 60
"""Rows in which customers' personal data are looked for where the report does not say it."""


def table_of(
    data: Any, types: Sequence[str] | None = None, personal: Collection[str] | None = None
) -> ReportTable:
    """The table that ``reportData`` holds: columns and rows, or rows that are objects. What has
    no rows is an empty table.

    ``personal`` names the columns that hold customers' personal data, of which nothing is ever
    told; without it they are recognised.
    """
    names, rows = _names_and_rows(data)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    given = list(types or ())
    if len(given) != len(names):
        given = [_type_of(values) for values in columns]
    if personal is None:
        few = [values[:: 1 + len(rows) // _LOOKED_AT] for values in columns]
        personal = [names[at] for at in personal_columns(names, few)]
    made = [
        _column(distinct, type_, values, is_personal=name in personal)
        for name, distinct, type_, values in zip(
            names, _distinct(names), given, columns, strict=True
        )
    ]
    return ReportTable(tuple(made), len(rows))


def _names_and_rows(data: Any) -> tuple[list[str], list[Sequence[Any]]]:
    members = data if isinstance(data, dict) else {"rows": data}
    rows = members.get("rows")
    rows = rows if isinstance(rows, list) else []
    if rows and all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(str(name) for row in rows for name in row))
        return names, [[row.get(name) for name in names] for row in rows]
    given = members.get("columns")
    names = [str(name) for name in given] if isinstance(given, list) else []
    return names, [row for row in rows if isinstance(row, list) and len(row) == len(names)]


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind one that was there before."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _type_of(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return "text"
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    if kinds <= {int, float}:
        return "number"
    if kinds == {str} and all(day_of(v) is not None for v in values if v is not None):
        return "date"
    return "text"


def day_of(value: Any) -> date | None:
    """The day of an ISO date or time; None for anything else."""
    if isinstance(value, str) and len(value) >= 10 and value[4] == "-" == value[7]:
        try:
            return (
                datetime.fromisoformat(value).date()
                if len(value) > 10
                else date.fromisoformat(value)
            )
        except ValueError:
            return None
    return None


def _column(name: str, type_: str, values: Sequence[Any], *, is_personal: bool) -> TableColumn:
    empty = sum(value is None or value == "" for value in values)
    role = ColumnRole.OTHER if is_personal else _role(name, type_, values, empty)
    if role in (ColumnRole.SUM, ColumnRole.LEVEL, ColumnRole.RATE):
        values = [_figure(value) for value in values]
    return TableColumn(name, type_, role, values, empty)


_LARGEST, _SMALLEST = 1e15, 1e-9
"""Figures beyond these are mistakes, or nothing."""


def _figure(value: Any) -> float | None:
    """The number that a cell holds; None where it is none that can be reckoned with."""
    if type(value) not in (int, float) or abs(value) > _LARGEST:
        return None
    return value if abs(value) >= _SMALLEST else 0


def _role(name: str, type_: str, values: Sequence[Any], empty: int) -> ColumnRole:
    words = words_of(name)
    filled = len(values) - empty
    if not filled:
        return ColumnRole.OTHER
    if type_ in ("date", "timestamp"):
        return ColumnRole.TIME
    if type_ in NUMERIC:
        return _figure_role(words, type_, values, filled)
    if type_ not in ("text", "boolean") or (
        _PERSONAL.search(words) and not _PERSON_AT_WORK.search(words)
    ):
        return ColumnRole.OTHER
    different = len({value for value in values if value is not None and value != ""})
    return ColumnRole.DIMENSION if 1 < different <= MOST_VALUES else ColumnRole.OTHER


def _figure_role(words: str, type_: str, values: Sequence[Any], filled: int) -> ColumnRole:
    if type_ == "percent" or _RATE.search(words):
        return ColumnRole.RATE
    if type_ == "integer" and _NO_FIGURE.search(words) and not _LEVEL.search(words):
        return ColumnRole.OTHER
    return ColumnRole.LEVEL if _LEVEL.search(words) else ColumnRole.SUM


def metrics_of(column: TableColumn) -> tuple[Metric, ...]:
    """The figures that a column gives: a sum where it adds up, a mean in any case."""
    unit = {"money": "money", "integer": "number"}.get(column.type, "number")
    mean = Metric(column.name, "mean", unit, column)
    if column.role is ColumnRole.SUM:
        return Metric(column.name, "sum", unit, column), mean
    return (mean,)
