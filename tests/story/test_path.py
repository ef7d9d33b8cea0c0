"""One whole path, from the schedule to the mail: its story is found from each of its rows."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from agentflow_tui.clock import now
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.operations.story.gathering import StoryMaterial, gather, gather_mails
from agentflow_tui.operations.story.mails import mail_stories
from agentflow_tui.operations.story.timeline import CHAIN, StoryRules, timeline
from agentflow_tui.store import journal
from agentflow_tui.store.changes.new_reports import insert_report
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.schema.accelerators import build, buildable
from tests.cli.running import agentflow
from tests.conftest import fresh_database
from tests.insights.reports import report_of_sales
from tests.samples import uid
from tests.workers.workflows import add, step

ADDRESS = "ann@acme.test"
RULES = {"EXECUTIVE": {"emails": [ADDRESS], "minScore": 50}}
STEPS = [
    step("find", "insightGeneration", name="Find what matters", reports="{{context.report}}"),
    step("tell", "distribution", insights="{{steps.find.insights}}", rules=RULES),
]
TABLES = tuple(
    table
    for table in CHAIN
    if table not in ("users", "credentials", "api_keys", "sessions", "health_checks", "task_logs")
)
SCHEDULE = uid(90)
MOST_STATEMENTS = 24


async def ids(database: Database, table: str, order: str = "createdAt") -> list[str]:
    found = await database.fetch(
        Statement(
            as_tuple,
            f"SELECT q.{{{table}.id}}::text FROM {{{table}}} q ORDER BY q.{{{table}.{order}}}",
        )
    )
    return [row[0] for row in found]


async def _add_report(database: Database) -> str:
    report = report_of_sales(datetime(2026, 10, 25, tzinfo=UTC))
    entry = journal.JournalEntry(
        task_type="report.import",
        input={"operator": "kim", "host": "desk", "file": "/in/sold.csv"},
        output={"id": report.id, "stored": True},
    )
    async with database.transaction() as session:
        await insert_report(session, report)
        await journal.write(session, [entry])
    return report.id


async def _run_everything(database: Database, url: str) -> None:
    """A schedule that is due starts a workflow; workers do the rest, and an operator pauses it."""
    workflow = await add(database, STEPS, {"report": await _add_report(database), "name": "Sales"})
    due = now().replace(second=0, microsecond=0)
    await database.execute(
        "INSERT INTO {schedules} ({schedules.id}, {schedules.workflowId}, {schedules.cron},"
        " {schedules.nextRun}, {schedules.active}, {schedules.createdAt})"
        " VALUES ($1, $2, $3, $4, true, now())",
        SCHEDULE,
        workflow,
        f"{due:%-M %-H %-d %-m} *",
        due,
    )
    await database.execute("UPDATE {workflows} SET {workflows.status} = 'draft'")
    catcher = Catcher()
    await catcher.start()
    done = await agentflow("worker", "--drain", url=url, SMTP_URL=catcher.url)
    assert done.returncode == 0, done.stderr
    await catcher.close()
    done = await agentflow("pause", "schedules", SCHEDULE, "--yes", url=url)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
async def path(server: str, template: str) -> AsyncIterator[Database]:
    """A database in which everything has happened once."""
    async with fresh_database(server, template) as url:
        database = await Database.open(url)
        await _run_everything(database, url)
        yield database
        database.close()


async def accelerate(database: Database) -> None:
    for accelerator in buildable(database.binding):
        await build(database, accelerator)
    await database.rebind()


def told(material: StoryMaterial | None, carried: list[str]) -> list[tuple[str, str, str]]:
    """What a story says, without the insights that nobody was sent."""
    assert material is not None
    return [
        (event.text, event.table, event.id)
        for event in timeline(material, StoryRules(now=now()))
        if event.table != "insights" or event.id in carried
    ]


async def starts(database: Database) -> dict[str, tuple[str, str]]:
    """The rows from which the story is told: one of each table, and of each kind of entry."""
    found = {table: (table, (await ids(database, table))[0]) for table in TABLES}
    insight = "SELECT {insight_distributions.insightId}::text FROM {insight_distributions}"
    ((sent,),) = await database.fetch(Statement(as_tuple, insight))
    found["insights"] = ("insights", sent)
    entries = "SELECT {task_logs.taskType}, {task_logs.id}::text FROM {task_logs}"
    for task, id_ in await database.fetch(Statement(as_tuple, entries)):
        found[task] = ("task_logs", id_)
    return found


async def test_the_story_is_the_same_from_each_of_its_rows(path: Database) -> None:
    rows = await starts(path)
    sent = [rows["insights"][1]]
    expected = told(await gather(path, "schedules", SCHEDULE), sent)
    kinds = {text.partition(":")[0].partition(" (")[0] for text, _, _ in expected}
    assert kinds >= {
        *("Schedule made", "Workflow made", "Step 1 Find what matters", "Step 2 tell"),
        *("Report stored", "kim@desk", "Insight", "Mail written", "Attempt 1"),
        "Workflow completed",
        f"Insight meant for {ADDRESS}",
        f"Insight has reached {ADDRESS}",
    }
    said = "\n".join(text for text, _, _ in expected)
    for words in ("Fired by its schedule", "1 of 2, score", "pause of 1 row", "250 2.0.0 Ok"):
        assert words in said
    assert len(rows) == len(TABLES) + 5
    for prepare in (None, accelerate):
        if prepare:
            await prepare(path)
        for name, (table, id_) in rows.items():
            before = path.statements
            story = told(await gather(path, table, id_), sent)
            assert path.statements - before <= MOST_STATEMENTS, name
            assert story == expected, (name, prepare)


async def test_mail_to_an_address_says_what_became_of_it_and_where_it_came_from(
    path: Database,
) -> None:
    before = path.statements
    material = await gather_mails(path, ADDRESS.upper())
    assert path.statements - before <= MOST_STATEMENTS
    (story,) = mail_stories(material, StoryRules(now=now()))
    assert story.head.text.startswith("Delivered: ")
    assert [event.text.partition(":")[0] for event in story.fate] == ["Attempt 1"]
    tables = [event.table for event in story.origin]
    assert tables == ["insights", "reports", "workflows", "task_logs", "schedules"]
    assert not material.notes
    assert mail_stories(await gather_mails(path, "bob@acme.test"), StoryRules(now=now())) == []
