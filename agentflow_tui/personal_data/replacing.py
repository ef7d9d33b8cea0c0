"""Personal data in a report's columns replaced: by dots where it is shown, by nothing for good."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.personal_data.columns import (
    MAIL,
    PHONE,
    SOCIAL,
    PersonalKind,
    is_name_above,
    is_staff,
    is_unnamed,
    looks_personal,
    personal_columns,
)
from agentflow_tui.text import mask

MASK = mask("personal")
_LOOSE = re.compile(f"{MAIL}|{PHONE}|{SOCIAL}")
_HINTS = re.compile(r"@|\d{4}")
_NAMES, _ROWS = ("columns", "headers", "header", "fields"), ("rows", "data", "values", "records")
_NAME_OF = ("name", "field", "title", "label", "key")
_OF_VALUES = frozenset({"min", "max", "sum", "sample", "samples", "examples", "values"})
"""What an object that describes a column tells of the column's values."""


@dataclass(slots=True)
class PersonalReplacement:
    """Replaces personal values in JSON, whatever its shape, by ``by``, and notes what it found:
    ``columns`` by name, and how many ``values`` there were. ``names`` are those of the columns of
    rows that come without; where there are none, every text of such rows is replaced."""

    by: str | None = MASK
    marked: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] = ()
    columns: dict[str, PersonalKind] = field(default_factory=dict)
    values: int = 0

    def data(self, value: Any, within: str = "") -> Any:
        """A report's data with its personal values replaced: columns and rows, rows that are
        objects, lists with a first row of names, or objects in objects."""
        if isinstance(value, dict):
            return self._object(value, within)
        if isinstance(value, list):
            return self._list(value, within)
        return value if not isinstance(value, str) or is_staff(within) else self.text(value)

    def text(self, text: str) -> str:
        """A text without the mails, phones and numbers of people that occur in it."""
        if not _HINTS.search(text):
            return text
        replaced, count = _LOOSE.subn(self.by or "", text)
        self.values += count
        return replaced

    def described(self, columns: Sequence[Any], personal: Collection[int] = ()) -> list[Any]:
        """Columns' names, or the objects that describe them, without what they tell of values:
        of the columns at the ``personal`` places, or of all where the names are values."""
        if any(map(looks_personal, names_in(columns))):
            return [self._unnamed(column) for column in columns]
        return [
            {key: self._of_column(key, told, at in personal) for key, told in column.items()}
            if isinstance(column, dict)
            else column
            for at, column in enumerate(columns)
        ]

    def _of_column(self, key: str, told: Any, personal: bool) -> Any:
        if personal and key in _OF_VALUES:
            return self._every(told)
        return told if key in _NAME_OF else self.data(told)

    def _unnamed(self, column: Any) -> Any:
        if isinstance(column, dict):
            return {
                key: told if key == "type" else self._every(told) for key, told in column.items()
            }
        return self._every(column)

    def _every(self, value: Any) -> Any:
        """Whatever a value consists of, replaced."""
        if isinstance(value, dict):
            return {key: self._every(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._every(each) for each in value]
        return self._replaced(value)

    def _object(self, value: dict[str, Any], within: str) -> dict[str, Any]:
        header, tables = _table(value)
        if header is None:
            return self._objects([value], within)[0]
        names = names_in(value[header])
        if any(map(looks_personal, names)):
            names = [""] * len(names)
        shown: dict[str, Any] = {}
        places: set[int] = set()
        for key in tables:
            kinds = self._kinds(names, value[key], within)
            shown[key] = self._cells(names, value[key], kinds, within)
            places |= kinds
        shown[header] = self.described(value[header], places)
        rest = {key: each for key, each in value.items() if key not in shown}
        kept = iter(self._objects([rest], within)[0].items())
        return dict((key, shown[key]) if key in shown else next(kept) for key in value)

    def _list(self, value: list[Any], within: str) -> list[Any]:
        if value and all(isinstance(each, dict) for each in value):
            if any(_table(each)[0] for each in value):
                return [self._object(each, within) for each in value]
            return self._objects(value, within)
        scalars = [each for each in value if not isinstance(each, dict | list)]
        *outer, name = within.split("\n")
        if scalars and personal_columns(
            [name], [scalars], marked=self.marked, within=" ".join(outer)
        ):
            return [self._one(each, within) for each in value]
        if any(isinstance(each, list) for each in value):
            return self._grid(value, within)
        return [self.data(each, within) for each in value]

    def _one(self, value: Any, within: str) -> Any:
        return self.data(value, within) if isinstance(value, dict | list) else self._replaced(value)

    def _grid(self, value: list[Any], within: str) -> list[Any]:
        """Rows that come without names, or with a first row of them."""
        rows = [row for row in value if isinstance(row, list)]
        if value[0] is rows[0] and self._is_header(rows):
            kinds = self._kinds(rows[0], value[1:], within)
            return [value[0], *self._cells(rows[0], value[1:], kinds, within)]
        width = max(map(len, rows))
        told = len(self.names) == width and not any(map(looks_personal, self.names))
        names = self.names if told else [""] * width
        return self._cells(names, value, self._kinds(names, value, within), within)

    def _is_header(self, rows: Sequence[list[Any]]) -> bool:
        """Whether the first row has names: none that is a person's, and one at least that is known
        to be a name. Of two columns the first does not tell it: it may be a key beside a value."""
        first = rows[0]
        if not all(isinstance(name, str) for name in first) or any(map(looks_personal, first)):
            return False
        if first and first == list(self.names):
            return True
        below = [[row[at] for row in rows[1:] if at < len(row)] for at in range(len(first))]
        known = [
            at
            for at, name in enumerate(first)
            if name in self.marked or (len(rows) > 1 and is_name_above(name, below[at]))
        ]
        return bool(known) and (len(first) != 2 or known != [0])

    def _kinds(self, names: Sequence[str], rows: Sequence[Any], within: str) -> set[int]:
        """The places of the personal columns, which are noted."""
        lists = [row for row in rows if isinstance(row, list)]
        columns = [[row[at] for row in lists if at < len(row)] for at in range(len(names))]
        kinds = personal_columns(names, columns, marked=self.marked, within=within)
        self._note({names[at]: kind for at, kind in kinds.items()})
        return set(kinds)

    def _note(self, kinds: Mapping[str, PersonalKind]) -> None:
        self.columns |= {
            name: kind
            for name, kind in kinds.items()
            if not is_unnamed(name) and not looks_personal(name)
        }

    def _cells(
        self, names: Sequence[str], rows: Sequence[Any], places: Collection[int], within: str
    ) -> list[Any]:
        """Rows by the columns' places; what stands beyond the last column is replaced as well."""
        return [
            [
                self._replaced(cell)
                if at in places or at >= len(names)
                else self._cell(names[at], cell, names[at])
                for at, cell in enumerate(row)
            ]
            if isinstance(row, list)
            else self.data(row, within)
            for row in rows
        ]

    def _cell(self, name: str, cell: Any, within: str) -> Any:
        """A cell of a column that is not known to be personal, as far as its name says anything."""
        if isinstance(cell, str) and is_unnamed(name):
            return self._replaced(cell)
        return self.data(cell, within)

    def _objects(self, rows: list[dict[str, Any]], within: str) -> list[dict[str, Any]]:
        names = list(dict.fromkeys(name for row in rows for name in row))
        if any(map(looks_personal, names)):
            return self._unkeyed(rows, names, within)
        columns = [
            [row[n] for row in rows if n in row and not isinstance(row[n], dict | list)]
            for n in names
        ]
        kinds = personal_columns(names, columns, marked=self.marked, within=within)
        personal = {
            names[at]: kind for at, kind in kinds.items() if columns[at] or names[at] in self.marked
        }
        self._note(personal)
        return [
            {name: self._member(name, cell, personal, within) for name, cell in row.items()}
            for row in rows
        ]

    def _unkeyed(
        self, rows: list[dict[str, Any]], names: Sequence[str], within: str
    ) -> list[dict[str, Any]]:
        """Objects whose keys are values, with others."""
        keys = {name: f"{self.by or 'removed'} {at}" for at, name in enumerate(names, 1)}
        self.values += len(keys)
        return [
            {keys[name]: self._cell("", cell, within) for name, cell in row.items()} for row in rows
        ]

    def _member(
        self, name: str, cell: Any, personal: Mapping[str, PersonalKind], within: str
    ) -> Any:
        if name in personal and not isinstance(cell, dict | list):
            return self._replaced(cell)
        return self._cell(name, cell, f"{within}\n{name}".strip("\n"))

    def _replaced(self, value: Any) -> Any:
        if value is None or value == "":
            return value
        self.values += 1
        return self.by


def names_in(columns: Any) -> list[str]:
    """The names in a list of names, or of objects that describe columns; none where it is neither,
    and an empty one for a column without."""
    if not isinstance(columns, list) or any(isinstance(each, list) for each in columns):
        return []
    return [_name(each) for each in columns]


def _name(column: Any) -> str:
    if isinstance(column, dict):
        column = next((column[key] for key in _NAME_OF if column.get(key)), None)
    return "" if column is None or isinstance(column, dict | list) else str(column)


def _table(value: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The member of an object that names columns, and those that have rows of them; None where it
    is no table."""
    header = next((key for key in _NAMES if names_in(value.get(key))), None)
    tables = [
        key
        for key in _ROWS
        if isinstance(rows := value.get(key), list) and any(isinstance(row, list) for row in rows)
    ]
    return (header, tables) if tables else (None, [])
