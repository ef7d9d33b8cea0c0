"""``agentflow report import``, as a user runs it."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from tests.cli.running import agentflow
from tests.namings import NAMINGS, make_tables

SAMPLES = Path(__file__).parent.parent / "data" / "reports"
TITLED = str(SAMPLES / "01_title_totals.csv")
OF = ("--vendor", "VinSolutions", "--type", "lead_source_roi")


async def _reports(database: Database) -> list[tuple[Any, ...]]:
    columns = ("id", "vendor", "reportType", "reportDate", "filePath", "reportData", "metadata")
    values = ", ".join(f"r.{{reports.{name}}}::text" for name in columns)
    return await database.fetch(Statement(as_tuple, f"SELECT {values} FROM {{reports}} r"))


async def _journal(database: Database) -> list[tuple[Any, ...]]:
    return await database.fetch(
        Statement(
            as_tuple,
            "SELECT {task_logs.status}, {task_logs.error} FROM {task_logs} "
            "WHERE {task_logs.taskType} = 'report.import'",
        )
    )


@pytest.mark.parametrize("naming", NAMINGS)
async def test_a_file_is_stored_once_however_often_it_is_imported(
    empty_url: str, naming: str
) -> None:
    database = await make_tables(empty_url, naming)
    first = await agentflow("report", "import", TITLED, *OF, "--json", url=empty_url)
    again = await agentflow("report", "import", TITLED, *OF, url=empty_url)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    said = json.loads(first.stdout)
    assert again.stdout.strip() == said["id"]
    assert "was there already, 3 rows of 8 columns" in again.stderr
    ((id_, vendor, type_, day, path, data, metadata),) = await _reports(database)
    assert (id_, vendor, type_, path) == (said["id"], "VinSolutions", "lead_source_roi", TITLED)
    assert day.startswith("2026-10-31 00:00:00")
    assert json.loads(data)["rows"][1] == ["AutoTrader", 80, 18, 9, 4, 3500, -312.4, 5]
    assert json.loads(metadata)["totals"]["Total Gross"] == 47102.25
    assert await _journal(database) == [("completed", None)] * 2
    database.close()


async def test_files_that_cannot_be_read_are_sentences_and_failed_tasks(
    database: Database, database_url: str
) -> None:
    bad = [str(SAMPLES / name) for name in ("18_truncated.xlsx", "20_inflates.xlsx")]
    done = await agentflow("report", "import", bad[0], TITLED, bad[1], *OF, url=database_url)
    assert done.returncode == 1
    assert "not a complete workbook" in done.stderr
    assert "unpacks to far too much" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(await _reports(database)) == 1
    assert sorted(status for status, _ in await _journal(database)) == [
        "completed",
        "failed",
        "failed",
    ]


async def test_characters_that_the_database_refuses_are_mended(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "mended.json"
    file.write_text('{"by\\u0000": "x\\ud800", "rows": [{"a\\u0000b": "c\\u0000d", "n": NaN}]}')
    done = await agentflow("report", "import", str(file), *OF, url=database_url)
    assert done.returncode == 0, done.stderr
    ((*_, data, _metadata),) = await _reports(database)
    assert json.loads(data) == {"columns": ["ab", "n"], "rows": [["cd", None]]}


async def test_a_database_that_asks_for_more_than_is_known_says_so(
    database: Database, database_url: str
) -> None:
    await database.execute("CREATE TABLE report_sources (id uuid PRIMARY KEY)")
    await database.execute(
        "ALTER TABLE {reports} ADD source_id uuid NOT NULL REFERENCES report_sources (id)"
    )
    done = await agentflow("report", "import", TITLED, *OF, url=database_url)
    assert done.returncode == 1
    assert "The database does not accept this" in done.stderr
    assert await _reports(database) == []
    assert [status for status, _ in await _journal(database)] == ["failed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--vendor", "V"), "--type"),
        ((*OF, "--date", "yesterday"), "is not a day"),
        ((*OF, "--zone", "Mars"), "is not a zone"),
        ((*OF, "--separator", "ab"), "one character"),
        (("--vendor", " ", "--type", "t"), "--vendor is empty"),
    ],
)
async def test_wrong_usage_is_said_before_anything_is_read(
    options: tuple[str, ...], words: str
) -> None:
    done = await agentflow("report", "import", TITLED, *options, url="postgresql://nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


async def test_the_date_that_is_given_counts(database: Database, database_url: str) -> None:
    done = await agentflow(
        "report", "import", TITLED, *OF, "--date", "2026-01-02", "--json", url=database_url
    )
    assert json.loads(done.stdout)["reportDate"] == "2026-01-02"


async def test_nothing_is_imported_read_only(database_url: str) -> None:
    done = await agentflow("--read-only", "report", "import", TITLED, *OF, url=database_url)
    assert done.returncode == 1
    assert "read-only" in done.stderr
