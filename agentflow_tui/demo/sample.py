"""The sample data: every row of a dealership group's database on a bad Monday, from a seed.

The same seed and the same *now* give the same rows. Nothing here knows a database: rows are
dictionaries in documented column names, times are aware, JSON columns hold what the JSON says (a
text in one is a JSON text, as some other program wrote it).
"""

from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import cast

from agentflow_tui.demo import background, health, people
from agentflow_tui.demo.builder import Row, SampleBuilder
from agentflow_tui.demo.mail import campaigns
from agentflow_tui.demo.people import DEMO_KEY
from agentflow_tui.demo.workflows import schedules, states

DEFAULT_ROWS = 2_000
"""About as many rows as the largest tables get."""


def sample(
    seed: int,
    now: datetime,
    rows: int = DEFAULT_ROWS,
    *,
    key: str | None = None,
    folder: Path | None = None,
) -> dict[str, list[Row]]:
    """The rows of the thirteen tables, by table name.

    ``now`` is aware and plays Monday nine o'clock. ``rows`` is about how many rows the largest
    tables get; what the story needs is there however small it is. ``key`` is an `ENCRYPTION_KEY`
    (64 hex digits) for the credentials, `DEMO_KEY` by default. Vendors' files are kept in
    ``folder``; without one they are read and gone.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    with TemporaryDirectory() as passing:
        builder = SampleBuilder(
            now=now,
            rng=Random(f"agentflow {seed}"),
            folder=folder or Path(passing),
            keeps_files=folder is not None,
        )
        return _filled(builder, max(rows, 1) / DEFAULT_ROWS, key or DEMO_KEY)


def _filled(builder: SampleBuilder, size: float, key: str) -> dict[str, list[Row]]:
    people.add_users(builder)
    people.add_sessions(builder)
    people.add_credentials(builder, key)
    people.add_api_keys(builder)
    _add_workflows(builder, size)
    _add_mail(builder, size)
    states.add_held_by_workers(builder, 5)
    campaigns.add_in_flight(builder, 4)
    background.add_background(builder)
    health.add_checks(builder)
    for table in builder.tables.keys() - {"sessions"}:
        builder.tables[table].sort(key=_age)
    return builder.tables


def _add_workflows(builder: SampleBuilder, size: float) -> None:
    def number(least: int, usual: int) -> int:
        return max(least, round(usual * size))

    schedules.add_vendor_reports(builder, number(2, 6))
    schedules.add_regular(builder)
    schedules.add_invalid(builder)
    schedules.add_stopped_in_outage(builder)
    schedules.add_skipped_behind_stale_lock(builder)
    states.add_catch_up(builder)
    states.add_everyday(builder, number(0, 190))
    states.add_failures(builder, number(7, 28))
    states.add_saturday_night(builder, failed=number(2, 9), retried=number(2, 12))
    states.add_waiting(builder, number(6, 20))
    states.add_drafts(builder, number(1, 3))
    states.add_failed_for_now(builder, number(1, 4))
    states.add_stale_locks(builder, 2)
    states.add_stopped_by_operators(builder, paused=number(2, 8), cancelled=number(2, 7))
    states.add_malformed(builder)


def _add_mail(builder: SampleBuilder, size: float) -> None:
    def number(least: int, usual: int) -> int:
        return max(least, round(usual * size))

    campaigns.add_week(builder, number(0, 520))
    campaigns.add_during_incidents(builder, number(3, 38))
    campaigns.add_this_morning(builder, lakeside=number(8, 110), fleet=number(4, 36))
    campaigns.add_backlog(builder, campaign=number(5, 260), fresh=number(2, 34))
    campaigns.add_stopped_by_operators(builder, held=number(2, 12), cancelled=number(2, 15))
    campaigns.add_drafts(builder, number(2, 22))
    campaigns.add_malformed(builder)


def _age(row: Row) -> datetime:
    return cast("datetime", row["createdAt"])
