"""Triage from the command line."""

import csv
import io
import json
from datetime import timedelta

from agentflow_tui.store.connection.database import Database
from tests.cli.running import agentflow
from tests.triage.deciding import fail, groups

HOUR = timedelta(hours=1)


async def listed(database: Database, *arguments: str) -> list[dict[str, object]]:
    done = await agentflow("list", "errors", "--json", *arguments, url=database.url)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_the_kinds_of_errors_are_listed(database: Database) -> None:
    await fail(database, HOUR / 2, HOUR / 3, error="HTTP 503")
    await fail(database, 48 * HOUR, error="HTTP 404, once upon a time")
    new, old = await listed(database)
    assert (new["label"], new["1h"], new["total"], new["new"]) == ("HTTP 503", 2, 2, True)
    assert (old["new"], old["needsAttention"], old["state"]) == (False, True, None)
    assert new["rows"] == {"workflows": 2}
    done = await agentflow("list", "workflows", str(new["where"]), "--count", url=database.url)
    assert done.stdout.strip() == "2"
    assert [row["key"] for row in await listed(database, "once")] == [old["key"]]
    assert [row["key"] for row in await listed(database, "--limit", "1")] == [new["key"]]
    done = await agentflow("list", "errors", url=database.url)
    assert "HTTP 503" in done.stdout.splitlines()[1]
    done = await agentflow("list", "errors", "--csv", url=database.url)
    assert [row["key"] for row in csv.DictReader(io.StringIO(done.stdout))] == [
        new["key"],
        old["key"],
    ]
    done = await agentflow("list", "errors", "--sort", "key", url=database.url)
    assert (done.returncode, "one order" in done.stderr) == (2, True)


async def test_errors_are_acknowledged_snoozed_claimed_and_woken(database: Database) -> None:
    await fail(database, HOUR, error="HTTP 503")
    [group] = await groups(database)
    done = await agentflow("acknowledge", "errors", group.key, "--json", url=database.url)
    said = json.loads(done.stdout)
    assert (done.returncode, said["verb"], said["table"]) == (0, "acknowledge", "errors")
    assert (said["matched"], said["applied"], said["skipped"]) == (1, 1, [])
    [row] = await listed(database)
    assert (row["state"], row["needsAttention"]) == ("acknowledged", False)

    done = await agentflow("snooze", "errors", group.key[:6], "--until", "2h", url=database.url)
    assert (done.returncode, done.stderr.strip()) == (0, "1 snoozed")
    done = await agentflow("claim", "errors", group.key, url=database.url)
    assert done.returncode == 0
    [row] = await listed(database)
    assert (row["state"], bool(row["until"]), bool(row["claimedBy"])) == ("snoozed", True, True)

    done = await agentflow("wake", "errors", group.key, url=database.url)
    assert done.returncode == 0
    [row] = await listed(database)
    assert (row["state"], row["claimedBy"], row["needsAttention"]) == (None, None, True)


async def test_mistakes_are_told(database: Database) -> None:
    await fail(database, HOUR, error="HTTP 503")
    [group] = await groups(database)
    done = await agentflow("wake", "errors", group.key, "ffff", "--json", url=database.url)
    said = json.loads(done.stdout)
    assert (done.returncode, said["matched"], said["applied"]) == (1, 2, 1)
    assert said["skipped"] == [{"id": "ffff", "reason": "is no kind of error that is there"}]
    for arguments, code, words in (
        (("snooze", "errors", group.key), 2, "--until"),
        (("snooze", "errors", group.key, "--until", "soon"), 2, "tomorrow 8:00"),
        (("acknowledge", "email_queue", group.key), 2, "errors"),
        (("--read-only", "acknowledge", "errors", group.key), 1, "read-only"),
    ):
        done = await agentflow(*arguments, url=database.url)
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
