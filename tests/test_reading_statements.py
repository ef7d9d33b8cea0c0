"""Whatever is read is read in a read-only session, under every naming, small and large."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from agentflow_tui.store import connection, reading, schema, views
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.connection.statements import Statement
from tests.binding_states import states
from tests.namings import NAMINGS
from tests.reads import read_everything


def constants() -> Iterator[tuple[str, Statement[Any]]]:
    """The statements that reading modules hold ready."""
    for package in (connection, reading, schema, views):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(found.name)).items():
                if isinstance(value, Statement):
                    yield f"{found.name}.{name}", value


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_everything_is_read_in_a_read_only_session_under_every_naming(
    named: Database,
) -> None:
    database = await Database.open(named.url, ConnectionOptions(read_only=True))
    for state, binding in states(database.binding):
        if ", no " not in state:
            database.binding = replace(binding, _rendered={}, _cache={})
            await read_everything(database)
    database.close()


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_statements_held_ready_fit_every_naming_and_their_rows(named: Database) -> None:
    async with named.session() as session:
        for name, statement in constants():
            prepared = await session.connection.prepare(session.binding.render(statement.text))
            if is_dataclass(statement.row):
                assert len(prepared.get_attributes()) == len(fields(statement.row)), name
