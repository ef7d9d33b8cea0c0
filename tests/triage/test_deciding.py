"""Deciding about what needs attention: shared, compare and set, journalled, taken back."""

import asyncio
import json
from datetime import timedelta

import pytest

from agentflow_tui import clock
from agentflow_tui.errors import MissingError, RefusedError
from agentflow_tui.operations.triage.error_triage import ErrorTriage
from agentflow_tui.operations.triage.issue_changes import (
    TriagedIssue,
    acknowledge,
    claim,
    snooze,
    wake,
)
from agentflow_tui.operations.triage.issue_state import UNDECIDED, Issue, IssueMode, read_states
from agentflow_tui.operations.triage.snooze import SnoozeLimit
from agentflow_tui.operations.undo import last_undoable, undo
from agentflow_tui.store.changes.change import ChangeSettings
from agentflow_tui.store.changes.issue_states import state_id, states
from agentflow_tui.store.changes.issues import STATE
from agentflow_tui.store.changes.snapshot import SnapshotReader
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.views.failures import new_failures_sql
from agentflow_tui.store.views.overview_sql import overview_sql
from tests.changes.operating import operator_context, value
from tests.namings import NAMINGS
from tests.triage.deciding import fail, groups, pretend_earlier, triaged_issue

HOUR = timedelta(hours=1)
ISSUE = Issue(subject="check:smtp", label="Mail relay: connection refused", mark="error")


async def test_an_acknowledged_group_is_quiet_for_every_operator(database: Database) -> None:
    await fail(database, HOUR, HOUR)
    [group] = await groups(database)
    assert not group.quiet
    outcome = await acknowledge(
        operator_context(database, "ann"), [TriagedIssue(group.issue, group.state)], clock.now()
    )
    assert (outcome.verb, outcome.applied, outcome.sentence) == ("acknowledge", 1, "1 acknowledged")
    other = await Database.open(database.url)
    [seen] = await groups(other)
    assert (seen.quiet, seen.state.by, seen.state.count) == (True, "ann", 2)
    other.close()


async def test_the_journal_tells_who_decided_what_about_which_subject(database: Database) -> None:
    await fail(database, HOUR)
    [group] = await groups(database)
    subject = group.subject
    outcome = await snooze(
        operator_context(database, "ann"),
        [TriagedIssue(group.issue, group.state)],
        SnoozeLimit(more=20),
        clock.now(),
    )
    row = await value(
        database,
        "SELECT jsonb_build_array({task_logs.taskType}, {task_logs.status}, {task_logs.input}, "
        "{task_logs.output})::text FROM {task_logs} WHERE {task_logs.id} = $1",
        outcome.journal,
    )
    kind, status, given, said = json.loads(row)
    assert (kind, status, given["operator"]) == ("operator.snooze", "completed", "ann")
    assert given["ids"] == [state_id(subject)]
    assert json.loads(said["after"][0]["output"])["limit"] == 21
    kept = await value(
        database,
        "SELECT {task_logs.input}::text FROM {task_logs} WHERE {task_logs.id} = $1",
        state_id(subject),
    )
    assert json.loads(kept) == {"subject": subject, "label": group.label}


async def test_of_two_operators_the_second_is_told(database: Database) -> None:
    shown = await triaged_issue(database, ISSUE)
    first = await acknowledge(operator_context(database, "ann"), [shown], clock.now())
    second = await snooze(
        operator_context(database, "bob"), [shown], SnoozeLimit(more=1), clock.now()
    )
    assert (first.applied, second.applied) == (1, 0)
    assert second.skipped == ((state_id(ISSUE.subject), "changed meanwhile"),)
    assert (await triaged_issue(database, ISSUE)).state.by == "ann"


async def test_of_many_at_once_exactly_one_decides(database: Database) -> None:
    shown = await triaged_issue(database, ISSUE)
    outcomes = await asyncio.gather(
        *(acknowledge(operator_context(database, f"op{n}"), [shown], clock.now()) for n in range(6))
    )
    assert sum(outcome.applied for outcome in outcomes) == 1


