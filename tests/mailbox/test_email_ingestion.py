"""Reports out of a mailbox: stored once, fetched once, one bad message no obstacle to others."""

import json
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from agentflow_tui.reports.documents import ReportDocument, file_facts
from agentflow_tui.settings import Settings, VendorSettings
from agentflow_tui.steps import email_ingestion, mail_files
from agentflow_tui.steps.calls import Services, StepError
from agentflow_tui.steps.configs import ConfigError
from agentflow_tui.steps.mail_files import kept_file, store_mail_files
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement, as_tuple
from tests.mailbox.imap_server import FIRST, PASSWORD, USER, ImapServer
from tests.mailbox.messages import VENDOR, message, zipped
from tests.steps.calling import no_client, no_key, run

SOLD = VendorSettings(name="sold", vendor="VinSolutions", type="sold_log", sender=VENDOR)
STOCK = VendorSettings(
    name="stock", vendor="vAuto", type="inventory", sender="@vauto.test", attachment="*.csv"
)
CSV = b"Deal,Gross\n1,100.50\n2,200.00\n"


class Step:
    """The step, over one mailbox and database."""

    def __init__(self, database: Database, imap: ImapServer, home: Path) -> None:
        self.database, self.imap, self.home = database, imap, home
        self.calls = 0

    async def __call__(self, key: str = "", **config: Any) -> dict[str, Any]:
        self.calls += 1
        settings = Settings(
            vendors={each.name: each for each in (SOLD, STOCK)},
            environ={"AGENTFLOW_HOME": str(self.home)},
        )
        services = Services(
            api_key=no_key, http=no_client, database=lambda: self.database, settings=settings
        )
        found: dict[str, Any] = await run(
            "emailIngestion",
            {"vendors": "*", "url": self.imap.url, **config},
            services=services,
            key=key or f"workflow:run {self.calls}:step",
        )
        return found

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return await self.database.fetch(Statement(as_tuple, sql))

    async def journal(self) -> list[tuple[str, str, str | None]]:
        """What the journal has, but for what was looked at up to where."""
        return await self.rows(
            "SELECT {task_logs.taskType}, {task_logs.status}, {task_logs.error} FROM {task_logs}"
            " WHERE strpos({task_logs.input}::text, 'upTo') = 0 ORDER BY 1, 2, 3"
        )


@pytest.fixture
def step(database: Database, imap: ImapServer, home: Path) -> Step:
    return Step(database, imap, home)


async def test_each_report_is_stored_once_and_no_message_is_fetched_again(step: Step) -> None:
    imap = step.imap
    await imap.add(
        message(("sold.csv", CSV), ("again.csv", CSV), ("logo.png", b"x")).as_bytes(),
        message(("x.zip", zipped(("stock.csv", b"VIN,Age\nA,3\n")))).as_bytes(),
        message(("other.csv", CSV), sender="friend@elsewhere.test").as_bytes(),
        message(("resent.csv", CSV), subject="Resent").as_bytes(),
        seen=True,
    )
    await imap.add(message(("old.csv", b"A,B\n1,2\n")).as_bytes(), days_ago=40)
    first = await step()
    assert (first["stored"], first["messages"], first["ignored"]) == (2, 3, 1)
    assert len(first["reports"]) == 2
    assert [(each["file"], each["reason"]) for each in first["leftOut"]] == [
        ("logo.png", "no rule takes a file of this name")
    ]
    [*stored] = await step.rows(
        "SELECT {reports.id}::text, {reports.vendor}, {reports.reportType}, {reports.filePath},"
        " {reports.metadata}::text FROM {reports} ORDER BY 3, 1"
    )
    assert sorted(row[0] for row in stored) == sorted(first["reports"])
    assert [row[1:4] for row in stored] == [("VinSolutions", "sold_log", None)] * 2
    told = {json.loads(row[4])["file"]["name"]: json.loads(row[4])["mail"] for row in stored}
    assert (told["sold.csv"]["from"], told["stock.csv"]["within"]) == (VENDOR, ["x.zip"])
    fetched = imap.bodies_fetched()
    assert fetched == 3
    assert not any(each for each in await imap.flags() if each - {"\\Seen"})
    second = await step()
    assert (second["reports"], second["messages"], second["ignored"]) == ([], 0, 0)
    assert imap.bodies_fetched() == fetched
    assert not any("STORE" in command or "SELECT" in command for command in imap.commands)
    journal = await step.journal()
    assert [each[0] for each in journal] == ["email.ingest"] * 3 + ["report.import"] * 4
    assert PASSWORD not in repr(await step.rows("SELECT {task_logs.input}::text FROM {task_logs}"))


