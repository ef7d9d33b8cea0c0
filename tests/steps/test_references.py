"""``{{…}}`` in configs: typed values, clear errors, and no second look at data."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.steps.references import LostReferenceError, StepResults, fill, find
from tests.steps.calling import json_values, texts

STEPS = {
    "fetch": {"status": 200, "body": {"items": [{"vin": "A1"}, {"vin": "B2"}], "odd.key": True}},
    "fetch-report": None,
    "words": "{{steps.fetch.status}}",
}
RESULTS = StepResults(STEPS, {**STEPS, "dealer": {"id": 7}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{steps.fetch.body.items}}", [{"vin": "A1"}, {"vin": "B2"}]),
        ("{{ steps.fetch.status }}", 200),
        ("{{steps.fetch.body.items[-1].vin}}", "B2"),
        ("{{steps.fetch.body.items.0.vin}}", "A1"),
        ('{{steps.fetch.body["odd.key"]}}', True),
        ("{{steps.fetch-report}}", None),
        ("{{context.dealer.id}}", 7),
        ("n={{context.dealer.id}}, {{steps.fetch.body.items[0]}}", 'n=7, {"vin": "A1"}'),
        ("nothing: {{steps.fetch-report}}.", "nothing: ."),
        (r"\{{steps.fetch}} stays", "{{steps.fetch}} stays"),
        ("{{steps.words}}", "{{steps.fetch.status}}"),
        ("<{{steps.words}}>", "<{{steps.fetch.status}}>"),
        ("a { b } }} {{", "a { b } }} {{"),
    ],
)
def test_a_reference_becomes_its_value(text: str, value: Any) -> None:
    assert fill(text, RESULTS) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{steps.fetch.body.itms}}", "steps.fetch.body has no 'itms' (it has items, odd.key)"),
        ("{{steps.later.body}}", "no step 'later' has given a result yet"),
        ("{{steps.fetch.body.items[5]}}", "has 2 entries and no '5'"),
        ("{{steps.fetch.status.code}}", "is a single value and has no 'code'"),
        ("{{stepz.fetch}}", "must begin with 'steps.' or 'context.'"),
        ("{{}}", "is not a reference"),
        ("{{steps.fetch[}}", "is not a reference"),
        ("{{steps fetch}}", "is not a reference"),
    ],
)
def test_a_reference_that_leads_nowhere_says_how_far_it_leads(text: str, said: str) -> None:
    with pytest.raises(LostReferenceError) as caught:
        fill(text, RESULTS)
    assert said in str(caught.value)


@given(json_values)
def test_what_holds_no_reference_is_left_as_it_is(value: Any) -> None:
    if "{{" not in str(value):
        assert fill(value, RESULTS) == value


@given(json_values, st.sampled_from(["{{steps.a}}", {"deep": ["{{context.a}}"]}]))
def test_any_value_passes_through_a_reference_unchanged(value: Any, written: Any) -> None:
    filled = fill(written, StepResults({"a": value}, {"a": value}))
    assert (filled if isinstance(written, str) else filled["deep"][0]) is value


@given(texts)
def test_no_path_ever_raises_anything_else(path: str) -> None:
    with contextlib.suppress(LostReferenceError):
        find(path, RESULTS)
