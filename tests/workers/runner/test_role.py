"""The runner takes workflows through their steps, each committed with its journal row."""

import asyncio
import json
from typing import Any

import pytest

from agentflow_tui.documents import as_recipients, read, text_format
from agentflow_tui.steps.calls import Call, StepError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.workers.runner.role import Runner
from agentflow_tui.workers.runner.run_state import RunLimits
from tests.steps.services import serving
from tests.waiting import until
from tests.workers.rows import one
from tests.workers.workflows import (
    Recorder,
    add,
    all_in_status,
    built_in,
    change,
    context_for,
    count,
    in_status,
    log_of,
    row,
    running,
    step,
)

KEY = "key-Value-93ab"


async def test_a_workflow_goes_through_its_steps(database: Database) -> None:
    async with serving() as service:
        steps = [
            step("fetch", "api", url=f"{service.url}/leads", method="POST", json={"a": [1, 2, 3]}),
            step(
                "shape",
                "dataProcessing",
                source="context.rows",
                operations=[{"filter": "n > `1`"}, {"map": "{n: n}"}],
            ),
            step("rest", "delay", seconds=0.05),
            step("skipped", "condition", when="steps.shape.count > `9`", expression="`true`"),
            step("pick", "condition", expression="steps.shape.count", then="mail"),
            step("never", "delay", seconds=1e6),
            step(
                "mail",
                "email",
                to="ann@x.test",
                subject="{{steps.shape.count}} leads",
                body="{{steps.fetch.body.method}} {{context.dealer}}",
                priority=5,
            ),
        ]
        rows = [{"n": 1}, {"n": 2}, {"n": 3}]
        workflow = await add(database, steps, {"rows": rows, "dealer": "North"})
        async with running(database):
            found = await in_status(database, workflow, "completed", "failed")
    assert (found.status, found.last_error, found.current_step) == ("completed", None, 7)
    assert found.context["shape"] == {"rows": [{"n": 2}, {"n": 3}], "count": 2}
    assert "skipped" not in found.context
    assert found.context["dealer"] == "North"
    logged = await log_of(database, workflow)
    taken = ["fetch", "shape", "rest", "skipped", "pick", "mail"]
    assert [(entry.step, entry.status) for entry in logged] == [(id_, "completed") for id_ in taken]
    mail = await database.fetch(
        Statement(
            tuple_of_mail,
            "SELECT e.{emails.subject}, e.{emails.body}, e.{emails.status},"
            " q.{email_queue.status}, q.{email_queue.priority}, q.{email_queue.attempts}"
            " FROM {emails} e JOIN {email_queue} q ON q.{email_queue.emailId} = e.{emails.id}",
        )
    )
    assert mail == [("2 leads", "POST North", "queued", "pending", 5, 0)]


def tuple_of_mail(*values: Any) -> Any:  # a row type for one statement
    return values


