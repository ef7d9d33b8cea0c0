"""The list widget: what it shows, what it answers to, and what it costs."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from agentflow_tui.console.list.columns import place
from agentflow_tui.console.list.grid import PATIENCE, Grid
from agentflow_tui.console.list.grid_messages import (
    AllRequested,
    RowOpened,
    SortRequested,
    Troubled,
)
from agentflow_tui.console.list.row_lines import difference, fit_cell
from agentflow_tui.errors import UnreachableError
from agentflow_tui.store.reading.pages import Page
from agentflow_tui.text import cell_width
from tests import waiting
from tests.console.grid_app import COLUMNS, START, GridApp
from tests.console.grid_table import Endless, Held, Item, Table, numbered

SIZES = [(80, 24), (200, 60)]
ROOT = Path(__file__).parent.parent.parent


def screen(app: GridApp) -> list[str]:
    """What stands on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return [strip.text.rstrip() for strip in strips]


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    app = _app(pilot)
    await waiting.until(condition, state=lambda: "\n".join(screen(app)), pause=pilot.pause)


def _app(pilot: Pilot[None]) -> GridApp:
    assert isinstance(pilot.app, GridApp)
    return pilot.app


@asynccontextmanager
async def showing(
    source: Table | Endless | Held | None,
    size: tuple[int, int] = SIZES[0],
    patience: float = PATIENCE,
) -> AsyncIterator[tuple[Pilot[None], Grid[Item]]]:
    """A list on a source, with its first page if that is to be had."""
    app = GridApp(source, patience=patience)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if isinstance(source, Table | Endless):
            await until(pilot, lambda: not app.grid.is_reading)
        await pilot.pause()
        yield pilot, app.grid


@pytest.mark.parametrize("size", SIZES)
async def test_a_page_shows_rows_under_titles(size: tuple[int, int]) -> None:
    async with showing(numbered(500), size) as (pilot, grid):
        lines = screen(_app(pilot))
        assert lines[0].split() == [
            title
            for title in ("Key", "State", "Text", "Rank", "Notes", "Age")
            if size[0] == 200 or title != "Notes"
        ]
        assert len(lines) == size[1]
        assert lines[-1].startswith(f"  k{size[1] - 2:07} ")
        assert all(cell_width(line) <= size[0] for line in lines)
        await pilot.press("pagedown")
        assert grid.window.visible[0].rank == 10 * (size[1] - 1)


async def test_keys_move_the_cursor() -> None:
    async with showing(numbered(500)) as (pilot, grid):
        for keys, row in (
            ("j j down k", 2),
            ("pagedown", 25),
            ("ctrl+d ctrl+d ctrl+u", 36),
            ("up", 35),
            ("g", 0),
            ("ctrl+u k pageup", 0),
            ("G", 499),
            ("k home", 0),
            ("end pagedown j", 499),
        ):
            await pilot.press(*keys.split())
            await until(pilot, lambda: not grid.window.is_behind)
            assert grid.current == Item(10 * row, f"k{row:07}", f"text {row}"), keys
        assert grid.position() == "end"


async def test_keys_that_outrun_the_source_are_not_lost() -> None:
    source = Held(Endless())
    async with showing(source) as (pilot, grid):
        await pilot.press("j", "j", "j")
        assert not grid.window.rows
        source.open.set()
        await until(pilot, lambda: grid.current)
        assert grid.current == (await Endless().first(4)).rows[3]
        source.open.clear()
        await pilot.press(*["pagedown"] * 12, "j")
        await pilot.press("j")
        source.open.set()
        await until(pilot, lambda: not grid.window.is_behind)
        assert grid.current.rank == 3 + 12 * 23 + 2
        await pilot.press("G", "k", "k")
        await until(pilot, lambda: not grid.window.is_behind)
        assert grid.current.rank == 999_997
        source.open.clear()
        await pilot.press("g", "j", "space", "j", "enter", "k")
        source.open.set()
        await until(pilot, lambda: len(_app(pilot).told) == 2)
        opened = _app(pilot).told[-1]
        assert isinstance(opened, RowOpened)
        assert (list(grid.marks), opened.row.rank) == (["k0000001"], 3)
        assert grid.window.cursor == 2
        assert source.most == 1


