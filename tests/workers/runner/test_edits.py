"""An edit under a running workflow: no finished step runs again, and input stays input."""

import json
from typing import Any

import pytest

from agentflow_tui.steps.calls import Call
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers.runner.run_state import RunLimits, RunState
from tests.waiting import until
from tests.workers.workflows import (
    Recorder,
    add,
    built_in,
    change,
    in_status,
    resting,
    row,
    running,
    step,
)

POST, LAST = step("post", "post"), step("last", "post")
REST = step("rest", "delay", seconds=3600)
NEW = step("new", "post")


async def nothing(_call: Call[Any]) -> int:
    return 1


def bare(each: dict[str, Any]) -> dict[str, Any]:
    """The step without an id of its own."""
    return {name: value for name, value in each.items() if name != "id"}


OVER = {
    "lockedAt": "now() - interval '1 s'",
    "context": "jsonb_set(context, '{_run,until}', to_jsonb(now() - interval '1 s'))",
}
"""A rest that has come to its end."""


async def edited(
    database: Database, before: list[Any], after: list[Any], *, as_text: bool = False
) -> tuple[str, list[str]]:
    """Rest in a delay, edit the steps, go on. Returns the workflow and which steps were called."""
    seen = Recorder()
    handlers = built_in(post=seen.handler(nothing))
    workflow = await add(database, before)
    async with running(database, handlers):
        await until(lambda: resting(database, workflow))
        text = json.dumps(json.dumps(after) if as_text else after).replace("'", "''")
        await change(database, workflow, {"steps": f"'{text}'::jsonb", **OVER})
        await in_status(database, workflow, "completed", "failed")
    return workflow, [call.step_id for call in seen.calls]


NOW = {**REST, "config": {"seconds": 0}}


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    "after",
    [
        [NEW, POST, NOW, LAST],
        [POST, NEW, NOW, LAST],
        [NOW, LAST],
        [LAST, POST, NOW, LAST | {"id": "end"}],
        [POST, NOW, NEW, LAST],
        [NEW, NEW | {"id": "newer"}, POST, NOW, LAST],
    ],
)
async def test_a_run_goes_on_at_the_step_that_it_was_at(
    database: Database, after: list[Any], *, as_text: bool
) -> None:
    workflow, called = await edited(database, [POST, REST, LAST], after, as_text=as_text)
    found = await row(database, workflow)
    assert found.status == "completed"
    rest = [each["id"] for each in after]
    assert called == ["post", *rest[rest.index("rest") + 1 :]]


@pytest.mark.parametrize("after", [[NEW, POST, LAST], [], [NEW], [POST, LAST]])
async def test_a_run_whose_step_is_gone_stops_with_a_sentence(
    database: Database, after: list[Any]
) -> None:
    workflow, called = await edited(database, [POST, REST, LAST], after)
    found = await row(database, workflow)
    assert called == ["post"]
    assert found.status == "failed" or after == []
    if after:
        assert "while the run was at step 'rest'" in str(found.last_error)
        await change(database, workflow, {"status": "'pending'"})
        async with running(database, built_in(post=Recorder().handler(nothing))):
            again = await in_status(database, workflow, "failed", "completed")
        assert again.status == "failed", "a retry is no answer to the question"


async def test_steps_without_ids_are_told_by_what_stands_before_them(database: Database) -> None:
    before = [bare(each) for each in (POST, REST, LAST)]
    workflow, called = await edited(database, before, [bare(NEW) | {"name": "new"}, *before])
    assert called == ["0"]
    assert "while the run was at step '1'" in str((await row(database, workflow)).last_error)
    longer = [bare(POST), bare(NOW), bare(LAST), bare(NEW)]
    workflow, called = await edited(database, before, longer)
    assert (await row(database, workflow)).status == "completed"
    assert called == ["0", "2", "3"]


async def test_a_step_never_takes_the_place_of_the_input(database: Database) -> None:
    given = {"dealer": "kept", "n": 1}
    workflow = await add(
        database, [step("first", "delay", seconds=0), step("dealer", "delay", seconds=0)], given
    )
    async with running(database):
        for _ in range(2):
            found = await in_status(database, workflow, "failed", "completed")
            assert found.status == "failed"
            assert "a member 'dealer', which the step's result would replace" in str(
                found.last_error
            )
            assert found.context == given
            await change(database, workflow, {"status": "'pending'"})


THEIRS = {"success": True, "data": {}, "timestamp": "2026-03-02T12:00:00.000Z"}


@pytest.mark.parametrize(
    "left",
    [
        {"_run": {"id": "r", "done": 2}, "a": "old", "b": "old"},
        {"__lastStepResult": {}, "a": "old", "b": "old"},
        {"a": THEIRS, "b": THEIRS},
    ],
)
async def test_results_of_an_earlier_run_are_no_input(
    database: Database, left: dict[str, Any]
) -> None:
    """Ours tells by its state, AgentFlow's own by what it leaves in the context, or by how its
    results look."""
    context = {"dealer": 1, **left}
    workflow = await add(database, [step("a", "delay", seconds=0)], context)
    async with running(database):
        found = await in_status(database, workflow, "completed", "failed")
    assert found.status == "completed"
    assert found.context["a"] != left["a"]
    assert found.last_result == found.context["a"]
    assert found.context["dealer"] == 1


def test_only_laps_without_a_rest_are_counted() -> None:
    state = RunState(id="r", spins=3, lap=3)
    assert state.after(back=True) == RunState(id="r", done=1, lap=4, spins=4)
    assert state.after(back=False).spins == 3


async def test_a_loop_that_rests_may_go_on_for_ever(database: Database) -> None:
    seen = Recorder()
    handlers = built_in(post=seen.handler(nothing))
    again = step("again", "condition", expression="`true`", then="post")
    workflow = await add(database, [POST, REST, again])

    async def lap() -> bool:
        if await resting(database, workflow):
            await change(database, workflow, OVER)
        return len(seen.calls) >= 6

    async with running(database, handlers, limits=RunLimits(laps=2)):
        await until(lap)
        assert (await row(database, workflow)).status == "running"
