"""``{{…}}`` in configs: typed values, clear errors, and no second look at data."""

import contextlib
import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.steps import configs
from agentflow_tui.steps.references import LostReferenceError, StepResults, fill, fill_url, find
from agentflow_tui.steps.registry import BUILT_IN, load
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


@given(json_values, json_values, st.sampled_from(["url", "json", "query", "body"]))
def test_a_reference_is_filled_in_wherever_it_stands_in_a_config(
    value: Any, around: Any, field: str
) -> None:
    """At any depth, in names of members, too, beside whatever else the config holds."""
    if "{{" in str(around):
        return
    nested = {"list": [around, {"deep": "{{steps.a}}"}], "{{steps.name}}": around}
    config: dict[str, Any] = {"url": "https://x.test/", "method": "POST", "json": nested}
    if field == "query":
        config["query"] = {"{{steps.name}}": "{{steps.number}}"}
    elif field == "url":
        config["url"] = "{{steps.link}}"
    steps = {"a": value, "name": "n", "number": 5, "link": "https://y.test/"}
    handler = BUILT_IN["api"]
    assert configs.check(handler.config, config) is None
    found = configs.read(handler.config, config, StepResults(steps, steps))
    assert found.json == {"list": [around, {"deep": value}], "n": around}
    assert "{{" not in str(found.url)
    assert found.query == ({"n": 5} if field == "query" else None)


@pytest.mark.parametrize("step_type", ["api", "custom", "email", "dataProcessing"])
def test_a_reference_that_leads_nowhere_is_refused_with_its_path(step_type: str) -> None:
    gone = {"deep": [{"v": "{{context.gone}}"}]}
    configured: dict[str, tuple[dict[str, Any], str]] = {
        "api": ({"url": "https://x.test/", "json": gone}, "config.json.deep[0].v"),
        "custom": ({"function": "f", "input": gone}, "config.input.deep[0].v"),
        "email": (
            {"to": [{"email": "{{context.gone}}"}], "subject": "s", "body": "b"},
            "config.to[0].email",
        ),
        "dataProcessing": (
            {"source": "context", "operations": [{"limit": "{{context.gone}}"}]},
            "config.operations[0].limit",
        ),
    }
    config, path = configured[step_type]
    declaration = load([]).handlers[step_type].config
    assert configs.check(declaration, config) is None
    with pytest.raises(configs.ConfigError) as caught:
        configs.read(declaration, config, RESULTS)
    assert str(caught.value).startswith(f"{path}: ")


def test_two_members_that_get_the_same_name_are_refused() -> None:
    with pytest.raises(LostReferenceError, match="two members named 'x'"):
        fill({"x": 1, "{{steps.a}}": 2}, StepResults({"a": "x"}, {}))


@given(st.one_of(texts, st.integers(), st.booleans(), st.none()))
def test_what_is_filled_into_a_url_is_one_piece_of_it(value: Any) -> None:
    text = "https://x.test/{{steps.v}}/y?name={{steps.v}}&admin=0#{{steps.v}}"
    parts = urlsplit(fill_url(text, StepResults({"v": value}, {})))
    said = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    assert (parts.scheme, parts.netloc) == ("https", "x.test")
    assert [unquote(piece) for piece in parts.path.split("/")] == ["", said, "y"]
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    assert [(name, unquote(given)) for name, _, given in pairs] == [("name", said), ("admin", "0")]
    assert unquote(parts.fragment) == said


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("{{context.base}}/v1", "https://api.test:8443/v1"),
        ("{{context.base}}", "https://api.test:8443"),
        ("https://{{context.host}}/v1", "https://api.test:8443/v1"),
        ("https://{{context.bad}}/v1", "https://evil.test%2F%3F/v1"),
        (r"https://x.test/\{{id}}", "https://x.test/{{id}}"),
    ],
)
def test_a_url_may_begin_with_a_reference(text: str, url: str) -> None:
    context = {"base": "https://api.test:8443", "host": "api.test:8443", "bad": "evil.test/?"}
    assert fill_url(text, StepResults({}, context)) == url
