"""The workflows that people and leads set off: every state there is, and why."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle

from agentflow_tui.demo import operators, words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, World, later
from agentflow_tui.demo.operators import Change
from agentflow_tui.demo.workflows import ingestion, templates
from agentflow_tui.demo.workflows.runs import Mishap, Run, play, seize, stumble
from agentflow_tui.demo.workflows.templates import Cook, Recipe

DEAD_WORKER_HOURS = 2.0 + 41 / 60
"""When AgentFlow's backend on ops-2 died, in hours before now."""

_LOCK_TIMEOUT = "canceling statement due to lock timeout"

_EVERYDAY: tuple[Cook, ...] = (
    templates.follow_up,
    templates.follow_up,
    templates.follow_up,
    templates.service_reminder,
    templates.contract_chase,
    templates.appraisal,
    templates.lead_pull,
    templates.price_sync,
)

_RUNNABLE: tuple[Cook, ...] = (
    templates.follow_up,
    templates.service_reminder,
    templates.contract_chase,
    templates.digest,
)

_MISHAPS: tuple[tuple[Cook, Mishap], ...] = (
    (templates.appraisal, Mishap(0, "bookout: no value for VIN {vin} in any guide", True)),
    (
        templates.appraisal,
        Mishap(0, "bookout: the guide answered after 94 s, more than the 60 s allowed"),
    ),
    (templates.follow_up, Mishap(1, "config.to: '{name} at bluemail' is not an address", True)),
    (templates.price_sync, Mishap(1, "config.source finds nothing; it should find a list.", True)),
    (
        templates.price_sync,
        Mishap(2, f"POST {templates.GATEWAY}/website/v1/prices answered 500: out of memory"),
    ),
    (
        templates.service_reminder,
        Mishap(0, "The step's result is 18.2 MB; up to 1.0 MB is kept.", True),
    ),
    (templates.service_reminder, Mishap(2, _LOCK_TIMEOUT)),
)


def enrol(world: World, run: Run, recipe: Recipe, created: datetime, steps: object = None) -> None:
    """The workflow's row. ``steps`` is what stands in the column instead of a list."""
    world.add(
        "workflows",
        id=run.workflow,
        userId=run.owner,
        steps=[step.as_json() for step in recipe.steps] if steps is None else steps,
        currentStep=run.current,
        context=run.context,
        status=run.status,
        lastError=run.error,
        lastUpdated=run.at,
        locked=run.locked,
        lockedAt=run.locked_at,
        createdAt=created,
    )


def begin(world: World, recipe: Recipe, at: datetime, owner: str | None = None) -> Run:
    """A workflow that was created at ``at`` and starts then."""
    return Run(
        workflow=world.uuid(at),
        owner=owner or world.rng.choice(world.users),
        at=at,
        context=dict(recipe.context),
    )


def everyday(world: World, number: int) -> None:
    """What ran in the last week, wherever it has got by now."""
    for cook, _ in zip(cycle(_EVERYDAY), range(number), strict=False):
        recipe, at = cook(world), world.working_hour()
        run = begin(world, recipe, at)
        enrol(world, play(world, run, recipe.steps), recipe, at)


def catch_up(world: World) -> None:
    """This morning's reports of every rooftop, fetched by hand because the nightly ones failed."""
    leads, sources, _, _, _, turns, *_ = ingestion.KINDS
    for kind, rooftop in zip(cycle((leads, sources, turns)), words.ROOFTOPS, strict=False):
        recipe = ingestion.ingestion(kind, rooftop)
        at = world.ago(hours=world.rng.uniform(0.15, 0.7))
        run = play(world, begin(world, recipe, at, OPERATIONS_LEAD), recipe.steps)
        enrol(world, run, recipe, at)


def mishaps(world: World, number: int) -> None:
    """Failures of all kinds, a few of each, scattered over the week."""
    for (cook, kind), _ in zip(cycle(_MISHAPS), range(number), strict=False):
        recipe, at = cook(world), world.working_hour() - timedelta(minutes=20)
        said = kind.words.format(vin=world.vin(), name=world.rng.choice(words.FIRST_NAMES))
        run = begin(world, recipe, at)
        run = play(world, run, recipe.steps, mishap=replace(kind, words=said))
        enrol(world, run, recipe, at)