async def test_a_jump_does_not_wait_for_the_page_under_way() -> None:
    source = Held(Endless())
    source.open.set()
    async with showing(source) as (pilot, grid):
        await until(pilot, lambda: grid.current)
        source.open.clear()
        await pilot.press("pagedown", "pagedown", "G")
        await until(pilot, lambda: source.asked[-1] == "last")
        assert (source.running, source.most) == (1, 1)
        source.open.set()
        await until(pilot, lambda: grid.position() == "end")


async def test_another_source_keeps_old_rows_until_it_answers() -> None:
    async with showing(numbered(500)) as (pilot, grid):
        await pilot.press("pagedown", "j")
        kept = grid.current
        assert kept is not None
        other = Held(Table(replace(item, text="other") for item in numbered(500).items[::3]))
        grid.set_source(other, keep=kept)
        await until(pilot, lambda: other.running)
        assert "text 30" in "\n".join(screen(_app(pilot)))
        other.open.set()
        await until(pilot, lambda: grid.current != kept)
        assert grid.current is not None
        assert (grid.current.key, grid.current.text) == (kept.key, "other")
        assert "text 30" not in "\n".join(screen(_app(pilot)))


async def test_a_refresh_follows_the_row_and_paints_only_what_changed() -> None:
    table = numbered(300)
    async with showing(table) as (pilot, grid):
        await pilot.press("pagedown", "j", "j")
        current = grid.current
        assert current is not None
        painted = _count_regions(grid)
        await grid.look()
        assert painted == []
        table.put(Item(5, "new", "far above"))
        table.put(replace(table.items[31], text="text 3?"))
        await grid.look()
        await pilot.pause()
        assert grid.current == current
        assert [region.size for region in painted] == [(1, 1)]
        table.put(Item(235, "newer", "in view, above the cursor"))
        await grid.look()
        assert grid.current == current
        assert grid.window.visible[0].key == "k0000023"


async def test_unchanged_answers_of_a_gated_source_are_believed() -> None:
    class Gated(Table):
        def __init__(self) -> None:
            super().__init__(numbered(200).items)
            self.looks: list[bool] = []

        async def again(
            self, row: Item | None, count: int, *, elsewhere: bool
        ) -> Page[Item] | None:
            self.looks.append(elsewhere)
            if not elsewhere:
                return None
            return await (self.around(row, 0, count) if row else self.first(count))

    table = Gated()
    async with showing(table) as (pilot, grid):
        await grid.look()
        await grid.look()
        await pilot.press("pagedown", "pagedown")
        await grid.look()
        await grid.look()
    assert table.looks == [False, False, True, False]


async def test_ages_tick_without_a_query() -> None:
    async with showing(numbered(100)) as (pilot, grid):
        reads, painted = grid.reads, _count_regions(grid)
        grid.tick(START)
        assert painted == []
        assert " 0s" in screen(_app(pilot))[1]
        grid.tick(START.replace(minute=2))
        await pilot.pause()
        assert len(painted) == 23
        assert all(region.width <= 4 for region in painted)
        assert "2m" in screen(_app(pilot))[1]
        assert grid.reads == reads


async def test_trouble_greys_the_rows_and_goes_by_itself() -> None:
    source = Held(Endless())
    source.open.set()
    async with showing(source) as (pilot, grid):
        await until(pilot, lambda: grid.current)
        source.fails = True
        with pytest.raises(UnreachableError):
            await grid.look()
        await pilot.pause()
        assert grid.has_class("-stale")
        assert "text 3 " in "\n".join(screen(_app(pilot)))
        assert any(isinstance(said, Troubled) for said in _app(pilot).told)
        source.fails = False
        await grid.look()
        await pilot.pause()
        assert not grid.has_class("-stale")


