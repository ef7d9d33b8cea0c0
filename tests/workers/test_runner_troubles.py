"""What a runner must survive: poison, blocked steps, thieves, operators, deaths, cut lines."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg
import pytest

from agentflow_tui.steps.calls import Call, Handler, Mail, Outcome
from agentflow_tui.store.database import Database, Manners
from agentflow_tui.workers.runner import Runner
from tests.workers.workflows import (
    AnyConfig,
    Recorder,
    add,
    all_in_status,
    built_in,
    change,
    count,
    crew_for,
    in_status,
    log_of,
    row,
    running,
    step,
    until,
)

DELAY = step("rest", "delay", seconds=0)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The same database, as another process sees it."""
    opened = await Database.open(database_url, Manners(application="another runner"))
    yield opened
    opened.close()


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
        assert set(runner._foreign) <= {shaped}


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


def someday(_call: Call[Any]) -> Outcome:
    return Outcome(wait_until="tomorrow")  # type: ignore[arg-type]


def somewhere(_call: Call[Any]) -> Outcome:
    return Outcome(wait_until=datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is wrong


def seventh(_call: Call[Any]) -> Outcome:
    return Outcome(goto=[7])  # type: ignore[arg-type]


def date(_call: Call[Any]) -> Any:
    return {"when": datetime.now(UTC)}


def long(_call: Call[Any]) -> str:
    return "x" * 2_000_000


def nowhere(_call: Call[Any]) -> Outcome:
    return Outcome(goto="nowhere")


def odd_mail(_call: Call[Any]) -> Outcome:
    return Outcome(mails=(Mail(subject="s", body="b", recipients=(), priority=2**40),))


@pytest.mark.parametrize("apart", [True, False])
async def test_a_misbehaving_step_harms_only_its_own_workflow(
    database: Database, *, apart: bool
) -> None:
    gate = threading.Event()
    kinds = {
        "swallow": (swallow, "it did not end within 0.2 s"),
        "cancel": (cancel_itself, "the step cancelled itself"),
        "leave": (leave, "tried to end the worker's process"),
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
    thief = Runner(handlers={"slow": seen.handler(slow)})
    crew = crew_for(other, lease=0.6)
    async with running(database, {"slow": seen.handler(slow)}, lease=0.6) as runner:
        await entered.wait()
        tokens: set[datetime] = set()
        while len(tokens) < 6:
            tokens.add(runner.held[workflow].token)
            assert (await thief.step(crew)).held == 0
            await asyncio.sleep(0.01)
        leave_it.set()
        await in_status(database, workflow, "completed")
    await thief.stop(crew, 0)
    assert len(seen.calls) == 1


async def test_a_stolen_lock_means_the_result_is_dropped(database: Database) -> None:
    entered, leave_it = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> Outcome:
        entered.set()
        await leave_it.wait()
        mail = Mail(subject="s", body="b", recipients=("a@x.test",))
        return Outcome(result=1, mails=(mail,))

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


async def test_an_operators_word_interrupts_a_step_that_waits(database: Database) -> None:
    seen = Recorder()

    async def mark(_call: Call[Any]) -> None:
        pass

    steps = [step("w", "delay", seconds=0.6), step("m", "mark")]
    paused = await add(database, steps)
    cancelled = await add(database, steps)
    async with running(database, built_in(mark=seen.handler(mark))):
        for workflow, status in ((paused, "paused"), (cancelled, "cancelled")):
            found = await until(partial(_resting, database, workflow))
            assert (found.locked, found.current_step) == (False, 0)
            await change(database, workflow, {"status": f"'{status}'"})
        # a resumed delay goes on to its own end, even when its lock time was wiped
        await change(database, paused, {"status": "'pending'", "lockedAt": "NULL"})
        assert (await until(lambda: _resting(database, paused))).current_step == 0
        await in_status(database, paused, "completed")
        assert len(seen.calls) == 1
        assert (await row(database, cancelled)).status == "cancelled"
    waited = json.loads((await log_of(database, paused))[0].output or "")
    assert "until" in waited


async def _resting(database: Database, workflow: str) -> Any:
    found = await row(database, workflow)
    return found if found.rests and not found.locked else None


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


async def test_a_dead_runners_step_is_run_again_under_the_same_key(
    database: Database, other: Database
) -> None:
    never = asyncio.Event()

    async def slow(call: Call[Any]) -> str:
        if len(seen.calls) == 1:
            await never.wait()
        return call.key

    seen = Recorder()
    workflow = await add(database, [DELAY, step("a", "slow")])
    handlers = built_in(slow=seen.handler(slow))
    dying, crew = Runner(handlers=handlers), crew_for(other, lease=300)
    await dying.step(crew)
    await until(lambda: _called(seen))
    for task in list(dying._tasks.values()):  # it dies: nothing is said, nothing let go
        task.cancel()
    async with running(database, handlers, lease=0.1):
        found = await in_status(database, workflow, "completed")
    assert len(seen.calls) == 2
    assert len(set(seen.keys)) == 1
    assert found.context["a"] == seen.keys[0]
    assert [entry.step for entry in await log_of(database, workflow)] == ["rest", "a"]
    await dying.stop(crew, 0)


async def _called(seen: Recorder) -> bool:
    return bool(seen.calls)


async def test_a_step_that_kills_its_worker_again_and_again_is_stopped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentflow_tui.workers.runner_works.CRASHES", 2)
    seen = Recorder()
    gate = asyncio.Event()

    async def deadly(_call: Call[Any]) -> None:
        await gate.wait()

    workflow = await add(database, [step("a", "deadly")])
    for died in range(3):
        runner, crew = Runner(handlers={"deadly": seen.handler(deadly)}), crew_for(database)
        await runner.step(crew)
        if died < 2:
            await until(partial(_died, seen, died + 1))
            for task in list(runner._tasks.values()):
                task.cancel()
            await change(database, workflow, {"locked": "false", "lockedAt": "'epoch'"})
        else:
            found = await in_status(database, workflow, "failed")
        await runner.stop(crew, 0)
    assert "its worker died 2 times while it ran" in str(found.last_error)
    assert len(seen.calls) == 2


async def _died(seen: Recorder, times: int) -> bool:
    return len(seen.calls) == times


async def test_connections_that_are_cut_cost_nothing(
    database: Database, other: Database, server: str
) -> None:
    mail = {"to": "a@x.test", "subject": "s", "body": "b"}
    steps = [step("d", "delay", seconds=0.05), *(step(f"m{n}", "email", **mail) for n in range(4))]
    ids = [await add(database, steps) for _ in range(80)]
    admin = await asyncpg.connect(database.url)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = $1 AND datname = current_database()"
        " ORDER BY random() LIMIT 1"
    )

    async with running(other, runner_slots=30, lease=1.0):
        for mails in range(0, 300, 12):
            await until(partial(_emails, database, mails))
            await admin.execute(cut, "another runner")
        await all_in_status(database, ids, "completed")
    await admin.close()
    assert await count(database, "email_queue") == 320
    assert await count(database, "task_logs") == 400


async def _emails(database: Database, wanted: int) -> bool:
    return await count(database, "emails") >= wanted


async def test_stopping_lets_go_of_what_cannot_end_in_time(database: Database) -> None:
    gate = asyncio.Event()

    async def slow(_call: Call[Any]) -> None:
        await gate.wait()

    workflow = await add(database, [step("a", "slow")])
    seen = Recorder()
    runner, crew = Runner(handlers={"slow": seen.handler(slow)}), crew_for(database)
    await runner.step(crew)
    await until(lambda: _called(seen))
    crew.stop()
    await runner.stop(crew, asyncio.get_running_loop().time())
    found = await row(database, workflow)
    assert (found.status, found.locked, found.rests) == ("running", False, False)
    assert not runner.held


async def test_stopping_ends_a_workflow_between_two_steps(database: Database) -> None:
    entered, leave_it = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> int:
        entered.set()
        await leave_it.wait()
        return 1

    workflow = await add(database, [step("a", "slow"), step("b", "slow")])
    runner, crew = Runner(handlers={"slow": Recorder().handler(slow)}), crew_for(database)
    await runner.step(crew)
    await entered.wait()
    crew.stop()
    leave_it.set()
    await runner.stop(crew, asyncio.get_running_loop().time() + 5)
    found = await row(database, workflow)
    assert (found.current_step, found.locked, found.context) == (1, False, {"a": 1})
