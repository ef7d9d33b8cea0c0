"""Changing rows: compare and set, in parts, journalled, and taken back exactly."""

import asyncio
import json
from uuid import uuid4

import pytest

from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.undo import NothingToUndoError, last_redoable, last_undoable, undo
from agentflow_tui.operations.verbs import find
from agentflow_tui.store.changes import records
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from tests.changes.operating import add_mail, do, operator_context, snapshot_rows, value, whole
from tests.samples import fill, uid


async def test_a_retry_requeues_failed_mail_and_says_why_the_rest_is_left(
    database: Database,
) -> None:
    failed = await add_mail(database, 3)
    sent = await add_mail(database, 2, "completed")
    outcome = await do(
        operator_context(database), "retry", "email_queue", [*failed, *sent, str(uuid4())]
    )
    assert (outcome.matched, outcome.applied) == (6, 3)
    assert sorted(reason for _, reason in outcome.skipped) == [
        "is completed",
        "is completed",
        "is not there",
    ]
    states = (
        "SELECT string_agg({email_queue.status} || {email_queue.attempts}, ' ') "
        "FROM {email_queue} WHERE {email_queue.id} = ANY($1)"
    )
    assert await value(database, states, failed) == "pending0 pending0 pending0"
    mail = "SELECT count(*) FROM {emails} WHERE {emails.status} = 'queued'"
    assert await value(database, mail) == 3


async def test_requeued_mail_waits_for_the_hold(database: Database) -> None:
    [mail] = await add_mail(database, 1)
    await do(operator_context(database, hold=60), "retry", "email_queue", [mail])
    ahead = "SELECT {email_queue.lastAttempt} > now() + interval '50 s' FROM {email_queue}"
    assert await value(database, ahead) is True


async def test_the_journal_holds_who_which_rows_before_and_after(database: Database) -> None:
    mail = await add_mail(database, 2)
    outcome = await do(operator_context(database), "retry", "email_queue", mail)
    row = await value(
        database,
        "SELECT jsonb_build_array({task_logs.taskType}, {task_logs.status}, {task_logs.input}, "
        "{task_logs.output})::text FROM {task_logs} WHERE {task_logs.id} = $1",
        outcome.journal,
    )
    task_type, status, given, said = json.loads(row)
    assert (task_type, status) == ("operator.retry", "completed")
    assert (given["operator"], given["host"], given["verb"]) == ("ann", "bastion", "retry")
    assert sorted(given["ids"]) == sorted(mail)
    assert (said["matched"], said["applied"], said["skipped"]) == (2, 2, [])
    assert {(image["status"], image["attempts"]) for image in said["before"]} == {("failed", 3)}
    assert {(image["status"], image["attempts"]) for image in said["after"]} == {("pending", 0)}


UNDONE = [
    ("retry", "email_queue", uid(72), None, ""),
    ("cancel", "email_queue", uid(71), None, ""),
    ("hold", "email_queue", uid(71), None, ""),
    ("priority", "email_queue", uid(71), "9", ""),
    ("delete", "email_queue", uid(72), None, ""),
    ("edit", "email_queue", uid(71), '["new@customer.test"]', "recipients"),
    ("edit", "email_queue", uid(71), "Another subject", "subject"),
    ("edit", "emails", uid(61), '["new@customer.test"]', "recipients"),
    ("retry", "workflows", uid(12), None, ""),
    ("cancel", "workflows", uid(13), None, ""),
    ("pause", "workflows", uid(13), None, ""),
    ("run", "workflows", uid(12), None, ""),
    ("reset", "workflows", uid(12), "2", ""),
    ("unlock", "workflows", uid(11), None, ""),
    ("delete", "workflows", uid(13), None, ""),
    ("pause", "schedules", uid(21), None, ""),
    ("run", "schedules", uid(22), None, ""),
    ("edit", "schedules", uid(22), "0 7 * * *", "cron"),
    ("delete", "schedules", uid(21), None, ""),
    ("disable", "credentials", uid(1), None, ""),
    ("edit", "credentials", uid(1), "Other store", "label"),
    ("disable", "api_keys", "k1", None, ""),
    ("rerun", "health_checks", "smtp", None, ""),
    ("delete", "health_checks", "smtp", None, ""),
]


