"""Reports as they are shown, listed and exported, with dots for personal values; and as they are
stored once those are removed."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import read
from agentflow_tui.personal_data.columns import PersonalKind, is_unnamed, looks_personal
from agentflow_tui.personal_data.replacing import MASK, PersonalReplacement, names_in

DATA, METADATA = "reportData", "metadata"
TABLE = "reports"
"""The table whose rows hold customers' data in columns that only their documents tell of."""

REMOVED = "personalRemoved"
"""The key of a report's metadata that says when its personal values were removed."""

_NOT_SHOWN = {MASK: "not shown: it cannot be read, so what is personal in it is not known"}
_CUTS = 8
"""Ends of rows that are tried in a document that was cut."""


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A report's values by the documented names of their columns, and the columns of its table
    that are dots in them."""

    values: dict[str, object]
    personal: tuple[str, ...]


def masked(values: Mapping[str, object]) -> ShownReport:
    """A report with personal values as dots.

    ``reportData`` and ``metadata`` are JSON text, and stay that; either may be missing. What was
    cut is shown up to its last whole row; what cannot be read at all is not shown.
    """
    text = values.get(METADATA)
    metadata = read(text, len(text) + 1).value if isinstance(text, str) else None
    replacement = _replacement(MASK, metadata)
    shown = dict(values)
    data = values.get(DATA)
    if isinstance(data, str):
        found = _data(data, metadata)
        unknown = found is None and data.strip() != "null"
        shown[DATA] = _json(_NOT_SHOWN if unknown else replacement.data(found))
    if isinstance(text, str):
        unknown = metadata is None and text.strip() != "null"
        shown[METADATA] = _json(_NOT_SHOWN if unknown else _metadata(metadata, replacement))
    personal = replacement.columns if replacement.values else {}
    return ShownReport(shown, tuple(personal))


def without_personal(metadata: dict[str, Any]) -> dict[str, Any]:
    """A report's metadata with dots for what it tells of customers."""
    shown: dict[str, Any] = _metadata(metadata, _replacement(MASK, metadata))
    return shown


def _replacement(by: str | None, metadata: Any) -> PersonalReplacement:
    """What replaces personal values in a report that has this metadata."""
    described = metadata.get("columns") if isinstance(metadata, dict) else None
    return PersonalReplacement(by=by, marked=marked_in(metadata), names=names_in(described))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedData:
    """A report without its personal values: both documents as JSON text, the columns they stood
    in, and how many there were."""

    data: str | None
    metadata: str | None
    columns: Mapping[str, PersonalKind]
    values: int


class UnreadableDataError(ValueError):
    """A report's data is no JSON that could be read, so nothing can be removed from it."""


def removed(data: str | None, metadata: str | None, at: str) -> RemovedData | None:
    """A report's documents with nothing where personal values stood, marked with the time ``at``
    which they went; None where there are none. Raises `UnreadableDataError`."""
    known = read(metadata, len(metadata) + 1).value if metadata else None
    found = read(data, len(data) + 1).value if data else None
    if found is None and data and data.strip() != "null":
        raise UnreadableDataError("its data cannot be read")
    replacement = _replacement(None, known)
    kept = replacement.data(found)
    told = _metadata(known, replacement)
    if kept == found and told == known:
        return None
    if isinstance(told, dict):
        kinds = {name: str(kind) for name, kind in replacement.columns.items()}
        told = {**told, "personal": {"columns": {**marked_in(told), **kinds}}, REMOVED: at}
    return RemovedData(
        data=data if found is None else _json(kept),
        metadata=metadata if told is None else _json(told),
        columns=replacement.columns,
        values=replacement.values,
    )


def marked_in(metadata: Any) -> dict[str, Any]:
    """The columns that a report's metadata says to be personal, each with its kind."""
    personal = metadata.get("personal") if isinstance(metadata, dict) else None
    columns = personal.get("columns") if isinstance(personal, dict) else None
    return columns if isinstance(columns, dict) else {}


