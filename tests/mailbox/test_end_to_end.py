"""Vendors' reports from a mailbox by schedule to delivered mail, with processes killed on the way:
exactly one of everything at the end."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.store.connection.database import Database
from tests.chaos.harness import WORKERS, Fleet, Worker, environment
from tests.cli.running import agentflow
from tests.mailbox.imap_server import PASSWORD, USER, ImapServer
from tests.mailbox.messages import message, report_file, zipped
from tests.waiting import until
from tests.workers.runner.test_credentials import KEYS, store
from tests.workers.sending import ask
from tests.workers.workflows import count

SETTINGS = """
[vendors.sold]
vendor = "VinSolutions"
type = "sold_log"
sender = "@vinsolutions.test"

[vendors.stock]
vendor = "vAuto"
type = "inventory"
sender = "reports@vauto.test"

[vendors.deals]
vendor = "DealerTrack"
sender = "ann@dealer.test"
subject = "Deals"

[distribution.recipients]
executive = "greylist.ann@dealer.test, greylist.bob@dealer.test"
sales_manager = "greylist.kim@dealer.test"

[distribution.rules]
executive = "* >= 25"
sales_manager = "trend, change_point >= 25"
"""
WORKFLOW = """
name: Vendor reports
cron: 0 6 29 2 *
steps:
  - id: fetch
    type: emailIngestion
    config:
      vendors: "*"
      url: {url}
      user: "{{{{credentials.mailbox.username}}}}"
      password: "{{{{credentials.mailbox.password}}}}"
    maxRetries: 9
    backoffFactor: 0
  - {{id: find, type: insightGeneration, config: {{reports: "{{{{steps.fetch.reports}}}}"}}}}
  - {{id: tell, type: distribution, config: {{insights: "{{{{steps.find.insights}}}}"}}}}
"""
TELLING = ("reports", "insights", "insight_distributions", "emails", "email_queue")
"""The tables that have to have one of everything."""


@pytest.fixture
async def relay() -> AsyncIterator[Catcher]:
    """A relay that puts off all mail, until it gets other options."""
    catcher = Catcher(CatcherOptions(times=1_000_000))
    await catcher.start()
    yield catcher
    await catcher.close()


class Dealership:
    """A database with a schedule, a mailbox, a relay, and worker processes that come and go."""

    def __init__(
        self, database: Database, url: str, imap: ImapServer, relay: Catcher, folder: Path
    ):
        self.database, self.url, self.folder = database, url, folder
        self.imap, self.relay = imap, relay
        self.environ = {
            **environment(url, folder, retry_base=0.05, retry_limit=0.2, poll=1.0),
            **KEYS,
            "SMTP_URL": relay.url,
            "AGENTFLOW_HOME": str(folder / "home"),
        }
        config = folder / "agentflow" / "config.toml"
        config.write_text(config.read_text() + SETTINGS)

    async def open(self) -> None:
        """Make the workflow as a person does, with the mailbox's password in the vault."""
        await store(self.database, "mailbox", {"username": USER, "password": PASSWORD})
        file = self.folder / "reports.yaml"
        file.write_text(WORKFLOW.format(url=self.imap.url_of("")))
        made = await agentflow("create", "workflow", str(file), url=self.url, home=self.folder)
        assert made.returncode == 0, made.stderr

    async def fire(self) -> None:
        """The schedule's time has come, as within a test it never does by itself."""
        await self.database.execute(
            "UPDATE {schedules} SET {schedules.nextRun} = {schedules.nextRun} - interval '4 years'"
        )

    async def has(self, what: str, table: str, condition: str = "true", least: int = 1) -> None:
        async def are_there() -> bool:
            return await count(self.database, table, condition) >= least

        await until(are_there, what, state=self.state, seconds=120)

    async def state(self) -> Any:
        logs = [path.read_text()[-1500:] for path in sorted(self.folder.rglob("worker-*.log"))]
        workflow = "SELECT {workflows.status}, {workflows.lastError} FROM {workflows}"
        return *[await ask(self.database, workflow)], await self.counts(), "\n".join(logs)

    async def counts(self) -> dict[str, int]:
        return {table: await count(self.database, table) for table in TELLING}

    async def runs(self, number: int) -> None:
        """Wait for the end of so many runs."""
        steps = "{task_logs.taskType} = 'workflow.step' AND {task_logs.status} = 'completed'"
        await self.has("three steps a run", "task_logs", steps, 3 * number)
        await self.has("the end", "workflows", "{workflows.status} = 'completed'")

    @contextmanager
    def workers(self, *only: str) -> Iterator[Fleet]:
        folder = self.folder / "-".join(only)
        folder.mkdir()
        words = (*WORKERS, "--only", ",".join(only))
        with Fleet(self.environ, folder, *words) as fleet:
            fleet.start()
            yield fleet

    async def mails(self) -> list[tuple[str, str]]:
        """Recipient and Message-ID of each mail that the relay took."""
        return [(each.recipients[0], each.message_id) for each in self.relay.record.caught]

    async def all_is_there_once(self, reports: int) -> dict[str, int]:
        counts = await self.counts()
        assert counts["reports"] == reports
        [(analysed,)] = await ask(
            self.database, "SELECT count(DISTINCT {insights.reportId}) FROM {insights}"
        )
        assert analysed == reports
        [(distinct,)] = await ask(
            self.database,
            "SELECT count(DISTINCT ({insight_distributions.insightId},"
            " {insight_distributions.recipientId})) FROM {insight_distributions}",
        )
        assert counts["insight_distributions"] == distinct > 0
        sent = await count(self.database, "emails", "{emails.status} = 'sent'")
        assert counts["emails"] == counts["email_queue"] == sent
        reached = "{insight_distributions.status} = 'sent'"
        assert await count(self.database, "insight_distributions", reached) == distinct
        mails = await self.mails()
        assert len(mails) == len(set(mails)) == counts["emails"]
        for what in ("'report.import'", "'email.ingest'"):
            about = await ask(
                self.database,
                "SELECT {task_logs.input}::text FROM {task_logs}"
                f" WHERE {{task_logs.taskType}} = {what}",
            )
            told = Counter(_about(json.loads(each)) for (each,) in about)
            assert set(told.values()) == {1}, told
        return counts


