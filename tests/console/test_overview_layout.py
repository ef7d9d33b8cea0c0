"""The overview's columns and charts: what stands where at each size, and that all is there."""

import pytest

from agentflow_tui.console.charts import LABEL, bars, scale
from agentflow_tui.console.screens.overview import OverviewView, widths_of
from agentflow_tui.settings import ConsoleSettings
from agentflow_tui.store.connection.database import Database
from tests.console.asking import app_of
from tests.console.driving import console, screen_text, sees, until
from tests.samples import ROWS, fill

PARTS = {
    (80, 24): (("Health", "Mail a minute", "Needs attention (8)", "Next fires"),),
    (120, 35): (
        ("Health", "Needs attention (8)"),
        ("Mail a minute", "┤", "Steps a minute", "Workers (1 alive)", "by domain", "Next fires"),
    ),
    (200, 60): (
        ("Health", "Needs attention (8)", "vinsolutions credential Main store has expired"),
        ("Mail a minute", "┤", "60m ago", "Steps a minute", "What waits, by domain"),
        ("Workers (1 alive)", "host:12", "What waits, by reason", "Next fires"),
    ),
}
"""What stands in each column, from the top, by size."""


@pytest.mark.parametrize("ascii_only", [False, True], ids=["blocks", "ascii"])
@pytest.mark.parametrize("size", PARTS, ids=["80x24", "120x35", "200x60"])
async def test_each_part_has_its_column_and_is_not_cut_off_below(
    database: Database, size: tuple[int, int], ascii_only: bool
) -> None:
    await fill(database)
    settings = ConsoleSettings(refresh=0.1, time_zone="UTC", ascii=ascii_only)
    async with console(database.url, "overview", size=size, settings=settings) as pilot:
        await sees(pilot, "Needs attention (8)", "Next fires")
        view = app_of(pilot).query_one(OverviewView)
        if len(PARTS[size]) > 1:  # read in a look of its own
            await sees(pilot, "customer.test")
        shown = [pane for pane in view.panes if pane.display]
        edges = [(pane.region.x, pane.region.right) for pane in shown]
        assert [first for first, _ in edges] == [0, *(last for _, last in edges[:-1])]
        assert edges[-1][1] == size[0]
        lines = screen_text(app_of(pilot)).splitlines()
        assert all(len(line) <= size[0] for line in lines)
        for (first, last), parts in zip(edges, PARTS[size], strict=True):
            column = "\n".join(line[first : last - 1] for line in lines)
            wanted = [part.replace("┤", "+") if ascii_only else part for part in parts]
            places = [column.find(part) for part in wanted]
            assert -1 not in places, (wanted, column)
            assert places == sorted(places)
        if ascii_only:
            assert screen_text(app_of(pilot)).isascii()


async def test_work_that_no_worker_does_is_said_first_and_loudest(database: Database) -> None:
    await fill(database, {table: rows for table, rows in ROWS.items() if table != "health_checks"})
    async with console(database.url, "overview", size=(120, 35)) as pilot:
        await sees(pilot, "Needs attention", "Workers (0 alive)")
        pane = app_of(pilot).query_one(OverviewView).pane
        place = next(n for n, line in enumerate(pane.lines) if "Needs attention" in _text(line))
        first, second = pane.lines[place + 1 : place + 3]
        assert "NO WORKER SENDS MAIL" in _text(first)
        assert "NO WORKER FIRES SCHEDULES" in _text(second)
        assert first.pieces[-1].style == "alarm"


async def test_tab_goes_through_the_columns_and_enter_follows_in_each(database: Database) -> None:
    await fill(database)
    async with console(database.url, "overview", size=(120, 35)) as pilot:
        await sees(pilot, "customer.test")
        view = app_of(pilot).query_one(OverviewView)
        await pilot.press("tab")
        await until(pilot, lambda: view.panes[1].has_focus, "the second column")
        await pilot.press("enter")
        await sees(pilot, "Messages", "status:sent")


def _text(line: object) -> str:
    return "".join(piece.text for piece in getattr(line, "pieces", ()))


def test_columns_fill_the_width() -> None:
    for width in (40, 80, 119, 120, 179, 180, 200, 321):
        assert sum(widths_of(width)) == width
    assert [len(widths_of(width)) for width in (119, 120, 179, 180)] == [1, 2, 2, 3]


def test_one_spike_does_not_flatten_an_hour() -> None:
    usual = [4, 5, 6, 5] * 15
    spike = [*usual[:-1], 900]
    assert scale(usual) == 6
    assert scale(spike) == 10
    drawn = bars(spike, [0] * 60, width=LABEL + 60, height=5)
    assert "▲" in drawn[0][-1].text
    assert sum(row[1].text.count("█") for row in drawn[3:5]) > 60


@pytest.mark.parametrize("width", [20, 53, 66, 130])
def test_a_chart_has_an_axis_its_cells_and_what_failed(width: int) -> None:
    done, failed = [0, 3] * 30, [0] * 59 + [2]
    drawn = bars(done, failed, width=width, height=5)
    lines = ["".join(piece.text for piece in row) for row in drawn]
    assert len(lines) == 6
    assert len(set(map(len, lines))) == 1
    assert len(lines[0]) <= width
    assert lines[0].startswith("   5┤")
    assert lines[4].startswith("   0┤")
    assert lines[5].endswith("now")
    assert drawn[4][-1].style == "failed"
    assert "failed" not in {piece.style for piece in drawn[4][:-1]}
