"""A list as a file: what people read, what programs read, and what no spreadsheet runs."""

import csv
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agentflow_tui import clock
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.list_export import ExportFormat, recipients_text, write
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.text import written_time
from tests.cli.running import agentflow
from tests.samples import ago, fill, uid

ZONE = ZoneInfo("America/Denver")
HOSTILE = ("=HYPERLINK(1)", "+1+1", "-2+3|cmd", "@SUM(A1)", "\t=1", "＝1")


async def exported(
    database: Database, table: str, target: Path, where: str = "", *, raw: bool = False
) -> list[list[str]]:
    now = clock.now()
    wanted = query(LISTINGS[table], database.binding, where, now=now, zone=ZONE)
    format_ = ExportFormat(zone=ZONE, now=now, filter=where, raw=raw)
    await write(database, wanted, target, format_)
    with target.open(newline="", encoding="utf-8" if raw else "utf-8-sig") as file:
        return list(csv.reader(file))


async def test_people_get_names_local_times_and_a_line_that_says_what_it_is(
    database: Database, tmp_path: Path
) -> None:
    await fill(database)
    titles, row, blank, summary = await exported(
        database, "email_queue", tmp_path / "mail.csv", "status:failed"
    )
    found = dict(zip(titles, row, strict=True))
    assert found["Recipients"] == "Dora <dora@down.test>"
    assert found["Last attempt"] == written_time(ago(minutes=5), ZONE)
    assert found["Last attempt"].endswith((" MST", " MDT"))
    assert titles[-1] == "Id"
    assert blank == []
    assert summary[0].startswith("1 mail, status:failed, as of ")
    titles, *rows = await exported(database, "schedules", tmp_path / "schedules.csv")
    workflows = [dict(zip(titles, row, strict=True))["Workflow"] for row in rows[:2]]
    assert not set(workflows) & {uid(11), uid(12)}, "names in place of ids"


async def test_programs_get_the_fields_as_they_are(database: Database, tmp_path: Path) -> None:
    await fill(database)
    titles, row = await exported(
        database, "email_queue", tmp_path / "mail.csv", "status:failed", raw=True
    )
    found = dict(zip(titles, row, strict=True))
    assert found["emailId"] == uid(62)
    assert found["lastAttempt"] == ago(minutes=5).isoformat()
    assert json.loads(found["recipients"])[0]["email"] == "dora@down.test"
    with pytest.raises(AgentflowError, match="there already"):
        await exported(database, "email_queue", tmp_path / "mail.csv")


@pytest.mark.parametrize("raw", [False, True], ids=["people", "raw"])
async def test_no_cell_is_a_formula(database: Database, tmp_path: Path, raw: bool) -> None:
    emails = [
        {"id": uid(n), "subject": text, "status": "failed", "recipients": json.dumps(text)}
        for n, text in enumerate(HOSTILE)
    ]
    queue = [{"id": uid(n), "emailId": uid(n), "status": "failed"} for n in range(len(HOSTILE))]
    user = {"id": "ann", "email": "ann@acme.test", "firstName": "=Ann"}
    await fill(database, {"users": [user], "emails": emails, "email_queue": queue})
    for table in ("email_queue", "emails", "users"):
        rows = await exported(database, table, tmp_path / f"{table}.csv", "!nothing", raw=raw)
        assert any("HYPERLINK" in cell or "Ann" in cell for row in rows for cell in row)
        dangerous = [c for row in rows for c in row if c.startswith(tuple("=+-@\t\r＝"))]
        assert not dangerous


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (
            '["a@acme.test", {"email": "b@acme.test", "name": "Bo"}]',
            "a@acme.test, Bo <b@acme.test>",
        ),
        ('{"to": "a@acme.test", "cc": ["c@acme.test"]}', "a@acme.test, c@acme.test"),
        ("nobody", "nobody"),
        (None, ""),
    ],
)
def test_recipients_are_text_whatever_their_shape(stored: str | None, text: str) -> None:
    assert recipients_text(stored) == text


async def test_the_command_line_says_where_the_file_is(database: Database, tmp_path: Path) -> None:
    await fill(database)
    target = tmp_path / "failed.csv"
    line = ("list", "email_queue", "status:failed", "--export", str(target))
    done = await agentflow(*line, url=database.url)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"1 row written to {target}." in done.stderr
    assert "Dora <dora@down.test>" in target.read_text("utf-8-sig")
    again = await agentflow(*line, "--raw", url=database.url)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    wrong = await agentflow("list", "users", "--raw", url=database.url)
    assert wrong.returncode == 2
