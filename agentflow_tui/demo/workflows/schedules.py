"""When workflows start by themselves: schedules, their fires, and what each fire set off."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice

from agentflow_tui import cron
from agentflow_tui.demo import operators, words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, World, later
from agentflow_tui.demo.operators import Change
from agentflow_tui.demo.vendors.reports import ReportKind
from agentflow_tui.demo.workflows import ingestion, templates
from agentflow_tui.demo.workflows.runs import Run, play, seize
from agentflow_tui.demo.workflows.states import DEAD_WORKER_HOURS, begin, enrol
from agentflow_tui.demo.workflows.templates import Cook, Recipe

_LONGEST = timedelta(days=4_000)
_CAP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule in the making.

    ``runs`` is how many fires it has behind it, ``missed`` how many slots since then nobody fired.
    ``next_known`` is false for one that was written without a ``nextRun``.
    """

    expression: str
    cook: Cook
    runs: int
    missed: int = 0
    active: bool = True
    next_known: bool = True


_REGULAR: tuple[tuple[str, Cook, int], ...] = (
    ("*/15 * * * *", templates.digest, 14),
    ("*/30 7-19 * * 1-5", templates.digest, 8),
    ("0 * * * *", templates.digest, 10),
    ("25 * * * *", templates.service_reminder, 4),
    ("@hourly", templates.digest, 6),
    ("10 */3 * * *", templates.contract_chase, 5),
    ("5 */6 * * *", templates.digest, 6),
    ("0 6 * * *", templates.service_reminder, 5),
    ("0 7 * * mon-fri", templates.digest, 5),
    ("30 7 * * 1-5", templates.digest, 4),
    ("0 8,12,16 * * *", templates.digest, 6),
    ("@daily", templates.digest, 5),
    ("45 17 * * 5", templates.digest, 2),
    ("0 18 * * 6", templates.digest, 2),
    ("@weekly", templates.digest, 2),
    ("0 9 * * mon#1", templates.digest, 1),
    ("0 2 1 * *", templates.digest, 1),
    ("0 20 l * *", templates.digest, 1),
    ("0 0 1 1,4,7,10 *", templates.digest, 1),
)

_MISSED: tuple[tuple[str, Cook, int, int], ...] = (
    # four fires over night, and some that are merely late
    ("0 */2 * * *", templates.digest, 5, 4),
    ("*/10 * * * *", templates.digest, 9, 2),
    ("20 * * * *", templates.digest, 5, 1),
)

_INACTIVE: tuple[tuple[str, Cook, int], ...] = (
    ("30 0 4 * * *", templates.digest, 3),
    ("0 22 * * *", templates.digest, 4),
    ("0 12 * * 0", templates.digest, 1),
)

_NEXT_UNKNOWN = ("15 9 * * *", "0 11 * * 1-5")

_INVALID = ("0 6 * * 8-9", "every monday at 6")


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


def regular(world: World) -> None:
    """Schedules that do their work, late or not, and the ones that somebody switched off."""
    for expression, cook, runs in _REGULAR:
        _enact(world, Plan(expression=expression, cook=_same(world, cook), runs=runs))
    for expression, cook, runs, missed in _MISSED:
        plan = Plan(expression=expression, cook=_same(world, cook), runs=runs, missed=missed)
        _enact(world, plan)
    for expression, cook, runs in _INACTIVE:
        plan = Plan(expression=expression, cook=_same(world, cook), runs=runs, active=False)
        _enact(world, plan)
    for expression in _NEXT_UNKNOWN:
        cook = _same(world, templates.digest)
        _enact(world, Plan(expression=expression, cook=cook, runs=0, next_known=False))


def vendor_reports(world: World) -> None:
    """One schedule for each vendor's report; each run brings in one rooftop's."""
    for number, kind in enumerate(ingestion.KINDS):
        cook = _round_the_rooftops(kind, number)
        plan = Plan(expression=kind.cron, cook=cook, runs=kind.runs)
        _enact(world, plan, OPERATIONS_LEAD)


def invalid(world: World) -> None:
    """Expressions that mean nothing: active, never due, and the journal says why."""
    for expression in _INVALID:
        made = world.ago(hours=24 * world.rng.uniform(3, 9))
        schedule = _begin(world, expression, templates.digest, made)
        at = later(made, 0.8)
        world.journal(
            "schedule.fire",
            None,
            at,
            later(at, 0.002),
            given=_subject(schedule, None, None),
            result={"outcome": "wrong"},
            error=_complaint(expression),
        )
        _write(world, schedule, due=None, last=None, updated=made)


def outage_stopped(world: World) -> None:
    """The lead pull failed on Saturday night, and whoever was on call switched it off."""
    stopped = world.ago(hours=32.55)
    made = world.ago(hours=24 * 80)
    schedule = _begin(world, "*/20 * * * *", templates.lead_pull, made, OPERATIONS_LEAD)
    last = stopped
    for slot in slots_before(schedule.expression, stopped, 10):
        last = _fire(world, schedule, templates.lead_pull, slot)
    due = slot_after(schedule.expression, last)
    _write(world, schedule, due=due, last=last, updated=stopped, active=False)
    change = Change(schedule.key, {"active": True}, {"active": False})
    operators.act(world, OPERATIONS_LEAD, "disable", "schedules", [change], stopped)


