"""A workflow is called by its context, else by its schedule's intent, else by its first step."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.schedules import SCHEDULE_LIST
from agentflow_tui.store.views.workflow_names import LARGEST, title_of
from agentflow_tui.store.views.workflows import WORKFLOW_LIST

STEPS = '[{"id": "a", "type": "delay", "name": "Fetch stock", "config": {}}]'
NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def titles(database: Database) -> tuple[str, str]:
    """What the one workflow and its schedule are called."""
    workflows = query(WORKFLOW_LIST, database.binding, "", now=NOW, zone=UTC)
    schedules = query(SCHEDULE_LIST, database.binding, "", now=NOW, zone=UTC)
    workflow = (await workflows.page(database, Window(limit=1))).rows[0]
    return workflow.title, (await schedules.page(database, Window(limit=1))).rows[0].title


@pytest.mark.parametrize("kind", ["jsonb", "json", "text"])
@pytest.mark.parametrize(
    ("context", "intent", "called"),
    [
        ('{"name": "Morning stock", "n": 1}', "Reports for Ann", "Morning stock"),
        ('{"name": "  ", "n": 1}', "Reports for Ann", "Reports for Ann"),
        ('{"name": {"first": 1}, "n": 1}', "", "Fetch stock"),
        ("{}", "Reports for Ann", "Reports for Ann"),
        ("{}", "", "Fetch stock"),
        ("[1]", None, "Fetch stock"),
        ('"text"', None, "Fetch stock"),
        (None, None, "Fetch stock"),
    ],
)
async def test_a_workflow_is_called_by_the_first_name_that_there_is(
    database: Database, kind: str, context: str | None, intent: str | None, called: str
) -> None:
    await fill(database.url, kind, context, intent)
    await database.connect()
    assert await titles(database) == (called, f"{called}  @daily")


async def test_a_large_context_is_not_unpacked_for_a_name(database: Database) -> None:
    noise = "".join(uuid4().hex for _ in range(LARGEST // 12))
    await fill(database.url, "jsonb", f'{{"name": "Large", "result": "{noise}"}}', "")
    await database.connect()
    assert (await titles(database))[0] == "Fetch stock"


def test_steps_encoded_twice_name_nothing_wherever_they_are_cut() -> None:
    text = json.dumps(STEPS)
    assert {title_of(text[:length], "a") for length in range(len(text))} == {"a"}
    assert title_of(json.dumps("Morning stock")) == "Morning stock"


async def fill(url: str, kind: str, context: str | None, intent: str | None) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute(
        f"ALTER TABLE workflows ALTER context DROP DEFAULT, ALTER context TYPE {kind} "
        f"USING context::text::{kind}; ALTER TABLE schedules ADD intent text"
    )
    id_ = str(uuid4())
    await connection.execute(
        f"INSERT INTO workflows (id, steps, context) VALUES ($1, $2, $3::text::{kind})",
        id_, STEPS, context,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO schedules (id, workflowid, cron, intent) VALUES ($1, $2, '@daily', $3)",
        str(uuid4()), id_, intent,
    )  # fmt: skip
    await connection.close()
