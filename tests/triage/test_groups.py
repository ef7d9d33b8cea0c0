"""Failures grouped by what went wrong, and the filter that finds the rows of a group."""

import json
from datetime import UTC, datetime, timedelta

from agentflow_tui import clock
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.errors import ERRORS_SCREEN
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.selection import Selection, matching, take_snapshot
from agentflow_tui.operations.triage.error_groups import group
from agentflow_tui.operations.verbs import find
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.emails import QUEUE
from agentflow_tui.store.views.failures import Failure
from agentflow_tui.store.views.workflows import WORKFLOW_LIST
from tests.changes.operating import operator_context
from tests.cli.running import agentflow
from tests.samples import fill
from tests.triage.deciding import fail, groups
from tests.waiting import until

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def failure(source: str, id_: str, error: str, at: datetime = NOW) -> Failure:
    return Failure(source, id_, error, at, None, at)


def test_a_group_knows_exactly_the_rows_that_it_is_made_of() -> None:
    failures = [
        failure("workflows", "w1", "connect ECONNREFUSED 10.0.0.1:5432"),
        failure("email_queue", "m1", "connect ECONNREFUSED 10.0.0.2:5432"),
        failure("email_queue", "m2", "connect ECONNREFUSED 10.0.0.3:5432"),
        failure("email_queue", "m3", "550 no such user"),
    ]
    groups = group(failures, NOW)
    assert sorted(map(dict, (g.ids for g in groups)), key=len) == [
        {"email_queue": ("m3",)},
        {"email_queue": ("m1", "m2"), "workflows": ("w1",)},
    ]
    assert {g.total: g.sources for g in groups}[3] == ("email_queue", "workflows")


async def listed(database: Database, table: str, where: str) -> list[str]:
    """The ids of the rows that a filter lists, page by page."""
    wanted = query(LISTINGS[table], database.binding, where, now=clock.now(), zone=UTC)
    anchor, ids = None, []
    while True:
        page = await wanted.page(database, Window(limit=2, anchor=anchor))
        ids += [row.key for row in page.rows]
        if page.at_end:
            return ids
        anchor = wanted.anchor(page.rows[-1])


async def taken(context: OperationContext, selection: Selection, verb: str) -> set[str]:
    operation = find(verb, selection.table)
    assert operation is not None
    return {row.id for row in (await take_snapshot(context, operation, selection)).rows}


async def test_what_a_group_counts_is_what_its_filter_lists_and_what_a_verb_on_it_takes(
    database: Database,
) -> None:
    context, minute = operator_context(database), timedelta(minutes=1)
    await fail(database, minute, 2 * minute, error="connect timeout to db01.acme.test:5432")
    await fail(database, 3 * minute, error="connect timeout to 10.0.0.3")
    await fail(database, minute, error="could not connect timeout to db01.acme.test:5432")
    await fail(database, minute, minute, error="")
    found = await groups(database)
    assert sorted(each.total for each in found) == [1, 2, 3]
    env = Environment(Settings(), database=database)
    for each in found:
        rows = set(each.ids["workflows"])
        where = f"errorGroup:{each.key}"
        assert set(await listed(database, "workflows", where)) == rows
        assert not rows & set(await listed(database, "workflows", f"-{where}"))
        (selection,) = ERRORS_SCREEN.selections(env, [each])
        assert selection.where == where
        assert await taken(context, selection, "retry") == rows
    both = ",".join(each.key for each in found[:2])
    listed_both = await listed(database, "workflows", f"errorGroup:{both} status:failed")
    assert len(listed_both) == found[0].total + found[1].total


async def test_a_group_that_is_listed_follows_what_fails_and_what_is_mended(
    database: Database,
) -> None:
    await fail(database, timedelta(minutes=2))
    (one,) = await groups(database)
    where = f"errorGroup:{one.key}"
    wanted = query(WORKFLOW_LIST, database.binding, where, now=clock.now(), zone=UTC)
    first = await wanted.page(database, Window(limit=9))

    async def is_unchanged() -> bool:
        """Another test of the same server may commit in between."""
        seen = (await wanted.page(database, Window(limit=9))).snapshot
        return (await wanted.page(database, Window(limit=9), seen=seen)).unchanged

    await until(is_unchanged)
    await fail(database, timedelta(minutes=1))
    second = await wanted.page(database, Window(limit=9), seen=first.snapshot)
    assert len(second.rows) == 2
    await database.execute(
        "UPDATE {workflows} SET {workflows.status} = 'completed' "
        "WHERE {workflows.id} = $1::{workflows.id:type}",
        first.rows[0].key,
    )
    assert len((await wanted.page(database, Window(limit=9), seen=second.snapshot)).rows) == 1


FILTERS = [
    "status:failed,pending",
    "-status:completed age:>45m",
    'subject~"inventory" attempts:<4',
    "domain:down.test",
    "error:none",
    "leads !inventory",
    "errorGroup:0123456789ab",
]


async def test_a_verb_takes_the_rows_that_its_filter_lists(database: Database) -> None:
    await fill(database)
    for where in FILTERS:
        found = query(QUEUE, database.binding, where, now=clock.now(), zone=UTC, whole=True)
        rows = await listed(database, "email_queue", where)
        selection = matching("email_queue", found, where)
        assert await taken(operator_context(database), selection, "cancel") == set(rows), where


async def test_the_filter_of_a_group_is_taken_by_the_command_line(database: Database) -> None:
    await fail(database, timedelta(minutes=1), timedelta(minutes=2), error="kind of 17 things")
    await fail(database, timedelta(minutes=1), error="another kind")
    one = next(each for each in await groups(database) if each.total == 2)
    where = f"errorGroup:{one.key}"
    done = await agentflow(
        "retry", "workflows", "--where", where, "--dry-run", "--json", url=database.url
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["matched"] == 2
    wrong = await agentflow("list", "workflows", "errorGroup:none", url=database.url)
    assert wrong.returncode == 2
    assert "agentflow list errors" in wrong.stderr