def saturday_night(world: World, failed: int, retried: int) -> None:
    """VinSolutions' outage. Some of what failed was retried on Sunday, the rest still waits."""
    changes = []
    sunday = world.ago(hours=23)
    for number in range(failed + retried):
        recipe, at = templates.lead_pull(world), world.ago(hours=world.rng.uniform(32.7, 34.4))
        run = play(world, begin(world, recipe, at, OPERATIONS_LEAD), recipe.steps)
        if number < retried:
            before: dict[str, object] = {"status": run.status, "lastError": run.error}
            changes.append(Change(run.workflow, before, {"status": "pending", "lastError": None}))
            run.at = later(sunday, 0.4 + number)
            run = play(world, run, recipe.steps)
        enrol(world, run, recipe, at)
    operators.act(world, OPERATIONS_LEAD, "retry", "workflows", changes, sunday)


def waiting(world: World, number: int) -> None:
    """Due now, resting until later, and waiting for the backend to take their next step."""
    for _ in range(number):
        recipe, at = (
            world.rng.choice(_RUNNABLE)(world),
            world.ago(minutes=world.rng.uniform(0.2, 9)),
        )
        run = begin(world, recipe, at)
        run.status = "pending"
        enrol(world, run, recipe, at)
    for _ in range(max(3, number // 2)):
        recipe = templates.contract_chase(world)
        at = world.ago(minutes=world.rng.uniform(4, 110))
        enrol(world, play(world, begin(world, recipe, at), recipe.steps), recipe, at)
    for index in range(max(4, number // 2)):
        recipe, at = templates.month_end(world), world.ago(hours=world.rng.uniform(0.3, 8))
        run = play(world, begin(world, recipe, at), recipe.steps, until=(0, 2, 3)[index % 3])
        run.status = "running" if run.current else "pending"
        enrol(world, run, recipe, at)


def resting_after_failure(world: World, number: int) -> None:
    """Failed a moment ago, to be tried again in a while."""
    for _ in range(number):
        recipe = templates.service_reminder(world)
        at = world.ago(seconds=world.rng.uniform(20, 50))
        run = play(world, begin(world, recipe, at), recipe.steps, until=2)
        again = later(world.now, world.rng.uniform(60, 900))
        stumble(world, run, recipe.steps[2], _LOCK_TIMEOUT, again)
        enrol(world, run, recipe, at)


def held_by_workers(world: World, number: int) -> list[Run]:
    """Being worked on at this moment."""
    runs = []
    for _ in range(number):
        recipe, at = templates.digest(world), world.ago(seconds=world.rng.uniform(2, 40))
        run = begin(world, recipe, at)
        play(world, run, recipe.steps, until=0)
        seize(world, run, recipe.steps[0], later(at, 0.02))
        enrol(world, run, recipe, at)
        runs.append(run)
    return runs


def left_by_the_dead(world: World, number: int) -> None:
    """Locked by a process that is no more."""
    for _ in range(number):
        recipe = templates.month_end(world)
        died = DEAD_WORKER_HOURS + world.rng.uniform(0.001, 0.02)
        at = world.ago(hours=died + world.rng.uniform(0.05, 0.4))
        run = play(world, begin(world, recipe, at, OPERATIONS_LEAD), recipe.steps, until=2)
        seize(world, run, recipe.steps[2], world.ago(hours=died))
        enrol(world, run, recipe, at)


def stopped_by_hand(world: World, paused: int, cancelled: int) -> None:
    """What operators paused and cancelled."""
    for verb, status, number, hours in (
        ("pause", "paused", paused, 20.5),
        ("cancel", "cancelled", cancelled, 49.0),
    ):
        changes = []
        moment = world.ago(hours=hours)
        for _ in range(number):
            recipe = templates.contract_chase(world)
            at = later(moment, -world.rng.uniform(200, 7_000))
            run = play(world, begin(world, recipe, at), recipe.steps, until=2)
            before: dict[str, object] = {"status": "running"}
            changes.append(Change(run.workflow, before, {"status": status}))
            run.status, run.at = status, moment
            enrol(world, run, recipe, at)
        operators.act(world, world.users[5], verb, "workflows", changes, moment)


def misshapen(world: World) -> None:
    """What other programs wrote wrongly: steps encoded twice, or that are no list of steps."""
    recipe = templates.digest(world)
    twice = json.dumps([step.as_json() for step in recipe.steps])
    shapes: Sequence[tuple[object, str, str | None]] = (
        (twice, "paused", None),
        (
            "send the weekly mail",
            "failed",
            "The steps cannot be run: a string is no list of steps.",
        ),
        ({"nodes": [{"op": "fetch"}], "edges": []}, "paused", None),
    )
    for steps, status, error in shapes:
        at = world.ago(hours=world.rng.uniform(30, 120))
        run = begin(world, recipe, at)
        run.status, run.error = status, error
        enrol(world, run, recipe, at, steps=steps)
