"""A workflow's steps, in whatever shape they come."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.schema import spelling
from agentflow_tui.steps.calls import END
from agentflow_tui.steps.names import ELSEWHERE, HANDLED, waiting_reason
from agentflow_tui.steps.plans import plan
from agentflow_tui.steps.registry import load
from tests.steps.calling import json_values

KNOWN = {
    "id",
    "stepid",
    "key",
    "type",
    "kind",
    "name",
    "title",
    "label",
    "config",
    "params",
    "parameters",
    "options",
    "maxretries",
    "retries",
    "backofffactor",
    "backoff",
    "timeout",
    "timeoutms",
    "when",
    "condition",
    "if",
}
HANDLERS = load([]).handlers
DELAY = {"id": "a", "type": "delay", "config": {"seconds": 1}}


def problem_of(steps: Any) -> str | None:
    return plan(json.dumps(steps), HANDLERS).problem_from(0)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (None, "there is nothing in them"),
        (5, "a number, not a list"),
        ("do it", "text, not a list"),
        ({}, "an object, not a list"),
        ([None], "Step 1 (step 1): the step is null, not an object"),
        (["fetch"], "Step 1 (fetch): the step is text, not an object"),
        ([{"id": "a"}], "the step has no type"),
        ([{**DELAY, "config": []}], "the step's config is a list"),
        ([DELAY, DELAY], "Steps 1 and 2 have the same id 'a'"),
        ([{**DELAY, "id": "_run"}], "that name is the runner's own"),
        ([{**DELAY, "timeout": -1}], "timeout must not be negative"),
        ([{**DELAY, "backoffFactor": -2}], "backoffFactor must not be negative"),
        ([{**DELAY, "maxRetries": "lots"}], "(a): maxRetries must be a number, not 'lots'"),
        ([{**DELAY, "max_retries": True}], "maxRetries must be a number, not true or false"),
        ([{**DELAY, "timeout": "x"}], "timeout must be a number, not 'x'"),
        ([{**DELAY, "backoffFactor": []}], "backoffFactor must be a number, not a list"),
        ([{**DELAY, "when": "a ==="}], "is not an expression"),
        ([{**DELAY, "when": 3}], "when must be an expression"),
        (
            [{"id": "c", "type": "condition", "config": {"expression": "@", "then": "x"}}],
            "there is no step 'x' to go to",
        ),
        (
            [DELAY, {"id": "f", "type": "custom", "config": {"function": "nope"}}],
            "Step 2 (f): config.function: no function is registered as 'nope'",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(steps: Any, said: str) -> None:
    assert said in str(problem_of(steps))


@pytest.mark.parametrize("text", [None, "", "{", "[1,", "\0", "null", '"', "[[[["])
def test_what_is_no_json_is_said(text: str | None) -> None:
    assert str(plan(text, HANDLERS).problem).startswith("The steps cannot be run: ")


@pytest.mark.parametrize(
    "steps",
    [[DELAY], {"steps": [DELAY]}, DELAY, json.dumps([DELAY]), [json.dumps(DELAY)]],
)
def test_known_shapes_are_understood(steps: Any) -> None:
    found = plan(json.dumps(steps), HANDLERS)
    assert found.problem_from(0) is None
    assert [step.step.id for step in found.steps] == ["a"]


def test_no_steps_are_no_problem() -> None:
    assert plan("[]", HANDLERS).steps == ()
    assert problem_of([]) is None


def test_another_programs_shape_is_left_alone() -> None:
    assert plan('{"nodes": [], "edges": []}', HANDLERS).foreign


def test_mistakes_in_steps_of_others_are_not_ours_to_find() -> None:
    elsewhere = {"id": "e", "type": "emailIngestion", "config": "whatever"}
    assert problem_of([DELAY, elsewhere]) is None


def test_goto_finds_steps_and_the_end() -> None:
    found = plan(json.dumps([DELAY, {**DELAY, "id": "b"}]), HANDLERS)
    assert [found.position(name) for name in ("b", END, "x")] == [1, 2, None]


def test_the_pause_grows_with_the_backoff_factor_to_a_limit() -> None:
    steps = [{**DELAY, "backoffFactor": 3, "maxRetries": 2}, {**DELAY, "id": "b"}]
    three, default = plan(json.dumps(steps), HANDLERS).steps
    assert [three.pause(n) for n in (1, 2, 50, 10_000)] == [3, 9, 3600, 3600]
    assert [default.pause(n) for n in (1, 2)] == [2, 4]
    assert (three.retries, default.retries) == (2, 0)


def test_numbers_of_seconds_may_be_text_and_agentflows_count_of_tries_anything() -> None:
    odd = {**DELAY, "maxRetries": 3, "timeout": " 7.5 ", "backoffFactor": None, "retries": []}
    [found] = plan(json.dumps([odd]), HANDLERS).steps
    assert (found.problem, found.retries, found.timeout, found.backoff) == (None, 3, 7.5, 2.0)


@given(st.text(min_size=1, max_size=12).filter(lambda name: spelling(name) not in KNOWN))
def test_a_member_that_no_step_has_is_refused_by_its_name(name: str) -> None:
    [found] = plan(json.dumps([{**DELAY, name: 1}]), HANDLERS).steps
    assert "is not a member of a step; known are: id, type, name, config" in str(found.problem)


@pytest.mark.parametrize("retries", [-1, 1.5, "3", True, [], {}, "lots", 1e300])
def test_retries_are_a_whole_number_or_refused(retries: Any) -> None:
    [found] = plan(json.dumps([{**DELAY, "maxRetries": retries}]), HANDLERS).steps
    assert "maxRetries must be a" in str(found.problem)


def test_steps_of_other_programs_may_have_any_members() -> None:
    [found] = plan(json.dumps([{"id": "a", "type": "emailIngestion", "owner": 1}]), HANDLERS).steps
    assert found.problem is None


def test_names_and_expressions_are_no_secrets() -> None:
    api = {"url": "http://x", "apiKey": "items", "apiKeyHeader": "X-Api-Key"}
    by = {"tokenString": "price", "password": "name"}
    table = {
        "source": "steps.f.body.items",
        "operations": [{"aggregate": {"by": by, "values": {"secret": {"how": "count"}}}}],
    }
    steps = [
        {"id": "f", "type": "api", "config": api},
        {"id": "t", "type": "dataProcessing", "config": table},
    ]
    found = plan(json.dumps(steps), HANDLERS)
    assert found.problem_from(0) is None
    assert [step.secrets for step in found.steps] == [(), ()]
    assert [json.loads(f"{step.journal}}}")["config"] for step in found.steps] == [api, table]


def test_values_of_the_same_names_are_secrets() -> None:
    config = {"url": "http://x", "apiKey": "maps", "json": {"apiKey": "abcd", "pass": "abcdef"}}
    [found] = plan(json.dumps([{"id": "f", "type": "api", "config": config}]), HANDLERS).steps
    assert found.secrets == ("abcdef", "abcd")
    assert "abcd" not in found.journal


@given(json_values)
def test_no_json_makes_it_raise(value: Any) -> None:
    plan(json.dumps(value), HANDLERS).problem_from(0)
    plan(json.dumps([value, {"type": "delay", "config": value}]), HANDLERS).problem_from(0)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    plan(text, HANDLERS).problem_from(0)


def test_every_step_type_has_a_handler_or_a_reason_to_wait() -> None:
    assert set(HANDLERS) == set(HANDLED)
    assert all(waiting_reason(name) is None for name in HANDLED)
    assert all("AgentFlow's own backend" in str(waiting_reason(name)) for name in ELSEWHERE)
    assert "no worker here runs steps of type 'x'" in str(waiting_reason("x"))
    assert waiting_reason("x", frozenset({"x"})) is None


def test_a_step_in_agentflows_own_shape_is_left_to_its_backend() -> None:
    theirs, ours = {"platform": "vauto"}, {"reports": ["r"]}
    steps = [
        {"id": str(at), "type": "insightGeneration", "config": config}
        for at, config in enumerate((theirs, ours))
    ]
    ready = plan(json.dumps(steps), HANDLERS)
    assert [step.handler is None for step in ready.steps] == [True, False]
    assert ready.problem_from(0) is None
    assert "AgentFlow's own backend" in str(waiting_reason("insightGeneration", config=theirs))
    assert waiting_reason("insightGeneration", config=ours) is None
