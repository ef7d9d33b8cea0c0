"""When workflows start by themselves: schedules, their fires, and what each fire set off."""

from datetime import UTC, datetime, timedelta
from functools import partial

from agentflow_tui import cron
from agentflow_tui.demo import data, words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, SampleBuilder, later
from agentflow_tui.demo.operators import RecordedChange, record_action
from agentflow_tui.demo.vendors.regular import LIVE_REPORT, REGULAR_REPORTS
from agentflow_tui.demo.workflows import templates
from agentflow_tui.demo.workflows.ingestion import ingestion
from agentflow_tui.demo.workflows.runs import SimulatedRun
from agentflow_tui.demo.workflows.states import DEAD_WORKER_HOURS
from agentflow_tui.demo.workflows.templates import TEMPLATES, WorkflowTemplate

_LONGEST = timedelta(days=4_000)
_CAP = 10_000

_DATA = data.read("workflows")


class SimulatedSchedule:
    """A schedule and its workflow, which was ``tried`` by hand when both were ``made``, or not.

    ``last`` is when the schedule fired last.
    """

    def __init__(
        self,
        builder: SampleBuilder,
        expression: str,
        template: WorkflowTemplate,
        made: datetime,
        owner: str | None = None,
        *,
        tried: bool = True,
    ):
        self._builder = builder
        self._expression = expression
        self._template = template
        self._made = made
        self.run = SimulatedRun(builder, template(builder), made, owner)
        if tried:
            self.run.simulate()
        self.id = builder.uuid(made)
        self.last: datetime | None = None

    def fire(self, slot: datetime) -> None:
        """Start the workflow anew."""
        workflow = self._template(self._builder)
        self.last = self.journal_slot(slot, "fired")
        self.run.start_anew(workflow, later(self.last, 0.02))
        self.run.simulate()

    def journal_slot(self, slot: datetime, outcome: str, **reason: str) -> datetime:
        """Journal one slot as the scheduler does, and return when that was."""
        at = later(slot, self._builder.rng.uniform(0.01, 0.4))
        due = slot_after(self._expression, at)
        result = {
            "outcome": outcome,
            "late_ms": round((at - slot) / timedelta(milliseconds=1)),
            "next": due and due.isoformat(),
            **reason,
        }
        self._builder.journal(
            "schedule.fire",
            self.run.owner,
            at,
            later(at, 0.004),
            given=self._subject(slot.isoformat(), self.run.id),
            result=result,
        )
        return at

    def journal_invalid(self) -> None:
        """Journal that the expression means nothing, soon after the schedule was made."""
        at = later(self._made, 0.8)
        self._builder.journal(
            "schedule.fire",
            None,
            at,
            later(at, 0.002),
            given=self._subject(None, None),
            result={"outcome": "wrong"},
            error=_cron_error(self._expression),
        )

    def _subject(self, slot: str | None, workflow: str | None) -> dict[str, str | None]:
        return {"schedule": self.id, "workflow": workflow, "cron": self._expression, "slot": slot}

    def add_rows(
        self, *, due: datetime | None, updated: datetime | None = None, active: bool = True
    ) -> None:
        """Add the rows of the schedule and its workflow. ``due`` is the next slot."""
        self.run.add_row()
        self._builder.add(
            "schedules",
            id=self.id,
            workflowId=self.run.id,
            cron=self._expression,
            lastRun=self.last,
            nextRun=due,
            active=active,
            createdAt=self._made,
            updatedAt=updated or self.last or self._made,
        )


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


def _cron_error(expression: str) -> str:
    try:
        cron.parse(expression)
    except cron.CronError as error:
        return str(error)
    raise ValueError(f"{expression!r} is a cron expression")


def add_vendor_reports(builder: SampleBuilder, most: int) -> None:
    """Add a schedule for each vendor's report, with at most so many runs behind it."""
    for report in REGULAR_REPORTS:
        template = partial(ingestion, regular=report)
        runs = min(report.runs, most)
        _add(builder, report.cron, template, runs, owner=report.owner, tried=False)
    _add_live(builder)