def _about(entry: dict[str, Any]) -> tuple[Any, ...]:
    """What an entry of the journal is about: a message, a file in one, a mark."""
    return entry.get("uid"), entry.get("file"), entry.get("upTo")


def replaced(fleet: Fleet) -> Worker:
    """Kill the fleet's only worker and start another."""
    fleet.running.pop().kill()
    fleet.kills += 1
    return fleet.start()


MORNING = (
    message(("sold.csv", report_file("rep"))),
    message(("stock.zip", zipped(("stock.csv", report_file("make")))), sender="reports@vauto.test"),
    message(("broken.xlsx", b"PK\x03\x04 torn"), subject="Sold log, once more"),
    message(subject="Lunch?", sender="friend@elsewhere.test"),
    message(
        sender="ann@dealer.test",
        subject="FW: Deals",
        forwarded=message(("deals.csv", report_file("source", 7)), sender="x@dealertrack.test"),
    ),
)


@pytest.mark.timeout(300)  # a dozen processes one after the other, on a machine with others
async def test_reports_reach_people_once_whatever_is_killed_on_the_way(
    database: Database, database_url: str, imap: ImapServer, relay: Catcher, tmp_path: Path
) -> None:
    dealer = Dealership(database, database_url, imap, relay, tmp_path)
    await dealer.open()
    await imap.add(*(each.as_bytes() for each in MORNING))
    await dealer.fire()
    with dealer.workers("scheduler", "runner") as fleet:
        await dealer.has("the first message", "task_logs", "{task_logs.taskType} = 'email.ingest'")
        replaced(fleet)
        await dealer.has("the first insight", "insights")
        replaced(fleet)
        with dealer.workers("sender") as senders:
            deferred = "{email_queue.status} = 'pending' AND {email_queue.attempts} > 0"
            await dealer.has("a mail that is put off", "email_queue", deferred)
            relay.options = CatcherOptions()  # for the connections of the next one
            replaced(senders)
            await dealer.runs(1)
            await dealer.has("3 mails", "email_queue", "{email_queue.status} = 'completed'", 3)
        counts = await dealer.all_is_there_once(reports=3)
        to = sorted(recipient for recipient, _ in await dealer.mails())
        assert to == [f"greylist.{name}@dealer.test" for name in ("ann", "bob", "kim")]
        digest = message_from_bytes(relay.record.contents[0])
        assert "Kim" in str(digest) or "Kim" in str(digest["Subject"])
        fetched = imap.bodies_fetched()
        await dealer.fire()
        await dealer.runs(2)
        assert await dealer.counts() == counts
        assert imap.bodies_fetched() == fetched


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_week_of_reports_is_told_once_with_workers_killed_at_random(
    database: Database, database_url: str, imap: ImapServer, relay: Catcher, tmp_path: Path
) -> None:
    dealer, dice = Dealership(database, database_url, imap, relay, tmp_path), random.Random(11)
    await dealer.open()
    with dealer.workers("scheduler", "runner") as fleet:
        fleet.start()
        for day in range(7):
            await imap.add(
                message(("sold.csv", report_file("rep", day)), subject=f"Day {day}").as_bytes(),
                message(("again.csv", report_file("rep", day)), subject="Resent").as_bytes(),
            )
            await dealer.fire()
            await dealer.has("the day's report", "reports", least=day + 1)
            fleet.kill_one(dice)
            await dealer.has("the day's insights", "insights", least=day + 1)
            fleet.kill_one(dice)
            await dealer.runs(day + 1)
    queued = await count(database, "email_queue")
    relay.options = CatcherOptions()
    with dealer.workers("sender"):
        await dealer.has("all mails", "email_queue", "{email_queue.status} = 'completed'", queued)
    await dealer.all_is_there_once(reports=7)
