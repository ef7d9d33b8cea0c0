"""Results are stored as they are, or it is said why they cannot be."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from agentflow_tui.steps.results import LIMIT, ResultError, for_journal, pack
from tests.steps.calling import json_values


@given(json_values)
def test_any_json_is_stored_unchanged(value: Any) -> None:
    assert json.loads(pack(value)) == value


def cyclic() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def doubled(times: int) -> list[Any]:
    """Small in memory, endless when written out."""
    found: list[Any] = [1]
    for _ in range(times):
        found = [found, found]
    return found


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (datetime.now(UTC), "JSON cannot"),
        ({"a": b"bytes"}, "JSON cannot"),
        ({1: "a"}, "a key that is not text"),
        (float("nan"), "NaN or infinity"),
        ([float("inf")], "NaN or infinity"),
        ([10**5000], "number that JSON cannot"),
        ("x" * (LIMIT + 1), "is 1.0 MB"),
        (cyclic(), "nested more than"),
        (doubled(60), "has more than 500,000 values"),
        (json.loads("[" * 90 + "]" * 90), "nested more than 80 levels"),
    ],
)
def test_what_cannot_be_stored_is_said_in_words(result: Any, said: str) -> None:
    with pytest.raises(ResultError, match=said) as caught:
        pack(result)
    assert not caught.value.retry


def test_characters_that_no_column_holds_are_replaced() -> None:
    assert json.loads(pack({"a\0": ["x\0y", "\ud800", "ok"]})) == {"a�": ["x�y", "�", "ok"]}


def test_the_journal_keeps_the_beginning_of_a_long_result() -> None:
    kept = json.loads(for_journal(pack("x" * 50_000)))
    assert kept["truncated"] is True
    assert kept["characters"] == 50_002
    assert for_journal('{"a":1}') == '{"a":1}'
