"""A dead worker: told from a live one, said on every screen, and removed with its evidence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from agentflow_tui.console.bars import contents
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.consequences import consequences
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.undo import undo
from agentflow_tui.operations.verbs import find
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.leases import give_back_of_dead
from agentflow_tui.store.views.checks import LOCK_KEY
from agentflow_tui.store.views.dead_workers import DeadWorker, read_dead_workers
from agentflow_tui.text import cell_width
from tests.changes.operating import operator_context, snapshot_rows, whole
from tests.console.driving import burst, console, sees, told
from tests.samples import ago, fill
from tests.waiting import until as so

LIVE, DEAD, LEFT, COVERED = "worker:web1:1:a", "worker:web1:2:b", "worker:web2:3:c", "worker:w:4:d"


def row(id_: str, details: str, **span: float) -> dict[str, object]:
    return {
        "id": id_,
        "name": id_,
        "status": "ok",
        "message": "Runs sender; idle.",
        "details": details,
        "lastChecked": ago(**span or {"days": -1}),  # never silent, however long tests run
        "createdAt": ago(hours=1),
    }


@asynccontextmanager
async def workers(database: Database) -> AsyncIterator[None]:
    """A live worker, a dead one, one of which nothing has been given back, and one behind a
    pooler."""
    lock = '{"lock": true, "roles": ["sender"]}'
    rows = [row(LIVE, lock), row(DEAD, lock), row(LEFT, lock, seconds=7)]
    rows.append(row(COVERED, '{"lock": false}', minutes=1))
    await fill(database, {"health_checks": rows})
    async with database.session() as session:
        await session.execute(f"SELECT pg_advisory_lock({LOCK_KEY.format(id='$1::text')})", LIVE)
        assert await give_back_of_dead(database, DEAD) == {}
        yield
        await session.execute("SELECT pg_advisory_unlock_all()")


async def delete(context: OperationContext, *ids: str) -> tuple[Outcome, list[str]]:
    """Delete rows of health checks; what came of it, and what was said before."""
    operation = find("delete", "health_checks")
    assert operation is not None
    snapshot = await snapshot_rows(context, operation, ids)
    return await carry_out(context, snapshot), await consequences(context, snapshot)


async def test_only_a_dead_worker_whose_claims_are_given_back_is_removed_and_can_come_back(
    database: Database,
) -> None:
    async with workers(database):
        context, before = operator_context(database), await whole(database, "health_checks")
        operation = find("delete", "health_checks")
        assert operation is not None
        ids = (LIVE, DEAD, LEFT, COVERED)
        told = "\n".join(await consequences(context, await snapshot_rows(context, operation, ids)))
        assert "web1 2: its lock is free; it was found dead at 20" in told
        assert "died without a word" in told
        outcome, _ = await delete(context, *ids)
        assert dict(outcome.skipped) == {
            LIVE: "is alive: its process holds its lock",
            LEFT: "has died, and what it held is given back once a worker runs",
            COVERED: "has no lock, and goes by itself once it is silent for long",
        }
        assert (await whole(database, "health_checks")).keys() == {LIVE, LEFT, COVERED}
        assert outcome.journal
        await undo(context, outcome.journal)
        assert await whole(database, "health_checks") == before


async def test_a_dead_worker_is_told_by_its_lock_until_another_one_has_started(
    database: Database,
) -> None:
    async with workers(database):
        found = {each.id: each for each in await read_dead_workers(database)}
        assert found[DEAD].given_back
        await so(lambda: read_ids(database, LEFT), "a free lock proves it")  # once it is settled
        assert await read_ids(database) == {DEAD, LEFT}
        assert not any(each.replaced for each in await read_dead_workers(database))
        await database.execute(  # it has started, and given back what the dead ones held
            "UPDATE {health_checks} SET {health_checks.createdAt} = now() - interval '5 s' "
            "WHERE {health_checks.id} = $1",
            LIVE,
        )
        assert all(each.replaced for each in await read_dead_workers(database))


async def read_ids(database: Database, wanted: str = "") -> set[str]:
    found = {each.id for each in await read_dead_workers(database)}
    return found if not wanted or wanted in found else set()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_line_of_a_dead_worker_says_what_to_do_in_any_width(width: int) -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    died = DeadWorker("worker:web1:4711:ab", now - timedelta(seconds=4), True, False)
    left, right = contents.dead_workers([died], {"app.workers": "w"}, now, width)
    line = "".join(piece.text for piece in (*left, *right))
    assert "A worker died: web1 4711, 4s ago" in line
    assert "9" in line
    assert "then w starts one" in line
    assert cell_width(line) <= width
    replaced = DeadWorker(died.id, died.at, True, True)
    assert contents.dead_workers([replaced], {}, now, width) == ([], [])


async def test_a_death_is_said_on_any_screen_and_three_keys_start_a_worker(
    database: Database,
) -> None:
    async with console(database.url, "users") as pilot, workers(database):
        await sees(pilot, "died: web1 2", "then W starts one")
        await burst(pilot, "9", "W")
        await sees(pilot, "✗ dead", "▸ Start")
        await burst(pilot, "escape", "slash", *"id~web1:2", "enter", "enter")
        await sees(pilot, "This process has died: its lock is free.", "W starts workers here")
        await burst(pilot, "D")
        await sees(pilot, "it was found dead at", "▸ Leave it")
        await burst(pilot, "tab", "enter")
        await told(pilot, "1 deleted; u takes it back.")
        await sees(pilot, "A worker died: web2 3")
