"""``agentflow insight generate``, as a user runs it."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from tests.cli.running import agentflow
from tests.insights.reports import SOLD_LOG, sold_more_and_more
from tests.namings import NAMINGS, make_tables
from tests.samples import uid

OF = ("--vendor", "VinSolutions", "--type", "sold_log", "--date", "2026-10-25")


async def _stored(database: Database) -> list[tuple[Any, ...]]:
    columns = ("id", "insightType", "score", "content", "metadata")
    values = ", ".join(f"i.{{insights.{name}}}::text" for name in columns)
    order = "ORDER BY i.{insights.score} DESC"
    return await database.fetch(Statement(as_tuple, f"SELECT {values} FROM {{insights}} i {order}"))


async def _report(url: str, folder: Path) -> str:
    """The id of an imported report in which a rep sells more and more."""
    file = folder / "sold.csv"
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([SOLD_LOG.columns, *sold_more_and_more()])
    done = await agentflow("report", "import", str(file), *OF, url=url)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("naming", NAMINGS)
async def test_insights_are_stored_once_however_often_and_by_however_many(
    empty_url: str, naming: str, tmp_path: Path
) -> None:
    database = await make_tables(empty_url, naming)
    report = await _report(empty_url, tmp_path)
    two = [agentflow("insight", "generate", report, "--json", url=empty_url) for _ in range(2)]
    first, second = await asyncio.gather(*two)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    insights = [json.loads(each.stdout)["insights"] for each in (first, second)]
    assert insights[0] == insights[1]
    stored = await _stored(database)
    assert sorted(row[0] for row in stored) == sorted(each["id"] for each in insights[0])
    _, type_, score, content, metadata = stored[0]
    assert (type_, insights[0][0]["type"]) == ("trend", "trend")
    assert "Kim" in json.loads(content)["title"]
    said, about = json.loads(content), json.loads(metadata)
    assert set(said) >= {"title", "summary", "recommendation", "figures", "rows"}
    assert said["rows"]["count"] > 50
    assert 0 < about["p"] <= about["q"] <= 0.1
    assert about["candidates"] > 100
    assert set(about["score"]) >= {"impact", "effect", "confidence", "freshness", "coverage"}
    assert int(score) == insights[0][0]["score"]
    database.close()


async def test_new_reports_are_found_and_wrong_ids_are_sentences(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    report = await _report(database_url, tmp_path)
    wrong = ("nonsense", "00000000-0000-4000-8000-000000000000")
    done = await agentflow("insight", "generate", *wrong, url=database_url)
    assert done.returncode == 1
    assert [f"{id_}: There is no report {id_}." in done.stderr for id_ in wrong] == [True, True]
    new = await agentflow("insight", "generate", "--new", url=database_url)
    assert (new.returncode, f"{report}: " in new.stderr) == (0, True)
    assert new.stdout.split() == [row[0] for row in await _stored(database)]
    neither = await agentflow("insight", "generate", url=database_url)
    assert (neither.returncode, "Traceback" in neither.stderr) == (2, False)


async def test_what_was_told_of_the_report_before_counts_less(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    first = await _report(database_url, tmp_path)
    await agentflow("insight", "generate", first, url=database_url)
    ((*_, before),) = (await _stored(database))[:1]
    second = uid(90)  # with the same rows, a day later
    await database.execute(
        "INSERT INTO {reports} SELECT ($1), {reports.userId}, {reports.vendor},"
        " {reports.reportType}, {reports.reportDate} + interval '1 day', {reports.filePath},"
        " {reports.reportData}, {reports.metadata}, {reports.createdAt}, {reports.updatedAt}"
        " FROM {reports}",
        second,
    )
    done = await agentflow("insight", "generate", second, "--json", url=database_url)
    assert done.returncode == 0, done.stderr
    told = {row[0]: json.loads(row[4]) for row in await _stored(database)}
    again = told[json.loads(done.stdout)["insights"][0]["id"]]
    assert again["key"] == json.loads(before)["key"]
    assert again["score"]["guards"]["repeat"] == 0.6
