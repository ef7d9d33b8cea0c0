"""What the demo's workers talk to: a mailbox with a vendor's report in it, and sites."""

import asyncio
import imaplib
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import httpx

from agentflow_tui.demo.services.deliveries import report_mail
from agentflow_tui.demo.services.mailbox import DemoMailbox
from agentflow_tui.demo.services.sites import DemoSites
from agentflow_tui.reports.reading import read_report

NOW = datetime(2026, 11, 23, 9, 4, tzinfo=UTC)


def fetched(port: int) -> list[bytes]:
    """All messages of the mailbox, as any IMAP client gets them."""
    with imaplib.IMAP4("127.0.0.1", port) as client:
        client.login("reports", "demo")
        client.select("INBOX", readonly=True)
        _, found = client.uid("SEARCH", "SINCE", "1-Jan-2026")
        messages = []
        for uid in found[0].split():
            _, parts = client.uid("FETCH", uid.decode(), "(UID BODY.PEEK[]<0.100000>)")
            messages.append(parts[0][1])
        return messages


async def test_the_mailbox_gives_the_live_report_to_any_client(tmp_path: Path) -> None:
    mailbox = DemoMailbox(7)
    await mailbox.start()
    try:
        assert await asyncio.to_thread(fetched, mailbox.port) == []
        sent = [report_mail(NOW), report_mail(NOW.replace(minute=9))]
        for message in sent:
            mailbox.deliver(message)
        assert await asyncio.to_thread(fetched, mailbox.port) == sent
    finally:
        mailbox.close()
    part = next(part for part in message_from_bytes(sent[0]).walk() if part.get_filename())
    file = tmp_path / "report.csv"
    file.write_bytes(part.get_payload(decode=True))  # type: ignore[arg-type]  # of bytes
    table = read_report(file).table
    assert "Response Minutes" in table.columns
    assert table.row_count == 30


async def test_the_sites_answer_as_the_sample_says() -> None:
    sites = DemoSites()
    await sites.start()
    try:
        async with httpx.AsyncClient() as client:
            said = {name: (await client.get(url)).status_code for name, url in sites.urls.items()}
    finally:
        sites.close()
    assert said["vauto"] == 200
    assert said["dealertrack"] == 401
