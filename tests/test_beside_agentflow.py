"""A database as AgentFlow's own program makes it: its columns are shown, its mail is sent, its
steps run with its meaning or are left to it, and what it writes is not overwritten."""

import json
from collections.abc import Mapping
from datetime import UTC, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui import clock
from agentflow_tui.mail.smtp import relays
from agentflow_tui.operations.reasons import why_mail, why_workflow
from agentflow_tui.settings import WorkerSettings
from agentflow_tui.steps.names import waiting_reason
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.emails import QueuedMail
from agentflow_tui.store.views.workflows import Workflow
from tests.agentflow_tables import (
    INSIGHT,
    MAIL,
    REPORT,
    SCHEDULE,
    WORKFLOW,
    make_agentflows_tables,
)
from tests.cli.running import agentflow

NOW = clock.now()
LEASE = timedelta(minutes=5)


async def rows(database: Database, sql: str) -> list[Mapping[str, Any]]:
    async with database.session() as session:
        return list(await session.connection.fetch(sql))


async def listed(database: Database, table: str, text: str = "") -> list[Any]:
    wanted = query(LISTINGS[table], database.binding, text, now=NOW, zone=UTC)
    return list((await wanted.page(database, Window(limit=50, count_to=100))).rows)


async def drained(url: str, folder: Path, *more: str) -> None:
    """Have workers do what is due."""
    outbox = str(folder / "out")
    done = await agentflow(
        "worker", "--drain", *more, url=url, home=folder, AGENTFLOW_OUTBOX=outbox
    )
    assert done.returncode == 0, done.stderr


async def test_every_list_shows_what_agentflow_wrote(empty_url: str) -> None:
    database = await make_agentflows_tables(empty_url)
    (insight,) = await listed(database, "insights", "grow")
    assert (insight.id, insight.score) == (INSIGHT, 85)
    (sent,) = await listed(database, "insight_distributions", "status:sent boss@dealer.test")
    assert (sent.recipient_type, sent.recipient_id) == ("EXECUTIVE", "boss@dealer.test")
    assert sent.sent_at is not None
    (message,) = await listed(database, "emails", "ann@dealer.test")
    assert message.recipient == "ann@dealer.test"
    (mail,) = await listed(database, "email_queue", "domain:dealer.test")
    assert (mail.recipient, mail.subject) == ("ann@dealer.test", "Your leads")
    (workflow,) = await listed(database, "workflows")
    assert workflow.last_updated is not None
    assert workflow.between_steps is True
    for table in LISTINGS:
        assert await listed(database, table, "nothing") == [], table
    database.close()


@pytest.mark.parametrize(("stored", "shown"), [("-1", None), ("0.85", 85), ("85.4", 85)])
async def test_scores_of_every_scale_are_shown_out_of_a_hundred(
    empty_url: str, stored: str, shown: int | None
) -> None:
    database = await make_agentflows_tables(empty_url)
    await rows(database, f"UPDATE insights SET overall_score = {stored}")
    (insight,) = await listed(database, "insights")
    assert insight.score == shown
    database.close()


async def test_mail_that_the_queue_holds_itself_is_sent_by_its_own_columns(
    empty_url: str, tmp_path: Path
) -> None:
    database = await make_agentflows_tables(empty_url)
    await rows(
        database,
        "INSERT INTO email_queue (recipient_email, subject, body, process_after) "
        "VALUES ('late@dealer.test', 'Later', 'x', now() + interval '1 hour')",
    )
    mailing = {
        "id": "m",
        "type": "email",
        "config": {"to": "x@y.test, Bo <bo@y.test>", "cc": "c@y.test", "subject": "S", "body": "b"},
    }
    await rows(database, f"INSERT INTO workflows (steps) VALUES ('[{json.dumps(mailing)}]')")
    await drained(empty_url, tmp_path, "--only", "runner")
    await drained(empty_url, tmp_path, "--only", "sender")
    found = {
        row["recipient_email"]: row for row in await rows(database, "SELECT * FROM email_queue")
    }
    assert found["late@dealer.test"]["status"] == "pending"
    assert found["ann@dealer.test"]["status"] == "completed"
    assert found["ann@dealer.test"]["sent_at"] is not None
    assert found["x@y.test, bo@y.test"]["status"] == "completed"
    assert json.loads(found["x@y.test, bo@y.test"]["options"]) == {"cc": "c@y.test"}
    files = {
        path.stem: message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in (tmp_path / "out").glob("*.eml")
    }
    sent = files.pop(MAIL)
    assert (sent["To"], sent["Cc"]) == ("ann@dealer.test", "bo@dealer.test")
    text, html = sent.get_body(("plain",)), sent.get_body(("html",))
    assert text is not None
    assert text.get_content().strip() == "Two leads."
    assert html is not None
    assert "<b>leads</b>" in html.get_content()
    (ours,) = files.values()
    assert (ours["To"], ours["Cc"]) == ("x@y.test, bo@y.test", "c@y.test")
    database.close()