@pytest.mark.parametrize(("verb", "table", "id_", "argument", "field"), UNDONE)
async def test_undo_restores_every_table_exactly_and_redo_does_it_again(
    database: Database, verb: str, table: str, id_: str, argument: str | None, field: str
) -> None:
    await fill(database)
    tables = {table, "emails", "workflows"}
    before = {name: await whole(database, name) for name in tables}
    ann = operator_context(database)
    outcome = await do(ann, verb, table, [id_], argument, field=field)
    assert outcome.applied == 1, outcome
    changed = {name: await whole(database, name) for name in tables}
    assert changed != before
    undone = await undo(ann, (await last_undoable(ann)).id)
    assert (undone.applied, undone.skipped) == (1, ())
    assert {name: await whole(database, name) for name in tables} == before
    redone = await undo(ann, (await last_redoable(ann)).id)
    assert (redone.verb, redone.applied) == ("redo", 1)
    assert {name: await whole(database, name) for name in tables} == changed
    await undo(ann, (await last_undoable(ann)).id)
    assert {name: await whole(database, name) for name in tables} == before


async def test_undo_names_the_rows_that_have_moved_on(database: Database) -> None:
    ann = operator_context(database)
    mail = await add_mail(database, 3)
    outcome = await do(ann, "retry", "email_queue", mail)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 1 "
        "WHERE {email_queue.id} = $1",
        mail[0],
    )
    await database.execute("DELETE FROM {email_queue} WHERE {email_queue.id} = $1", mail[1])
    undone = await undo(ann, outcome.journal or "")
    assert undone.applied == 1
    assert dict(undone.skipped) == {mail[0]: "changed meanwhile", mail[1]: "is gone"}
    status = "SELECT {email_queue.status} FROM {email_queue} WHERE {email_queue.id} = $1"
    assert await value(database, status, mail[0]) == "processing"


async def test_an_edit_of_a_message_that_has_moved_on_is_not_taken_back_by_half(
    database: Database,
) -> None:
    ann = operator_context(database)
    mail = await add_mail(database, 2)
    outcome = await do(ann, "edit", "email_queue", mail, "Another", field="subject")
    await database.execute(
        "UPDATE {emails} SET {emails.subject} = 'Third' WHERE {emails.id} = "
        "(SELECT {email_queue.emailId} FROM {email_queue} WHERE {email_queue.id} = $1)",
        mail[0],
    )
    before = await whole(database, "email_queue")
    undone = await undo(ann, outcome.journal or "")
    assert (undone.matched, undone.applied) == (2, 1)
    assert dict(undone.skipped) == {mail[0]: "its row of emails changed meanwhile"}
    after = await whole(database, "email_queue")
    assert after[mail[0]] == before[mail[0]]


async def test_what_was_taken_back_is_not_taken_back_twice(database: Database) -> None:
    ann = operator_context(database)
    [mail] = await add_mail(database, 1)
    outcome = await do(ann, "hold", "email_queue", [mail])
    assert outcome.journal is None  # failed mail is not held
    outcome = await do(ann, "retry", "email_queue", [mail])
    undone = await undo(ann, outcome.journal or "")
    with pytest.raises(NothingToUndoError, match=f"taken back by {undone.journal}"):
        await undo(ann, outcome.journal or "")
    with pytest.raises(NothingToUndoError, match="You have changed nothing"):
        await last_undoable(ann)
    with pytest.raises(NothingToUndoError):
        await last_undoable(operator_context(database, "bob"))


