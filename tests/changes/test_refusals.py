"""What the database has against a row is that row's fault: the others are changed, and it is
named with the database's own words."""

import asyncio
from uuid import uuid4

import pytest

from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.carry_out import BrokenOffError, carry_out
from agentflow_tui.operations.undo import undo
from agentflow_tui.operations.verbs import find
from agentflow_tui.store.changes import records
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail, do, operator_context, snapshot_rows, value, whole
from tests.samples import fill, uid
from tests.waiting import until


async def guard(database: Database, kind: str, events: str, body: str) -> None:
    """Put a trigger on the mail queue."""
    await database.execute(
        f"CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    )
    await database.execute(f"CREATE {kind} guard {events} FOR EACH ROW EXECUTE FUNCTION guard()")


async def test_a_row_that_a_constraint_refuses_is_named_and_the_others_are_changed(
    database: Database,
) -> None:
    mail = await add_mail(database, 300)
    bad = sorted(mail)[117]
    await database.execute(
        f"ALTER TABLE email_queue ADD CONSTRAINT keep_it CHECK (id <> '{bad}' OR attempts = 3)"
    )
    ann = operator_context(database)
    before = await whole(database, "email_queue")
    outcome = await do(ann, "retry", "email_queue", mail)
    assert outcome.applied == 299
    [(id_, why)] = outcome.skipped
    assert id_ == bad
    assert "is refused by the database" in why
    assert "keep_it" in why
    await undo(ann, outcome.journal or "")
    assert await whole(database, "email_queue") == before


@pytest.mark.parametrize(
    ("kind", "events"),
    [
        ("TRIGGER", "BEFORE UPDATE ON email_queue"),
        (
            "CONSTRAINT TRIGGER",
            "AFTER UPDATE ON email_queue DEFERRABLE INITIALLY DEFERRED",
        ),
    ],
    ids=["at once", "at the commit"],
)
async def test_a_row_that_a_trigger_refuses_is_named(
    database: Database, kind: str, events: str
) -> None:
    mail = await add_mail(database, 20)
    body = f"IF NEW.id = '{mail[7]}' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW;"
    await guard(database, kind, events, body)
    outcome = await do(operator_context(database), "retry", "email_queue", mail)
    assert outcome.applied == 19
    assert dict(outcome.skipped) == {mail[7]: "is refused by the database: not this one"}


async def test_a_row_that_a_trigger_keeps_without_a_word_is_not_called_changed(
    database: Database,
) -> None:
    mail = await add_mail(database, 3)
    body = f"IF NEW.id = '{mail[1]}' THEN RETURN NULL; END IF; RETURN NEW;"
    await guard(database, "TRIGGER", "BEFORE UPDATE ON email_queue", body)
    outcome = await do(operator_context(database), "retry", "email_queue", mail)
    assert outcome.applied == 2
    assert dict(outcome.skipped) == {mail[1]: "is kept as it is by a rule of the database"}


async def test_a_change_that_no_row_takes_is_given_up(database: Database) -> None:
    mail = await add_mail(database, 400)
    await database.execute("ALTER TABLE email_queue ADD CHECK (status <> 'cancelled')")
    with pytest.raises(BrokenOffError, match="does not accept this") as broken:
        await do(operator_context(database), "cancel", "email_queue", mail)
    assert (broken.value.outcome.applied, broken.value.outcome.journal) == (0, None)


async def test_a_part_without_a_change_leaves_the_operation_its_own_row(
    database: Database,
) -> None:
    """The first thousand have moved on, the rest has not: it can be found, and taken back."""
    ann = operator_context(database)
    mail = sorted(await add_mail(database, 1_200))
    before = await whole(database, "email_queue")

    operation = find("cancel", "email_queue")
    assert operation is not None
    snapshot = await snapshot_rows(ann, operation, mail)
    first = [row.id for row in snapshot.rows[:1_000]]
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.attempts} = 4 WHERE {email_queue.id} = ANY($1)",
        first,
    )
    outcome = await carry_out(ann, snapshot)
    assert outcome.applied == 200
    found = await records.find(database, outcome.journal or "")
    assert found is not None
    assert (found.parts, found.applied, found.complete) == (1, 200, True)
    assert (await undo(ann, found.id)).applied == 200
    after = await whole(database, "email_queue")
    assert {key: after[key] for key in mail if key not in first} == {
        key: before[key] for key in mail if key not in first
    }


async def limited(database: Database, url: str, *grants: str) -> Database:
    """The same database as a role that may read all of it and do only this."""
    name = f"limited_{uuid4().hex}"
    await database.execute(f"CREATE ROLE {name} LOGIN")
    await database.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    for grant in grants:
        await database.execute(f"GRANT {grant} TO {name}")
    scheme, _, rest = url.partition("://")
    return await Database.open(f"{scheme}://{name}@{rest.rpartition('@')[2]}")


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        (["UPDATE ON email_queue, emails"], "may not write task_logs"),
        (["UPDATE ON email_queue", "INSERT ON task_logs"], "permission denied for table emails"),
    ],
    ids=["no journal", "no messages"],
)
async def test_what_cannot_be_written_whole_is_not_begun(
    database: Database, database_url: str, grants: list[str], said: str
) -> None:
    """Without its journal row, or its message, a queued mail stays as it is."""
    mail = await add_mail(database, 3)
    before = await whole(database, "email_queue")
    weak = await limited(database, database_url, *grants)
    with pytest.raises(AgentflowError, match=said):
        await do(operator_context(weak), "retry", "email_queue", mail)
    assert await whole(database, "email_queue") == before
    weak.close()


async def test_two_schedules_of_one_workflow_start_it_once(database: Database) -> None:
    await fill(database)
    await database.execute("UPDATE {schedules} SET {schedules.workflowId} = $1 WHERE true", uid(12))
    outcome = await do(operator_context(database), "run", "schedules", [uid(21), uid(22)])
    assert outcome.applied == 1
    assert dict(outcome.skipped) == {uid(22): "starts a workflow that another one of these starts"}


async def test_a_message_that_is_delivered_while_its_row_is_waited_for_stays_delivered(
    database: Database, database_url: str
) -> None:
    other = await Database.open(database_url)
    [mail] = await add_mail(database, 1)
    async with other.transaction() as session:
        await session.execute("UPDATE {emails} SET {emails.status} = 'sent'")
        doing = asyncio.create_task(do(operator_context(database), "retry", "email_queue", [mail]))
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        await until(lambda: value(other, waits))
    outcome = await doing
    assert dict(outcome.skipped) == {mail: "has been delivered already"}
    assert await value(database, "SELECT {emails.status} FROM {emails}") == "sent"
    other.close()
