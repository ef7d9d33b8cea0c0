"""The checks that the monitor shares out: our own, and those that the settings name.

A check of our own is a function that looks and a line of `OWN`; what it reads stands in
`agentflow_tui.store.queue.check_claims`, what its numbers mean in
`agentflow_tui.workers.monitor.findings`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from agentflow_tui import clock
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import Settings
from agentflow_tui.store.queue import check_claims
from agentflow_tui.store.queue.check_claims import CheckFinding
from agentflow_tui.store.queue.other_senders import other_senders
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.monitor.findings import (
    DEFAULT_TIMES,
    AnswerTimes,
    database_finding,
    queue_finding,
    scheduler_finding,
    standing,
)
from agentflow_tui.workers.monitor.probes import Probe, probe

SILENT = 10
"""Polls without a sign of life after which a worker is said to stand still."""


@dataclass(frozen=True, slots=True)
class SharedCheck:
    """One shared check. ``costs``: it is work for the database."""

    id: str
    name: str
    look: Callable[[WorkerContext, AnswerTimes], Awaitable[CheckFinding]]
    costs: bool = False


async def _look_at_database(context: WorkerContext, times: AnswerTimes) -> CheckFinding:
    started = time.monotonic()
    [load] = await context.database.fetch(check_claims.LOAD)
    return database_finding(load, time.monotonic() - started, times)


async def _look_at_queue(context: WorkerContext, _times: AnswerTimes) -> CheckFinding:
    started = time.monotonic()
    database = context.database
    [queue] = await database.fetch(check_claims.QUEUE)
    [others] = await database.fetch(database.binding.cached(other_senders))
    return queue_finding(queue, others, time.monotonic() - started)


async def _look_at_scheduler(context: WorkerContext, _times: AnswerTimes) -> CheckFinding:
    started = time.monotonic()
    silent = SILENT * max(context.settings.workers.poll, 1.0)
    [found] = await context.database.fetch(check_claims.PUNCTUALITY, silent)
    zone = clock.zone(context.settings.workers.time_zone or "UTC")
    rows = await context.database.fetch(check_claims.STANDING)
    took = time.monotonic() - started
    return scheduler_finding(found, took, await asyncio.to_thread(standing, rows, zone))


OWN = (
    SharedCheck("database", "Database", _look_at_database),
    SharedCheck("queue", "Mail queue", _look_at_queue, costs=True),
    SharedCheck("scheduler", "Scheduler Service", _look_at_scheduler, costs=True),
)
"""The checks that come with AgentFlow. The sender reports one more, ``smtp``, itself.

AgentFlow's own backend looks its checks up by these names and inserts those it misses under the
same ids: so it finds ours, and takes them over."""

_BESIDE = {
    "database": ("workers.database", "Database of the workers"),
    "scheduler": ("workers.scheduler", "Scheduler of the workers"),
}
"""Id and name of a check where the other one is AgentFlow's own backend's."""

_RESERVED = {"smtp", *(check.id for check in OWN), *(id_ for id_, _ in _BESIDE.values())}


def beside_agentflow(check: SharedCheck) -> SharedCheck:
    """The same check in a row of its own, for a database where AgentFlow's backend has its own."""
    id_, name = _BESIDE.get(check.id, (check.id, check.name))
    return replace(check, id=id_, name=name)


def configured_checks(settings: Settings, times: AnswerTimes = DEFAULT_TIMES) -> list[SharedCheck]:
    """The checks of other services that the settings name. Raises `SettingsError`."""
    checks = []
    for name, url in settings.workers.checks.items():
        if name in _RESERVED or name.startswith("worker:"):
            raise SettingsError(f"[workers.checks] {name!r} is the name of a built-in check.")
        checks.append(SharedCheck(name, name, _asking(probe(name, url, times.service))))
    return checks


def _asking(service: Probe) -> Callable[[WorkerContext, AnswerTimes], Awaitable[CheckFinding]]:
    async def look(_context: WorkerContext, _times: AnswerTimes) -> CheckFinding:
        return await service.check()

    return look
