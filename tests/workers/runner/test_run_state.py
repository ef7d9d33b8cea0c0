"""The runner's state of a run tells new runs from old ones and survives any context."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from agentflow_tui.workers.runner.run_state import RunState, recorded
from tests.steps.calling import json_values

KNOWN = RunState(id="r", done=2, lap=1, at="a", attempts=3, crashes=1)


def read_back(state: RunState, *, status: str = "running", current_step: int = 2) -> Any:
    import json

    return recorded(json.loads(state.text), status=status, current_step=current_step)


def test_an_state_survives_being_stored() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    waiting = RunState(id="r", done=1, at="w", since=moment, until=moment)
    for state in (KNOWN, waiting, RunState(id='odd "id"', done=1)):
        assert read_back(state) == state


@pytest.mark.parametrize(
    ("state", "status", "current_step", "same"),
    [
        (RunState(id="r"), "pending", 0, True),  # nothing of it was kept
        (RunState(id="r", done=3), "pending", 0, False),  # the schedule fired again
        (RunState(id="r", done=3), "running", 0, False),
        (RunState(id="r", done=3), "pending", 3, True),  # an operator retries
        (RunState(id="r", done=3, lap=1), "running", 0, True),  # a loop went back to the start
        (RunState(id="r", done=3, lap=1), "pending", 0, False),
    ],
)
def test_a_run_is_new_when_it_begins_after_steps_were_taken(
    state: RunState, status: str, current_step: int, same: bool
) -> None:
    assert (read_back(state, status=status, current_step=current_step) is not None) is same


def test_what_is_about_one_step_is_nothing_to_another() -> None:
    assert KNOWN.about("a") is KNOWN
    assert KNOWN.about("b") == RunState(id="r", done=2, lap=1, at="b")


def test_keys_differ_by_run_step_and_lap() -> None:
    keys = {
        RunState(id=run, lap=lap).key("w", step)
        for run in ("r", "q")
        for lap in (0, 1, 2)
        for step in ("a", "b")
    }
    assert len(keys) == 12
    assert "w:r:a" in keys


@given(json_values)
def test_any_context_is_read(value: Any) -> None:
    recorded(value, status="pending", current_step=0)
    recorded({"id": "r", "done": value, "until": value, "at": value}, status="x", current_step=1)