async def test_a_claim_leaves_the_decision_and_a_decision_the_claim(database: Database) -> None:
    ann, now = operator_context(database, "ann"), clock.now()
    await claim(ann, [await triaged_issue(database, ISSUE)], now)
    await acknowledge(
        operator_context(database, "bob"), [await triaged_issue(database, ISSUE)], now
    )
    state = (await triaged_issue(database, ISSUE)).state
    assert (state.mode, state.by, state.claimant(now)) == (IssueMode.ACKNOWLEDGED, "bob", "ann")
    await wake(ann, [await triaged_issue(database, ISSUE)], now)
    state = (await triaged_issue(database, ISSUE)).state
    assert (state.mode, state.claimant(now)) == (IssueMode.OPEN, "")


async def test_undo_brings_back_what_was_decided_before(database: Database) -> None:
    ann, now = operator_context(database, "ann"), clock.now()
    await acknowledge(ann, [await triaged_issue(database, ISSUE)], now)
    before = (await triaged_issue(database, ISSUE)).state
    await snooze(ann, [await triaged_issue(database, ISSUE)], SnoozeLimit(at=now + HOUR), now)
    for expected in (before, UNDECIDED):
        undone = await undo(ann, (await last_undoable(ann)).id)
        assert undone.applied == 1
        assert (await triaged_issue(database, ISSUE)).state == expected


async def test_what_another_has_decided_since_is_not_undone(database: Database) -> None:
    ann, bob, now = (
        operator_context(database, "ann"),
        operator_context(database, "bob"),
        clock.now(),
    )
    await acknowledge(ann, [await triaged_issue(database, ISSUE)], now)
    await claim(bob, [await triaged_issue(database, ISSUE)], now)
    undone = await undo(ann, (await last_undoable(ann)).id)
    assert (undone.applied, undone.skipped[0][1]) == (0, "changed meanwhile")


async def test_a_group_comes_back_when_it_fails_after_an_hour_of_quiet(database: Database) -> None:
    await fail(database, 9 * HOUR, 5 * HOUR)
    [group] = await groups(database)
    await acknowledge(
        operator_context(database), [TriagedIssue(group.issue, group.state)], clock.now()
    )
    await pretend_earlier(database, group.subject, 2 * HOUR)
    assert (await groups(database))[0].quiet
    await fail(database, timedelta(minutes=1))
    [back] = await groups(database)
    assert (back.quiet, back.is_new or back.is_back) == (False, True)


async def test_a_group_comes_back_when_it_has_doubled(database: Database) -> None:
    await fail(database, *[HOUR] * 12)
    [group] = await groups(database)
    await acknowledge(
        operator_context(database), [TriagedIssue(group.issue, group.state)], clock.now()
    )
    await fail(database, *[timedelta(minutes=n) for n in range(11)])
    assert (await groups(database))[0].quiet
    await fail(database, timedelta(0))
    assert not (await groups(database))[0].quiet


async def test_a_group_that_was_snoozed_is_back_in_time(database: Database) -> None:
    await fail(database, HOUR)
    [group] = await groups(database)
    until = SnoozeLimit(at=clock.now() + HOUR)
    await snooze(
        operator_context(database), [TriagedIssue(group.issue, group.state)], until, clock.now()
    )
    triage = ErrorTriage()
    await triage.look(database)
    assert triage.groups(clock.now())[0].quiet
    assert not triage.groups(clock.now() + HOUR)[0].quiet, "time alone wakes it, without a look"


