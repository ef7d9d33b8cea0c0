"""Rows in JSON: a list of objects or of lists, wrapped in an object or not, or an object a line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentflow_tui.reports.encodings import read_text
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.reports.sources import Row, Source

DEEPEST = 5
"""Levels of objects below a row that become columns of their own; deeper ones stay JSON."""

MOST_COLUMNS = 2_000


def open_json(path: Path, options: ReadingOptions) -> list[Source]:
    """The tables of a JSON document. Raises `UnreadableReportError`."""
    text, encoding = read_text(path, options.encoding)
    document, notes = _parse(text.lstrip("\ufeff \t\r\n").replace("\0", ""))
    titles = _titles(document)
    found = [
        _source(name, rows, titles=titles, encoding=encoding.codec, notes=notes)
        for name, rows in _tables(document)
    ]
    if not found:
        raise UnreadableReportError(
            "The JSON holds no rows: neither a list of objects nor of lists."
        )
    return found


def _parse(text: str) -> tuple[Any, tuple[str, ...]]:
    try:
        return json.loads(text), ()
    except RecursionError:
        raise UnreadableReportError("The JSON is nested too deeply to hold rows.") from None
    except ValueError as error:
        lines = [line.strip().rstrip(",") for line in text.splitlines() if line.strip()]
        try:
            rows = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            raise UnreadableReportError(
                f"The JSON is damaged or cut off: {error}. Fetch it again."
            ) from None
        return rows, ("one JSON document a line",)


def _tables(document: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Everything in the document that is rows, by where it stands."""
    if isinstance(document, list):
        if _are_rows(document):
            yield name, document
    elif isinstance(document, Mapping) and depth < DEEPEST:
        if rows := _rows_under_names(document):
            yield name, rows
            return
        for key, value in document.items():
            yield from _tables(value, f"{name}.{key}".lstrip("."), depth + 1)
        if depth == 0 and not any(isinstance(v, list | dict) for v in document.values()):
            yield name, [document]


def _are_rows(items: list[Any]) -> bool:
    """Whether all items are objects, or all of them lists."""
    kinds = {Mapping if isinstance(item, Mapping) else type(item) for item in items}
    return kinds <= {Mapping} or kinds == {list}


def _rows_under_names(document: Mapping[str, Any]) -> list[list[Any]]:
    """The header and the rows of an object that is one table: it has the columns' names beside the
    rows, or a list of values for each column. Empty for any other object."""
    columns = document.get("columns")
    rows = document.get("rows", document.get("data"))
    if _is_list(columns, str) and _is_list(rows, list):
        return [columns, *rows]
    if document and all(_is_column(value) for value in document.values()):
        return [list(document), *map(list, zip(*document.values(), strict=False))]
    return []


def _is_list(value: Any, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, of) for item in value)


def _is_column(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and not any(isinstance(item, list | Mapping) for item in value)
    )


def _titles(document: Any) -> tuple[str, ...]:
    """What stands beside the rows: the name of the report, when it was made."""
    if not isinstance(document, Mapping):
        return ()
    plain = ((key, value) for key, value in document.items() if isinstance(value, str | int))
    return tuple(f"{key}: {value}" for key, value in plain)


def _source(
    name: str,
    found: Sequence[Any],
    *,
    titles: tuple[str, ...],
    encoding: str,
    notes: tuple[str, ...],
) -> Source:
    objects = all(isinstance(row, Mapping) for row in found)
    rows = _rows_of_objects(found) if objects else found
    table = [[_cell(value) for value in row] for row in rows]

    def again() -> Iterator[Row]:
        return iter(table)

    return Source(
        rows=again,
        format="json",
        name=name,
        has_header=objects,
        titles=titles,
        details={"encoding": encoding},
        notes=notes,
    )


def _rows_of_objects(found: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """A header of all names in the order in which they first occur, and a row for each object."""
    flat = [dict(_flattened(row)) for row in found]
    names = list(dict.fromkeys(name for row in flat for name in row))
    if len(names) > MOST_COLUMNS:
        raise UnreadableReportError(f"The objects have {len(names):,} different names.")
    return [names, *([row.get(name) for name in names] for row in flat)] if names else []


def _flattened(
    row: Mapping[str, Any], before: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping) and value and depth < DEEPEST:
            yield from _flattened(value, f"{before}{key}.", depth + 1)
        else:
            yield f"{before}{key}", value


def _cell(value: Any) -> Any:
    if isinstance(value, list | Mapping):
        return json.dumps(value, ensure_ascii=False)
    return value
