"""Personal data in a report's columns replaced: by dots where it is shown, by nothing for good."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.personal_data.columns import (
    MAIL,
    PHONE,
    SOCIAL,
    PersonalKind,
    is_staff,
    personal_columns,
)
from agentflow_tui.text import mask

MASK = mask("personal")
_LOOSE = re.compile(f"{MAIL}|{PHONE}|{SOCIAL}")
_HINTS = re.compile(r"@|\d{4}")


@dataclass(slots=True)
class PersonalReplacement:
    """Replaces personal values in JSON, whatever its shape, by ``by``, and notes what it found:
    ``columns`` by name, and how many ``values`` there were."""

    by: str | None = MASK
    marked: Mapping[str, Any] = field(default_factory=dict)
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

    def _object(self, value: dict[str, Any], within: str) -> dict[str, Any]:
        names, rows = value.get("columns"), value.get("rows")
        if isinstance(names, list) and isinstance(rows, list) and all(map(_is_name, names)):
            rest = {key: v for key, v in value.items() if key not in ("columns", "rows")}
            shown = self._rows(list(map(str, names)), rows, within)
            kept = self._objects([rest], within)[0]
            return {key: {"columns": names, "rows": shown}.get(key, kept.get(key)) for key in value}
        return self._objects([value], within)[0]

    def _list(self, value: list[Any], within: str) -> list[Any]:
        if value and all(isinstance(each, dict) for each in value):
            return self._objects(value, within)
        if value and all(isinstance(each, list) for each in value):
            first = value[0]
            if first and all(isinstance(name, str) for name in first):
                return [first, *self._rows(first, value[1:], within)]
            return self._rows([""] * max(map(len, value)), value, within)
        scalars = [each for each in value if not isinstance(each, dict | list)]
        if scalars and personal_columns([within], [scalars], marked=self.marked):
            return [self._one(each, within) for each in value]
        return [self.data(each, within) for each in value]

    def _one(self, value: Any, within: str) -> Any:
        return self.data(value, within) if isinstance(value, dict | list) else self._replaced(value)

    def _rows(self, names: Sequence[str], rows: list[Any], within: str) -> list[Any]:
        """Rows by the columns' places; what stands beyond the last column is replaced as well."""
        lists = [row for row in rows if isinstance(row, list)]
        columns = [[row[at] for row in lists if at < len(row)] for at in range(len(names))]
        kinds = personal_columns(names, columns, marked=self.marked, within=within)
        self.columns |= {names[at]: kind for at, kind in kinds.items()}
        places = frozenset(kinds)
        return [
            [
                self._replaced(cell)
                if at in places or at >= len(names)
                else self.data(cell, names[at])
                for at, cell in enumerate(row)
            ]
            if isinstance(row, list)
            else self.data(row, within)
            for row in rows
        ]

    def _objects(self, rows: list[dict[str, Any]], within: str) -> list[dict[str, Any]]:
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = [
            [row[n] for row in rows if n in row and not isinstance(row[n], dict | list)]
            for n in names
        ]
        kinds = personal_columns(names, columns, marked=self.marked, within=within)
        personal = {
            names[at]: kind for at, kind in kinds.items() if columns[at] or names[at] in self.marked
        }
        self.columns |= personal
        return [
            {name: self._member(name, cell, personal, within) for name, cell in row.items()}
            for row in rows
        ]

    def _member(
        self, name: str, cell: Any, personal: Mapping[str, PersonalKind], within: str
    ) -> Any:
        if name in personal and not isinstance(cell, dict | list):
            return self._replaced(cell)
        return self.data(cell, f"{within} {name}".strip())

    def _replaced(self, value: Any) -> Any:
        if value is None or value == "":
            return value
        self.values += 1
        return self.by


def _is_name(name: Any) -> bool:
    return name is None or isinstance(name, str | int | float)
