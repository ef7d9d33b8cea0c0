"""Calls of handlers as the runner makes them, and JSON of any shape."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from agentflow_tui.steps import configs
from agentflow_tui.steps.calls import Call, Handler, Services
from agentflow_tui.steps.references import StepResults
from agentflow_tui.steps.registry import BUILT_IN

KEY = "key-Value-93ab"
"""The value of the API key ``maps``."""

API = BUILT_IN["api"]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | _numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


async def no_key(_name: str) -> str | None:
    return None


def no_client() -> Any:
    raise AssertionError("this step has no business with HTTP")


def call(
    handler: Handler[Any],
    config: Mapping[str, Any],
    *,
    steps: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    services: Services | None = None,
    **about: Any,
) -> Call[Any]:
    results = StepResults(steps or {}, {**(context or {}), **(steps or {})})
    return Call(
        config=configs.read(handler.config, config, results),
        key=about.pop("key", "workflow:run:step"),
        workflow_id="workflow",
        step_id="step",
        attempt=1,
        now=NOW,
        results=results,
        services=services or Services(api_key=no_key, http=no_client),
        **about,
    )


async def run(step_type: str, config: Mapping[str, Any], **about: Any) -> Any:
    handler = BUILT_IN[step_type]
    return await handler.run(call(handler, config, **about))


async def send(services: Services, url: str, **config: Any) -> Any:
    return await API.run(call(API, {"url": url, **config}, services=services))
