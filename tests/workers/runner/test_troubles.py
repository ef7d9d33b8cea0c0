"""What a runner must survive within a workflow: poison, blocked steps, thieves, operators."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agentflow_tui.steps.calls import Call, Handler, StepError, StepMail, StepOutcome
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers.runner.role import Runner
from tests.waiting import until
from tests.workers.workflows import (
    AnyConfig,
    Recorder,
    add,
    all_in_status,
    built_in,
    change,
    context_for,
    count,
    in_status,
    resting,
    row,
    running,
    step,
)

DELAY = step("rest", "delay", seconds=0)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (None, "there is nothing in them"),
        ("null", "there is nothing in them"),
        ("5", "a number, not a list"),
        ('"do it"', "text, not a list"),
        ("{}", "an object, not a list"),
        ("[null]", "the step is null, not an object"),
        ('[{"id": "a"}]', "the step has no type"),
        ('[{"type": ""}]', "the step has no type"),
        ('[{"type": "delay"}]', "config: seconds or until"),
        ('[{"type": "delay", "config": 5}]', "the step's config is a number"),
        (json.dumps([DELAY, DELAY]), "have the same id 'rest'"),
        (json.dumps(json.dumps(json.dumps("[1,"))), "text, not a list"),
    ],
)
async def test_poison_fails_with_a_clear_error_and_poisons_nobody_else(
    database: Database, steps: str | None, said: str
) -> None:
    poison = await add(database, steps)
    good = await add(database, [DELAY])
    async with running(database):
        found = await in_status(database, poison, "failed", "completed")
        await in_status(database, good, "completed")
    assert found.status == "failed"
    assert said in str(found.last_error)
    assert not found.rests


@pytest.mark.parametrize(
    "steps",
    [
        json.dumps({"steps": [DELAY]}),
        json.dumps(DELAY),
        json.dumps(json.dumps([DELAY])),
        json.dumps([json.dumps(DELAY)]),
        "[]",
    ],
)
async def test_odd_shapes_that_mean_something_run(database: Database, steps: str) -> None:
    workflow = await add(database, steps, current_step=None)
    async with running(database):
        await in_status(database, workflow, "completed")


@pytest.mark.parametrize(
    ("current_step", "said"),
    [(-1, "currentStep is -1"), (1, "None"), (7, "currentStep is 7, beyond the end of 1 step")],
)
async def test_a_current_step_that_is_not_there(
    database: Database, current_step: int, said: str
) -> None:
    workflow = await add(database, [DELAY], current_step=current_step, status="running")
    async with running(database):
        found = await in_status(database, workflow, "failed", "completed")
    assert said in str(found.last_error)


@pytest.mark.parametrize("steps", [[], [DELAY]])
@pytest.mark.parametrize("left_by_a_dead_one", [False, True])
async def test_a_current_step_before_the_first_ends_nothing_but_its_workflow(
    database: Database, steps: list[Any], *, left_by_a_dead_one: bool
) -> None:
    workflow = await add(database, steps, current_step=-2, status="running")
    if left_by_a_dead_one:
        await change(database, workflow, {"lockedAt": "'epoch'"})
    beside = await add(database, [DELAY])
    async with running(database):
        found = await in_status(database, workflow, "failed")
        await in_status(database, beside, "completed")
    assert "currentStep is -2" in str(found.last_error)


@pytest.mark.parametrize("context", ["[1]", '"text"', "5"])
async def test_a_context_of_the_wrong_shape_fails_and_is_left_alone(
    database: Database, context: str
) -> None:
    workflow = await add(database, [DELAY], context)
    async with running(database):
        found = await in_status(database, workflow, "failed")
    assert "not an object" in str(found.last_error)
    assert found.text == context


async def test_a_context_that_was_encoded_twice_is_understood(database: Database) -> None:
    steps = [step("a", "condition", expression="context.n == `3`"), DELAY]
    workflow = await add(database, steps, json.dumps(json.dumps({"n": 3})))
    async with running(database):
        found = await in_status(database, workflow, "completed", "failed")
    assert found.context["n"] == 3
    assert found.context["a"]["holds"] is True


async def test_steps_of_others_wait_for_the_others(database: Database) -> None:
    elsewhere = step("e", "emailIngestion")
    waiting = await add(database, [elsewhere])
    shaped = await add(database, {"nodes": [1]})
    halfway = await add(database, [DELAY, elsewhere, {**DELAY, "id": "end"}])
    async with running(database) as runner:
        found = await until(lambda: _at_step(database, halfway, 1))
        assert (found.status, found.locked, found.rests) == ("running", False, False)
        await change(database, halfway, {"currentStep": "2"})
        await in_status(database, halfway, "completed")
        for workflow in (waiting, shaped):
            left = await row(database, workflow)
            assert (left.status, left.current_step, left.locked) == ("pending", 0, False)
        assert set(runner.foreign.ids()) <= {shaped}


async def _at_step(database: Database, workflow: str, current_step: int) -> Any:
    found = await row(database, workflow)
    return found if found.current_step == current_step and not found.locked else None


def blocking(gate: threading.Event) -> Callable[[Call[Any]], Any]:
    async def block(_call: Call[Any]) -> None:
        gate.wait()

    return block


async def swallow(_call: Call[Any]) -> None:
    """Does not care for being cancelled."""
    while True:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            time.sleep(0.05)
            raise


def cancel_itself(_call: Call[Any]) -> None:
    raise asyncio.CancelledError


def leave(_call: Call[Any]) -> None:
    sys.exit(3)


class Foreign(BaseException):
    """No `Exception`, as some libraries have them for their own control flow."""


def foreign(_call: Call[Any]) -> None:
    raise Foreign


async def several(_call: Call[Any]) -> None:
    inner = ExceptionGroup("unhandled errors in a TaskGroup", [ValueError("one"), KeyError("two")])
    raise ExceptionGroup("unhandled errors in a TaskGroup", [inner, OSError()])


def someday(_call: Call[Any]) -> StepOutcome:
    return StepOutcome(wait_until="tomorrow")  # type: ignore[arg-type]


def somewhere(_call: Call[Any]) -> StepOutcome:
    return StepOutcome(wait_until=datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is wrong


def seventh(_call: Call[Any]) -> StepOutcome:
    return StepOutcome(goto=[7])  # type: ignore[arg-type]


def date(_call: Call[Any]) -> Any:
    return {"when": datetime.now(UTC)}


def long(_call: Call[Any]) -> str:
    return "x" * 2_000_000


def nowhere(_call: Call[Any]) -> StepOutcome:
    return StepOutcome(goto="nowhere")


def odd_mail(_call: Call[Any]) -> StepOutcome:
    return StepOutcome(mails=(StepMail(subject="s", body="b", recipients=(), priority=2**40),))


@pytest.mark.parametrize("apart", [True, False])
async def test_a_misbehaving_step_harms_only_its_own_workflow(
    database: Database, *, apart: bool
) -> None:
    gate = threading.Event()
    kinds = {
        "swallow": (swallow, "it did not end within 0.2 s"),
        "cancel": (cancel_itself, "the step cancelled itself"),
        "leave": (leave, "tried to end the worker's process"),
        "group": (several, "ValueError: one; KeyError: 'two'; it raised OSError and said nothing"),
        "foreign": (foreign, "tried to end the worker's process: Foreign"),
        "someday": (someday, "wait_until has to be a datetime with a time zone"),
        "somewhere": (somewhere, "wait_until has to be a datetime with a time zone"),
        "seventh": (seventh, "goto has to be the id of a step"),
        "date": (date, "holds something that JSON cannot"),
        "long": (long, "is 2.0 MB; up to 1.0 MB is kept"),
        "nowhere": (nowhere, "there is no step 'nowhere' to go to"),
        "mail": (odd_mail, "what it gave cannot be stored"),
        "block": (blocking(gate), "it did not end within 0.2 s and cannot be stopped"),
    }
    if not apart:  # what may block or leave is what benches are for
        for name in ("block", "leave", "foreign", "cancel"):
            del kinds[name]
    handlers = built_in(
        **{k: Handler(config=AnyConfig, run=run, apart=apart) for k, (run, _) in kinds.items()}
    )
    stubborn = {"block": {"maxRetries": 5}}  # what still runs is not tried again
    ids = {
        name: await add(database, [step("a", name, timeout=0.2, **stubborn.get(name, {}))])
        for name in kinds
    }
    good = [await add(database, [DELAY, step("b", "delay", seconds=0.3)]) for _ in range(5)]
    try:
        async with running(database, handlers):
            await all_in_status(database, good, "completed")
            for name, (_, said) in kinds.items():
                found = await in_status(database, ids[name], "failed")
                assert said.lower() in str(found.last_error).lower()
    finally:
        gate.set()


async def test_the_lease_is_renewed_while_a_step_runs(database: Database, other: Database) -> None:
    entered, leave_it = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> int:
        entered.set()
        await leave_it.wait()
        return 1

    seen = Recorder()
    workflow = await add(database, [step("a", "slow")])
    thief = Runner(context_for(other, lease=0.6), {"slow": seen.handler(slow)})
    async with running(database, {"slow": seen.handler(slow)}, lease=0.6) as runner:
        await entered.wait()
        tokens: set[datetime] = set()
        while len(tokens) < 6:
            tokens.add(runner.held[workflow].token)
            assert (await thief.step()).held == 0
            await asyncio.sleep(0.01)
        leave_it.set()
        await in_status(database, workflow, "completed")
    await thief.stop(0)
    assert len(seen.calls) == 1


async def test_a_stolen_lock_means_the_result_is_dropped(database: Database) -> None:
    entered, leave_it = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> StepOutcome:
        entered.set()
        await leave_it.wait()
        mail = StepMail(subject="s", body="b", recipients=("a@x.test",))
        return StepOutcome(result=1, mails=(mail,))

    workflow = await add(database, [step("a", "slow")])
    async with running(database, {"slow": Recorder().handler(slow)}) as runner:
        await entered.wait()
        stolen = {"lockedAt": "now() + interval '1 ms'", "status": "'running'"}
        await change(database, workflow, stolen)
        leave_it.set()
        await until(lambda: _nothing_held(runner))
        found = await row(database, workflow)
    assert (found.locked, found.current_step, found.context) == (True, 0, {})
    assert await count(database, "task_logs") == 0
    assert await count(database, "emails") == 0


@pytest.mark.parametrize("wait", [float("inf"), float("nan"), 1e300, 10**40, -1, "5", None])
async def test_no_wait_that_a_step_asks_for_ends_more_than_its_attempt(
    database: Database, wait: Any
) -> None:
    def busy(_call: Call[Any]) -> None:
        raise StepError("busy", wait=wait)

    workflow = await add(database, [step("a", "busy", maxRetries=1, backoffFactor=100)])
    async with running(database, {"busy": Recorder().handler(busy)}):
        found = await until(lambda: resting(database, workflow))
    assert "busy" in str(found.last_error)


async def _nothing_held(runner: Runner) -> bool:
    return not runner.held


@pytest.mark.parametrize("status", ["paused", "cancelled"])
async def test_an_operators_word_takes_effect_after_the_step_that_runs(
    database: Database, status: str
) -> None:
    entered, leave_it = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> int:
        entered.set()
        await leave_it.wait()
        return 1

    seen = Recorder()
    workflow = await add(database, [step("a", "slow"), step("b", "slow")])
    async with running(database, {"slow": seen.handler(slow)}):
        await entered.wait()
        await change(database, workflow, {"status": f"'{status}'"})
        leave_it.set()
        found = await until(lambda: _at_step(database, workflow, 1))
        assert (found.status, found.context) == (status, {"a": 1})
        if status == "paused":
            await change(database, workflow, {"status": "'running'"})
            await in_status(database, workflow, "completed")
            assert len(seen.calls) == 2


async def test_two_runners_never_do_a_steps_writes_twice(
    database: Database, other: Database
) -> None:
    mail = {"to": "a@x.test", "subject": "s", "body": "b"}
    steps = [step(f"m{n}", "email", **mail) if n % 2 else step(f"d{n}", "delay", seconds=0.01)
             for n in range(4)]  # fmt: skip
    ids = [await add(database, steps) for _ in range(60)]
    async with running(database, runner_slots=20), running(other, runner_slots=20):
        await all_in_status(database, ids, "completed")
    assert await count(database, "email_queue") == 120
    assert await count(database, "task_logs") == 240
