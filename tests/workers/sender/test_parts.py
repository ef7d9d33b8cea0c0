"""A mail whose recipients are too many for one transaction, and senders that die between its parts:
who has it is on record before others are sent it."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.store.connection.database import Database
from tests.waiting import until
from tests.workers.conftest import Start
from tests.workers.sending import Running, ask, queue, row_of, sending_with, smtp

DIED = (
    "UPDATE {email_queue} SET {email_queue.attempts} = {email_queue.attempts} - 1,"
    " {email_queue.lastAttempt} = 'epoch' WHERE {email_queue.status} = 'processing'"
)
"""What becomes of the mail of a dead process."""


async def send_and_end(
    database: Database, catcher: Catcher, round_trips: int, *, dying: bool
) -> None:
    """A sender that gets so far in its conversation, and stops; or dies, and then says and writes
    nothing more."""
    transport = smtp(catcher.url)
    running = Running(database, sending_with(transport))
    reached = catcher.record.round_trips + round_trips
    await running.sender.step()
    await until(lambda: catcher.record.round_trips >= reached or not running.sender.held)
    if not dying:
        await running.stop()
        return
    for task in running.tasks:
        task.cancel()
    await asyncio.gather(*running.tasks, return_exceptions=True)
    await transport.close(0)
    await database.execute(DIED)


@pytest.mark.parametrize("seed", range(3))
async def test_a_death_between_parts_repeats_the_part_in_flight_at_most(
    database: Database, catcher_of: Any, sender_on: Start, seed: int
) -> None:
    dice = random.Random(seed)
    catcher = await catcher_of(most_recipients=(0, 40)[seed % 2])
    everyone = [f"to{n}@acme.test" for n in range(250)]
    await queue(database, everyone)
    in_flight: set[str] = set()
    for dying in (True, False, True, True):
        caught = len(catcher.record.caught)
        await send_and_end(database, catcher, dice.randrange(1, 8), dying=dying)
        if dying and len(catcher.record.caught) > caught:
            in_flight |= set(catcher.record.caught[-1].recipients)
    await sender_on(catcher.url).settled()
    counted = Counter(who for mail in catcher.record.caught for who in mail.recipients)
    assert (await row_of(database))[0] == "completed"
    assert set(counted) == set(everyone)
    assert {who for who, count in counted.items() if count > 1} <= in_flight


@pytest.mark.parametrize("takes_parts", [True, False])
async def test_who_refused_an_earlier_part_is_named_and_not_asked_again(
    database: Database, catcher_of: Any, sender_on: Start, takes_parts: bool
) -> None:
    """Also where the journal takes no rows about parts."""
    if not takes_parts:
        await database.execute_alone(
            "ALTER TABLE {task_logs} ADD CHECK ({task_logs.taskType} <> 'email.part')"
        )
    catcher = await catcher_of()
    everyone = ["unknown@acme.test", *(f"to{n}@acme.test" for n in range(149))]
    await queue(database, [*everyone, "greylist@acme.test"])
    running = sender_on(catcher.url)
    await running.settled()
    status, attempts, error, _, _ = await row_of(database)
    assert (status, attempts) == ("failed", 2)
    assert error.startswith("150 of 151 have it. 550 5.1.1 <unknown@acme.test>")
    counted = Counter(each.partition("<")[2] for each in catcher.record.commands)
    assert counted["unknown@acme.test>"] == 1
    assert counted["greylist@acme.test>"] == 2
    parts = await ask(
        database,
        "SELECT {task_logs.taskType}, jsonb_array_length({task_logs.output}::jsonb -> 'accepted')"
        " FROM {task_logs} ORDER BY {task_logs.createdAt}",
    )
    of_parts = [("email.part", 99)] if takes_parts else []
    assert parts == [*of_parts, ("email.send", 149), ("email.send", 150)]
