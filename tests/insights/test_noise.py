"""Noise says nothing, what was planted comes first, and the same report gives the same insights."""

import random

import pytest

from agentflow_tui.insights.engine import documents
from tests.insights.reports import PLANTED, SHAPES, SOLD_LOG, Shape, found_in


def _false_alarms(shape: Shape, seeds: range) -> int:
    """Reports of noise in which something statistical is told."""
    alarms = 0
    for seed in seeds:
        found = found_in(shape, shape.rows(random.Random(seed)))
        alarms += any(each.p is not None for each in found)
    return alarms


def test_noise_is_seldom_told() -> None:
    assert sum(_false_alarms(shape, range(1, 9)) for shape in SHAPES) <= 2


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shape", SHAPES, ids=["log", "daily", "stock"])
def test_of_500_reports_of_noise_under_5_per_cent_are_told_of(shape: Shape) -> None:
    assert _false_alarms(shape, range(1000, 1500)) < 25


def test_what_was_planted_is_found_and_comes_first() -> None:
    missed = [(each.name, at) for each in PLANTED for at in (100, 101) if not each.is_first(at)]
    assert len(missed) <= 1, missed


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nine_of_ten_planted_effects_come_first() -> None:
    results = {each.name: sum(map(each.is_first, range(500, 550))) for each in PLANTED}
    assert sum(results.values()) >= 0.9 * 50 * len(PLANTED), results


def test_the_same_report_gives_the_same_insights() -> None:
    kim = next(each for each in PLANTED if each.name == "rep")
    written = []
    for _ in range(2):
        rng = random.Random(7)
        rows = kim.shape.rows(rng)
        kim.plant(rng, rows)
        written.append(documents("report", found_in(SOLD_LOG, rows), 1))
    assert written[0] == written[1]
    assert written[0]
