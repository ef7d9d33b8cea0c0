"""Ids on the command line: whole, short from either end, or from stdin."""

from collections.abc import Sequence

from agentflow_tui.cli.streams import ids_from_stdin
from agentflow_tui.errors import UsageError
from agentflow_tui.schema import Table
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.by_id import CANDIDATES, find_ids, public_id, read_rows
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.text import safe

STDIN = "-"
"""Stands for the ids on stdin."""


def given_ids(words: Sequence[str]) -> tuple[str, ...]:
    """The ids that were given, with those on stdin in place of ``-``. Raises `UsageError` where
    there are none."""
    ids: list[str] = []
    for word in words:
        ids += ids_from_stdin() if word == STDIN else [word]
    if words and not ids:
        raise UsageError("There is no id on stdin.")
    return tuple(ids)


async def meant_ids(database: Database, table: Table, typed: Sequence[str]) -> tuple[str, ...]:
    """The whole ids that are meant; what means none stays as it was typed.

    Raises `UsageError` with the candidates where one means several.
    """
    found = await find_ids(database, table, typed)
    for text, ids in found.items():
        if len(ids) > 1:
            raise UsageError(await _ambiguous(database, table, text, ids))
    return tuple(dict.fromkeys(found[text][0] if found[text] else text for text in typed))


async def meant_id(database: Database, table: Table, typed: str) -> str | None:
    """The whole id that is meant, None where none is. Raises `UsageError` with the candidates for
    several."""
    ids = (await find_ids(database, table, [typed]))[typed]
    if len(ids) > 1:
        raise UsageError(await _ambiguous(database, table, typed, ids))
    return ids[0] if ids else None


async def titles(database: Database, table: Table, ids: Sequence[str]) -> dict[str, str]:
    """What the rows with these ids are called, by their ids."""
    found: dict[str, str] = {}
    async for rows in read_rows(database, LISTINGS[table.name], ids):
        found |= {str(row.key): safe(row.title) for row in rows}
    return found


async def _ambiguous(database: Database, table: Table, text: str, ids: Sequence[str]) -> str:
    called = await titles(database, table, ids[:CANDIDATES])
    lines = [f"  {public_id(table, id_)}  {called.get(id_, '')}".rstrip() for id_ in ids]
    if len(ids) > CANDIDATES:
        lines[CANDIDATES:] = ["  …"]
    return "\n".join([f"{text!r} means several rows of {table.name}:", *lines])
