"""Customers' personal data in what is printed of reports: dots, unless they are asked for."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from agentflow_tui.cli.output import say
from agentflow_tui.errors import UsageError
from agentflow_tui.schema import Table
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.text import safe

NAMED = 10
"""Columns that are named one by one."""


def require_reports(table: Table, *, asked: bool) -> None:
    """Personal data can be ``asked`` for of reports only. Raises `UsageError`."""
    if asked and table.name != "reports":
        raise UsageError(f"--personal is about reports; {table.name} has no masked columns.")


def say_masked(personal: Sequence[str]) -> None:
    """Say which columns of a report are dots, and how they are shown."""
    if personal:
        more = ", …" if len(personal) > NAMED else ""
        names = safe(", ".join(personal[:NAMED]), 300)
        say(f"Masked as customers' personal data: {names}{more}; --personal shows it.")


async def without_personal(
    rows: AsyncIterator[tuple[Any, ...]], names: Sequence[str]
) -> AsyncIterator[tuple[Any, ...]]:
    """Rows of reports, of the columns of these ``names``, with dots for personal data."""
    from agentflow_tui.personal_data.shown import DATA, METADATA, masked

    if not {DATA, METADATA} & set(names):
        async for row in rows:
            yield row
        return
    personal: dict[str, None] = {}
    async for row in rows:
        shown = masked(dict(zip(names, row, strict=True)))
        personal |= dict.fromkeys(shown.personal)
        yield tuple(shown.values.values())
    say_masked(list(personal))


async def journal_asked(database: Database, settings: Settings, about: dict[str, object]) -> None:
    """Write down that an operator has asked for personal data, before it is shown."""
    from agentflow_tui.operations.context import OperationContext
    from agentflow_tui.operations.personal_data import journal_shown

    await journal_shown(OperationContext.of(database, settings), about)
