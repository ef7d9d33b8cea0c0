"""Customers' personal data of stored reports: masked, shown to whoever asks, removed when old."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.operations import personal_data
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.settings import Settings
from agentflow_tui.store.changes.report_documents import replace_documents
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.views.personal_reports import STORED
from tests.cli.running import agentflow
from tests.console.driving import console, screen_text, sees
from tests.namings import NAMINGS

SOLD = """Customer,Phone,Model,Gross
"Xyzzy, Ann",(555) 867-5309,Camry,1200
"Roe, Bob",(555) 867-5310,Civic,900
"""
OF = ("--vendor", "VinSolutions", "--type", "sold_log")


async def _import(url: str, folder: Path, day: str, text: str = SOLD) -> str:
    file = folder / f"sold-{day}.csv"
    file.write_text(text)
    done = await agentflow("report", "import", str(file), *OF, "--date", day, "--json", url=url)
    assert done.returncode == 0, done.stderr
    assert "Xyzzy" not in done.stdout + done.stderr
    said: str = json.loads(done.stdout)["id"]
    return said


async def _journal(database: Database, verb: str) -> list[dict[str, Any]]:
    rows = await database.fetch(
        Statement(
            as_tuple,
            "SELECT {t.task_logs.input}::text, {t.task_logs.output}::text FROM {task_logs} t"
            " WHERE {t.task_logs.taskType} = $1",
        ),
        f"operator.{verb}",
    )
    return [json.loads(given) | {"said": said and json.loads(said)} for given, said in rows]


async def _stored(database: Database, id_: str) -> str:
    rows = await database.fetch(
        Statement(
            as_tuple,
            "SELECT {r.reports.reportData}::text, {r.reports.metadata}::text"
            " FROM {reports} r WHERE r.{reports.id} = $1",
        ),
        id_,
    )
    return " ".join(rows[0])


async def test_a_report_is_masked_shown_on_request_and_forgets(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    old = await _import(database_url, tmp_path, "2026-01-05")
    today = datetime.now(UTC).date().isoformat()
    new = await _import(database_url, tmp_path, today, SOLD.replace("Ann", "Eve"))
    for command in (("show", "reports", old), ("list", "reports", "--csv")):
        plain = await agentflow(*command, url=database_url)
        assert "Xyzzy" not in plain.stdout + plain.stderr
        assert "Camry" in plain.stdout
        assert "Customer, Phone; --personal shows it" in plain.stderr
    shown = await agentflow("show", "reports", old, "--json", "--personal", url=database_url)
    assert json.loads(shown.stdout)["reportData"]["rows"][0][0] == "Xyzzy, Ann"
    listed = await agentflow("list", "reports", "--json", "--personal", url=database_url)
    assert listed.stdout.count("Xyzzy") == 2
    assert [each.get("ids") for each in await _journal(database, "reveal-personal")] == [
        [old],
        None,
    ]

    forget = ("report", "forget-personal", "--older-than", "90d", "--json")
    dry = await agentflow(*forget, "--dry-run", url=database_url)
    assert (dry.returncode, json.loads(dry.stdout)["matched"]) == (0, 1), dry.stderr
    assert "Xyzzy" in await _stored(database, old)
    assert (await agentflow(*forget, url=database_url)).returncode == 2  # nobody can be asked here
    done = await agentflow(*forget, "--yes", url=database_url)
    said = json.loads(done.stdout)
    assert (said["applied"], said["values"], said["skipped"]) == (1, 4, []), done.stderr
    assert "Xyzzy" not in await _stored(database, old)
    assert "Camry" in await _stored(database, old)
    assert "Xyzzy" in await _stored(database, new)
    again = await agentflow(*forget, "--yes", url=database_url)
    assert json.loads(again.stdout)["matched"] == 0
    (entry,) = await _journal(database, "forget-personal")
    assert (entry["ids"], entry["said"]["values"]) == ([old], 4)
    assert "Xyzzy" not in json.dumps(entry)


async def test_a_report_that_was_changed_meanwhile_is_skipped(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await _import(database_url, tmp_path, "2026-01-05")
    write = personal_data._write_together

    async def late(context: Any, rows: Any, result: Any) -> None:
        changed = "UPDATE {reports} SET {reports.metadata} = '{}' WHERE {reports.id} = $1"
        await database.execute(changed, id_)
        await write(context, rows, result)

    monkeypatch.setattr(personal_data, "_write_together", late)
    context = OperationContext.of(database, Settings(environ={}))
    result = await personal_data.forget_personal(context, 86_400.0, lambda _done: None)
    assert (result.applied, result.skipped) == (0, [(id_, "changed meanwhile")])
    assert "Xyzzy" in await _stored(database, id_)


async def test_loose_mails_are_forgotten_and_reports_without_dates_are_told(
    database: Database,
) -> None:
    insert = (
        "INSERT INTO {reports} ({reports.id}, {reports.reportDate}, {reports.createdAt},"
        " {reports.updatedAt}, {reports.reportData}, {reports.metadata})"
        " VALUES ($1::text::{reports.id:type}, $2, NULL, $3, $4, $5)"
    )
    rows: dict[str, Any] = {"columns": ["Model", "Remark 2"], "rows": [["Camry", "none"]] * 20}
    rows["rows"][7] = ["Civic", "call ann@xyzzy.example"]
    old, known = datetime(2026, 1, 5, tzinfo=UTC), '{"personal": {"columns": {}}}'
    dates = {"a": (old, None), "b": (None, old), "c": (None, None)}
    for at, (on, changed) in dates.items():
        id_ = f"0b0f6a52-02a6-4d4b-9a06-0a9e0f10aa0{at}"
        await database.execute(insert, id_, on, changed, json.dumps(rows), known)
    found = await personal_data.survey(database, 86_400.0, lambda _done: None)
    assert (found.reports, found.values, found.undated) == (2, 2, 1)


@pytest.mark.parametrize("named", NAMINGS, indirect=True)
async def test_documents_are_replaced_under_every_naming(named: Database) -> None:
    insert = "INSERT INTO {reports} ({reports.id}, {reports.reportData}) VALUES ($1, $2)"
    id_ = "0b0f6a52-02a6-4d4b-9a06-0a9e0f10aa01"
    await named.execute(insert, id_, '{"columns": ["Customer"], "rows": [["Xyzzy"]]}')
    (stored,) = await named.fetch(STORED, id_)
    async with named.transaction() as session:
        assert not await replace_documents(session, replace(stored, fingerprint=""), "{}", None)
        assert await replace_documents(session, stored, '{"rows": []}', '{"n": 1}')
    (now,) = await named.fetch(STORED, id_)
    assert (now.data, now.metadata) == ('{"rows": []}', '{"n": 1}')


async def test_the_console_masks_and_shows_for_seconds_what_is_asked_for(
    database: Database, database_url: str
) -> None:
    await database.execute(
        "INSERT INTO {reports} ({reports.id}, {reports.vendor}, {reports.reportType},"
        " {reports.reportDate}, {reports.createdAt}, {reports.reportData}) VALUES"
        " (gen_random_uuid(), 'vAuto', 'leads', now(), now(), $1)",
        json.dumps([{"buyer": "Ann Xyzzy", "model": "Camry"}]),
    )
    async with console(database_url, "reports", size=(120, 40)) as pilot:
        await sees(pilot, "vAuto")
        await pilot.press("enter")
        await sees(pilot, "Camry", "masked (S shows it for seconds): buyer")
        for _ in range(4):
            await pilot.press("right_square_bracket")
            await pilot.pause()
            assert "Xyzzy" not in screen_text(pilot.app)  # type: ignore[arg-type]  # ours
        await pilot.press("S")
        await sees(pilot, "Why?")
        await pilot.press(*"call", "enter")
        await sees(pilot, "Ann Xyzzy", "hidden by enter")
        await pilot.press("enter")
    (entry,) = await _journal(database, "reveal-personal")
    assert entry["why"] == "call"