async def test_columns_grow_to_their_contents_before_anything_is_cut() -> None:
    table, long = numbered(50), "a text without an end " * 5
    async with showing(table, SIZES[1]) as (pilot, grid):
        table.put(replace(table.items[3], text=long))
        await grid.look()
        await until(pilot, lambda: long.strip() in "\n".join(screen(_app(pilot))))
    widths = [p.width for p in place(COLUMNS, 200, {"Key": 8, "Text": 60, "Notes": 50, "Age": 3})]
    assert widths == [10, 12, 60, 9, 50, 4]
    given_up = place(COLUMNS, 60, {"Key": 4, "State": 4, "Text": 30, "Age": 3})
    assert [p.width for p in given_up if p.column.title in {"Key", "State", "Text"}] == [5, 7, 29]
    widths = [p.width for p in place(COLUMNS, 100, {"Text": 60, "Notes": 50})]
    assert sum(widths) + 2 + 2 * (len(widths) - 1) == 100


async def test_what_stands_where_there_are_no_rows() -> None:
    source = Held(Table())
    async with showing(source, patience=3600) as (pilot, _):
        assert not any(screen(_app(pilot))[1:])
    async with showing(source, patience=0.001) as (pilot, grid):
        await until(pilot, lambda: "Reading…" in "".join(screen(_app(pilot))))
        source.fails = True
        source.open.set()
        await until(pilot, lambda: "went away" in "".join(screen(_app(pilot))))
        source.fails = False
        await grid.look()
        await pilot.pause()
        assert "[b]They appear[/b] when made." in "".join(screen(_app(pilot)))
        await pilot.press("j", "space", "v", "a", "enter", "pagedown", "G")
        assert grid.current is None


async def test_marks_follow_keys_and_escape_goes_up_when_there_are_none() -> None:
    table = numbered(300)
    async with showing(table) as (pilot, grid):
        app = _app(pilot)
        await pilot.press("escape")
        assert app.told.pop() == "escape"
        await pilot.press("space", "j", "v", "j", "j", "j", "k", "v")
        assert list(grid.marks) == ["k0000000", "k0000002", "k0000003", "k0000004"]
        table.put(Item(-5, "new"))
        table.put(replace(table.items[4], text="changed"))
        await grid.look()
        await pilot.pause()
        assert grid.marks["k0000003"].text == "changed"
        assert [y for y, line in enumerate(screen(app)) if line.startswith("✓")] == [2, 4, 5, 6]
        await pilot.press("v", "pagedown", "escape")
        assert len(grid.marks) == 4
        await pilot.press("escape")
        assert not grid.marks
        await pilot.press("a")
        assert len(grid.marks) == 23
        await pilot.press("asterisk")
        assert isinstance(app.told[-1], AllRequested)
        assert "escape" not in app.told


async def test_the_mouse_selects_opens_marks_sorts_and_scrolls() -> None:
    async with showing(numbered(300)) as (pilot, grid):
        app = _app(pilot)
        await pilot.click(Grid, offset=(10, 4))
        assert grid.window.cursor == 3
        assert not app.told
        await pilot.click(Grid, offset=(10, 4))
        (opened,) = app.told
        assert isinstance(opened, RowOpened)
        assert opened.row == grid.current
        app.told.clear()
        await pilot.click(Grid, offset=(10, 8), times=2)
        assert [type(said) for said in app.told] == [RowOpened]
        await pilot.click(Grid, offset=(0, 6))
        assert list(grid.marks) == ["k0000005"]
        await pilot.click(Grid, offset=(30, 0))
        said = app.told[-1]
        assert isinstance(said, SortRequested)
        assert said.field == "text"
        grid.sorted_by = ("text", True)
        await pilot.pause()
        assert "Text ▼" in screen(app)[0]
        await pilot._post_mouse_events([_scroll_down()], Grid, offset=(5, 5))
        assert grid.window.top == 2


async def test_keys_can_be_remapped_and_explain_themselves() -> None:
    async with showing(numbered(300)) as (pilot, grid):
        bindings = grid._bindings.key_to_bindings.values()
        assert all(b.id and b.tooltip for several in bindings for b in several)
        _app(pilot).set_keymap({"list.down": "x"})
        await pilot.press("x", "j")
        assert grid.window.cursor == 1


