"""Screen 4: what a schedule's state says."""

from datetime import UTC, datetime, timedelta

import pytest

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.screens.schedules import SCHEDULES_SCREEN
from agentflow_tui.settings import Settings
from agentflow_tui.store.views.schedules import Schedule

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "active", "said"),
    [
        ("0 6 * * *", True, "● on"),
        ("0 6 * * *", False, "⊘ off"),
        ("0 0 30 2 *", True, "✗ never"),
        ("every day", True, "✗ invalid"),
    ],
)
def test_a_schedule_that_cannot_fire_is_not_called_on(cron: str, active: bool, said: str) -> None:
    schedule = Schedule("1", None, cron, None, NOW + timedelta(hours=1), active, NOW, NOW, "", "")
    state = SCHEDULES_SCREEN.columns(Environment(Settings()))[0]
    assert state.cell(schedule, NOW)[0][0] == said


@pytest.mark.parametrize(
    ("cron", "ahead", "status", "state", "says"),
    [
        ("* * * * * *", timedelta(days=200), "completed", "▲ held", "later than the expression"),
        ("0 6 * * *", timedelta(hours=18), "paused", "▲ held", "its workflow is paused"),
        ("0 6 * * *", timedelta(hours=18), "archived", "▲ held", "its workflow is archived"),
        ("0 6 * * *", timedelta(hours=18), "completed", "● on", ""),
        ("0 6 * * *", timedelta(hours=18), "running", "● on", ""),
        ("0 6 * * *", timedelta(hours=18), "draft", "● on", ""),
    ],
)
def test_a_schedule_that_will_start_nothing_shows_it(
    cron: str, ahead: timedelta, status: str, state: str, says: str
) -> None:
    schedule = Schedule("1", None, cron, None, NOW + ahead, True, NOW, NOW, status, "")
    columns = SCHEDULES_SCREEN.columns(Environment(Settings()))
    assert columns[0].cell(schedule, NOW)[0][0] == state
    assert says in str(columns[2].cell(schedule, NOW))
