"""A list as a file: CSV that no spreadsheet takes for a formula, or JSON by line."""

import asyncio
import csv
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.schema import snake
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import Query
from agentflow_tui.text import defuse

CHUNK = 1_000
"""Rows that are read at a time."""

LOOKED_AT = 20_000
"""Rows that are looked at at a time where no index serves the filter; all are, in the end."""


async def write(database: Database, wanted: Query[Any], target: Path) -> int:
    """Write every matching row to a new file whose ending says the format.

    Returns how many. Raises `AgentflowError` when the file is there already, cannot be written, or
    the database cannot be read; what was written until then is removed.
    """
    if target.suffix not in {".csv", ".json"}:
        raise UsageError(f"{target.name}: the name has to end in .csv or .json.")
    names = [field.name for field in wanted.listing.fields if not field.secret]
    partial = target.with_name(target.name + ".part")
    written = 0
    try:
        await asyncio.to_thread(_refuse_existing, target)
        with partial.open("w", newline="", encoding="utf-8") as file:
            put = _csv(file, names) if target.suffix == ".csv" else _json(file, names)
            async for row in _rows(database, wanted):
                put([getattr(row, attribute) for attribute in _attributes(wanted)])
                written += 1
        await asyncio.to_thread(os.replace, partial, target)
    except OSError as error:
        raise AgentflowError(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return written


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise AgentflowError(f"{target} is there already; choose another name.")


def _attributes(wanted: Query[Any]) -> list[str]:
    return [snake(field.name) for field in wanted.listing.fields if not field.secret]


async def _rows(database: Database, wanted: Query[Any]) -> AsyncIterator[Any]:
    wanted = replace(wanted, listing=wanted.listing.whole)
    anchor = None
    while True:
        window = Window(limit=CHUNK, anchor=anchor, scan=wanted.scan and LOOKED_AT)
        page = await wanted.page(database, window)
        for row in page.rows:
            yield row
        if page.at_end:
            return
        anchor = page.reached or wanted.anchor(page.rows[-1])


def plain_value(value: object) -> object:
    """A value as exports have it: times in ISO 8601, everything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


def _csv(file: Any, names: list[str]) -> Any:
    writer = csv.writer(file)
    writer.writerow(names)

    def put(values: list[Any]) -> None:
        writer.writerow([defuse(v) if isinstance(v, str) else plain_value(v) for v in values])

    return put


def _json(file: Any, names: list[str]) -> Any:
    def put(values: list[Any]) -> None:
        row = {name: plain_value(value) for name, value in zip(names, values, strict=True)}
        file.write(json.dumps(row, ensure_ascii=False) + "\n")

    return put
