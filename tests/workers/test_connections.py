"""A worker needs few connections, and gets everything done with fewer, saying so once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from agentflow_tui.errors import NoConnectionLeftError
from agentflow_tui.settings import CONNECTIONS, Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.pool_gate import PoolGate
from agentflow_tui.workers import supervisor
from tests.waiting import until
from tests.workers.sending import statuses
from tests.workers.workflows import add, count, step

WORKFLOWS = 40
STEPS = [
    step("check", "condition", expression="context.name"),
    step("mail", "email", to="team@acme.test", subject="Done", body="Done."),
]


@pytest.fixture
async def role(database_url: str) -> AsyncIterator[str]:
    """A role that may do what a worker does."""
    owner = await asyncpg.connect(database_url)
    name = f"few_{await owner.fetchval('SELECT pg_backend_pid()')}"
    await owner.execute(f"CREATE ROLE {name} LOGIN")
    await owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
    yield name
    await owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await owner.close()


@pytest.mark.parametrize("given", [2, 3, None])
async def test_a_worker_does_all_its_work_with_the_connections_that_it_gets(
    database: Database,
    role: str,
    tmp_path: Path,
    given: int | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await database.execute(f"ALTER ROLE {role} CONNECTION LIMIT {given or -1}")
    for number in range(WORKFLOWS):
        await add(database, STEPS, {"name": f"w{number}"})
    settings = Settings(
        workers=WorkerSettings(poll=0.2, sender="AgentFlow <a@acme.test>"),
        environ={"AGENTFLOW_OUTBOX": str(tmp_path)},
    )
    roles = [supervisor.prepare(name, settings) for name in supervisor.ROLES]
    url = database.url.replace("agentflow@", f"{role}@")
    working = asyncio.create_task(supervisor.run(settings, url, roles, drain=True))
    most = 0

    async def is_over() -> bool:
        nonlocal most
        async with database.session() as session:
            used = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1"
            most = max(most, await session.connection.fetchval(used, role))
        return working.done()

    await until(is_over, "everything is done")
    assert await working == 0
    assert await count(database, "workflows", "{workflows.status} = 'completed'") == WORKFLOWS
    assert await statuses(database) == {"completed": WORKFLOWS}
    assert most <= min(given or CONNECTIONS, CONNECTIONS)
    said = [each for each in caplog.messages if "no further connection" in each]
    assert len(said) == (0 if given is None else 1)


async def test_a_database_that_gives_no_connection_at_all_is_a_sentence(
    database: Database, role: str
) -> None:
    await database.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
    with pytest.raises(NoConnectionLeftError, match="has no connection left"):
        await Database.open(database.url.replace("agentflow@", f"{role}@"))


async def test_a_gate_that_was_narrowed_lets_the_others_in_one_after_the_other() -> None:
    gate = PoolGate(3)
    await gate.enter(1.0)
    assert not gate.narrow(), "nobody else has a connection"
    await gate.enter(1.0)
    assert gate.narrow()
    gate.leave()
    with pytest.raises(TimeoutError):
        await gate.enter(0.0)
    waiting = [asyncio.create_task(gate.enter(30.0)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.leave()
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    cut_off, last = (task for task in waiting if task not in done)
    cut_off.cancel()
    gate.leave()
    await last
