"""Triage with keys: the errors and the overview, at both sizes, by two operators."""

from datetime import timedelta
from functools import partial

import pytest
from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.console.environment import Pace
from agentflow_tui.console.screens.attention import ALL
from agentflow_tui.console.screens.overview import OverviewView
from agentflow_tui.console.widgets.pane import Pane
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.triage.issue_changes import claim
from agentflow_tui.operations.undo import last_undoable, undo
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import operator_context, value
from tests.console.driving import console, screen_text, sees, told, until
from tests.samples import fill
from tests.triage.deciding import fail, groups, triaged_issue

SIZES = [(80, 24), (200, 60)]
BOTH = pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x60"])
STATES = "SELECT count(*) FROM {task_logs} WHERE {task_logs.taskType} = 'attention.state'"


def app_of(pilot: Pilot[None]) -> ConsoleApp:
    assert isinstance(pilot.app, ConsoleApp)
    return pilot.app


def lines(pilot: Pilot[None], text: str) -> list[str]:
    return [line for line in screen_text(app_of(pilot)).splitlines() if text in line]


async def pick(pilot: Pilot[None], option: str) -> None:
    """Press s, and pick the option with this title."""
    await pilot.press("s")
    await sees(pilot, "Acknowledge  ", option)
    pane = app_of(pilot).screen.query_one(Pane)
    place = next(i for i, line in enumerate(pane.lines) if option in line.pieces[0].text)
    await pilot.press(*["j"] * place, "enter")


@BOTH
async def test_a_group_is_acknowledged_and_the_cursor_goes_on(
    database: Database, size: tuple[int, int]
) -> None:
    await fail(database, timedelta(minutes=3), timedelta(minutes=4), error="first kind")
    await fail(database, timedelta(minutes=3), error="second kind")
    async with console(database.url, "errors", size=size) as pilot:
        await sees(pilot, "NEW first kind", "NEW second kind")
        await pick(pilot, "Acknowledge")
        await told(pilot, "Acknowledged; u takes it back. first kind")
        await sees(pilot, "ack'd")
        found = app_of(pilot).query_one("#view-errors")
        await until(pilot, lambda: found.grid.current.label == "second kind", "cursor went on")  # type: ignore[attr-defined]
        above, below = lines(pilot, "NEW ")
        assert "second" in above
        assert "first" in below
        assert "ack'd" in below
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: not lines(pilot, "NEW first kind"), "only what needs attention")
        await sees(pilot, "second kind", "! shows all")
        await pilot.press("exclamation_mark")
        await sees(pilot, "NEW first kind")


@pytest.mark.parametrize(
    ("option", "sign"),
    [
        ("Snooze 30 minutes", "until "),
        ("Snooze 2 hours", "until "),
        ("Snooze until tomorrow 8:00", "until "),
        ("Snooze until it grows", "until 11"),
        ("I am looking at it", "@"),
    ],
)
async def test_everything_that_can_be_picked(database: Database, option: str, sign: str) -> None:
    await fail(database, timedelta(minutes=3), error="some kind")
    async with console(database.url, "errors", size=(200, 60)) as pilot:
        await sees(pilot, "NEW some kind")
        await pick(pilot, option)
        await until(
            pilot, lambda: any(sign in line for line in lines(pilot, "NEW some kind")), sign
        )
        await pick(pilot, "Wake")
        await until(
            pilot, lambda: all(sign not in line for line in lines(pilot, "NEW some kind")), "woken"
        )


async def test_anothers_claim_is_told_before_one_acts_and_blocks_nothing(
    database: Database,
) -> None:
    await fail(database, timedelta(minutes=3), error="some kind")
    async with console(database.url, "errors") as pilot:
        await sees(pilot, "NEW some kind")
        [group] = await groups(database)
        now = app_of(pilot).env.now()
        await claim(
            operator_context(database, "zoe"), [await triaged_issue(database, group.issue)], now
        )
        await pilot.press("s")
        await sees(pilot, "zoe is looking at it")
        await pilot.press("enter")
        await told(pilot, "Acknowledged")
        await sees(pilot, "@zoe")


async def test_who_was_slower_is_told_what_the_other_did(database: Database) -> None:
    await fail(database, timedelta(minutes=3), error="some kind")
    async with console(database.url, "errors") as pilot:
        await sees(pilot, "NEW some kind")
        await pilot.press("s")
        await sees(pilot, "Acknowledge  ")
        [group] = await groups(database)
        now = app_of(pilot).env.now()
        await claim(
            operator_context(database, "zoe"), [await triaged_issue(database, group.issue)], now
        )
        await pilot.press("enter")
        await told(pilot, "Not acknowledged: somebody was faster (@zoe")


