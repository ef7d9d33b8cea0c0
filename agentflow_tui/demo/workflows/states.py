"""The workflows that people and leads set off: every state there is, and why."""

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle, islice

from agentflow_tui.demo import data, words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, SampleBuilder, later
from agentflow_tui.demo.operators import RecordedChange, record_action
from agentflow_tui.demo.vendors.regular import REGULAR_REPORTS
from agentflow_tui.demo.workflows import templates
from agentflow_tui.demo.workflows.ingestion import ingestion
from agentflow_tui.demo.workflows.runs import SimulatedRun, StepFailure
from agentflow_tui.demo.workflows.templates import TEMPLATES

DEAD_WORKER_HOURS = 2.0 + 41 / 60
"""When AgentFlow's backend on ops-2 died, in hours before now."""

_CAUGHT_UP = ("Lead Response Time", "Inventory Aging")
"""Reports that were fetched by hand this morning."""

_DATA = data.read("workflows")


def add_everyday(builder: SampleBuilder, number: int) -> None:
    """Add what ran in the last week, wherever it has got by now."""
    for name in islice(cycle(_DATA["everyday"]), number):
        workflow, at = TEMPLATES[name](builder), builder.working_hour()
        run = SimulatedRun(builder, workflow, at)
        run.simulate()
        run.add_row()


def add_catch_up(builder: SampleBuilder) -> None:
    """Add reports that were fetched by hand this morning because the nightly ones failed."""
    lead = OPERATIONS_LEAD
    for report in (each for each in REGULAR_REPORTS if each.type in _CAUGHT_UP):
        at = builder.ago(hours=builder.rng.uniform(0.15, 0.7))
        run = SimulatedRun(builder, ingestion(builder, report, lead), at, lead)
        run.simulate()
        run.add_row()


def add_failures(builder: SampleBuilder, number: int) -> None:
    """Add failures of all kinds, a few of each, scattered over the week."""
    for row in islice(cycle(_DATA["failures"]), number):
        workflow = TEMPLATES[row["template"]](builder)
        at = builder.working_hour() - timedelta(minutes=20)
        error = row["error"].format(vin=builder.vin(), name=builder.rng.choice(words.FIRST_NAMES))
        failure = StepFailure(row["step"], error, row.get("permanent", False))
        run = SimulatedRun(builder, workflow, at)
        run.simulate(failure=failure)
        run.add_row()


def add_saturday_night(builder: SampleBuilder, failed: int, retried: int) -> None:
    """Add what met VinSolutions' outage. Some of what failed was retried on Sunday, the rest still
    waits."""
    changes = []
    sunday = builder.ago(hours=23)
    for number in range(failed + retried):
        workflow = templates.lead_pull(builder)
        at = builder.ago(hours=builder.rng.uniform(32.7, 34.4))
        run = SimulatedRun(builder, workflow, at, OPERATIONS_LEAD)
        run.simulate()
        if number < retried:
            before: dict[str, object] = {"status": run.status, "lastError": run.error}
            after: dict[str, object] = {"status": "pending", "lastError": None}
            changes.append(RecordedChange(run.id, before, after))
            run.at = later(sunday, 0.4 + number)
            run.simulate()
        run.add_row()
    record_action(builder, OPERATIONS_LEAD, "retry", "workflows", changes, sunday)


def add_waiting(builder: SampleBuilder, number: int) -> None:
    """Add what is due now, what rests until later, and what waits for the backend to take its next
    step."""
    rng = builder.rng
    for _ in range(number):
        workflow = TEMPLATES[rng.choice(_DATA["runnable"])](builder)
        at = builder.ago(minutes=rng.uniform(0.2, 9))
        run = SimulatedRun(builder, workflow, at)
        run.status = "pending"
        run.add_row()
    for _ in range(max(3, number // 2)):
        workflow = templates.contract_chase(builder)
        at = builder.ago(minutes=rng.uniform(4, 110))
        run = SimulatedRun(builder, workflow, at)
        run.simulate()
        run.add_row()
    for index in range(max(4, number // 2)):
        workflow, at = templates.month_end(builder), builder.ago(hours=rng.uniform(0.3, 8))
        run = SimulatedRun(builder, workflow, at)
        run.simulate(until=(0, 2)[index % 2])
        run.status = "running" if run.current else "pending"
        run.add_row()


def add_drafts(builder: SampleBuilder, number: int) -> None:
    """Add what was written and not started."""
    for _ in range(number):
        run = SimulatedRun(builder, templates.digest(builder), builder.working_hour())
        run.status = "draft"
        run.add_row()


def add_failed_for_now(builder: SampleBuilder, number: int) -> None:
    """Add what failed a moment ago, to be tried again in a while."""
    for _ in range(number):
        workflow = templates.service_reminder(builder)
        at = builder.ago(seconds=builder.rng.uniform(20, 50))
        run = SimulatedRun(builder, workflow, at)
        run.simulate(until=2)
        again = later(builder.now, builder.rng.uniform(60, 900))
        run.fail_once("canceling statement due to lock timeout", again)
        run.add_row()


def add_held_by_workers(builder: SampleBuilder, number: int) -> None:
    """Add what is being worked on at this moment."""
    for _ in range(number):
        workflow = templates.digest(builder)
        at = builder.ago(seconds=builder.rng.uniform(2, 40))
        run = SimulatedRun(builder, workflow, at)
        run.simulate(until=0)
        run.hold(later(at, 0.02))
        run.add_row()


def add_stale_locks(builder: SampleBuilder, number: int) -> None:
    """Add what a backend that died has left locked."""
    for _ in range(number):
        workflow = templates.month_end(builder)
        died = DEAD_WORKER_HOURS + builder.rng.uniform(0.001, 0.02)
        at = builder.ago(hours=died + builder.rng.uniform(0.05, 0.4))
        run = SimulatedRun(builder, workflow, at, OPERATIONS_LEAD)
        run.simulate(until=2)
        run.hold(builder.ago(hours=died))
        run.add_row()


def add_stopped_by_operators(builder: SampleBuilder, paused: int, cancelled: int) -> None:
    """Add what operators paused and cancelled."""
    for verb, status, number, hours in (
        ("pause", "paused", paused, 20.5),
        ("cancel", "cancelled", cancelled, 49.0),
    ):
        changes = []
        moment = builder.ago(hours=hours)
        for _ in range(number):
            workflow = templates.contract_chase(builder)
            at = later(moment, -builder.rng.uniform(200, 7_000))
            run = SimulatedRun(builder, workflow, at)
            run.simulate(until=2)
            changes.append(RecordedChange(run.id, {"status": "running"}, {"status": status}))
            run.status, run.at = status, moment
            run.add_row()
        record_action(builder, builder.users[5], verb, "workflows", changes, moment)


def add_malformed(builder: SampleBuilder) -> None:
    """Add what other programs wrote wrongly: steps encoded twice, or that are no list of steps."""
    workflow = templates.digest(builder)
    twice = json.dumps([step.as_json() for step in workflow.steps])
    no_steps = "The steps cannot be run: a string is no list of steps."
    shapes: Sequence[tuple[object, str, str | None]] = (
        (twice, "paused", None),
        ("send the weekly mail", "failed", no_steps),
        ({"nodes": [{"op": "fetch"}], "edges": []}, "paused", None),
    )
    for steps, status, error in shapes:
        at = builder.ago(hours=builder.rng.uniform(30, 120))
        run = SimulatedRun(builder, workflow, at)
        run.status, run.error = status, error
        run.add_row(steps)
