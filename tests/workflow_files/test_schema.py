"""The JSON Schema says what the handlers say: editors accept what runs and mark what does not."""

from typing import Any

import pytest

from agentflow_tui.steps.names import HANDLED
from agentflow_tui.steps.registry import load
from agentflow_tui.steps.schemas import workflow_schema
from agentflow_tui.workflow_files.examples import example
from agentflow_tui.workflow_files.reading import read_tree
from tests.cli.workflow_files import STOCK
from tests.workflow_files.json_schemas import violations

SCHEMA = workflow_schema(load([]).handlers)


def _steps(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"steps": list(steps)}


def _step(type_: str, **config: Any) -> dict[str, Any]:
    return _steps({"id": "a", "type": type_, "config": config})


RIGHT = [
    read_tree(STOCK.encode()).root.plain,  # type: ignore[union-attr]  # it is right
    _step("api", url="https://x", method="POST", json={"a": [1]}, timeout=5, expect=[200, 201]),
    _step("api", url="{{context.url}}", timeout="{{context.seconds}}", query={"a": None}),
    _step("delay", seconds=0.5),
    _step("delay", seconds="{{steps.a.body.wait}}"),
    _step("email", to=["a@x.test", {"email": "b@x.test"}], subject="s", body="b", priority=3),
    _step("condition", expression="steps.a.holds", then="end"),
    _step("custom", function="score", input={"any": None}),
    _step(
        "dataProcessing",
        source="steps.a",
        single=True,
        operations=[
            {"filter": "price > `1`"},
            {"aggregate": {"by": {"make": "make"}, "values": {"n": {"how": "count"}}}},
            {"join": {"rows": "steps.b", "ours": "a", "theirs": "b", "into": "c", "kind": "left"}},
            {"sort": {"by": "price", "descending": True}},
            {"limit": 5},
        ],
    ),
    _steps({"type": "emailIngestion", "config": {"platform": "VinSolutions"}}),
    _step("insightGeneration", platform="VinSolutions", csvData="a,b"),
    _step("dataProcessing", operation="filter", inputKey="x"),
    _step("api", url="https://x", authType="oauth", scope="y"),
]
WRONG = [
    ({"name": "x"}, "required steps"),
    ({"steps": []}, "minItems 1"),
    ({**RIGHT[0], "usr": "ann"}, "additionalProperties usr"),
    (_steps({"type": "emial"}), "0 of 12 fit"),
    (_steps({"type": "api"}), "required config"),
    (_steps({"type": "delay", "config": {}, "maxRetries": -1}), "minimum 0"),
    (_steps({"type": "delay", "config": {}, "retrys": 1}), "additionalProperties retrys"),
    (_step("api", method="GET"), "required url"),
    (_step("insightGeneration", reports="latest", platform="x"), "additionalProperties platform"),
    (_step("api", url="x", methd="GET"), "additionalProperties methd"),
    (_step("api", url="x", method="get"), "0 of 2 fit"),
    (_step("api", url="x", timeout="soon"), "0 of 2 fit"),
    (_step("api", url="x", timeout=True), "0 of 2 fit"),
    (_step("dataProcessing", source="x", operations=[{"filtr": "a"}]), "0 of 2 fit"),
]


@pytest.mark.parametrize("document", RIGHT)
def test_what_runs_fits_the_schema(document: dict[str, Any]) -> None:
    assert list(violations(document, SCHEMA, SCHEMA)) == []


@pytest.mark.parametrize(("document", "broken"), WRONG)
def test_what_does_not_run_is_marked(document: dict[str, Any], broken: str) -> None:
    assert broken in list(violations(document, SCHEMA, SCHEMA))


def test_the_example_of_a_workflow_names_every_type_of_step() -> None:
    comments = [line for line in example("workflow").splitlines() if line.startswith("#")]
    assert not [name for name in HANDLED if name not in " ".join(comments)]