@pytest.mark.parametrize("view", ["errors", "overview"])
async def test_a_read_only_console_says_why_not(database: Database, view: str) -> None:
    await fail(database, timedelta(minutes=3), error="some kind")
    async with console(database.url, view, read_only=True) as pilot:
        await sees(pilot, "NEW some kind")
        if view == "overview":
            await to_the_line(pilot, "some kind")
        await pilot.press("s")
        await told(pilot, "Not acknowledged or snoozed: read-only")
    assert await value(database, STATES) == 0


async def to_the_line(pilot: Pilot[None], text: str) -> None:
    """Move the cursor of the overview to the first line that holds the text."""
    pane = app_of(pilot).query_one("#view-overview").query_one(Pane)
    await pilot.press("g")
    for _ in pane.lines:
        line = pane.current
        if line is not None and any(text in piece.text for piece in line.pieces):
            return
        await pilot.press("j")
    raise AssertionError(f"no line with {text!r}\n{pane.text}")


@BOTH
async def test_the_overview_reaches_nothing_and_its_lines_can_be_woken(
    database: Database, size: tuple[int, int]
) -> None:
    await fill(database)
    async with console(database.url, "overview", size=size) as pilot:
        await sees(pilot, "Needs attention (8)")
        view = app_of(pilot).query_one(OverviewView)

        def said(text: str) -> bool:
            return text in view.pane.text

        for left in reversed(range(8)):
            await pilot.press("g")
            current = view.pane.current
            while current is None or len(view.attention.issues(current.key)) != 1:
                await pilot.press("j")
                current = view.pane.current
            await pick(pilot, "Acknowledge")
            sign = f"Needs attention ({left})" if left else "✓ nothing"
            await until(pilot, partial(said, sign), sign)
        await until(pilot, lambda: said("(+8 acknowledged or snoozed)"), "the eight")
        await to_the_line(pilot, "acknowledged or snoozed")
        await pilot.press("enter", "j")
        await until(pilot, lambda: said("[ack'd"), "unfolded")
        await pick(pilot, "Wake")
        await until(pilot, lambda: said("Needs attention (1)"), "one is woken")
        mine = OperationContext.of(database, app_of(pilot).env.settings)
        await undo(mine, (await last_undoable(mine)).id)
        await until(pilot, lambda: said("✓ nothing"), "the waking is undone")


async def test_a_line_that_is_about_nothing_says_so(database: Database) -> None:
    await fill(database)
    async with console(database.url, "overview") as pilot:
        await sees(pilot, "Needs attention")
        await pilot.press("g", "s")
        await told(pilot, "nothing to acknowledge or snooze on this line")


async def test_a_look_at_the_overview_costs_one_statement_more_at_most(
    database: Database,
) -> None:
    await fill(database)
    async with console(database.url, "overview", pace=Pace(numbers=1e5)) as pilot:
        await sees(pilot, "Needs attention (8)")
        await pilot.press("f")
        await sees(pilot, "frozen")
        view, used = app_of(pilot).query_one(OverviewView), app_of(pilot).env.database
        assert used is not None

        async def cost() -> int:
            before = used.statements
            await view.refresh_data()
            return used.statements - before

        # Other databases of the server commit, too, which looks as if something might have changed.
        costs = [await cost() for _ in range(200)]
        assert set(costs[1:]) <= {1, 2}
        assert 1 in costs
        # A failure more has the failures read as well.
        await fail(database, timedelta(minutes=1), error="another")
        assert await cost() == 3


async def test_the_heading_stands_for_everything_that_needs_attention(database: Database) -> None:
    await fill(database)
    async with console(database.url) as pilot:
        await sees(pilot, "Needs attention (")
        pane = pilot.app.query_one(OverviewView).pane
        pane.cursor = next(n for n, line in enumerate(pane.lines) if line.key == ALL)
        await pilot.press("s")
        await sees(pilot, "of them", "Acknowledge")
        await pilot.press("enter")
        await told(pilot, "u takes it back")
        await sees(pilot, "✓ nothing")


async def test_marked_groups_are_acknowledged_together(database: Database) -> None:
    await fill(database)
    async with console(database.url, "errors") as pilot:
        await sees(pilot, "HTTP 503", "550 5.1.1")
        await pilot.press("asterisk", "s")
        await sees(pilot, "2 of them")
        await pilot.press("enter")
        await told(pilot, "2 acknowledged; u takes it back")
