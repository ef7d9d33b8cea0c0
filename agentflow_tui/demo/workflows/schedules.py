"""When workflows start by themselves: schedules, their fires, and what each fire set off."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice

from agentflow_tui import cron
from agentflow_tui.demo import data, words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, SampleBuilder, later
from agentflow_tui.demo.operators import RecordedChange, record_action
from agentflow_tui.demo.vendors.regular import REGULAR_REPORTS
from agentflow_tui.demo.vendors.reports import RegularReport
from agentflow_tui.demo.workflows import templates
from agentflow_tui.demo.workflows.ingestion import ingestion
from agentflow_tui.demo.workflows.runs import SimulatedRun, hold, simulate
from agentflow_tui.demo.workflows.states import DEAD_WORKER_HOURS, add_workflow, new_run
from agentflow_tui.demo.workflows.templates import TEMPLATES, SampleWorkflow, WorkflowTemplate

_LONGEST = timedelta(days=4_000)
_CAP = 10_000

_DATA = data.read("workflows")


def slots_before(expression: str, moment: datetime, count: int) -> list[datetime]:
    """The last ``count`` slots up to a moment, oldest first."""
    found: list[datetime] = []
    span = timedelta(hours=1)
    while len(found) < count and span < _LONGEST:
        found = cron.missed(expression, moment - span, moment, UTC, _CAP)
        span *= 4
    return found[-count:] if count else []


def slot_after(expression: str, moment: datetime) -> datetime | None:
    """The first slot after a moment."""
    return next(iter(cron.next_fires(expression, moment, 1, UTC)), None)


@dataclass(slots=True)
class _Schedule:
    """A schedule and its workflow while their history is simulated."""

    key: str
    expression: str
    made: datetime
    run: SimulatedRun
    workflow: SampleWorkflow


def add_regular(builder: SampleBuilder) -> None:
    """Add schedules that do their work, late or not, and those that are switched off."""
    for row in _DATA["schedules"]:
        template = TEMPLATES[row["template"]]
        if template is templates.digest:
            # Of the same thing at each fire.
            template = partial(templates.digest, what=builder.rng.choice(words.WATCHED))
        _add(
            builder,
            row["cron"],
            template,
            row["runs"],
            missed=row.get("missed", 0),
            active=row.get("active", True),
            next_known=row.get("next_known", True),
        )


def add_vendor_reports(builder: SampleBuilder) -> None:
    """Add a schedule for each vendor's report; each run fetches one rooftop's."""
    for number, report in enumerate(REGULAR_REPORTS):
        template = _each_rooftop(report, number)
        _add(builder, report.cron, template, report.runs, owner=OPERATIONS_LEAD)


def add_invalid(builder: SampleBuilder) -> None:
    """Add expressions that mean nothing: active, never due, and the journal says why."""
    for expression in _DATA["invalid_cron"]:
        made = builder.ago(hours=24 * builder.rng.uniform(3, 9))
        schedule = _begin(builder, expression, templates.digest, made)
        at = later(made, 0.8)
        builder.journal(
            "schedule.fire",
            None,
            at,
            later(at, 0.002),
            given=_fire_input(schedule, None, None),
            result={"outcome": "wrong"},
            error=_cron_error(expression),
        )
        _write(builder, schedule, due=None, last=None, updated=made)


def add_stopped_in_outage(builder: SampleBuilder) -> None:
    """Add the lead pull that failed on Saturday night, and that an operator switched off."""
    stopped = builder.ago(hours=32.55)
    made = builder.ago(hours=24 * 80)
    schedule = _begin(builder, "*/20 * * * *", templates.lead_pull, made, OPERATIONS_LEAD)
    last = stopped
    for slot in slots_before(schedule.expression, stopped, 10):
        last = _fire(builder, schedule, templates.lead_pull, slot)
    due = slot_after(schedule.expression, last)
    _write(builder, schedule, due=due, last=last, updated=stopped, active=False)
    change = RecordedChange(schedule.key, {"active": True}, {"active": False})
    record_action(builder, OPERATIONS_LEAD, "disable", "schedules", [change], stopped)


def add_skipped_behind_stale_lock(builder: SampleBuilder) -> None:
    """Add a schedule whose workflow a dead worker has locked: every slot since was skipped."""
    made, died = builder.ago(hours=24 * 40), builder.ago(hours=DEAD_WORKER_HOURS)
    until = builder.ago(seconds=1)
    schedule = _begin(builder, "35 * * * *", templates.month_end, made, OPERATIONS_LEAD)
    start = later(died, -builder.rng.uniform(90, 150))
    (slot,) = slots_before(schedule.expression, start, 1)
    last = _journal_fire(builder, schedule, slot)
    run, workflow = schedule.run, schedule.workflow
    run.start_anew(workflow.context, max(start, later(last, 0.01)))
    simulate(builder, run, workflow.steps, until=2)
    hold(builder, run, workflow.steps[2], died)
    for late in cron.missed(schedule.expression, died, until, UTC):
        _journal_fire(builder, schedule, late, "busy", "the workflow is still running")
    due = slot_after(schedule.expression, until)
    _write(builder, schedule, due=due, last=last, updated=died)


def _cron_error(expression: str) -> str:
    try:
        cron.parse(expression)
    except cron.CronError as error:
        return str(error)
    raise ValueError(f"{expression!r} is a cron expression")


def _each_rooftop(report: RegularReport, first: int) -> WorkflowTemplate:
    """The ingestion of each rooftop's report in turns."""
    rooftops = islice(cycle(words.ROOFTOPS), first, None)
    return lambda _builder: ingestion(report, next(rooftops))


