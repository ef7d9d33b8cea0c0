"""The ledger of fires: what became of each slot, in words and counted, from the journal."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agentflow_tui.operations.fire_ledger import FireCounts, count_fires, read_ledger, sum_up
from agentflow_tui.store import journal
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.journal import JournalEntry
from agentflow_tui.store.schema.accelerators import build, buildable
from agentflow_tui.store.views.fires import FireCount
from tests.cli.running import agentflow
from tests.console.driving import console, sees
from tests.samples import NOW, fill, uid

OUTCOMES: tuple[dict[str, str | int], ...] = (
    {"outcome": "fired", "late_ms": 12},
    {"outcome": "fired", "late_ms": 75_000, "missed": 2},
    {"outcome": "twice", "reason": "another schedule started the workflow at the same moment"},
    {"outcome": "busy", "reason": "the workflow is still running"},
    {"outcome": "missed", "reason": "its time was over", "missed": 1},
    {"outcome": "moved", "reason": "it was worked out in another time zone"},
    {"outcome": "wrong"},
)
SAID = (
    "done",
    "late: started 1m 15s after its time; 2 slots missed",
    "done: another schedule started the workflow at the same moment",
    "skipped: the workflow is still running",
    "missed: its time was over",
    "moved: it was worked out in another time zone",
    "cannot fire: 5 fields are needed",
)
COUNTS = FireCounts(done=2, late=1, skipped=1, missed=3)
SCHEDULE, OTHER = uid(21), uid(29)


async def journal_slots(database: Database) -> None:
    """Each outcome once, a minute apart, the first one the latest; one of another schedule."""
    entries = [
        JournalEntry(
            task_type="schedule.fire",
            status="failed" if said["outcome"] in ("busy", "wrong") else "completed",
            input={"schedule": schedule, "slot": NOW - timedelta(minutes=ago)},
            output=said,
            error="5 fields are needed" if said["outcome"] == "wrong" else None,
        )
        for schedule, outcomes in ((SCHEDULE, OUTCOMES), (OTHER, OUTCOMES[:1]))
        for ago, said in enumerate(outcomes)
    ]
    async with database.transaction() as session:
        await journal.write(session, entries)
    await database.execute(
        "UPDATE {task_logs} SET {task_logs.createdAt} ="
        " ({task_logs.input} ->> 'slot')::timestamptz WHERE {task_logs.taskType} = 'schedule.fire'"
    )


def test_counts_tell_what_was_done_from_what_was_not_and_name_the_worst_first() -> None:
    rows = [
        FireCount("s", str(said["outcome"]), int(str(said.get("late_ms", 0))) >= 60_000, 1, missed)
        for said in OUTCOMES
        for missed in [int(str(said.get("missed", 0)))]
    ]
    assert sum_up(rows) == {"s": COUNTS}
    assert str(COUNTS) == "1 skipped, 3 missed, 1 late, 2 done"
    assert str(FireCounts()) == ""
    assert [each.style for each in (COUNTS, FireCounts(missed=1), FireCounts(done=1))] == [
        "failed",
        "warning",
        "dim",
    ]


@pytest.mark.parametrize("accelerated", [False, True])
async def test_every_slot_is_in_the_ledger_newest_first(
    database: Database, accelerated: bool
) -> None:
    await journal_slots(database)
    if accelerated:
        for accelerator in buildable(database.binding):
            if accelerator.table == "task_logs":
                await build(database, accelerator)
        await database.rebind()
    before = database.statements
    ledger = await read_ledger(database, SCHEDULE, NOW)
    assert tuple(line.text for line in ledger.lines) == SAID
    assert [line.slot for line in ledger.lines] == [
        NOW - timedelta(minutes=ago) for ago in range(len(SAID))
    ]
    assert (ledger.counts, ledger.partial) == (COUNTS, False)
    assert database.statements - before == 2
    counted = await count_fires(database, [SCHEDULE, OTHER, uid(28)], NOW)
    assert counted == {SCHEDULE: COUNTS, OTHER: FireCounts(done=1)}
    assert await count_fires(database, [SCHEDULE], NOW + timedelta(days=2)) == {}


async def test_the_list_the_detail_and_the_command_line_tell_of_fires(
    database: Database, tmp_path: Path
) -> None:
    await fill(database)
    await journal_slots(database)
    async with console(database.url, "schedules", size=(120, 30)) as pilot:
        await sees(pilot, "1 skipped, 3")
        await pilot.press("slash", *f"id:{SCHEDULE}", "enter", "enter", "right_square_bracket")
        await sees(pilot, "Last day", str(COUNTS), SAID[3])
    done = await agentflow("show", "schedules", SCHEDULE, url=database.url, home=tmp_path)
    assert all(words in done.stdout for words in (str(COUNTS), *SAID))
    done = await agentflow("show", "schedules", SCHEDULE, "--json", url=database.url, home=tmp_path)
    fires = json.loads(done.stdout)["fires"]
    assert fires["lastDay"] == {"done": 2, "late": 1, "skipped": 1, "missed": 3}
    assert [slot["outcome"] for slot in fires["slots"]] == [said["outcome"] for said in OUTCOMES]
    assert datetime.fromisoformat(fires["slots"][0]["slot"]) == NOW