async def test_a_bad_message_is_a_failed_task_with_a_sentence_and_the_others_go_on(
    step: Step,
) -> None:
    forged = {"Authentication-Results": "mx.test; dmarc=fail header.from=vinsolutions.test"}
    real = {"Authentication-Results": "mx.test; dmarc=pass header.from=vinsolutions.test"}
    await step.imap.add(
        message(("forged.csv", CSV), headers=forged).as_bytes(),
        message(("large.csv", b"x" * 5_000), headers=real).as_bytes(),
        b"Authentication-Results: mx.test; dkim=pass header.d=vinsolutions.test\r\n"
        b"From: " + VENDOR.encode() + b"\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 25,
        message(
            ("bad.xlsx", b"PK\x03\x04"), ("torn.zip", zipped(("a.csv", CSV))[:-9]), headers=real
        ).as_bytes(),
        message(("good.csv", CSV), headers=real).as_bytes(),
    )
    done = await step(authenticatedBy="mx.test", maxBytes=4_000)
    assert (done["stored"], done["messages"]) == (1, 5)
    reasons = " ".join(each["reason"] for each in done["leftOut"])
    for words in (
        *("mx.test does not vouch for its sender", "no more than 4.0 kB are fetched"),
        *("too many parts in each other", "cut off, or damaged"),
    ):
        assert words in reasons
    journal = await step.journal()
    assert [each[:2] for each in journal] == [
        *[("email.ingest", "completed")] * 3,
        *[("email.ingest", "failed")] * 2,
        ("report.import", "completed"),
        *[("report.import", "failed")] * 3,
    ]
    assert all(each[2] for each in journal if each[1] == "failed")
    assert (await step(authenticatedBy="mx.test", maxBytes=4_000))["messages"] == 0
    assert await step.journal() == journal


async def test_a_message_that_the_server_cannot_read_is_a_failed_task_and_blocks_no_other(
    step: Step,
) -> None:
    imap = step.imap
    await imap.add(*(message((f"{at}.csv", CSV + b"%d,1\n" % at)).as_bytes() for at in range(4)))
    imap.refused = {(FIRST + 1, "[HEADER]"), (FIRST + 2, "PEEK[]")}
    done = await step()
    assert (done["stored"], done["messages"], len(done["reports"])) == (2, 4, 2)
    reason = "The mail server cannot give it: [SERVERBUG] UID FETCH completed."
    assert [each["reason"] for each in done["leftOut"]] == [reason] * 2
    assert [each for each in await step.journal() if each[1] == "failed"] == [
        ("email.ingest", "failed", reason)
    ] * 2
    assert (await step())["messages"] == 0


async def test_a_server_that_is_busy_fails_the_attempt_and_no_message(step: Step) -> None:
    await step.imap.add(message(("a.csv", CSV)).as_bytes())
    step.imap.refused, step.imap.code = {(FIRST, "[HEADER]")}, b"UNAVAILABLE"
    with pytest.raises(StepError, match=r"stopped answering: \[UNAVAILABLE\]"):
        await step()
    assert await step.journal() == []
    step.imap.refused.clear()
    assert (await step())["stored"] == 1


