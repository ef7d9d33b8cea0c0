"""Foreign keys that nothing of ours can fill, one table after the other: whatever would have to
write there says so in a sentence, and nothing is sent twice for it."""

import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from tests.cli.running import agentflow
from tests.insights.reports import SOLD_LOG, sold_more_and_more
from tests.workers.conftest import Start
from tests.workers.sending import queue, row_of

EXISTING = "00000000-0000-4000-8000-0000000000ff"


@asynccontextmanager
async def unfillable(database: Database, table: str) -> AsyncIterator[None]:
    """Inside, rows of this table must name a tenant, and there is none but for those that are
    there."""
    async with database.session() as session:
        run = session.connection.execute
        await run("CREATE TABLE IF NOT EXISTS tenants (id uuid PRIMARY KEY)")
        await run(f"INSERT INTO tenants VALUES ('{EXISTING}') ON CONFLICT DO NOTHING")
        key = f"tenant_id uuid NOT NULL DEFAULT '{EXISTING}' REFERENCES tenants (id)"
        await run(f"ALTER TABLE {table} ADD {key}")
        await run(f"ALTER TABLE {table} ALTER tenant_id DROP DEFAULT")
    await database.rebind()
    try:
        yield
    finally:
        async with database.session() as session:
            await session.connection.execute(f"ALTER TABLE {table} DROP tenant_id")
        await database.rebind()


async def test_commands_that_cannot_fill_a_foreign_key_say_so(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file, steps, rules = (tmp_path / name for name in ("sold.csv", "steps.yaml", "rules.json"))
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([SOLD_LOG.columns, *sold_more_and_more()])
    steps.write_text("steps:\n- {id: a, type: delay, config: {seconds: 1}}\n", encoding="utf-8")
    rules.write_text(json.dumps({"EXECUTIVE": {"emails": ["a@b.test"]}}), encoding="utf-8")

    async def done(*words: str) -> tuple[int, str, str]:
        ended = await agentflow(*words, url=database_url, home=tmp_path, ENCRYPTION_KEY="ab" * 32)
        return ended.returncode, ended.stdout.strip(), ended.stderr

    of = ("--vendor", "V", "--type", "sold")
    _, report, _ = await done("report", "import", str(file), *of)
    distributed = ("insight", "distribute", "--report", report, "--rules", str(rules))
    created = ("create", "workflow", str(steps), "--cron", "0 8 * * *")
    secret = ("credential", "add", "--platform", "p", "--label", "l", "--from-file", str(file))
    file_again = tmp_path / "again.csv"
    file_again.write_text("lead\nAl\n", encoding="utf-8")
    places = [
        ("reports", ("report", "import", str(file_again), *of)),
        ("insights", ("insight", "generate", report)),
        *[(table, distributed) for table in ("insight_distributions", "emails", "email_queue")],
        *[(table, created) for table in ("workflows", "schedules")],
        ("credentials", secret),
        ("health_checks", ("worker", "--drain", "--only", "monitor")),
        ("task_logs", created),
    ]
    for table, words in places:
        if table == "insight_distributions":
            assert (await done("insight", "generate", report))[0] == 0
        async with unfillable(database, table):
            code, _, said = await done(*words)
        assert (code, "Traceback" in said) == (1, False), (table, said)
        assert f"{table}_tenant_id_fkey" in said, (table, said)
        assert "is no id" not in said, (table, said)


async def test_mail_whose_result_no_journal_takes_is_written_down_and_not_sent_again(
    database: Database, catcher_of: Any, sender_on: Start, caplog: pytest.LogCaptureFixture
) -> None:
    catcher = await catcher_of(times=1)
    await queue(
        database, ["a@acme.test"], ["b@acme.test", "greylist@acme.test"], ["greylist2@acme.test"]
    )
    async with unfillable(database, "task_logs"):
        await sender_on(catcher.url).settled()
    assert sorted(who for mail in catcher.record.caught for who in mail.recipients) == [
        "a@acme.test",
        "b@acme.test",
        "greylist2@acme.test",
    ]
    assert [(await row_of(database, n))[0] for n in (1, 2, 3)] == [
        "completed",
        "failed",
        "completed",
    ]
    assert (await row_of(database, 2))[2].endswith("to say who: not tried again.")
    assert "is not in the journal: The database does not accept this" in caplog.text


@pytest.mark.parametrize("table", ["email_queue", "task_logs"])
async def test_a_workflow_whose_step_cannot_be_written_fails_with_the_reason(
    database: Database, database_url: str, tmp_path: Path, table: str
) -> None:
    step = {"id": "m", "type": "email", "config": {"to": "x@y.test", "subject": "S", "body": "b"}}
    async with database.session() as session:
        await session.connection.execute(
            "INSERT INTO workflows (id, status, steps, currentstep, context, locked) VALUES"
            " (gen_random_uuid(), 'pending', $1::jsonb, 0, '{}', false)",
            json.dumps([step]),
        )
    async with unfillable(database, table):
        await agentflow("worker", "--drain", "--only", "runner", url=database_url, home=tmp_path)
    async with database.session() as session:
        row = await session.connection.fetchrow("SELECT status, lasterror, locked FROM workflows")
    assert (row["status"], row["locked"]) == ("failed", False)
    assert f"{table}_tenant_id_fkey" in row["lasterror"]