def _add_live(builder: SampleBuilder) -> None:
    """Add the schedule of the report that comes while the demo runs, made a moment ago."""
    report, made = LIVE_REPORT, builder.ago(seconds=40)
    template = partial(ingestion, regular=report)
    schedule = SimulatedSchedule(builder, report.cron, template, made, report.owner, tried=False)
    schedule.run.status = "draft"
    schedule.add_rows(due=slot_after(report.cron, builder.now))


def add_regular(builder: SampleBuilder) -> None:
    """Add schedules that do their work, late or not, and those that are switched off."""
    for row in _DATA["schedules"]:
        options = dict(row)
        template = TEMPLATES[options.pop("template")]
        if template is templates.digest:
            # Of the same thing at each fire.
            template = partial(templates.digest, what=builder.rng.choice(words.WATCHED))
        _add(builder, options.pop("cron"), template, **options)


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
    tried: bool = True,
) -> None:
    """Add a schedule with so many fires behind it and so many slots since then that it missed."""
    until = builder.ago(seconds=1) if active else builder.ago(hours=24 * 6)
    slots = slots_before(expression, until, runs + missed)
    fired, late = slots[:runs], slots[runs:]
    made = later(min(slots, default=until), -86_400 * builder.rng.uniform(2, 60))
    schedule = SimulatedSchedule(builder, expression, template, made, owner, tried=tried)
    for slot in fired:
        schedule.fire(slot)
    due = None
    if next_known:
        due = late[0] if late else slot_after(expression, until)
    schedule.add_rows(due=due, active=active)


def add_invalid(builder: SampleBuilder) -> None:
    """Add expressions that mean nothing: active, never due, and the journal says why."""
    for expression in _DATA["invalid_cron"]:
        made = builder.ago(hours=24 * builder.rng.uniform(3, 9))
        schedule = SimulatedSchedule(builder, expression, templates.digest, made)
        schedule.journal_invalid()
        schedule.add_rows(due=None)


def add_stopped_in_outage(builder: SampleBuilder) -> None:
    """Add the lead pull that failed on Saturday night, and that an operator switched off."""
    expression, stopped = "*/20 * * * *", builder.ago(hours=32.55)
    made = builder.ago(hours=24 * 80)
    schedule = SimulatedSchedule(builder, expression, templates.lead_pull, made, OPERATIONS_LEAD)
    for slot in slots_before(expression, stopped, 10):
        schedule.fire(slot)
    due = slot_after(expression, schedule.last or stopped)
    schedule.add_rows(due=due, updated=stopped, active=False)
    change = RecordedChange(schedule.id, {"active": True}, {"active": False})
    record_action(builder, OPERATIONS_LEAD, "disable", "schedules", [change], stopped)


def add_skipped_behind_stale_lock(builder: SampleBuilder) -> None:
    """Add a schedule whose workflow a dead worker has locked: every slot since was skipped."""
    made, died = builder.ago(hours=24 * 40), builder.ago(hours=DEAD_WORKER_HOURS)
    until = builder.ago(seconds=1)
    expression, workflow = "35 * * * *", templates.month_end(builder)
    schedule = SimulatedSchedule(builder, expression, lambda _: workflow, made, OPERATIONS_LEAD)
    start = later(died, -builder.rng.uniform(90, 150))
    (slot,) = slots_before(expression, start, 1)
    schedule.last = schedule.journal_slot(slot, "fired")
    schedule.run.start_anew(workflow, max(start, later(schedule.last, 0.01)))
    schedule.run.simulate(until=2)
    schedule.run.hold(died)
    for late in cron.missed(expression, died, until, UTC):
        schedule.journal_slot(late, "busy", reason="the workflow is still running")
    schedule.add_rows(due=slot_after(expression, until), updated=died)