def _add(
    builder: SampleBuilder,
    expression: str,
    template: WorkflowTemplate,
    runs: int,
    *,
    missed: int = 0,
    active: bool = True,
    next_known: bool = True,
    owner: str | None = None,
) -> None:
    """Add a schedule with so many fires behind it and so many slots since then that it missed."""
    until = builder.ago(seconds=1) if active else builder.ago(hours=24 * 6)
    slots = slots_before(expression, until, runs + missed)
    fired, late = slots[:runs], slots[runs:]
    made = later(min(slots, default=until), -86_400 * builder.rng.uniform(2, 60))
    schedule = _begin(builder, expression, template, made, owner)
    last = None
    for slot in fired:
        last = _fire(builder, schedule, template, slot)
    due = None
    if next_known:
        due = late[0] if late else slot_after(expression, until)
    _write(builder, schedule, due=due, last=last, updated=last or made, active=active)


def _begin(
    builder: SampleBuilder,
    expression: str,
    template: WorkflowTemplate,
    made: datetime,
    owner: str | None = None,
) -> _Schedule:
    """A new schedule and its workflow, which was tried by hand once."""
    workflow = template(builder)
    run = simulate(builder, new_run(builder, workflow, made, owner), workflow.steps)
    return _Schedule(builder.uuid(made), expression, made, run, workflow)


def _fire(
    builder: SampleBuilder, schedule: _Schedule, template: WorkflowTemplate, slot: datetime
) -> datetime:
    """Fire a slot: the workflow starts anew. Returns the moment of the fire."""
    schedule.workflow = template(builder)
    fired = _journal_fire(builder, schedule, slot)
    schedule.run.start_anew(schedule.workflow.context, later(fired, 0.02))
    simulate(builder, schedule.run, schedule.workflow.steps)
    return fired


def _journal_fire(
    builder: SampleBuilder,
    schedule: _Schedule,
    slot: datetime,
    outcome: str = "fired",
    reason: str | None = None,
) -> datetime:
    """Journal one slot as the scheduler does, and return when that was."""
    at = later(slot, builder.rng.uniform(0.01, 0.4))
    due = slot_after(schedule.expression, at)
    result = {
        "outcome": outcome,
        "late_ms": round((at - slot) / timedelta(milliseconds=1)),
        "next": due and due.isoformat(),
    }
    builder.journal(
        "schedule.fire",
        schedule.run.owner,
        at,
        later(at, 0.004),
        given=_fire_input(schedule, slot.isoformat(), schedule.run.workflow),
        result={**result, "reason": reason} if reason else result,
    )
    return at


def _fire_input(schedule: _Schedule, slot: str | None, workflow: str | None) -> dict[str, object]:
    return {
        "schedule": schedule.key,
        "workflow": workflow,
        "cron": schedule.expression,
        "slot": slot,
    }


def _write(
    builder: SampleBuilder,
    schedule: _Schedule,
    *,
    due: datetime | None,
    last: datetime | None,
    updated: datetime,
    active: bool = True,
) -> None:
    """Add the rows of the schedule and its workflow."""
    add_workflow(builder, schedule.run, schedule.workflow, schedule.made)
    builder.add(
        "schedules",
        id=schedule.key,
        workflowId=schedule.run.workflow,
        cron=schedule.expression,
        lastRun=last,
        nextRun=due,
        active=active,
        createdAt=schedule.made,
        updatedAt=updated,
    )
