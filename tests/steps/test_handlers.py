"""``delay``, ``condition``, ``email`` and ``custom``, and what packages register."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from agentflow_tui.steps.calls import Call, Handler, StepError, StepOutcome
from agentflow_tui.steps.registry import GROUP, load
from tests.steps.calling import NOW, call, run


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreConfig:
    base: int = 0


def double(given: Call[Any]) -> Any:
    return {"doubled": given.config.input * 2}


async def score(given: Call[ScoreConfig]) -> int:
    return given.config.base


SCORE = Handler(config=ScoreConfig, run=score)
NOT_A_FUNCTION = 5


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, f"tests.steps.test_handlers:{value}", GROUP)


async def test_a_delay_waits_and_is_over_when_its_time_has_come() -> None:
    until = NOW + timedelta(seconds=90)
    assert await run("delay", {"seconds": 90}) == StepOutcome(wait_until=until)
    early = await run("delay", {"seconds": 90}, waited_for=until)
    assert early == StepOutcome(wait_until=until)
    over = await run("delay", {"seconds": 90}, waited_for=NOW)
    assert over.wait_until is None
    assert over.result == {"until": NOW.isoformat()}


@pytest.mark.parametrize("until", ["2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00"])
async def test_a_time_that_has_come_delays_nothing(until: str) -> None:
    assert (await run("delay", {"until": until})).wait_until is None


async def test_a_condition_goes_where_the_expression_says() -> None:
    config = {"expression": "steps.n > `3`", "then": "big", "otherwise": "end"}
    assert (await run("condition", config, steps={"n": 4})).goto == "big"
    assert (await run("condition", config, steps={"n": 3})).goto == "end"
    onwards = await run("condition", {"expression": "steps.n", "otherwise": "end"}, steps={"n": 1})
    assert onwards == StepOutcome(result={"holds": True, "goto": None})


async def test_an_email_has_ids_that_only_its_key_decides() -> None:
    config = {
        "to": "Ann <ann@x.test>, bob@x.test",
        "bcc": [{"email": "eve@x.test"}],
        "subject": "Leads",
        "body": "Hello",
        "priority": 3,
    }
    one = await run("email", config, key="w:r:s")
    again = await run("email", config, key="w:r:s")
    other = await run("email", config, key="w:r2:s")
    assert one == again
    assert one.result["emailId"] != other.result["emailId"] != one.result["queueId"]
    (mail,) = one.mails
    assert mail.recipients == (
        {"email": "ann@x.test", "name": "Ann", "type": "to"},
        {"email": "bob@x.test", "type": "to"},
        {"email": "eve@x.test", "type": "bcc"},
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"to": ""}, "config.to names nobody"),
        ({"to": "nobody"}, "config.to: nobody is not an address"),
        ({"to": "a@x.test", "cc": [5]}, "config.cc: a recipient is a number"),
        ({"to": "a@x.test", "attachments": [{}]}, "config.attachments: the attachment has no"),
    ],
)
async def test_an_email_to_nobody_is_an_error(config: dict[str, Any], said: str) -> None:
    with pytest.raises(StepError) as caught:
        await run("email", {"subject": "s", "body": "b", **config})
    assert said in str(caught.value)


async def test_packages_add_functions_and_step_types() -> None:
    handlers = load([point("double", "double"), point("score", "SCORE")]).handlers
    custom = handlers["custom"]
    config = {"function": "double", "input": "{{steps.n}}"}
    assert custom.run(call(custom, config, steps={"n": 21})) == {"doubled": 42}
    assert handlers["score"] is SCORE
    with pytest.raises(StepError, match="no function is registered as 'score'; known are: double"):
        custom.run(call(custom, {"function": "score"}))


def test_a_broken_package_harms_only_the_steps_that_use_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.CRITICAL):
        registry = load(
            [
                point("gone", "no_such_name"),
                point("five", "NOT_A_FUNCTION"),
                point("api", "double"),
                point("double", "double"),
            ]
        )
    assert set(registry.broken) == {"gone", "five", "api"}
    custom = registry.handlers["custom"]
    assert custom.run(call(custom, {"function": "double", "input": 1})) == {"doubled": 2}
    with pytest.raises(StepError, match="'gone' cannot be loaded: AttributeError"):
        custom.run(call(custom, {"function": "gone"}))
