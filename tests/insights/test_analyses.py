"""Each kind of question: what it finds, and where it stays silent."""

import math
import random
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from agentflow_tui.insights.analyses.movers import bridge
from agentflow_tui.insights.choosing import ScoredFinding
from agentflow_tui.insights.engine import analyse
from agentflow_tui.insights.facts import (
    Finding,
    InsightCandidate,
    PastReport,
    ReportFacts,
    ToldInsight,
)
from agentflow_tui.insights.registry import load_from
from agentflow_tui.insights.scoring import score
from agentflow_tui.insights.tables import ReportTable, table_of
from agentflow_tui.settings import InsightSettings

DAY = date(2026, 10, 31)


def table(**columns: list[Any]) -> ReportTable:
    """A table of these columns, with types as they look."""
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    names = [name.replace("_", " ") for name in columns]
    return table_of({"columns": names, "rows": rows})


def told(of: ReportTable, type_: str, **more: Any) -> list[ScoredFinding]:
    """What is told of a type, the best first."""
    found, _ = analyse(ReportFacts(table=of, day=more.pop("day", DAY), **more))
    return [each for each in found if each.finding.type == type_]


def days(n: int) -> list[str]:
    return [(DAY - timedelta(days=n - 1 - at)).isoformat() for at in range(n)]


def test_a_bridge_sums_up_to_the_change() -> None:
    before = {"Web": [1000.0, 800.0, 700.0], "Walk-in": [2000.0]}
    after = {"Web": [600.0], "Walk-in": [2100.0, 1900.0], "New": [50.0]}
    found = bridge(before, after)
    assert found is not None
    change = 600 + 4000 + 50 - (2500 + 2000)
    assert math.isclose(found.volume + found.mix + found.rate, change)
    assert found.volume == 0


def test_a_source_that_stops_is_the_mover_of_the_week() -> None:
    rng = random.Random(4)
    dates, sources = [], []
    for week in range(12):
        for source in ("Web", "Walk-in", "Cars.com"):
            for _ in range(0 if (week, source) == (11, "Web") else 30):
                monday = date(2026, 8, 3) + timedelta(weeks=week)
                dates.append((monday + timedelta(days=rng.randrange(6))).isoformat())
                sources.append(source)
    (found, *_) = told(table(Sold_Date=dates, Source=sources), "movers", day=date(2026, 10, 25))
    assert found.finding.subject in ((), (("Source", "Web"),))
    assert found.finding.figures["change"] == -30
    if not found.finding.subject:
        assert math.fsum(found.finding.figures["parts"].values()) == -30


@pytest.mark.parametrize(
    ("leads", "sold", "is_told"), [((120, 80), (14, 4), False), ((400, 400), (60, 12), True)]
)
def test_a_source_is_told_of_when_its_rate_is_no_chance(
    leads: tuple[int, int], sold: tuple[int, int], is_told: bool
) -> None:
    found = told(table(Source=["Web", "Cars.com"], Leads=[*leads], Sold=[*sold]), "funnel")
    assert bool(found) == is_told
    if found:
        assert found[0].finding.figures["interval"][0] < found[0].finding.figures["rate"]


def test_aged_stock_is_told_with_its_money_and_threshold() -> None:
    ages = [10, 20, 30, 40, 50, 70, 80, 90, 100, 15]
    stock = table(Vin=[f"V{at}" for at in range(10)], Age=ages, Cost=[20_000.5] * 10)
    (found,) = told(stock, "ageing")
    assert (found.p, found.q) == (None, None)
    assert found.finding.figures["aged"] == 4
    assert found.finding.stake == pytest.approx(80_002)
    assert "60 days" in found.finding.summary
    young = table(Vin=[f"V{at}" for at in range(10)], Age=[10] * 10, Cost=[20_000.5] * 10)
    assert told(young, "ageing") == []


def test_money_in_one_place_and_money_without_a_sale() -> None:
    sources = table(
        Source=["Web", "Walk-in", "Cars.com", "Radio"],
        Leads=[80, 40, 30, 10],
        Sold=[20, 10, 8, 0],
        Total_Cost=[9000.5, 1000.25, 900.5, 800.75],
    )
    (share,) = told(sources, "concentration")
    assert share.finding.subject == (("Source", "Web"),)
    (without,) = told(sources, "benchmark")
    assert "Radio" in without.finding.title
    assert without.finding.stake == pytest.approx(800.75)


def test_empty_cells_and_rows_left_out_are_told() -> None:
    half = table(Source=["Web", "Radio", None, None] * 5, Leads=list(range(20)))
    found = told(half, "data_quality", metadata={"rejectedRows": 3})
    assert {each.finding.metric for each in found} == {"empty", "rejected"}


