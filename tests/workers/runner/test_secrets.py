"""A token that a step fetched is masked wherever it comes back, and works where it is needed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentflow_tui.steps.calls import Handler
from agentflow_tui.store.connection.database import Database
from tests.steps.services import Service, response, serving
from tests.workers.workflows import (
    AnyConfig,
    add,
    built_in,
    change,
    in_status,
    log_of,
    running,
    step,
)

TOKEN = "t0ken-93ab-77"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as opened:
        opened.answers["/login"] = response(
            200, json.dumps({"access_token": TOKEN}), "application/json"
        )
        yield opened


def login(service: Service) -> dict[str, Any]:
    return step("login", "api", url=f"{service.url}/login", method="POST")


async def everything(database: Database, workflow: str) -> str:
    return json.dumps([[e.input, e.output, e.error] for e in await log_of(database, workflow)])


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "X-Api-Key"])
async def test_a_token_that_a_refusal_quotes_is_masked(
    database: Database, service: Service, header: str
) -> None:
    service.answers["/orders"] = response(401, f"the token {TOKEN} is not valid")
    orders = step(
        "orders",
        "api",
        url=f"{service.url}/orders",
        headers={header: "Bearer {{steps.login.body.access_token}}"},
    )
    workflow = await add(database, [login(service), orders])
    async with running(database, built_in()):
        found = await in_status(database, workflow, "failed")
    assert "the token ••• is not valid" in str(found.last_error)
    assert TOKEN not in await everything(database, workflow)
    assert service.requests[-1][2][header.lower()] == f"Bearer {TOKEN}"


async def test_it_is_masked_in_later_steps_and_after_another_process_took_over(
    database: Database, service: Service
) -> None:
    service.answers["/orders"] = response(200, f'{{"sent": "{TOKEN}"}}', "application/json")
    service.answers["/late"] = response(200, f"you once sent {TOKEN}")
    orders = step(
        "orders",
        "api",
        url=f"{service.url}/orders",
        headers={"Authorization": "Bearer {{steps.login.body.access_token}}"},
    )
    steps = [login(service), orders, step("late", "api", url=f"{service.url}/late")]
    workflow = await add(database, steps)
    async with running(database, built_in()):
        found = await in_status(database, workflow, "completed")
    assert found.context["orders"]["body"] == {"sent": "•••"}
    assert found.context["late"]["body"] == "you once sent •••"
    await change(database, workflow, {"status": "'running'", "currentStep": "2"})
    async with running(database, built_in()):
        found = await in_status(database, workflow, "completed")
    assert found.context["late"]["body"] == "you once sent •••"
    assert TOKEN not in await everything(database, workflow)


async def test_a_loop_that_fetches_the_same_token_again_goes_on_with_it(
    database: Database, service: Service
) -> None:
    orders = step(
        "orders",
        "api",
        url=f"{service.url}/orders",
        headers={"Authorization": "Bearer {{steps.login.body.access_token}}"},
    )
    again = step("again", "condition", expression="steps.n < `3`", then="login")
    calls: list[int] = []

    def count(_call: Any) -> int:
        calls.append(1)
        return len(calls)

    handlers = built_in(count=Handler(config=AnyConfig, run=count))
    workflow = await add(database, [login(service), orders, step("n", "count"), again])
    async with running(database, handlers):
        found = await in_status(database, workflow, "completed", "failed")
    assert found.status == "completed"
    sent = [headers for _, target, headers, _ in service.requests if target == "/orders"]
    assert [headers["authorization"] for headers in sent] == [f"Bearer {TOKEN}"] * 3


async def test_a_secret_where_the_journal_cuts_a_long_result_is_masked_whole(
    database: Database, service: Service
) -> None:
    service.answers["/long"] = response(200, "x" * 1_960 + TOKEN + "y" * 20_000)
    long = step(
        "long",
        "api",
        url=f"{service.url}/long",
        headers={"Authorization": "Bearer {{steps.login.body.access_token}}"},
    )
    workflow = await add(database, [login(service), long])
    async with running(database, built_in()):
        await in_status(database, workflow, "completed")
    assert TOKEN[:5] not in await everything(database, workflow)


async def test_a_reference_deep_in_a_request_arrives_filled_in(
    database: Database, service: Service
) -> None:
    config = {"url": f"{service.url}/echo", "method": "POST", "json": {"v": "{{context.n}}"}}
    workflow = await add(database, [step("a", "api", **config)], {"n": 5})
    async with running(database, built_in()):
        await in_status(database, workflow, "completed")
    assert json.loads(service.requests[-1][3]) == {"v": 5}
