"""A report imported from a file by a key of screen 5."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agentflow_tui.console import importing
from agentflow_tui.console.importing import paths
from agentflow_tui.console.widgets.prompt import Candidate
from agentflow_tui.steps.report_imports import ReportOrigin
from agentflow_tui.store.connection.database import Database
from tests.console.driving import console, sees, told

SOLD = "Customer,Model,Gross\n" + "".join(f"Ann {at},Camry,{at}.50\n" for at in range(12))


def test_a_path_is_completed_by_what_its_folder_holds(tmp_path: Path) -> None:
    (tmp_path / "sold").mkdir()
    for name in ("sold.csv", "stock.csv", ".hidden"):
        (tmp_path / name).touch()

    def offered(text: str) -> list[str]:
        return [text[: c.start] + c.insert for c in paths(text, len(text))]

    assert offered(f"{tmp_path}/so") == [f"{tmp_path}/sold.csv", f"{tmp_path}/sold/"]
    assert offered(f"{tmp_path}/") == [
        f"{tmp_path}/{n}" for n in ("sold.csv", "sold/", "stock.csv")
    ]
    assert offered(f"{tmp_path}/.h") == [f"{tmp_path}/.hidden"]
    assert offered(f"{tmp_path}/none/x") == offered("~nobody-has-this-name/") == []


async def test_a_path_is_completed_on_tab_and_a_file_that_went_is_told(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    complete = importing.paths

    def counted(text: str, cursor: int) -> Sequence[Candidate]:
        asked.append(text)
        return complete(text, cursor)

    monkeypatch.setattr(importing, "paths", counted)
    monkeypatch.setattr(importing, "_MOST_NAMES", 2)
    for at in range(5):
        (tmp_path / f"sold-{at}.csv").write_text(SOLD)
    assert len(complete(f"{tmp_path}/so", 0)) == 2
    async with console(database.url, "insights", size=(120, 40)) as pilot:
        await sees(pilot, "No insights")
        await pilot.press("A")
        await sees(pilot, "which file?")
        await pilot.press(*f"{tmp_path}/so", "tab", "enter")
        await sees(pilot, "Whose report")
        assert asked == [f"{tmp_path}/so"]
        for file in tmp_path.iterdir():
            file.unlink()
        await pilot.press(*"vAuto", "enter", *"sold", "enter", "enter")
        await told(pilot, "Nothing was imported: sold-", "no such file")

        async def named(*_: object) -> tuple[Path, ReportOrigin]:
            return tmp_path / "sold.csv", ReportOrigin(vendor="vAuto", report_type="sold")

        async def stopped(*_: object) -> None:
            """Escape, maybe after the commit."""

        (tmp_path / "sold.csv").write_text(SOLD)
        monkeypatch.setattr(importing, "_ask", named)
        monkeypatch.setattr(importing, "while_working", stopped)
        await pilot.press("A")
        await sees(pilot, "Import this file?")
        await pilot.press("enter")
        await told(pilot, "Stopped.", "imported again and is stored once")


async def test_a_key_imports_a_file_and_opens_its_report(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "sold.csv").write_text(SOLD)
    async with console(database.url, "insights", size=(120, 40)) as pilot:
        await sees(pilot, "No insights")
        await pilot.press("A")
        await sees(pilot, "which file?")
        await pilot.press(*f"{tmp_path}/gone", "enter")
        await sees(pilot, "There is no such file")
        await pilot.press(*["backspace"] * 4, *"so", "tab", "enter")
        await sees(pilot, "Whose report")
        await pilot.press(*"vAuto", "enter")
        await sees(pilot, "What does it report?")
        await pilot.press(*"sold_log", "enter")
        await sees(pilot, "Of which day?")
        await pilot.press(*"2026-13-01", "enter")
        await sees(pilot, "no day")
        await pilot.press(*["backspace"] * 10, *"2026-11-03", "enter")
        await sees(pilot, "Import this file?", "report import", "of 2026-11-03")
        await pilot.press("enter")
        await told(pilot, "sold.csv: stored, 12 rows of 3 columns")
        await sees(pilot, "Camry", "masked")
        await pilot.press("escape", "A")  # what the row is of is offered
        await sees(pilot, "which file?")
        await pilot.press(*f"{tmp_path}/so", "tab", "enter")
        await sees(pilot, "Whose report", "vAuto")