async def test_large_mail_that_the_queue_holds_itself_is_sent_whole(
    empty_url: str, tmp_path: Path
) -> None:
    database = await make_agentflows_tables(empty_url)
    noise = "(SELECT string_agg(md5(n::text), ' ') FROM generate_series(1, 9000) n)"
    await rows(database, f"UPDATE email_queue SET html_body = '<p>' || {noise} || ' end</p>'")
    await drained(empty_url, tmp_path, "--only", "sender")
    (sent,) = (tmp_path / "out").glob("*.eml")
    html = message_from_bytes(sent.read_bytes(), policy=policy.default).get_body(("html",))
    assert html is not None
    assert html.get_content().rstrip().endswith("end</p>")
    database.close()


async def test_mail_without_a_message_is_triaged(empty_url: str, tmp_path: Path) -> None:
    database = await make_agentflows_tables(empty_url)
    for verb, status in (("hold", "held"), ("release", "pending"), ("cancel", "cancelled")):
        done = await agentflow(verb, "email_queue", MAIL, "--yes", url=empty_url, home=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (await rows(database, "SELECT status FROM email_queue"))[0]["status"] == status
    done = await agentflow("undo", "--yes", url=empty_url, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (await rows(database, "SELECT status FROM email_queue"))[0]["status"] == "pending"
    database.close()


async def test_a_schedule_is_paused_and_resumed_in_both_of_its_columns(
    empty_url: str, tmp_path: Path
) -> None:
    database = await make_agentflows_tables(empty_url)
    state = "SELECT enabled, status FROM schedules"
    for verb, after in (
        (("resume", "schedules", SCHEDULE), (True, "active")),
        (("pause", "schedules", SCHEDULE), (False, "paused")),
        (("undo",), (True, "active")),
    ):
        done = await agentflow(*verb, "--yes", url=empty_url, home=tmp_path)
        assert done.returncode == 0, done.stderr
        (found,) = await rows(database, state)
        assert (found["enabled"], found["status"]) == after, verb
    database.close()


async def test_a_foreign_key_that_cannot_be_filled_is_a_sentence(
    empty_url: str, tmp_path: Path
) -> None:
    database = await make_agentflows_tables(empty_url)
    file = tmp_path / "leads.csv"
    file.write_text("lead,source\nAl,web\n", encoding="utf-8")
    done = await agentflow(
        "report", "import", str(file), "--vendor", "V", "--type", "leads", url=empty_url,
        home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "source_id" in done.stderr
    assert len(await rows(database, "SELECT FROM reports")) == 1
    database.close()


@pytest.mark.parametrize("order", ["theirs first", "ours first"])
async def test_health_rows_of_both_sides_stay_their_own(
    empty_url: str, tmp_path: Path, order: str
) -> None:
    database = await make_agentflows_tables(empty_url)
    if order == "ours first":
        await rows(database, "DELETE FROM health_checks")
        await drained(empty_url, tmp_path, "--only", "monitor")
        for id_, name in THEIRS:  # as its code does: looked up by name, inserted by id
            known = await rows(database, f"SELECT id FROM health_checks WHERE name = '{name}'")
            await rows(
                database,
                "UPDATE health_checks SET message = 'All is well', last_checked = now()"
                f" WHERE id = '{known[0]['id']}'"
                if known
                else "INSERT INTO health_checks (id, name, status, response_time, last_checked,"
                f" message) VALUES ('{id_}', '{name}', 'ok', 1, now(), 'All is well')",
            )
    await rows(database, "UPDATE health_checks SET last_checked = now() - interval '1 day'")
    await drained(empty_url, tmp_path, "--only", "monitor")
    found = {row["id"]: row for row in await rows(database, "SELECT * FROM health_checks")}
    for id_, _ in THEIRS:
        assert found[id_]["message"] == "All is well"
        assert NOW - found[id_]["last_checked"] > timedelta(hours=23)
    assert found["workers.database"]["status"] == "ok"
    assert "workers.scheduler" in found
    database.close()


THEIRS = (
    ("database", "Database"),
    ("email", "Email Service"),
    ("ai", "AI Service"),
    ("scheduler", "Scheduler Service"),
)

API = {"id": "call", "type": "api", "config": {"url": "http://127.0.0.1:9/", "authType": "bearer"}}
ROWS = {"id": "rows", "type": "dataProcessing", "config": {"operation": "filter", "data": []}}
DELAY = {"id": "rest", "type": "delay", "name": "Rest", "retries": 2, "config": {"duration": 0}}
ECHO = {"id": "echo", "type": "custom", "config": {"operation": "x", "parameters": {"n": 1}}}


async def test_steps_in_agentflows_shape_run_with_its_meaning_or_are_left_to_it(
    empty_url: str, tmp_path: Path
) -> None:
    database = await make_agentflows_tables(empty_url)
    insert = "INSERT INTO workflows (steps, context, status) VALUES ('{}', '{}', 'pending')"
    begun = json.dumps({"in": {"success": True}, "__lastStepResult": {"success": True}})
    odd = {"id": "mail", "type": "email", "config": {"template": "welcome"}}
    for steps, context in (
        ([DELAY, ECHO, API], "{}"),
        ([ROWS], "{}"),
        ([odd], begun),
        ([odd], "{}"),
    ):
        await rows(database, insert.format(json.dumps(steps), context))
    await drained(empty_url, tmp_path, "--only", "runner")
    found = await rows(
        database, f"SELECT * FROM workflows WHERE id <> '{WORKFLOW}' ORDER BY created_at"
    )
    ran, left, theirs, ours = found
    assert (ran["status"], ran["current_step"], ran["locked"]) == ("paused", 2, False)
    assert json.loads(ran["context"])["echo"] == {"operation": "x", "parameters": {"n": 1}}
    for row in (left, theirs):
        assert (row["status"], row["locked"], row["last_error"]) == ("pending", False, None)
    assert ours["status"] == "failed"
    assert "template is not a field" in ours["last_error"]
    database.close()


def test_a_step_left_to_agentflow_says_so() -> None:
    for step in (API, ROWS):
        said = waiting_reason(str(step["type"]), config=step["config"])  # type: ignore[arg-type]
        assert "AgentFlow's own backend" in str(said)
    assert waiting_reason("api", config={"url": "http://x.test", "authType": "none"}) is None


def workflow(**columns: Any) -> Workflow:
    unset: dict[str, Any] = dict.fromkeys(Workflow.__dataclass_fields__)
    steps = json.dumps([{**DELAY, "config": {"duration": 20}}])
    return Workflow(**unset | {"id": "1", "steps": steps, "status": "paused"} | columns)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "paused before Rest; resume it to go on"),
        ({"between_steps": True}, "where AgentFlow's own backend goes on by itself"),
        ({"locked_at": NOW + timedelta(seconds=8)}, "AgentFlow's own backend tries Rest again in"),
        (
            {"status": "running", "locked": True, "locked_at": NOW + timedelta(seconds=8)},
            "waits 8s before Rest",
        ),
    ],
)
def test_agentflows_pauses_are_understood(columns: dict[str, Any], words: str) -> None:
    assert words in why_workflow(workflow(**columns), NOW, LEASE)


