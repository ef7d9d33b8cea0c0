"""``dataProcessing``: filter, map, join, aggregate, sort, limit."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.steps.calls import StepError
from tests.steps.calling import json_values, run

CARS = [
    {"vin": "A", "make": "Kia", "price": 10000, "dealer": 1, "sold": True},
    {"vin": "B", "make": "Kia", "price": 14000, "dealer": 2, "sold": True},
    {"vin": "C", "make": "BMW", "price": 40000, "dealer": 9, "sold": False},
    {"vin": "D", "make": "BMW", "price": None, "dealer": None, "sold": True},
]
DEALERS = [{"id": 1, "name": "North"}, {"id": 2, "name": "South"}, {"id": None, "name": "?"}]
STEPS = {"cars": {"body": CARS}, "dealers": DEALERS}


async def rows(*operations: dict[str, Any], source: str = "steps.cars.body") -> Any:
    config = {"source": source, "operations": list(operations)}
    return (await run("dataProcessing", config, steps=STEPS))["rows"]


async def test_filter_and_map() -> None:
    found = await rows({"filter": "price > `12000` && sold"}, {"map": "{vin: vin, k: price}"})
    assert found == [{"vin": "B", "k": 14000}]


async def test_inner_and_left_join() -> None:
    join = {"rows": "steps.dealers", "ours": "dealer", "theirs": "id", "into": "at"}
    inner = await rows({"join": join}, {"map": "[vin, at.name]"})
    assert inner == [["A", "North"], ["B", "South"]]
    left = await rows({"join": {**join, "kind": "left"}}, {"map": "[vin, at.name]"})
    assert left == [["A", "North"], ["B", "South"], ["C", None], ["D", None]]


async def test_aggregate_by_groups_leaves_nulls_out_as_sql_does() -> None:
    values = {
        "n": {"how": "count"},
        "priced": {"how": "count", "of": "price"},
        "sum": {"how": "sum", "of": "price"},
        "avg": {"how": "avg", "of": "price"},
        "best": {"how": "max", "of": "price"},
        "dealers": {"how": "distinct", "of": "dealer"},
        "vins": {"how": "list", "of": "vin"},
    }
    found = await rows({"aggregate": {"by": {"make": "make"}, "values": values}})
    kia = {"n": 2, "priced": 2, "sum": 24000, "avg": 12000, "best": 14000, "dealers": 2}
    bmw = {"n": 2, "priced": 1, "sum": 40000, "avg": 40000, "best": 40000, "dealers": 1}
    assert found == [
        {"make": "Kia", **kia, "vins": ["A", "B"]},
        {"make": "BMW", **bmw, "vins": ["C", "D"]},
    ]


async def test_an_aggregate_without_groups_is_one_row_also_of_nothing() -> None:
    values = {"n": {"how": "count"}, "sum": {"how": "sum", "of": "price"}}
    found = await rows({"filter": "`false`"}, {"aggregate": {"values": values}})
    assert found == [{"n": 0, "sum": 0}]


async def test_sort_limit_and_apply() -> None:
    found = await rows({"sort": {"by": "price", "descending": True}}, {"map": "vin"})
    assert found == ["C", "B", "A", "D"]
    assert await rows({"limit": 1}, {"map": "vin"}) == ["A"]
    assert await rows({"apply": "[].price"}) == [10000, 14000, 40000]


async def test_a_single_row_can_be_the_result() -> None:
    config = {"source": "steps.cars.body", "operations": [], "single": True}
    assert await run("dataProcessing", config, steps=STEPS) == CARS[0]


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({"map": "sum(vin)"}, "fails"),
        ({"map": "nofunction(vin)"}, "Unknown function"),
        ({"aggregate": {"values": {"s": {"how": "sum", "of": "vin"}}}}, "Only numbers"),
        (
            {"join": {"rows": "steps.none", "ours": "a", "theirs": "b", "into": "c"}},
            "join.rows finds nothing",
        ),
    ],
)
async def test_what_cannot_be_computed_is_said(operation: dict[str, Any], said: str) -> None:
    with pytest.raises(StepError, match=said):
        await rows(operation)


async def test_a_source_that_finds_nothing_is_said() -> None:
    with pytest.raises(StepError, match=r"config\.source finds nothing"):
        await rows(source="steps.typo")


EXPRESSIONS = ["@", "a", "a.b", "[0]", "sort(@)", "sort_by(@, &a)", "max_by(@, &a)", "keys(@)"]


@given(st.lists(json_values, max_size=6), st.sampled_from(EXPRESSIONS))
async def test_rows_of_any_shape_give_a_result_or_a_clear_error(
    found: list[Any], expression: str
) -> None:
    operations = [
        {"sort": {"by": expression}},
        {"aggregate": {"by": {"k": expression}, "values": {"m": {"how": "min", "of": "@"}}}},
        {"apply": expression},
    ]
    for operation in operations:
        config = {"source": "steps.any", "operations": [operation]}
        with contextlib.suppress(StepError):
            await run("dataProcessing", config, steps={"any": found})
