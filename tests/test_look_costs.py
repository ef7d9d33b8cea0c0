"""What a look at a large table costs the server is bounded, with and without `db accelerate`."""

import asyncio
import fcntl
import pickle
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from benchmarks.looks import LISTS, READS, accelerate, fill, make_searchable, measured, searched
from benchmarks.plans import Cost
from tests.conftest import with_database

LOOK = 500
"""Buffers that a look may touch where an index serves it."""

ONE_BY_ONE = 5_000
"""Buffers of a look that finds a screen of rows among some hundred."""

INDEXES = {
    "actions": "task_logs_pkey",
    "mail": "agentflow_email_queue_failed_order",
    "workflows status:failed": "agentflow_workflows_failed",
    "workflows status:pending": "agentflow_workflows_pending",
    "workflows status:running": "agentflow_workflows_running",
    "workflows userId:1": "agentflow_workflows_userid_createdat",
    "workflows age:>1h": "agentflow_workflows_createdat",
    "workflows sort userId": "agentflow_workflows_userid_createdat",
    "mail domain:acme.test": "agentflow_emails_recipients_domain",
}
"""Why each is fast, accelerated."""

FOUND_NOWHERE = {
    *(f"{table} zzzqx" for table in ("workflows", "email_queue", "emails", "task_logs")),
    "mail domain:acme.test",
}
RARE = {"workflows status:pending", "workflows status:running"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What opening and each look cost, by name."""

    plain: dict[str, tuple[Cost, Cost]]
    accelerated: dict[str, tuple[Cost, Cost]]
    searched: dict[str, tuple[Cost, Cost]]


@pytest.fixture(
    scope="module",
    params=[51_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
    ids=["51,000 rows", "1,000,000 rows"],
)
async def costs(request: pytest.FixtureRequest, server: str, server_home: Path) -> Measured:
    """Measured once for all processes of a run, on a database of so many rows in each large table
    and on a copy of it that is accelerated."""
    kept = server_home.with_name(f"looks-{request.param}")
    with kept.with_suffix(".lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(await _measured(server, request.param)))
    found = pickle.loads(kept.read_bytes())
    assert isinstance(found, Measured)
    return found


async def _measured(server: str, rows: int) -> Measured:
    names = (f"looks_{rows}", f"looks_{rows}_fast")
    plain, fast = (with_database(server, name) for name in names)
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {names[0]}")
    await fill(plain, rows)
    await connection.execute(f"CREATE DATABASE {names[1]} TEMPLATE {names[0]} STRATEGY file_copy")
    await accelerate(fast)
    slow, quick = await measured(plain), await measured(fast)
    await make_searchable(fast)
    found = Measured(slow, quick, await searched(fast))
    for name in names:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()
    return found


async def test_an_accelerated_look_is_small_and_served_by_the_index_that_is_meant(
    costs: Measured,
) -> None:
    for name, index in INDEXES.items():
        opening, look = costs.accelerated[name]
        assert index in opening.indexes | look.indexes, (name, opening)
        assert look.buffers <= LOOK, (name, look)
        assert opening.buffers <= 4 * LOOK, (name, opening)
    assert costs.accelerated["overview"][1].buffers <= LOOK


STORIES = {
    "story of a mail": ("task_logs_queueid", "task_logs_named"),
    "story of a workflow": ("task_logs_workflow", "task_logs_named"),
    "fires counted": ("task_logs_schedule",),
    "mail to an address": ("emails_recipients_words", "email_queue_emailid", "task_logs_queueid"),
}


async def test_a_story_reads_no_large_table_from_end_to_end(costs: Measured) -> None:
    for name, indexes in STORIES.items():
        cost, _ = costs.accelerated[name]
        large = {"emails", "email_queue", "task_logs", "workflows"}
        assert not cost.scanned & large, (name, cost)
        used = {f"agentflow_{index}" for index in indexes}
        assert used <= cost.indexes, (name, cost)
        assert cost.buffers <= LOOK, (name, cost)


async def test_a_look_without_our_indexes_finds_a_screen_of_rows_among_a_few_hundred(
    costs: Measured,
) -> None:
    for look in LISTS:
        if look.name not in FOUND_NOWHERE | RARE and not look.sort:
            assert costs.plain[look.name][1].buffers <= ONE_BY_ONE, look.name
    assert costs.plain["actions"][1].buffers <= LOOK
    assert costs.plain["overview"][1].buffers <= LOOK


async def test_the_accelerated_default_is_never_dearer_than_the_plain_one(costs: Measured) -> None:
    for look in LISTS:
        plain, fast = costs.plain[look.name], costs.accelerated[look.name]
        for one, other in zip(plain, fast, strict=True):
            assert other.buffers <= 1.2 * one.buffers + 50, (look.name, one, other)


async def test_no_look_writes_temporary_files(costs: Measured) -> None:
    for measured_ in (costs.plain, costs.accelerated):
        for name in (*(look.name for look in LISTS if not look.sort), *READS):
            assert sum(cost.temporary for cost in measured_[name]) == 0, name


async def test_a_word_that_occurs_nowhere_is_soon_found_nowhere_by_the_search_indexes(
    costs: Measured,
) -> None:
    for table in ("workflows", "email_queue", "emails", "task_logs"):
        opening, look = costs.searched[f"{table} zzzqx"]
        meant = "emails" if table == "email_queue" else table
        assert f"agentflow_{meant}_search" in opening.indexes, (table, opening)
        for cost in (opening, look):
            assert cost.buffers <= 4 * ONE_BY_ONE, (table, cost)