async def test_an_attempt_that_was_cut_off_is_gone_on_with_and_loses_no_report(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(2):
        await step.imap.add(message((f"{at}.csv", CSV + b"%d,1.00\n" % at)).as_bytes())
    begun = 0

    async def dies(*arguments: Any) -> Any:
        nonlocal begun
        begun += 1
        done = await store_mail_files(*arguments)
        if begun == 2:
            raise RuntimeError("killed")
        return done

    monkeypatch.setattr(email_ingestion, "store_mail_files", dies)
    with pytest.raises(RuntimeError):
        await step("workflow:run:step")
    done = await step("workflow:run:step")
    assert len(done["reports"]) == done["messages"] == done["stored"] == 2
    assert step.imap.bodies_fetched() == 3
    assert len(await step.rows("SELECT {reports.id} FROM {reports}")) == 2
    assert [each[0] for each in await step.journal()] == [
        *["email.ingest"] * 2,
        *["report.import"] * 2,
    ]
    other = await step("workflow:another run:step")
    assert (other["reports"], other["messages"]) == ([], 0)


async def test_a_file_that_is_stored_already_is_not_read_again(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    await step.imap.add(message(("sold.csv", CSV)).as_bytes())
    first = await step()
    monkeypatch.setattr(mail_files, "store_file", None)  # what would read it
    await step.imap.add(message(("resent.csv", CSV), subject="Resent").as_bytes())
    again = await step()
    assert (again["reports"], again["stored"]) == (first["reports"], 0)
    assert [each[0] for each in await step.journal()] == [
        *["email.ingest"] * 2,
        *["report.import"] * 2,
    ]


async def test_more_than_a_run_may_fetch_is_left_to_the_next(step: Step) -> None:
    await step.imap.add(*(message((f"{at}.csv", CSV)).as_bytes() for at in range(5)))
    runs = [await step(maxMessages=2, maxBytes=1) for _ in range(4)]
    assert [(each["messages"], each["more"]) for each in runs] == [(2, 3), (2, 1), (1, 0), (0, 0)]
    assert len(await step.journal()) == 5


def document_of(source: Path, stored: int) -> ReportDocument:
    source.write_bytes(CSV)
    return ReportDocument(
        file=file_facts(source), data="", metadata={"rows": 2, "storedRows": stored}
    )


@pytest.mark.parametrize(
    "name", ["sold.csv", "\N{DESERET CAPITAL LETTER LONG I}" * 60], ids=["plain", "long"]
)
def test_a_file_is_kept_for_its_owner_alone_whatever_it_is_called(
    tmp_path: Path, name: str
) -> None:
    made = kept_file(document_of(tmp_path / name, 1), tmp_path / "home")
    kept = Path(made or "")
    assert [stat.S_IMODE(each.stat().st_mode) for each in (kept.parent, kept)] == [0o700, 0o600]
    assert kept.name.partition("-")[2] in name
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.parametrize("stored", [2, 1])
def test_only_a_report_of_which_a_part_is_stored_keeps_its_file(
    tmp_path: Path, stored: int
) -> None:
    document = document_of(tmp_path / "sold.csv", stored)
    kept = kept_file(document, tmp_path / "home")
    assert (kept is None) == (stored == 2)
    if kept:
        assert Path(kept).is_relative_to(tmp_path / "home" / "reports")
        assert Path(kept).read_bytes() == CSV


async def test_what_cannot_be_reached_or_used_is_said_without_the_password(step: Step) -> None:
    wrong = step.imap.url_of(f"{quote(USER, safe='')}:hunter2@")
    for config, words in (
        ({"url": wrong}, "refuses the sign-in: .*credentials"),
        ({"url": "imaps://127.0.0.1:1", "user": "a", "password": "hunter2"}, "cannot be reached"),
        ({"folder": "Nix"}, "has no folder 'Nix'"),
        ({"vendors": ["nobody"]}, r"no \[vendors.nobody\]; known: sold, stock"),
        ({"vendors": [{"vendor": "x"}]}, r"vendors\[0\]: sender must name addresses"),
        ({"url": "imaps://h/INBOX"}, "folder is a field"),
        ({"days": 0}, "must be at least 1"),
    ):
        with pytest.raises((StepError, ConfigError), match=words) as caught:
            await step(**config)
        assert "hunter2" not in str(caught.value)
    assert await step.journal() == []