async def test_what_is_decided_is_no_failure_and_no_throughput(database: Database) -> None:
    await fail(database, HOUR)
    [group] = await groups(database)
    await acknowledge(
        operator_context(database), [TriagedIssue(group.issue, group.state)], clock.now()
    )
    assert [(g.key, g.total) for g in await groups(database)] == [(group.key, 1)]
    work = (
        "SELECT count(*) FROM {task_logs} WHERE {task_logs.status} <> 'completed' "
        "OR starts_with({task_logs.taskType}, 'workflow.') OR {task_logs.error} IS NOT NULL"
    )
    assert await value(database, work) == 0


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_states_are_kept_in_every_naming(named: Database) -> None:
    ann, now = operator_context(named, "ann"), clock.now()
    outcome = await acknowledge(ann, [await triaged_issue(named, ISSUE)], now)
    assert outcome.applied == 1
    state = (await triaged_issue(named, ISSUE)).state
    assert (state.by, state.mark, state.at) == ("ann", "error", now)
    await undo(ann, outcome.journal or "")
    assert (await triaged_issue(named, ISSUE)).state == UNDECIDED
    async for page in SnapshotReader(named, STATE, ChangeSettings(), "{}").rows(
        [state_id(ISSUE.subject)]
    ):
        assert [row.refusal for row in page] == [None]


async def test_without_a_journal_nothing_can_be_decided_and_a_sentence_says_so(
    empty_url: str,
) -> None:
    database = await Database.open(empty_url)
    assert await read_states(database, ["check:smtp"]) == {}
    with pytest.raises(MissingError, match="no journal"):
        await acknowledge(operator_context(database), [TriagedIssue(ISSUE, UNDECIDED)], clock.now())
    database.close()


async def test_the_states_of_what_is_shown_are_found_by_the_primary_key(database: Database) -> None:
    await database.execute(
        "INSERT INTO {task_logs} ({task_logs.id}, {task_logs.taskType}, {task_logs.status}) "
        "SELECT gen_random_uuid()::{task_logs.id:type}, 'email.send', 'completed' "
        "FROM generate_series(1, 20000)"
    )
    await database.execute("ANALYZE {task_logs}")
    ids = [state_id(f"error:{n}") for n in range(50)]
    async with database.session() as session:
        sql = session.binding.render(states(session.binding).text)
        plan = "\n".join(r[0] for r in await session.connection.fetch(f"EXPLAIN {sql}", ids))
    assert "task_logs_pkey" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("part", ["errors", "overview"])
async def test_a_look_reads_no_table_while_nothing_is_committed(
    database: Database, part: str
) -> None:
    await fail(database, HOUR)
    async with database.session() as session, session.transaction(isolation="repeatable_read"):
        seen = await session.connection.fetchval("SELECT pg_current_snapshot()::text")
        binding = session.binding
        sql, values = {
            "errors": (new_failures_sql(binding), [seen]),
            "overview": (overview_sql(binding), [seen, 300.0]),
        }[part]
        explain = f"EXPLAIN (ANALYZE, COSTS OFF) {binding.render(sql)}"
        plan = [r[0] for r in await session.connection.fetch(explain, *values)]
    scans = [line for line in plan if "Scan on" in line or "Scan using" in line]
    assert scans
    assert all("never executed" in line for line in scans), "\n".join(plan)


async def test_a_look_at_the_errors_costs_one_statement_more_at_most(database: Database) -> None:
    await fail(database, HOUR)
    triage = ErrorTriage()

    async def cost() -> int:
        before = database.statements
        await triage.look(database)
        return database.statements - before

    assert await cost() == 2
    # Other databases of the server commit, too, which looks as if something might have changed.
    costs = [await cost() for _ in range(200)]
    assert set(costs) <= {1, 2}
    assert 1 in costs
    await fail(database, HOUR, error="another")
    assert await cost() == 2
    assert len(triage.groups(clock.now())) == 2


async def test_a_read_only_database_keeps_no_decision(database_url: str) -> None:
    database = await Database.open(database_url, ConnectionOptions(read_only=True))
    with pytest.raises(RefusedError, match="read-only"):
        await acknowledge(operator_context(database), [TriagedIssue(ISSUE, UNDECIDED)], clock.now())
    assert (await triaged_issue(database, ISSUE)).state == UNDECIDED
    database.close()
