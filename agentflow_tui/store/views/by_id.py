"""Rows by their ids, as they are typed: whole in any spelling, or one end of them."""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar
from uuid import UUID

from agentflow_tui.dataclass import dataclass
from agentflow_tui.patterns import pattern
from agentflow_tui.schema import Table
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.reading.listings import Listing, OrderKey
from agentflow_tui.store.reading.pages import Where, Window, read_page
from agentflow_tui.text import storable

RowT = TypeVar("RowT")

CHUNK = 5_000
"""Rows that are read by one statement."""

SHORTEST = 4
"""Characters that a short id has at least."""

CANDIDATES = 10
"""Rows that are told of when a short id means several."""

SHORT_IDS = 100
"""Short ids that are looked up at a time: each is a look at all ids of the table."""

_DIGEST = pattern("sha256:[0-9a-f]{16}")
_TEXTS = {"text", "character varying", "character"}


def public_id(table: Table, id_: str) -> str:
    """The id under which a row stands in lists, in the journal and in command lines: its own, or
    for a secret one a digest of it."""
    if not table.primary_key.secret or is_digest(id_):
        return id_
    return f"sha256:{hashlib.sha256(id_.encode()).hexdigest()[:16]}"


def is_digest(id_: str) -> bool:
    """Whether this is the digest that stands for a secret id."""
    return _DIGEST.fullmatch(id_) is not None


def by_ids(binding: Binding, table: Table, ids: Sequence[str]) -> Where:
    """The rows with these ids, by the primary key; ids that the key's type cannot hold are left
    out."""
    kind = _kind(binding, table)
    key = f"q.{{{table.name}.{table.primary_key.name}}}"
    fitting = [id_ for id_ in ids if _whole(kind, id_) is not None]
    if kind == "uuid" or kind in _TEXTS:
        return Where(sql=f"{key} = ANY($1::{kind}[])", values=(fitting,))
    return Where(sql=f"{key}::text = ANY($1::text[])", values=(fitting,))


async def read_rows(
    database: Database, listing: Listing[RowT], ids: Sequence[str]
) -> AsyncIterator[Sequence[RowT]]:
    """The listed rows with these ids, in chunks. Raises `UnreachableError`, `RefusedError`."""
    order = (OrderKey(field=listing.key),)
    for start in range(0, len(ids), CHUNK):
        where = by_ids(database.binding, listing.table, ids[start : start + CHUNK])
        page = await read_page(database, listing, order, where, Window(limit=CHUNK))
        yield page.rows


@dataclass(frozen=True, slots=True)
class _Match:
    typed: str
    id: str


async def find_ids(
    database: Database, table: Table, typed: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The ids that are meant by what was typed: one where it is a whole id, as the database
    compares them, or the end of one; several where it is ambiguous; none where it is neither.

    Secret ids are meant by their digests. Raises `UnreachableError`, `RefusedError`.
    """
    if table.primary_key.secret:
        return await _find_secret(database, table, typed)
    kind = _kind(database.binding, table)
    found = await _find_whole(database, table, kind, typed)
    short = [text for text, ids in found.items() if not ids and _can_be_short(kind, text)]
    if short and len(short) <= SHORT_IDS:
        found |= await _find_short(database, table, kind, short)
    return found


async def _find_whole(
    database: Database, table: Table, kind: str, typed: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """What is a whole id, by what was typed: for an UUID by its looks, else if it is there."""
    found = {text: _whole_ids(kind, text) for text in dict.fromkeys(typed)}
    if kind == "uuid":
        return found
    there = await _existing(database, table, kind, [text for text, ids in found.items() if ids])
    return {text: ids if there.issuperset(ids) else () for text, ids in found.items()}


def _kind(binding: Binding, table: Table) -> str:
    bound = binding.tables[table.name].columns.get(table.primary_key.name)
    return bound.type if bound else "text"


def _whole(kind: str, text: str) -> str | None:
    """An id as the database writes it; None where its type cannot hold that."""
    if kind != "uuid":
        return text if storable(text) == text else None
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _whole_ids(kind: str, text: str) -> tuple[str, ...]:
    whole = _whole(kind, text)
    return () if whole is None else (whole,)


def _can_be_short(kind: str, text: str) -> bool:
    if kind == "uuid":
        return re.fullmatch(rf"[0-9a-f]{{{SHORTEST},32}}", _digits(text)) is not None
    return kind in _TEXTS and len(text) >= SHORTEST and storable(text) == text


def _digits(text: str) -> str:
    return text.lower().replace("-", "")


async def _existing(
    database: Database, table: Table, kind: str, ids: Sequence[str]
) -> frozenset[str]:
    key = f"q.{{{table.name}.{table.primary_key.name}}}"
    compared = f"{key} = ANY($1::{kind}[])" if kind in _TEXTS else f"{key}::text = ANY($1::text[])"
    statement: Statement[str] = Statement(
        str, f"SELECT {key}::text FROM {{{table.name}}} q WHERE {compared}"
    )
    return frozenset(await database.fetch(statement, list(ids))) if ids else frozenset()


async def _find_short(
    database: Database, table: Table, kind: str, short: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    id_ = f"q.{{{table.name}.{table.primary_key.name}}}::text"
    written = f"replace({id_}, '-', '')" if kind == "uuid" else id_
    statement = Statement(
        _Match,
        f"""
SELECT g.typed, m.id
  FROM unnest($1::text[], $2::text[]) AS g (typed, part) CROSS JOIN LATERAL (
    SELECT {id_} AS id FROM {{{table.name}}} q
     WHERE starts_with({written}, g.part) OR right({written}, length(g.part)) = g.part
     ORDER BY 1 LIMIT {CANDIDATES + 1}) m
""",
    )
    parts = [_digits(text) if kind == "uuid" else text for text in short]
    found: dict[str, tuple[str, ...]] = {}
    for match in await database.fetch(statement, list(short), parts):
        found[match.typed] = (*found.get(match.typed, ()), match.id)
    return found


async def _find_secret(
    database: Database, table: Table, typed: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    statement: Statement[str] = Statement(
        str, f"SELECT q.{{{table.name}.{table.primary_key.name}}}::text FROM {{{table.name}}} q"
    )
    names = {id_: public_id(table, id_) for id_ in await database.fetch(statement)}
    return {text: tuple(i for i, n in names.items() if _names(text, i, n)) for text in typed}


def _names(text: str, id_: str, name: str) -> bool:
    """Whether a text is a secret id, its digest, or an end of the digest."""
    digits = name.partition(":")[2]
    part = text.removeprefix("sha256:")
    is_end = len(part) >= SHORTEST and (digits.startswith(part) or digits.endswith(part))
    return text == id_ or is_end
