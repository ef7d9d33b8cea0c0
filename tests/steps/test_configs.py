"""A config's mistakes are named before anything runs."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from agentflow_tui.steps import configs
from agentflow_tui.steps.configs import ConfigError
from agentflow_tui.steps.references import StepResults
from agentflow_tui.steps.registry import BUILT_IN

NOTHING = StepResults({}, {})


@pytest.mark.parametrize(
    ("step_type", "config", "said"),
    [
        ("api", {}, "config.url is missing"),
        ("api", {"url": 5}, "config.url must be text, not 5"),
        ("api", {"url": "ftp://x"}, "config: url must begin with http"),
        ("api", {"url": "http://x", "methd": "GET"}, "config.methd is not a field of this step"),
        ("api", {"url": "http://x", "method": "get"}, "config.method must be 'GET' or"),
        ("api", {"url": "http://x", "method": "post"}, "'DELETE', not 'post'"),
        ("api", {"url": "http://x", "timeout": "s" * 99}, f"number, not '{'s' * 39}…'"),
        ("api", {"url": "http://x", "timeout": True}, "config.timeout must be a number, not true"),
        ("api", {"url": "http://x", "timeout": 0}, "config: timeout must be more than 0"),
        ("api", {"url": "http://x", "headers": {"A": []}}, "config.headers.A must be text or"),
        ("api", {"url": "http://x", "expect": ["200"]}, "config.expect[0] must be a whole number"),
        ("api", {"url": "http://x", "maxBytes": 10**9}, "config: maxBytes must be between"),
        ("api", {"url": "http://x", "json": {}, "body": ""}, "config: body and json exclude"),
        ("api", {"url": "http://x", "apiKeyHeader": "X"}, "config: apiKey is missing"),
        ("api", {"url": "http://x", "apiKey": "k", "followRedirects": True}, "would carry"),
        ("email", {"to": "a@x.test", "subject": "s"}, "config.body is missing"),
        ("email", {"to": None, "subject": "s", "body": "b"}, "config.to must be text or a list"),
        ("delay", {}, "config: seconds or until"),
        ("delay", {"seconds": -1}, "config: seconds must be between 0"),
        ("delay", {"until": "tomorrow"}, "config: until must be a time such as"),
        ("condition", {"expression": "a b"}, "config.expression: 'a b' is not an expression"),
        ("condition", {"expression": 3}, "config.expression must be an expression"),
        ("dataProcessing", {"source": "a", "operations": {}}, "config.operations must be a list"),
        (
            "dataProcessing",
            {"source": "a", "operations": [{"filter": "a >"}]},
            "config.operations[0].filter: 'a >' is not an expression: mistake at column 4",
        ),
        (
            "dataProcessing",
            {"source": "a", "operations": [{"filter": 3}]},
            "config.operations[0].filter must be an expression or null, not 3",
        ),
        (
            "dataProcessing",
            {"source": "a", "operations": [{}]},
            "config.operations[0]: exactly one of filter, map",
        ),
        (
            "dataProcessing",
            {"source": "a", "operations": [{"aggregate": {"values": {"n": {"how": "median"}}}}]},
            "config.operations[0].aggregate.values.n.how must be 'count' or",
        ),
        (
            "dataProcessing",
            {"source": "a", "operations": [{"join": {"rows": "b", "ours": "c", "theirs": "d"}}]},
            "config.operations[0].join.into is missing",
        ),
    ],
)
def test_a_wrong_config_is_an_error_that_names_the_field(
    step_type: str, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        configs.check(BUILT_IN[step_type].config, config)
    assert said in str(caught.value)
    assert not caught.value.retry


@dataclass(frozen=True, kw_only=True)
class _Secretive:
    api_token: Literal["none"] | int = "none"
    headers: dict[str, int] | None = None


@pytest.mark.parametrize("value", ["hunter22", 3.25])
@pytest.mark.parametrize("name", ["apiToken", "headers"])
def test_a_wrong_value_is_not_shown_where_secrets_stand(name: str, value: str | float) -> None:
    config = {name: {"X-Auth": value} if name == "headers" else value}
    with pytest.raises(ConfigError) as caught:
        configs.check(_Secretive, config)
    assert str(value) not in str(caught.value)


def test_references_stand_for_any_value_until_the_step_runs() -> None:
    declaration = BUILT_IN["api"].config
    config = {"url": "{{context.url}}", "timeout": "{{context.seconds}}", "expect": 200}
    assert configs.check(declaration, config) is None
    found = configs.read(declaration, config, StepResults({}, {"url": "http://x", "seconds": 3}))
    assert (found.url, found.timeout, found.expect) == ("http://x", 3, 200)
    with pytest.raises(ConfigError, match=r"config\.timeout must be a number, not text"):
        configs.read(declaration, config, StepResults({}, {"url": "http://x", "seconds": "3"}))


def test_the_rest_of_a_config_with_references_is_checked_at_once() -> None:
    with pytest.raises(ConfigError, match=r"config\.timeout must be a number"):
        configs.check(BUILT_IN["api"].config, {"url": "{{context.url}}", "timeout": "soon"})


def test_a_number_becomes_text_where_text_belongs() -> None:
    declaration = BUILT_IN["email"].config
    config = {"to": "a@x.test", "subject": "{{context.n}}", "body": "{{context.rows}}"}
    found = configs.read(declaration, config, StepResults({}, {"n": 3, "rows": [1]}))
    assert (found.subject, found.body) == ("3", "[1]")


def test_expressions_are_not_looked_through_for_references() -> None:
    found = configs.check(BUILT_IN["condition"].config, {"expression": "context.a == '{{b}}'"})
    assert found is not None
    assert found.expression.is_true({"context": {"a": "{{b}}"}})


def test_filled_in_data_is_not_looked_through_again() -> None:
    declaration = BUILT_IN["api"].config
    results = StepResults({}, {"headers": {"X": "{{context.secret}}"}, "secret": "s"})
    found = configs.read(
        declaration, {"url": "http://x", "headers": "{{context.headers}}"}, results
    )
    assert found.headers == {"X": "{{context.secret}}"}