async def test_hostile_text_stays_in_its_column() -> None:
    nasty = "[red]x[/] \x1b[2J \x9b1m 漢字" * 9 + "\u202e" + "z" + "\u0301" * 90
    async with showing(Table([Item(1, "a", nasty), Item(2, "b", "fine")])) as (pilot, _):
        for line in screen(_app(pilot)):
            assert line.isprintable()
            assert cell_width(line) <= 80
        assert "[red]x[/]" in screen(_app(pilot))[1]


async def test_another_theme_repaints_in_its_colours() -> None:
    async with showing(numbered(300)) as (pilot, _):
        app = _app(pilot)
        before = app.screen._compositor.render_strips()[3]
        app.theme = "agentflow-light"
        await pilot.pause()
        after = app.screen._compositor.render_strips()[3]
        assert before.text == after.text
        assert [s.style for s in before] != [s.style for s in after]


async def test_no_row_reads_outside_its_pages_and_memory_stays_flat() -> None:
    async with showing(Endless()) as (pilot, grid):
        for page in range(1300):
            if page == 100:
                gc.collect()
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
            grid.action_page(2)
            while grid.is_reading:
                await asyncio.sleep(0)
            if page % 50 == 0:
                await pilot.pause()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grid.current is not None
    assert grid.current.rank == 1300 * 23
    assert grid.reads <= 1300 / 3
    assert grown < 1_000_000


def test_columns_leave_by_priority_and_growing_ones_share() -> None:
    assert [p.column.title for p in place(COLUMNS, 80)] == ["Key", "State", "Text", "Rank", "Age"]
    assert [p.column.title for p in place(COLUMNS, 50)] == ["Key", "State", "Text", "Rank"]
    for width in range(1, 220):
        placed = place(COLUMNS, width)
        assert all(a.x + a.width < b.x for a, b in pairwise(placed))
        assert not placed or placed[-1].x + placed[-1].width <= width
    wide = place(COLUMNS, 201)
    assert wide[-1].x + wide[-1].width == 201
    assert [p.width for p in wide if p.column.grows] == [62, 92]


@pytest.mark.parametrize(
    ("cell", "right", "expected"),
    [
        ("abc", False, (("abc     ", ""),)),
        ("abc", True, (("     abc", ""),)),
        ("abcdefghij", False, (("abcdefg…", ""),)),
        ((("ab", "x"), ("cd", "y")), False, (("ab", "x"), ("cd    ", "y"))),
        ((("ab", "x"), ("cd", "y")), True, (("    ab", "x"), ("cd", "y"))),
        ((("abcdefgh", "x"), ("cd", "y")), False, (("abcdefg…", "x"),)),
        ((("abc", "x"), ("漢字漢字", "y")), False, (("abc", "x"), ("漢字…", "y"))),
        ((), False, (("        ", ""),)),
    ],
)
def test_a_cell_is_exactly_as_wide_as_its_column(
    cell: tuple[tuple[str, str], ...], right: bool, expected: tuple[tuple[str, str], ...]
) -> None:
    assert fit_cell(cell, 8, right=right) == expected
    assert sum(cell_width(text) for text, _ in expected) == 8


def test_only_the_cells_that_differ_are_named() -> None:
    assert difference((("12s ", ""),), (("13s ", ""),)) == (1, 2)
    assert difference((("漢字a", ""),), (("漢漢a", ""),)) == (2, 4)
    assert difference((("aa", "x"),), (("aa", "y"),)) == (0, 2)
    assert difference((("e\u0301a", ""),), (("ea", ""),)) == (0, 2)
    assert difference((("ab", ""),), (("ab", ""),)) is None


def _count_regions(grid: Grid[Item]) -> list[Region]:
    """Everything the list asks to have painted from now on."""
    painted: list[Region] = []
    refresh = grid.refresh

    def noting(*regions: Region, **how: bool) -> Grid[Item]:
        painted.extend(regions or [Region(0, 0, *grid.size)])
        return refresh(*regions, **how)

    grid.refresh = noting  # type: ignore[method-assign]
    return painted


def _scroll_down() -> type:
    from textual.events import MouseScrollDown

    return MouseScrollDown
