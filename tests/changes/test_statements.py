"""Every change is one that PostgreSQL takes, whatever the tables and columns are called."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from agentflow_tui.store.changes import (
    accounts,
    checks,
    emails,
    records,
    reports,
    restore,
    schedules,
    workflows,
)
from agentflow_tui.store.changes.apply import apply, links, lock
from agentflow_tui.store.changes.change import Change, ChangeSettings
from agentflow_tui.store.changes.row_images import PhysicalColumn
from agentflow_tui.store.changes.snapshot import SnapshotReader
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from tests.namings import NAMINGS

NOUNS = (accounts, checks, emails, reports, schedules, workflows)


def changes() -> Iterator[tuple[str, Change]]:
    for noun in NOUNS:
        for name, value in vars(noun).items():
            if isinstance(value, Change):
                yield f"{noun.__name__.rpartition('.')[2]}.{name}", value


def statements(binding: Binding) -> Iterator[tuple[str, Statement[Any]]]:
    for name, change in changes():
        key = binding.tables[change.table].columns[change.described.primary_key.name]
        columns = [PhysicalColumn(key.sql, "'id'", key.type)]
        for waits in (True, False):
            linked = links(binding, change)
            yield f"hold {name} {waits=}", lock(binding, change.table, linked, waits=waits)
        yield name, apply(binding, change, ChangeSettings(), columns)
        if change.sets:
            yield f"restore {name}", restore.restore(binding, change.table, change.sets)
        yield f"put back {name}", restore.insert(change.table, columns)
        yield f"take away {name}", restore.delete(change.table, columns)
    yield "by id", records.BY_ID
    yield "latest", records.LATEST


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_changes_fit_every_naming_and_their_rows(named: Database) -> None:
    async with named.session() as session:
        for name, statement in statements(session.binding):
            text = session.binding.render(statement.text)
            try:
                prepared = await session.connection.prepare(text)
            except Exception as error:
                raise AssertionError(f"{name}: {error}\n{text}") from error
            assert len(prepared.get_attributes()) == len(fields(statement.row)), name  # type: ignore[arg-type]


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_every_change_pins_rows_in_every_naming(named: Database) -> None:
    for _, change in changes():
        async for page in SnapshotReader(named, change, ChangeSettings(), "1").rows(["nobody"]):
            assert page == []
