"""The monitor: keeps ``health_checks`` true.

Each shared check is done by one process, whichever comes first when it is due
(`agentflow_tui.store.queue.check_claims`). What is not ok is looked at more often.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from agentflow_tui.errors import MissingError, RefusedError
from agentflow_tui.settings import Settings
from agentflow_tui.store.queue import check_claims, leases
from agentflow_tui.store.queue.check_claims import CheckFinding
from agentflow_tui.workers.context import RoleFactory, StepReport, WorkerContext
from agentflow_tui.workers.monitor.checks import (
    OWN,
    SILENT,
    SharedCheck,
    beside_agentflow,
    configured_checks,
)
from agentflow_tui.workers.monitor.findings import (
    DEFAULT_TIMES,
    AnswerTimes,
)

EVERY = 6
"""Polls between two checks of what is ok."""

GONE = 600.0
"""Seconds for which a dead worker's row is kept, so that an operator can see it."""


def prepare(settings: Settings) -> RoleFactory:
    """Check the settings of the monitor. Raises `SettingsError`."""
    configured_checks(settings)
    return Monitor


class Monitor:
    """The monitor of one process; any number of processes may run one."""

    name = "monitor"

    def __init__(self, context: WorkerContext, times: AnswerTimes = DEFAULT_TIMES) -> None:
        self._context = context
        self._times = times
        self._checks = [*OWN, *configured_checks(context.settings, times)]
        self._rests_until = float("-inf")

    async def step(self, woken: bool = True) -> StepReport:
        """Do the checks that are due and that no other process does."""
        context, database = self._context, self._context.database
        rest = self._rests_until - time.monotonic()
        if rest > 0:
            return StepReport(again=rest)
        if not database.binding.has("health_checks", "id", "lastChecked"):
            return StepReport()
        every = context.settings.workers.poll * EVERY
        checks = await self._named_checks()
        due = await database.fetch(
            check_claims.claim(database.binding),
            list(checks),
            [check.name for check in checks.values()],
            [every] * len(checks),
            [check.costs for check in checks.values()],
        )
        ours = {row.id: row.token for row in due if row.token is not None}
        found = {
            key: (token, _with_interval(finding, every, costs=checks[key].costs))
            for key, (token, finding) in (await self._look(checks, ours)).items()
        }
        await check_claims.record(database, found)
        if any(id_.endswith("database") for id_ in ours):
            await self._clean_up()
        waits = [row.seconds for row in due if row.token is None]
        waits += [
            every if finding.status == "ok" else every / check_claims.HASTE
            for _, finding in found.values()
        ]
        rest = max(0.05, min(waits))
        self._rests_until = time.monotonic() + rest
        return StepReport(again=rest)

    async def stop(self, deadline: float) -> None:
        """Nothing is held: a check that is not finished is done again by the next process."""

    async def _named_checks(self) -> dict[str, SharedCheck]:
        """The checks by the ids of their rows in this database."""
        shared = await self._context.database.fetch(check_claims.IS_AGENTFLOWS_TOO)
        checks = map(beside_agentflow, self._checks) if any(shared) else self._checks
        return {check.id: check for check in checks}

    async def _look(
        self, checks: Mapping[str, SharedCheck], ours: Mapping[str, datetime]
    ) -> dict[str, tuple[datetime, CheckFinding]]:
        async def one(check: SharedCheck) -> CheckFinding:
            try:
                async with asyncio.timeout(self._times.measurement if check.costs else None):
                    return await check.look(self._context, self._times)
            except TimeoutError:
                return _took_too_long(self._times.measurement)
            except (MissingError, RefusedError) as error:
                return CheckFinding(status="warning", message=f"It could not be checked. {error}")

        findings = await asyncio.gather(*(one(checks[key]) for key in ours))
        return {
            key: (token, finding)
            for (key, token), finding in zip(ours.items(), findings, strict=True)
        }

    async def _clean_up(self) -> None:
        context = self._context
        if leases.keeps_rows(context.database.binding):
            workers = context.settings.workers
            silent = SILENT * max(workers.poll, 1.0)
            await context.database.execute(leases.CLEAN_UP, max(GONE, workers.lease), silent)


def _with_interval(finding: CheckFinding, every: float, *, costs: bool) -> CheckFinding:
    """The finding with the seconds until the next look, so that a row says when it is stale."""
    rest = check_claims.SHARE * (finding.response or 0.0) if costs else 0.0
    details = {"every": round(max(every, rest), 1), **(finding.details or {})}
    return replace(finding, details=details)


def _took_too_long(seconds: float) -> CheckFinding:
    return CheckFinding(
        status="warning",
        message=f"Measuring it took more than {seconds:g} seconds and was stopped. "
        "'agentflow db accelerate' makes it cheap.",
        response=seconds,
    )
