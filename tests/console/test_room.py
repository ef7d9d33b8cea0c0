"""What room there is, is used: the detail beside its list, the clock, labels and values apart."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from agentflow_tui.console.bars import contents
from agentflow_tui.console.details.common import _column, field, tree
from agentflow_tui.console.details.reports import insight_content
from agentflow_tui.console.details.workflows import _step
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.declarations import DetailRow
from agentflow_tui.console.list.row_lines import Ground, Palette
from agentflow_tui.console.state import ConnectionState
from agentflow_tui.console.theme import THEMES, cell_styles
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import PaneLine, _fitted
from agentflow_tui.documents import Step
from agentflow_tui.schema import TABLES
from agentflow_tui.settings import Context, Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.records import Record, read_record
from agentflow_tui.store.views.workflows import Workflow
from agentflow_tui.text import cell_width
from tests.agentflow_tables import INSIGHT, make_agentflows_tables
from tests.console.asking import app_of
from tests.console.driving import burst, console, screen_text, sees, settled, until
from tests.samples import fill, uid

NOW = datetime(2026, 11, 30, 3, 5, 59, tzinfo=UTC)
ZONE = ZoneInfo("America/Denver")


def said(line: PaneLine) -> str:
    return "".join(piece.text for piece in line.pieces)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_frame_has_a_clock_with_its_zone_that_moves_once_a_minute(width: int) -> None:
    clock = contents.clock(NOW, ZONE)
    assert clock == "20:05 MST"
    assert contents.clock(NOW - timedelta(seconds=50), ZONE) == clock
    heading = contents.Heading(
        context=Context(name="demo"), place="", where="Workflows", others=2, clock=clock
    )
    left, right = contents.title(heading, ConnectionState(), NOW, width)
    line = "".join(piece.text for piece in (*left, *right))
    assert clock in line
    assert cell_width(line) <= width
    cramped = contents.title(heading, ConnectionState(), NOW, 20)
    assert clock not in "".join(piece.text for part in cramped for piece in part)


WEIGHTS = (0.2126, 0.7152, 0.0722)


def brightness(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return sum(share * weight for share, weight in zip(linear, WEIGHTS, strict=True))


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((brightness(one), brightness(other)))
    return (bright + 0.05) / (dark + 0.05)


def in_sixteen(colour: str) -> int | None:
    """The colour of a terminal that has but sixteen."""
    return RichColor.parse(colour).downgrade(ColorSystem.STANDARD).number


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_a_selected_row_keeps_its_status_colours_and_is_seen_in_any_theme(theme: Theme) -> None:
    ground = theme.variables["block-cursor-background"]
    base = Style(color=theme.variables["block-cursor-foreground"], bgcolor=ground)
    assert contrast(theme.variables["block-cursor-foreground"], ground) >= 7
    palette = Palette(
        grounds={Ground.CURSOR: base, Ground.PLAIN: Style()},
        header=base,
        sorted_header=base,
        note=base,
        named=cell_styles(theme),
        filters=(),
        background=Color.parse("black"),
        ascii_only=False,
    )
    for status in ("ok", "running", "paused", "warning", "failed"):
        own = theme.variables[f"status-{status}"]
        assert palette.style(status, Ground.CURSOR) == base + Style(color=own)
        assert contrast(own, ground) >= 3.5, status
    assert palette.style("dim", Ground.CURSOR) == base, "what is quiet is read there, too"
    assert in_sixteen(ground) != in_sixteen(theme.background or "")


def record_of(table: str, name: str, value: object) -> Record:
    """A row of which nothing is known but one column."""
    return Record(
        table=TABLES[table],
        values={TABLES[table].primary_key.name: "x", name: value},
        secrets=frozenset(),
        parts={},
        cut=frozenset(),
        pointing={},
    )


def column(table: str, name: str, value: object) -> str:
    """How a column is shown in a detail."""
    opened = DetailRow(Environment(Settings()), record_of(table, name, value))
    return said(_column(opened, TABLES[table].by_name[name], NOW, ""))


def test_days_are_days_durations_are_read_and_labels_stand_apart_from_values() -> None:
    day = NOW.replace(hour=0, minute=0, second=0)
    assert column("reports", "reportDate", day).endswith("2026-11-30")
    assert column("health_checks", "responseTime", 1_718_122).endswith("28m 38s")
    opened = DetailRow(Environment(Settings()), record_of("health_checks", "details", None))
    shown = "\n".join(map(said, tree(opened, '{"late_ms": 1763393, "terms": 3}')))
    assert "late_ms: 1763393 (29m 23s)" in shown
    assert "terms: 3" in shown
    for table in TABLES.values():
        for each in table.columns:
            assert f"{each.name}  " in said(field(each.name, "value"))


@pytest.mark.parametrize(
    ("text", "room", "rest", "shown"),
    [
        ("+44 in 1h  ", 9, (), "+44 in 1h"),
        ("+44 in 1h  ", 9, (Piece("  "),), "+44 in 1h"),
        ("+44 in 1h  ", 9, (Piece("more"),), "+44 in 1…"),
        ("+44 in 1h  ", 8, (), "+44 in …"),
    ],
)
def test_a_line_of_a_pane_is_marked_as_cut_only_where_more_than_blanks_is_lost(
    text: str, room: int, rest: tuple[Piece, ...], shown: str
) -> None:
    assert _fitted(text, room, rest) == shown


async def test_the_detail_stands_beside_its_list_until_it_is_closed(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", size=(200, 30)) as pilot:
        await sees(pilot, "carl@customer.test", "Message  Attempts  Row", "Hello Ann")
        await burst(pilot, "j")
        await sees(pilot, "00000072  Message")
        await burst(pilot, "2")
        await sees(pilot, "Steps  Context  Journal")
        await burst(pilot, "enter", "escape")
        await until(pilot, lambda: "Steps  Context" not in screen_text(app_of(pilot)), "closed")
        await burst(pilot, "3")
        await sees(pilot, "2 rows  2/2")
        await settled(pilot)
        assert "Message  Attempts" not in screen_text(app_of(pilot)), "for the session"
        await burst(pilot, "enter")
        await sees(pilot, "Message  Attempts  Row")
        await burst(pilot, "2")
        await sees(pilot, "Steps  Context  Journal")
        await pilot.resize_terminal(120, 30)
        await until(pilot, lambda: "Steps  Context" not in screen_text(app_of(pilot)), "no room")


async def test_an_insight_of_agentflows_says_what_it_is_worth_and_how_it_was_asked_for(
    empty_url: str, database: Database
) -> None:
    theirs = await make_agentflows_tables(empty_url)
    shown = "\n".join(map(said, await insight_content(await opened(theirs, INSIGHT))))
    assert "Impact            7" in shown
    assert "Prompt            v2.1" in shown
    theirs.close()
    await fill(database)
    ours = "\n".join(map(said, await insight_content(await opened(database, uid(41)))))
    assert "Prompt" not in ours, "where there is no such column"


async def test_a_steps_bar_gives_way_to_the_time_that_the_step_took(database: Database) -> None:
    await fill(database)
    insight = await opened(database, uid(41))
    detail = DetailRow(insight.env, insight.record, width=66)
    workflow = Workflow(
        id="1",
        user_id=None,
        current_step=0,
        status="failed",
        last_error=None,
        last_updated=None,
        locked=None,
        locked_at=None,
        created_at=None,
        steps=None,
    )
    step = Step(id="1", type="api", name="Publish", config={})
    line = said(_step(detail, workflow, 0, step, 1.5, 3.0))
    assert cell_width(line) == detail.width
    assert line.endswith(" 1.5 s")


async def opened(database: Database, id_: str) -> DetailRow:
    record = await read_record(database, TABLES["insights"], id_)
    assert record is not None
    return DetailRow(Environment(Settings(), database=database), record)
