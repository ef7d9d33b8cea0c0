"""Files for the tests of commands that make, write and edit workflows."""

import json
from pathlib import Path
from typing import Any

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple

STOCK = """\
name: Morning stock
context:
  dealer: north
steps:
  - id: rest
    type: delay
    name: Wait a moment
    config: {seconds: 0}
  - id: mail
    type: email
    config:
      to: ann@example.com
      subject: Stock of {{context.dealer}}
      body: Ready since {{steps.rest.until}}.
"""


def written(folder: Path, text: str = STOCK, name: str = "stock.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


async def rows(database: Database, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """The columns of every row, JSON as it is, anything else as text."""
    values = ", ".join(f"q.{{{table}.{name}}}::text" for name in columns)
    found: list[tuple[Any, ...]] = await database.fetch(
        Statement(as_tuple, f"SELECT {values} FROM {{{table}}} q ORDER BY q.{{{table}.id}}")
    )
    return [
        tuple(
            json.loads(value) if name in {"steps", "context"} else value
            for name, value in zip(columns, row, strict=True)
        )
        for row in found
    ]