def skipped_behind_stale_lock(world: World) -> None:
    """Its workflow is in the hands of a dead worker, so every slot since then was skipped."""
    made, died = world.ago(hours=24 * 40), world.ago(hours=DEAD_WORKER_HOURS)
    until = world.ago(seconds=1)
    schedule = _begin(world, "35 * * * *", templates.month_end, made, OPERATIONS_LEAD)
    start = later(died, -world.rng.uniform(90, 150))
    (slot,) = slots_before(schedule.expression, start, 1)
    last = _journal_fire(world, schedule, slot, _fired(world, slot))
    run, steps = schedule.run, schedule.recipe.steps
    _anew(run, schedule.recipe, max(start, later(last, 0.01)))
    play(world, run, steps, until=2)
    seize(world, run, steps[2], died)
    for late in cron.missed(schedule.expression, died, until, UTC):
        why = "the workflow is still running"
        _journal_fire(world, schedule, late, _fired(world, late), "busy", why)
    due = slot_after(schedule.expression, until)
    _write(world, schedule, due=due, last=last, updated=died)


@dataclass(slots=True)
class _Schedule:
    """A schedule and its workflow while their history is played."""

    key: str
    expression: str
    made: datetime
    run: Run
    recipe: Recipe


def _complaint(expression: str) -> str:
    try:
        cron.parse(expression)
    except cron.CronError as error:
        return str(error)
    raise ValueError(f"{expression!r} is a cron expression")


def _same(world: World, cook: Cook) -> Cook:
    """A digest of the same thing each time."""
    if cook is not templates.digest:
        return cook
    return partial(templates.digest, what=world.rng.choice(words.WATCHED))


def _round_the_rooftops(kind: ReportKind, first: int) -> Cook:
    turns = cycle(words.ROOFTOPS)
    rooftops = islice(turns, first, None)
    return lambda _world: ingestion.ingestion(kind, next(rooftops))


def _enact(world: World, plan: Plan, owner: str | None = None) -> None:
    until = world.ago(seconds=1) if plan.active else world.ago(hours=24 * 6)
    slots = slots_before(plan.expression, until, plan.runs + plan.missed)
    fired, missed = slots[: plan.runs], slots[plan.runs :]
    made = later(min(slots, default=until), -86_400 * world.rng.uniform(2, 60))
    schedule = _begin(world, plan.expression, plan.cook, made, owner)
    last = None
    for slot in fired:
        last = _fire(world, schedule, plan.cook, slot)
    due = missed[0] if missed else slot_after(plan.expression, until)
    due = due if plan.next_known else None
    _write(world, schedule, due=due, last=last, updated=last or made, active=plan.active)


def _begin(
    world: World, expression: str, cook: Cook, made: datetime, owner: str | None = None
) -> _Schedule:
    """A new schedule and its workflow, which somebody has tried by hand."""
    recipe = cook(world)
    run = play(world, begin(world, recipe, made, owner), recipe.steps)
    return _Schedule(world.uuid(made), expression, made, run, recipe)


def _fire(world: World, schedule: _Schedule, cook: Cook, slot: datetime) -> datetime:
    """Fire a slot: the workflow starts anew. Returns the moment of the fire."""
    schedule.recipe = cook(world)
    fired = _journal_fire(world, schedule, slot, _fired(world, slot))
    _anew(schedule.run, schedule.recipe, later(fired, 0.02))
    play(world, schedule.run, schedule.recipe.steps)
    return fired


def _anew(run: Run, recipe: Recipe, at: datetime) -> None:
    run.at, run.current, run.key, run.done = at, 0, "", 0
    run.context = dict(recipe.context)


def _fired(world: World, slot: datetime) -> datetime:
    return later(slot, world.rng.uniform(0.01, 0.4))


def _journal_fire(
    world: World,
    schedule: _Schedule,
    slot: datetime,
    at: datetime,
    outcome: str = "fired",
    reason: str | None = None,
) -> datetime:
    """One slot as the scheduler puts it on record (`workers.scheduler.slot_journal`)."""
    due = slot_after(schedule.expression, at)
    result = {
        "outcome": outcome,
        "late_ms": round((at - slot) / timedelta(milliseconds=1)),
        "next": due and due.isoformat(),
    }
    given = _subject(schedule, slot.isoformat(), schedule.run.workflow)
    world.journal(
        "schedule.fire",
        schedule.run.owner,
        at,
        later(at, 0.004),
        given=given,
        result={**result, "reason": reason} if reason else result,
    )
    return at


def _subject(schedule: _Schedule, slot: str | None, workflow: str | None) -> dict[str, str | None]:
    return {
        "schedule": schedule.key,
        "workflow": workflow,
        "cron": schedule.expression,
        "slot": slot,
    }


def _write(
    world: World,
    schedule: _Schedule,
    *,
    due: datetime | None,
    last: datetime | None,
    updated: datetime,
    active: bool = True,
) -> None:
    enrol(world, schedule.run, schedule.recipe, schedule.made)
    world.add(
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
