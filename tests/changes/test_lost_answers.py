"""A connection that breaks at a commit, and a process that dies in the middle: what was committed
is in the journal, told, and can be taken back."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from agentflow_tui.operations.carry_out import BrokenOffError, carry_out
from agentflow_tui.operations.undo import NothingToUndoError, last_undoable, undo
from agentflow_tui.operations.verbs import find
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from tests.changes.operating import add_mail, do, operator_context, snapshot_rows, value, whole
from tests.waiting import until
from tests.workers.wires import Wire, wired


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with wired(database_url) as made:
        yield made


@pytest.fixture
async def far(wire: Wire) -> AsyncIterator[Database]:
    """The database at the other end of the wire."""
    opened = await Database.open(wire.url, ConnectionOptions(connections=1))
    yield opened
    opened.close()


async def entries(database: Database) -> int:
    found = await value(database, "SELECT count(*) FROM {task_logs}")
    return int(found)


def losing_its_answer(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next commit after a journal row arrives, and its answer does not."""
    write = journal.write

    async def last_words(session: object, rows: object) -> int:
        written = await write(session, rows)  # type: ignore[arg-type]
        monkeypatch.setattr(journal, "write", write)
        wire.hold_answers()
        return written

    monkeypatch.setattr(journal, "write", last_words)


@pytest.mark.parametrize("count", [3, 1_500])
async def test_a_part_whose_answer_is_lost_at_the_commit_is_settled_by_the_journal(
    database: Database, far: Database, wire: Wire, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    mail = await add_mail(database, count)
    sent = await add_mail(database, 2, "completed")
    before = await whole(database, "email_queue")
    ann = operator_context(far)
    losing_its_answer(wire, monkeypatch)
    doing = asyncio.create_task(do(ann, "retry", "email_queue", [*mail, *sent]))

    async def committed() -> bool:
        return await entries(database) == 1

    await until(committed)
    wire.cut()
    outcome = await doing
    assert (outcome.matched, outcome.applied) == (count + 2, count)
    assert sorted(id_ for id_, _ in outcome.skipped) == sorted(sent)
    found = await records.find(database, outcome.journal or "")
    assert found is not None
    assert (found.applied, found.complete) == (count, True)

    losing_its_answer(wire, monkeypatch)
    undoing = asyncio.create_task(undo(ann, found.id))

    async def taken_back() -> bool:
        return await entries(database) > found.parts

    await until(taken_back)
    wire.cut()
    undone = await undoing
    assert (undone.applied, undone.skipped) == (count, ())
    assert await whole(database, "email_queue") == before


async def test_a_part_that_was_not_committed_is_not_called_done(
    database: Database, far: Database, wire: Wire
) -> None:
    other_rows = await add_mail(database, 3)
    before = await whole(database, "email_queue")
    async with database.transaction() as session:
        await session.execute("UPDATE {email_queue} SET {email_queue.priority} = 5")
        doing = asyncio.create_task(do(operator_context(far), "retry", "email_queue", other_rows))
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        await until(lambda: value(database, waits))
        wire.cut()
        with pytest.raises(BrokenOffError) as broken:
            await doing
        await session.execute("UPDATE {email_queue} SET {email_queue.priority} = 1")
    assert (broken.value.outcome.applied, broken.value.outcome.journal) == (0, None)
    assert await whole(database, "email_queue") == before
    assert await entries(database) == 0


DYING = """
import asyncio, sys
from agentflow_tui.operations.carry_out import carry_out
from tests.changes.operating import snapshot_rows
from agentflow_tui.operations.verbs import find
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import operator_context

async def main():
    database = await Database.open(sys.argv[1])
    ids = sys.stdin.read().split()
    snapshot = await snapshot_rows(operator_context(database), find("cancel", "email_queue"), ids)
    ann = operator_context(database)
    await carry_out(ann, snapshot, progress=lambda done: done == 2_000 and wait())

def wait():
    print("there", flush=True)
    import time
    time.sleep(600)

asyncio.run(main())
"""


async def test_what_a_killed_process_had_done_can_be_taken_back(
    database: Database, database_url: str
) -> None:
    mail = await add_mail(database, 3_500)
    before = await whole(database, "email_queue")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DYING,
        database_url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n".join(mail).encode())
    process.stdin.close()
    assert await process.stdout.readline() == b"there\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()

    cancelled = "SELECT count(*) FROM {email_queue} WHERE {email_queue.status} = 'cancelled'"
    assert await value(database, cancelled) == 2_000
    ann = operator_context(database)
    left = await last_undoable(ann)
    assert not left.complete
    undone = await undo(ann, left.id)
    assert (undone.applied, undone.skipped) == (2_000, ())
    assert await whole(database, "email_queue") == before
    redone = await undo(ann, undone.journal or "")
    assert redone.applied == 2_000


async def test_to_take_back_what_still_runs_ends_it(database: Database, database_url: str) -> None:
    mail = await add_mail(database, 3_000)
    before = await whole(database, "email_queue")
    other = await Database.open(database_url)
    ann, bob = operator_context(database), operator_context(other, "bob")
    operation = find("cancel", "email_queue")
    assert operation is not None
    snapshot = await snapshot_rows(ann, operation, mail)
    carried: asyncio.Queue[int] = asyncio.Queue()
    async with other.transaction() as session:  # the second part waits for one of its rows
        await session.execute(
            "UPDATE {email_queue} SET {email_queue.priority} = 1 WHERE {email_queue.id} = $1",
            snapshot.changeable[1_500].id,
        )
        doing = asyncio.create_task(carry_out(ann, snapshot, progress=carried.put_nowait))
        await carried.get()
        [running] = await records.latest(other, 1)
        undone = await undo(bob, running.id)
    with pytest.raises(BrokenOffError, match="taken back meanwhile") as ended:
        await doing
    assert undone.applied == ended.value.outcome.applied == 1_000
    assert await whole(database, "email_queue") == before
    with pytest.raises(NothingToUndoError):
        await undo(ann, running.id)
    other.close()


async def test_of_two_who_take_the_same_back_one_is_told_that_the_other_did(
    database: Database, database_url: str
) -> None:
    other = await Database.open(database_url)
    ann, bob = operator_context(database), operator_context(other, "bob")
    mail = await add_mail(database, 200)
    outcome = await do(ann, "retry", "email_queue", mail)
    undoes = [undo(each, outcome.journal or "") for each in (ann, bob)]
    answers = await asyncio.gather(*undoes, return_exceptions=True)
    [refused] = [answer for answer in answers if isinstance(answer, NothingToUndoError)]
    assert "taken" in str(refused)
    [undone] = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert (undone.applied, undone.skipped) == (200, ())
    other.close()
