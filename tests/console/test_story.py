"""The story in the console: a key on any row, a command for an address, lines that lead on."""

from datetime import UTC, timedelta

import pytest

from agentflow_tui.console.screens import story
from agentflow_tui.console.screens.story import StoryView
from agentflow_tui.console.story_lines import row_lines
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.errors import RefusedError
from agentflow_tui.operations.story.timeline import StoryEvent
from agentflow_tui.store.connection.database import Database
from tests.console.driving import console, sees
from tests.samples import NOW, fill, uid
from tests.waiting import until


def test_a_line_is_whole_however_narrow_and_leads_to_its_row() -> None:
    said = "Attempt 1: 451 4.7.1 recipient address greylisted, try again later, or never"
    events = [
        StoryEvent(at=NOW - timedelta(hours=1), text=said, table="task_logs", id="a"),
        StoryEvent(at=NOW, text="Next fire", table="schedules", id="s", comes=True),
    ]
    lines = row_lines(events, UTC, NOW, 50, own="a")
    texts = ["".join(piece.text for piece in line.pieces) for line in lines]
    whole = [text[12:].strip() for text, line in zip(texts, lines, strict=True) if line.link]
    assert " ".join(whole) == f"{said} Next fire"
    assert max(map(len, texts)) <= 50
    assert [line.link for line in lines[:3]] == [Link("task_logs", "a")] * 3
    assert lines[0].pieces[-1].style == "strong"
    assert "What comes next" in texts
    assert lines[-1].link == Link("schedules", "s")


async def test_a_key_tells_the_story_of_a_row_and_its_lines_lead_on(database: Database) -> None:
    await fill(database)
    async with console(database.url, "mail", size=(90, 24)) as pilot:
        await sees(pilot, "dora@down.test")
        await pilot.press("h")
        await sees(pilot, "Story", "Mail written: ", "What comes next")
        await pilot.press("g", "enter")
        await sees(pilot, f"id:{uid(61)}")
        await pilot.press("escape", "escape")
        await sees(pilot, "Story", "Mail written: ")


async def test_a_command_tells_of_the_mail_to_an_address(database: Database) -> None:
    await fill(database)
    async with console(database.url, "overview", size=(80, 24)) as pilot:
        await sees(pilot, "Health")
        await pilot.press("colon", *"story ", *"Dora@down.test", "enter")
        await sees(pilot, "mail to Dora@down.test", "Aged inventory", "UTC")
        await pilot.press("slash", *"nobody@down.test", "enter")
        await sees(pilot, "There is no mail to nobody@down.test")
        await pilot.press("escape")
        await sees(pilot, "mail to Dora@down.test")
        await pilot.press("slash", *"nonsense", "enter")
        await sees(pilot, "A story is of an address")


async def test_a_story_that_could_not_be_read_is_not_asked_for_at_each_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def refuse(_database: Database, address: str) -> None:
        asked.append(address)
        raise RefusedError("It took too long.")

    monkeypatch.setattr(story, "EVERY", 3_600.0)
    monkeypatch.setattr(story, "gather_mails", refuse)
    async with console(database.url, "overview", size=(80, 24)) as pilot:
        await sees(pilot, "Health")
        await pilot.press("colon", *"story ", *"Dora@down.test", "enter")
        await until(lambda: asked)
        for _ in range(3):
            await pilot.app.query_one(StoryView).refresh_data()
    assert asked == ["Dora@down.test"]