async def test_an_api_key_reaches_the_service_and_nothing_else(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database.execute(
        "INSERT INTO {api_keys} ({api_keys.id}, {api_keys.keyName}, {api_keys.keyValue},"
        " {api_keys.active}) VALUES ('k', 'maps', $1, true), ('o', 'old', 'x', false)",
        KEY,
    )
    async with serving() as service:
        service.answers["/no"] = b"HTTP/1.1 500 No\r\nContent-Length: 14\r\n\r\n" + KEY.encode()
        echoed = await add(database, [step("a", "api", url=service.url, apiKey="maps")])
        refused = await add(
            database,
            [step("a", "api", url=f"{service.url}/no", apiKey="maps", headers={"X-Token": KEY})],
        )
        old = await add(database, [step("a", "api", url=service.url, apiKey="old")])
        async with running(database):
            done = await in_status(database, echoed, "completed", "failed")
            failed = await in_status(database, refused, "failed")
            unknown = await in_status(database, old, "failed")
        assert service.requests[0][2]["authorization"] == f"Bearer {KEY}"
    assert done.context["a"]["body"]["headers"]["authorization"] == "Bearer •••"
    assert "answered 500 No: •••" in str(failed.last_error)
    assert "names no active API key" in str(unknown.last_error)
    everything = [done.text, failed.text, failed.last_error, caplog.text]
    for workflow in (echoed, refused):
        for entry in await log_of(database, workflow):
            everything += [entry.input, entry.output, entry.error]
    assert not [text for text in everything if KEY in str(text)]


async def test_a_failing_step_is_tried_again_and_its_trouble_forgotten(database: Database) -> None:
    seen = Recorder()

    async def shaky(call: Call[Any]) -> str:
        if call.attempt < 3:
            raise StepError(f"no luck {call.attempt}")
        return "luck"

    workflow = await add(database, [step("a", "shaky", maxRetries=2, backoffFactor=0.1)])
    async with running(database, {"shaky": seen.handler(shaky)}):
        found = await in_status(database, workflow, "completed", "failed")
    assert (found.status, found.last_error, found.context) == ("completed", None, {"a": "luck"})
    logged = await log_of(database, workflow)
    assert [(entry.attempt, entry.status, entry.error) for entry in logged] == [
        (1, "failed", "Step 1 (a): no luck 1"),
        (2, "failed", "Step 1 (a): no luck 2"),
        (3, "completed", None),
    ]
    assert len(set(seen.keys)) == 1


async def test_between_attempts_a_workflow_rests_unlocked_and_says_why(database: Database) -> None:
    async def failing(_call: Call[Any]) -> None:
        raise StepError("the service is away", wait=30)

    seen = Recorder()
    workflow = await add(database, [step("a", "failing", maxRetries=1)])
    async with running(database, {"failing": seen.handler(failing)}):
        await until(lambda: log_of(database, workflow))
        found = await in_status(database, workflow, "running")
    assert found.rests
    assert found.last_error == "Step 1 (a): the service is away"
    assert len(seen.calls) == 1


async def test_a_failed_workflow_can_be_retried_with_all_its_attempts(database: Database) -> None:
    luck = False

    async def shaky(_call: Call[Any]) -> int:
        if not luck:
            raise ValueError("no luck")
        return 1

    seen = Recorder()
    steps = [step("ok", "shaky", when=False), step("a", "shaky", maxRetries=1, backoffFactor=0)]
    workflow = await add(database, steps)
    async with running(database, {"shaky": seen.handler(shaky)}):
        found = await in_status(database, workflow, "failed")
        assert found.last_error == "Step 2 (a): ValueError: no luck"
        assert [call.attempt for call in seen.calls] == [1, 2]
        luck = True
        await change(database, workflow, {"status": "'pending'"})
        await in_status(database, workflow, "completed")
    assert [call.attempt for call in seen.calls] == [1, 2, 1]
    assert len(set(seen.keys)) == 1, "it is the same step of the same run"


async def test_some_failures_are_not_tried_again(database: Database) -> None:
    workflow = await add(
        database, [step("a", "delay", seconds="{{steps.no}}", maxRetries=9, backoffFactor=0)]
    )
    async with running(database):
        found = await in_status(database, workflow, "failed")
    assert "no step 'no' has given a result yet" in str(found.last_error)
    assert len(await log_of(database, workflow)) == 1


async def test_a_run_begun_again_has_a_key_of_its_own_and_none_of_the_old_results(
    database: Database,
) -> None:
    seen = Recorder()

    async def look(call: Call[Any]) -> list[str]:
        return sorted(call.results.steps)

    mail = step("m", "email", to="a@x.test", subject="s", body="b")
    steps = [step("a", "look"), step("b", "look"), mail]
    workflow = await add(database, steps, {"dealer": 1})
    async with running(database, built_in(look=seen.handler(look))):
        await in_status(database, workflow, "completed")
        await change(database, workflow, {"status": "'pending'", "currentStep": "0"})
        await until(lambda: _mails(database, 2))
        found = await in_status(database, workflow, "completed")
    assert found.context["a"] == []
    assert found.context["b"] == ["a"]
    assert found.context["dealer"] == 1
    assert len(set(seen.keys)) == 4


async def _mails(database: Database, wanted: int) -> bool:
    return await count(database, "email_queue") == wanted


async def test_a_loop_counts_its_laps_and_an_endless_one_ends(
    database: Database,
) -> None:
    seen = Recorder()

    async def counted(_call: Call[Any]) -> int:
        return len(seen.calls)

    loop = step("again", "condition", expression="steps.n < `3`", then="n")
    workflow = await add(database, [step("n", "counted"), loop])
    handlers = built_in(counted=seen.handler(counted))
    async with running(database, handlers, limits=RunLimits(laps=5)):
        await in_status(database, workflow, "completed")
        assert len(set(seen.keys)) == 3
        endless = step("again", "condition", expression="`true`", then="n")
        workflow = await add(database, [step("n", "counted"), endless])
        found = await in_status(database, workflow, "failed")
    assert "went back to an earlier step 5 times" in str(found.last_error)


async def test_what_others_write_into_the_context_meanwhile_stays(database: Database) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> int:
        entered.set()
        await leave.wait()
        return 1

    workflow = await add(database, [step("a", "slow")], {"mine": 1})
    async with running(database, {"slow": Recorder().handler(slow)}):
        await entered.wait()
        await change(database, workflow, {"context": "context || '{\"theirs\": 2}'"})
        leave.set()
        found = await in_status(database, workflow, "completed")
    assert found.context == {"mine": 1, "theirs": 2, "a": 1}


async def test_many_workflows_are_written_together(database: Database) -> None:
    async def nothing(_call: Call[Any]) -> dict[str, bool]:
        return {"ok": True}

    handler = Recorder().handler(nothing, keyed=False)
    steps = [step(f"s{n}", "nothing") for n in range(5)]
    ids = [await add(database, steps) for _ in range(100)]
    async with running(database, {"nothing": handler}) as runner:
        await all_in_status(database, ids, "completed")
        writer = runner.writer
        assert writer.items == 500
        assert writer.writes <= 25
    assert await count(database, "task_logs") == 500


async def test_the_oldest_workflow_is_begun_first(database: Database) -> None:
    async def nothing(_call: Call[Any]) -> None: ...

    handler = Recorder().handler(nothing, keyed=False)
    ids = sorted([await add(database, [step("a", "nothing")]) for _ in range(20)], reverse=True)
    for age, workflow in enumerate(ids):
        await change(
            database, workflow, {"createdAt": f"now() + interval '{age} s'", "locked": "false"}
        )
    context = context_for(database)
    runner = Runner(context, {"nothing": handler})
    await runner.step()
    assert list(runner.held) == ids
    await runner.stop(0)


async def test_an_idle_step_costs_two_statements(database: Database) -> None:
    context = context_for(database)
    runner = Runner(context, built_in())
    await runner.step()
    before = database.statements
    turn = await runner.step()
    assert (turn.done, turn.held, turn.again) == (0, 0, None)
    assert database.statements - before == 2
    await runner.stop(0)


async def test_the_next_step_is_wanted_when_the_next_workflow_is_due(database: Database) -> None:
    workflow = await add(database, [step("a", "delay", seconds=0)])
    await change(database, workflow, {"lockedAt": "now() + interval '7 s'"})
    context = context_for(database)
    runner = Runner(context, built_in())
    turn = await runner.step()
    assert turn.again is not None
    assert 0 < turn.again <= 7
    assert (await row(database, workflow)).status == "pending"
    await runner.stop(0)


async def test_the_journal_says_what_was_run(database: Database) -> None:
    config = {"to": "a@x.test", "subject": "s", "body": "b", "attachments": []}
    workflow = await add(database, [{"id": "m", "type": "email", "name": "Tell", "config": config}])
    async with running(database):
        found = await in_status(database, workflow, "completed")
    (entry,) = await log_of(database, workflow)
    said = json.loads(entry.input)
    assert said == {
        "step": "m",
        "index": 0,
        "type": "email",
        "name": "Tell",
        "config": config,
        "workflow": workflow,
        "run": found.run["id"],
        "attempt": 1,
    }
    assert json.loads(str(entry.output)) == found.context["m"]


@pytest.mark.parametrize("said", ["text", "html", None])
async def test_a_mail_says_what_its_body_is(database: Database, said: str | None) -> None:
    given = {} if said is None else {"format": said}
    mail = step("a", "email", to="a@x.test", cc="b@x.test", subject="s", body="<p>b</p>", **given)
    workflow = await add(database, [mail])
    async with running(database):
        await in_status(database, workflow, "completed")
    raw = await one(database, "SELECT {emails.recipients}::text FROM {emails}")
    assert text_format(read(raw)) == (said or "")
    assert [(each.address, each.kind.value) for each in as_recipients(read(raw))] == [
        ("a@x.test", "to"),
        ("b@x.test", "cc"),
    ]
