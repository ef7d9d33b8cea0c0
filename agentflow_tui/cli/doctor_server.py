"""What ``agentflow doctor`` says of the server, of what stands before it, and of schedules."""

from collections.abc import Awaitable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from agentflow_tui import cron
from agentflow_tui.cli.check_results import CheckResult, Severity
from agentflow_tui.cron import CronError
from agentflow_tui.errors import AgentflowError
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.locks import LOCK_HOLDERS, oids_of
from agentflow_tui.store.connection.pooler import PoolerMode
from agentflow_tui.store.queue.other_senders import other_senders
from agentflow_tui.store.views.diagnosis import HEADROOM, TIMETABLES, Timetable
from agentflow_tui.text import plural, safe

_POOLERS = {
    PoolerMode.NONE: (Severity.FINE, "none in between: session locks hold"),
    PoolerMode.SESSION: (
        Severity.FINE,
        "one that lends sessions is in between: session locks hold",
    ),
    PoolerMode.TRANSACTION: (
        Severity.WARNING,
        "a transaction pooler is in between: session locks do not hold, leases alone serve",
    ),
}


async def examine_server(database: Database, settings: Settings) -> list[CheckResult]:
    """The findings, one line each."""
    return [
        *_standing(database),
        _pooler(database),
        *(CheckResult("url", Severity.WARNING, f"{said}.") for said in database.remarks),
        await _told("connections", _connections(database, settings)),
        await _told("locks", _locks(database)),
        await _told("schedules", _schedules(database, settings)),
        *([await _told("queue", _queue(database))] if database.binding.has("email_queue") else []),
    ]


async def _told(subject: str, check: Awaitable[CheckResult]) -> CheckResult:
    """The finding, or why it cannot be found out; the others are told all the same."""
    try:
        return await check
    except AgentflowError as error:
        return CheckResult(subject, Severity.PROBLEM, str(error))


def _standing(database: Database) -> list[CheckResult]:
    found = []
    why = database.read_only_reason()
    if why:
        found.append(CheckResult("writing", Severity.WARNING, why))
    unworkable = database.binding.unworkable()
    if unworkable:
        said = f"workers need keys that are uuid or text: {', '.join(unworkable)}"
        found.append(CheckResult("keys", Severity.PROBLEM, said))
    return found


def _pooler(database: Database) -> CheckResult:
    severity, words = _POOLERS[database.pooler]
    if not database.settings_hold and database.pooler is PoolerMode.SESSION:
        words += "; what it drops at the start is set afterwards"
    return CheckResult("pooler", severity, words)


async def _connections(database: Database, settings: Settings) -> CheckResult:
    headroom = await database.fetch_one(HEADROOM)
    if headroom is None:
        return CheckResult("connections", Severity.WARNING, "the server does not say how many")
    needed = settings.workers.database_connections
    said = f"{headroom.free} of {headroom.most} are free, and a worker needs up to {needed}"
    if headroom.free >= needed:
        return CheckResult("connections", Severity.FINE, said)
    return CheckResult(
        "connections", Severity.WARNING, f"{said}; see [workers] database_connections"
    )


async def _locks(database: Database) -> CheckResult:
    held = await database.fetch(LOCK_HOLDERS, oids_of(database.binding))
    if not held:
        return CheckResult("locks", Severity.FINE, "no table is locked")
    words = "; ".join(dict.fromkeys(holder.words(database.binding) for holder in held))
    return CheckResult("locks", Severity.WARNING, words)


async def _queue(database: Database) -> CheckResult:
    """Whether our workers alone send what waits, if that can be read without waiting."""
    held = await database.fetch(LOCK_HOLDERS, oids_of(database.binding))
    if not all(holder.reads for holder in held):
        return CheckResult("queue", Severity.WARNING, "not looked at while a table is locked")
    [others] = await database.fetch(database.binding.cached(other_senders))
    if others.sentence:
        return CheckResult("queue", Severity.WARNING, others.sentence)
    return CheckResult(
        "queue", Severity.FINE, "no other program is seen to send beside our workers"
    )


async def _schedules(database: Database, settings: Settings) -> CheckResult:
    """Whether each slot that is waited for is one of its expression, in the zone of the workers."""
    zone = settings.workers.time_zone
    odd = [
        table
        for table in await database.fetch(TIMETABLES)
        if table.next_run is not None and not _explains(table, zone)
    ]
    if not odd:
        return CheckResult("schedules", Severity.FINE, f"every nextRun is a slot in {zone}")
    fits = _zone_that_explains(odd, settings)
    which = ", ".join(safe(each.id, 8) for each in odd[:5])
    said = f"nextRun of {plural(len(odd), 'schedule')} ({which}) is no slot in {zone}"
    return CheckResult(
        "schedules", Severity.WARNING, f"{said}; it is one in {fits}" if fits else said
    )


def _zone_that_explains(tables: Sequence[Timetable], settings: Settings) -> str | None:
    """The zone, other than the workers', in which each of these slots is one of its expression."""
    candidates = ("UTC", settings.console.time_zone)
    others = [name for name in candidates if name and name != settings.workers.time_zone]
    return next((name for name in others if all(_explains(each, name) for each in tables)), None)


def _explains(table: Timetable, zone: str) -> bool:
    assert table.next_run is not None
    try:
        before = table.next_run - timedelta(seconds=1)
        return table.next_run in cron.next_fires(table.cron or "", before, 1, ZoneInfo(zone))
    except (CronError, OverflowError, ValueError):
        return False