def without_aggregates(
    described: Iterable[Any], personal: Iterable[str], instead: str | None = None
) -> list[Any]:
    """The columns of a report's metadata; least, most and sum of the personal ones are left out,
    or are ``instead``."""
    names = frozenset(personal)
    kept = []
    for column in described:
        if isinstance(column, dict) and column.get("name") in names:
            told = {key for key in ("min", "max", "sum") if key in column}
            rest = {key: value for key, value in column.items() if key not in told}
            column = rest if instead is None else rest | dict.fromkeys(sorted(told), instead)
        kept.append(column)
    return kept


def _metadata(metadata: Any, replacement: PersonalReplacement) -> Any:
    """Metadata without what its aggregates, totals and rejected lines tell of customers."""
    if not isinstance(metadata, dict):
        return replacement.data(metadata)
    shown = dict(metadata)
    kept = {key: shown.pop(key) for key in _NOT_OF_CUSTOMERS if key in shown}
    if isinstance(kept.get("columns"), list):
        kept["columns"] = _described(kept["columns"], replacement)
    if isinstance(kept.get("mail"), dict):
        kept["mail"] = _mail(kept["mail"], replacement)
    if marked_in(metadata):
        names = {n: kind for n, kind in marked_in(metadata).items() if not looks_personal(n)}
        kept["personal"] = {**kept["personal"], "columns": names}
    if isinstance(shown.get("rejected"), list):
        kept["rejected"] = [
            {**row, "raw": replacement.by} if isinstance(row, dict) and row.get("raw") else row
            for row in shown.pop("rejected")
        ]
    marked = {**replacement.marked, **replacement.columns}
    rest = PersonalReplacement(by=replacement.by, marked=marked).data(shown)
    return {key: kept[key] if key in kept else rest[key] for key in metadata}


_NOT_OF_CUSTOMERS = ("personal", "columns", "file", "mail")


def _mail(mail: dict[str, Any], replacement: PersonalReplacement) -> dict[str, Any]:
    """Which message a report came with: sender, mailbox and the message's id are the vendor's and
    ours; its subject and the names of what the file was in may tell of customers."""
    shown = dict(mail)
    if isinstance(subject := mail.get("subject"), str):
        shown["subject"] = replacement.text(subject)
    if isinstance(within := mail.get("within"), list):
        shown["within"] = [
            replacement.text(each) if isinstance(each, str) else replacement.data(each)
            for each in within
        ]
    return shown


def _described(columns: list[Any], replacement: PersonalReplacement) -> list[Any]:
    """The columns that metadata describes, without what it tells of the values of personal ones."""
    unnamed = filter(is_unnamed, names_in(columns))
    personal = {*replacement.marked, *replacement.columns, *unnamed}
    if any(map(looks_personal, names_in(columns))):
        columns = replacement.described(columns)
    return without_aggregates(columns, personal, replacement.by)


def _data(text: str, metadata: Any) -> Any:
    """The document in ``reportData``; None where there is none that can be read."""
    found = read(text, len(text) + 1).value
    if found is not None or not text.lstrip().startswith("{"):
        return found
    end = len(text)
    for _ in range(_CUTS):
        end = text.rfind("]", 0, end)
        if end < 0:
            return None
        found = read(text[: end + 1] + "]}", len(text) + 3).value
        if isinstance(found, dict) and isinstance(found.get("rows"), list):
            return found if "columns" in found else _named(found, metadata)
    return None


def _named(found: dict[str, Any], metadata: Any) -> Any:
    """Rows with the names that the metadata has for their columns; None where it has none."""
    described = metadata.get("columns") if isinstance(metadata, dict) else None
    if not isinstance(described, list) or not all(isinstance(each, dict) for each in described):
        return None
    return {"columns": [str(each.get("name")) for each in described], **found}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