def test_a_report_that_did_not_come_is_told_when_the_next_one_does() -> None:
    past = [PastReport(day=DAY - timedelta(days=7 * at), rows=4, sums={}) for at in range(3, 9)]
    leads = table(Source=["Web", "Walk-in"], Leads=[3, 4])
    (found,) = told(leads, "missing_report", past=past)
    assert found.finding.figures["expected"] == ["2026-10-17", "2026-10-24"]
    on_time = [PastReport(day=DAY - timedelta(days=7 * at), rows=4, sums={}) for at in range(1, 9)]
    assert told(leads, "missing_report", past=on_time) == []


def test_the_one_that_falls_while_all_others_rise() -> None:
    rng = random.Random(2)
    dates, stores, leads = [], [], []
    for store in ("North", "South", "East", "West", "Airport"):
        for at, day in enumerate(days(40)):
            rise = -1 if store == "West" else 1
            dates.append(day)
            stores.append(store)
            leads.append(round(100 + rise * at + rng.gauss(0, 4)))
    found, _ = analyse(ReportFacts(table=table(Date=dates, Store=stores, Leads=leads), day=DAY))
    about = {each.finding.type for each in found if each.finding.subject == (("Store", "West"),)}
    assert about & {"common_pattern", "trend"}


def test_what_earlier_reports_summed_up_to_is_a_series() -> None:
    rng = random.Random(1)
    past = [
        PastReport(
            day=DAY - timedelta(days=at), rows=2, sums={"Leads": 200 - 5 * at + rng.gauss(0, 4)}
        )
        for at in range(1, 21)
    ]
    leads = table(Source=["Web", "Walk-in"], Leads=[120, 82])
    (found, *_) = told(leads, "trend", past=past)
    assert (found.finding.figures["period"], found.finding.rise) == ("report", True)


def test_an_unfinished_week_is_not_compared() -> None:
    dates = [(date(2026, 8, 3) + timedelta(days=at % 84)).isoformat() for at in range(84 * 6)]
    rest = [date(2026, 10, 26).isoformat()] * 2
    sold = table(Sold_Date=[*dates, *rest], Kind=["a", "b"] * ((len(dates) + 2) // 2))
    assert told(sold, "movers", day=date(2026, 10, 27)) == []
    assert told(sold, "outlier", day=date(2026, 10, 27)) == []


def trend(**said: Any) -> Finding:
    """A trend of which nothing is known but what its score is made from."""
    return Finding(
        type="trend",
        metric="m",
        title="",
        summary="",
        recommendation="",
        figures={},
        rows=frozenset(),
        columns=(),
        **said,
    )


def test_what_was_told_this_week_counts_less_unless_it_is_worse() -> None:
    finding = trend(effect=1.0, share=1.0, magnitude=10.0)
    empty = table(Leads=[1])

    def scored(days_ago: int, magnitude: float) -> int:
        before = ToldInsight(
            key=finding.key, day=DAY - timedelta(days=days_ago), magnitude=magnitude
        )
        return score(ReportFacts(table=empty, day=DAY, told=[before]), finding, None).value

    assert [scored(3, 9.0), scored(3, 8.0), scored(8, 9.0)] == [60, 100, 100]


def test_money_weighs_against_the_monthly_gross() -> None:
    finding = trend(effect=0.0, share=0.0, stake=2_500.0, money=True)
    settings = InsightSettings(monthly_gross=100_000.0)
    found = score(ReportFacts(table=table(Leads=[1]), day=DAY, settings=settings), finding, None)
    assert found.parts["impact"] == 0.5


def _small(facts: ReportFacts) -> Iterator[InsightCandidate]:
    yield InsightCandidate.fact(
        Finding(
            type="small",
            metric="rows",
            title=f"Only {facts.table.count} rows",
            summary="",
            recommendation="",
            figures={},
            rows=facts.all_rows,
            columns=(),
            effect=1.0,
            share=1.0,
        )
    )


def _broken(_facts: ReportFacts) -> Iterator[InsightCandidate]:
    raise RuntimeError("a mistake")


def test_installed_analyses_are_asked_and_a_broken_one_harms_nothing() -> None:
    points = [
        EntryPoint(name, f"{__name__}:{function}", "agentflow_tui.insights")
        for name, function in (("small", "_small"), ("bad", "_broken"), ("gone", "_nowhere"))
    ]
    registry = load_from([*points, EntryPoint("rows", f"{__name__}:_small", "g")])
    assert set(registry.broken) == {"gone", "rows"}
    found, _ = analyse(ReportFacts(table=table(Leads=[1, 2]), day=DAY), registry.analyses)
    assert [each.finding.title for each in found] == ["Only 2 rows"]