async def test_two_operators_on_the_same_rows_change_each_once_and_are_told_the_truth(
    database_url: str,
) -> None:
    first, second = [await Database.open(database_url, ConnectionOptions()) for _ in range(2)]
    mail = await add_mail(first, 1_000)
    operation = find("retry", "email_queue")
    assert operation is not None
    ann, bob = operator_context(first, "ann"), operator_context(second, "bob")
    snapshot = [await snapshot_rows(each, operation, mail) for each in (ann, bob)]
    outcomes = await asyncio.gather(carry_out(ann, snapshot[0]), carry_out(bob, snapshot[1]))
    assert sum(outcome.applied for outcome in outcomes) == 1_000
    for outcome in outcomes:
        assert outcome.applied + len(outcome.skipped) == 1_000
        assert {reason for _, reason in outcome.skipped} <= {"changed meanwhile"}
    journal = (
        "SELECT coalesce(sum(jsonb_array_length({task_logs.output} -> 'after')), 0)::int "
        "FROM {task_logs}"
    )
    assert await value(first, journal) == 1_000
    for database in (first, second):
        database.close()


async def test_many_rows_are_changed_in_parts_and_taken_back_as_a_whole(
    database: Database,
) -> None:
    ann = operator_context(database)
    mail = await add_mail(database, 2_500)
    before = await whole(database, "email_queue")
    told: list[int] = []
    operation = find("cancel", "email_queue")
    assert operation is not None
    snapshot = await snapshot_rows(ann, operation, mail)
    outcome = await carry_out(ann, snapshot, progress=told.append)
    assert (outcome.applied, told) == (2_500, [1_000, 2_000, 2_500])
    found = await records.find(database, outcome.journal or "")
    assert found is not None
    assert (found.applied, found.parts, found.complete) == (2_500, 3, True)
    undone = await undo(ann, outcome.journal or "")
    assert (undone.applied, undone.skipped) == (2_500, ())
    assert await whole(database, "email_queue") == before
    redone = await undo(ann, undone.journal or "")
    assert redone.applied == 2_500


async def test_an_operation_can_be_stopped_and_tells_how_far_it_came(database: Database) -> None:
    ann = operator_context(database)
    mail = await add_mail(database, 2_500)
    operation = find("cancel", "email_queue")
    assert operation is not None
    stop = asyncio.Event()
    snapshot = await snapshot_rows(ann, operation, mail)
    outcome = await carry_out(ann, snapshot, progress=lambda _: stop.set(), stop=stop)
    assert (outcome.applied, outcome.stopped) == (1_000, True)
    undone = await undo(ann, outcome.journal or "")
    assert undone.applied == 1_000


async def test_rows_that_somebody_locks_are_passed_over_and_named(
    database: Database, database_url: str
) -> None:
    other = await Database.open(database_url)
    mail = await add_mail(database, 3)
    async with other.transaction() as session:
        await session.execute(
            "UPDATE {email_queue} SET {email_queue.priority} = 7 WHERE {email_queue.id} = $1",
            mail[0],
        )
        outcome = await do(operator_context(database), "retry", "email_queue", mail)
    assert outcome.applied == 2
    assert dict(outcome.skipped) == {mail[0]: "is being changed by somebody else this moment"}
    other.close()


async def test_deleting_sessions_is_irrevocable_and_the_journal_holds_no_session(
    database: Database,
) -> None:
    await fill(database)
    ann = operator_context(database)
    outcome = await do(ann, "revoke", "sessions", ["secret-session"])
    assert outcome.applied == 1
    with pytest.raises(NothingToUndoError, match="secret"):
        await undo(ann, outcome.journal or "")
    with pytest.raises(NothingToUndoError, match="Your last change, revoke of sessions, stays"):
        await last_undoable(ann)
    written = "SELECT string_agg(t::text, ' ') FROM {task_logs} t"
    assert "secret-session" not in await value(database, written)


async def test_without_a_journal_changes_work_and_nothing_claims_to_be_undoable(
    database: Database,
) -> None:
    mail = await add_mail(database, 1)
    await database.execute("DROP TABLE {task_logs}")
    await database.rebind()
    outcome = await do(operator_context(database), "retry", "email_queue", mail)
    assert (outcome.applied, outcome.journal) == (1, None)
    with pytest.raises(NothingToUndoError, match="no journal"):
        await last_undoable(operator_context(database))
