"""The sample data: every row of a dealership group's database on a bad Monday, from a seed.

The same seed and the same *now* give the same rows. Nothing here knows a database: rows are
dictionaries in documented column names, times are aware, JSON columns hold what the JSON says (a
text in one is a JSON text, as some other program wrote it).
"""

from datetime import datetime
from random import Random
from typing import cast

from agentflow_tui.demo import background, health, people
from agentflow_tui.demo.builder import Row, World
from agentflow_tui.demo.mail import campaigns
from agentflow_tui.demo.people import DEMO_KEY
from agentflow_tui.demo.workflows import schedules, states

DEFAULT_ROWS = 2_000
"""About as many rows as the largest tables get."""

DEFAULT_SEED = 20260
"""Of `agentflow demo`, so that everybody who speaks about it sees the same."""


def sample(
    seed: int, now: datetime, rows: int = DEFAULT_ROWS, *, key: str | None = None
) -> dict[str, list[Row]]:
    """The rows of the thirteen tables, by table name.

    ``now`` is aware and plays Monday nine o'clock. ``rows`` is about how many rows the largest
    tables get; what the story needs is there however small it is. ``key`` is an `ENCRYPTION_KEY`
    (64 hex digits) for the credentials, `DEMO_KEY` by default.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    world = World(now=now, rng=Random(f"agentflow {seed}"))
    size = max(rows, 1) / DEFAULT_ROWS
    people.hire(world)
    people.sign_in(world)
    people.entrust(world, key or DEMO_KEY)
    _automate(world, size)
    _correspond(world, size)
    background.journal(world)
    health.check(world)
    for table in world.tables.keys() - {"sessions"}:
        world.tables[table].sort(key=_age)
    return world.tables


def _automate(world: World, size: float) -> None:
    schedules.vendor_reports(world)
    schedules.regular(world)
    schedules.invalid(world)
    schedules.outage_stopped(world)
    schedules.skipped_behind_stale_lock(world)
    states.catch_up(world)
    states.everyday(world, round(190 * size))
    states.mishaps(world, max(7, round(28 * size)))
    states.saturday_night(world, failed=max(2, round(9 * size)), retried=max(2, round(12 * size)))
    states.waiting(world, max(6, round(20 * size)))
    states.resting_after_failure(world, max(1, round(4 * size)))
    states.left_by_the_dead(world, 2)
    states.stopped_by_hand(world, paused=max(2, round(8 * size)), cancelled=max(2, round(7 * size)))
    states.misshapen(world)


def _correspond(world: World, size: float) -> None:
    campaigns.steady(world, round(520 * size))
    campaigns.outbreaks(world, max(3, round(38 * size)))
    campaigns.this_morning(
        world, lakeside=max(8, round(110 * size)), fleet=max(4, round(36 * size))
    )
    campaigns.backlog(world, campaign=max(5, round(260 * size)), fresh=max(2, round(34 * size)))
    campaigns.stopped_by_hand(
        world, held=max(2, round(12 * size)), cancelled=max(2, round(15 * size))
    )
    campaigns.drafts(world, max(2, round(22 * size)))
    campaigns.misshapen(world)
    health.report_alive(world, states.held_by_workers(world, 5), campaigns.in_flight(world, 4))


def _age(row: Row) -> datetime:
    return cast("datetime", row["createdAt"])