def test_a_mail_that_is_not_to_leave_yet_says_so() -> None:
    unset: dict[str, Any] = dict.fromkeys(QueuedMail.__dataclass_fields__)
    after = {"id": "1", "status": "pending", "process_after": NOW + timedelta(hours=2)}
    said = why_mail(QueuedMail(**unset | after), NOW, WorkerSettings())
    assert said == "not to leave before its process_after, in 2h"


async def test_a_lock_that_is_not_ours_is_honoured_for_five_minutes(
    empty_url: str, tmp_path: Path
) -> None:
    database = await make_agentflows_tables(empty_url, rows=False)
    config = tmp_path / "agentflow" / "config.toml"
    config.parent.mkdir()
    config.write_text("[workers]\nlease = 1.0\n", encoding="utf-8")
    for seconds in (240, 310):
        await rows(
            database,
            "INSERT INTO workflows (steps, status, locked, locked_at) VALUES "
            f"('[{json.dumps(DELAY)}]', 'running', true, now() - interval '{seconds} s')",
        )
    await drained(empty_url, tmp_path, "--only", "runner")
    found = await rows(database, "SELECT status, locked FROM workflows ORDER BY created_at")
    assert [(row["status"], row["locked"]) for row in found] == [
        ("running", True),
        ("completed", False),
    ]
    database.close()


@pytest.mark.parametrize("port", ["993", "143"])
def test_a_mailbox_is_no_relay(port: str) -> None:
    environ = {"EMAIL_HOST": "imap.dealer.test", "EMAIL_PORT": port, "EMAIL_USER": "a@dealer.test"}
    assert relays.from_environ(environ) is None
    assert relays.from_environ(environ | {"EMAIL_PORT": "587"}) is not None


async def test_what_reports_hold_is_counted_by_their_insights(empty_url: str) -> None:
    database = await make_agentflows_tables(empty_url)
    (report,) = await listed(database, "reports")
    assert (report.id, report.insight_count) == (REPORT, 1)
    database.close()
