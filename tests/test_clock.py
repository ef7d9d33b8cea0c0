"""The time and the zone come from one place."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentflow_tui import clock
from agentflow_tui.errors import SettingsError


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("name", ["Europe/Berlin", ":Europe/Berlin"])
def test_the_local_zone_is_the_one_named_by_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", name)
    assert clock.local_zone() == ZoneInfo("Europe/Berlin")


def test_a_zone_can_be_named_or_be_the_local_one() -> None:
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    assert summer.astimezone(clock.zone("America/New_York")).utcoffset() == timedelta(hours=-4)
    assert clock.zone("UTC") is UTC
    assert clock.zone("") == clock.zone("local") == clock.local_zone()


@pytest.mark.parametrize(
    "name", ["Nowhere/Town", "../../etc/passwd", "Europe", "a\0b", "x" * 5_000]
)
def test_an_unknown_zone_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(SettingsError, match="There is no time zone called"):
        clock.zone(name)
