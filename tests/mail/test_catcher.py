"""The relay of the demo and of the chaos tests: honest records, repeatable faults."""

import asyncio
import json
import signal
import smtplib
import sys
from collections import Counter
from pathlib import Path

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions, RelayFault
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.mail.answers import Verdict
from tests.mail.sending import send_all

from .conftest import Post
from .samples import envelope


async def test_it_listens_on_this_machine_only() -> None:
    with pytest.raises(ValueError, match="this machine only"):
        await Catcher().start(host="0.0.0.0")


async def test_another_client_is_served_by_the_book(post: Post) -> None:
    catcher = await post.catcher()

    def converse() -> list[tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", catcher.port) as client:
            refused = client.sendmail("a@x.test", ["b@x.test", "unknown@x.test"], "Hi\n.\n..\n")
            assert list(refused) == ["unknown@x.test"]
            return [
                client.docmd("DATA"),
                client.docmd("MAIL", "FROM:<a@x.test>"),
                client.docmd("MAIL", "FROM:<a@x.test>"),
                client.docmd("DATA"),
                client.docmd("RCPT", "TO:nobody"),
                client.docmd("FOO"),
                client.docmd("RSET"),
                client.docmd("RCPT", "TO:<b@x.test>"),
                client.docmd("MAIL", "FROM:x"),
                client.noop(),
            ]

    codes = [code for code, _ in await asyncio.to_thread(converse)]
    assert codes == [503, 250, 503, 554, 501, 500, 250, 503, 501, 250]
    assert catcher.record.contents[0] == b"Hi\r\n.\r\n..\r\n"
    assert catcher.record.caught[0].recipients == ("b@x.test",)


def test_a_fault_is_drawn_by_seed_and_address_and_asked_for_by_name() -> None:
    shares = {RelayFault.GREYLIST: 0.2, RelayFault.STALL: 0.1}
    addresses = [f"bob{n}@acme.test" for n in range(2000)]
    one, same, other = (CatcherOptions(seed=s, shares=shares) for s in (1, 1, 2))
    drawn = [one.fault_for(each) for each in addresses]
    assert drawn == [same.fault_for(each) for each in addresses]
    assert drawn != [other.fault_for(each) for each in addresses]
    counted = Counter(drawn)
    assert 300 < counted[RelayFault.GREYLIST] < 500
    assert 130 < counted[RelayFault.STALL] < 270
    for fault in RelayFault:
        assert one.fault_for(f"x@{fault}.test") is fault
        assert one.fault_for(f"{fault}-7@x.test") is fault
    assert CatcherOptions().fault_for("slowly@fullmoon.test") is RelayFault.NONE


async def test_what_can_pass_passes_and_what_cannot_does_not(post: Post) -> None:
    catcher = await post.catcher(times=2)
    transport = post.transport(catcher.url)
    for who, verdicts in (
        ("greylist@x.test", [Verdict.TRY_LATER, Verdict.TRY_LATER, Verdict.DELIVERED]),
        ("full@x.test", [Verdict.TRY_LATER, Verdict.TRY_LATER, Verdict.DELIVERED]),
        ("unknown@x.test", [Verdict.REFUSED] * 3),
        ("reject@x.test", [Verdict.REFUSED] * 3),
    ):
        assert [(await transport.send(envelope(who))).verdict for _ in range(3)] == verdicts
    assert catcher.faults.counts[RelayFault.GREYLIST] == 2


async def test_the_sample_data_s_domains_behave_as_in_the_sample_data(post: Post) -> None:
    catcher = await post.catcher(as_domains=True)
    transport = post.transport(catcher.url)

    async def said(address: str, body: str = "") -> str:
        return str((await transport.send(envelope(address, body=body))).outcomes[0].answer)

    assert (await said("bob@bluemail.test")).startswith("250")
    assert (await said("bob@lakeside-motors.test")).startswith("451 4.4.1")
    assert (await said("bob@granite-credit.example")).startswith("451 4.7.1")
    large = "x" * 70 + "\n"
    assert (await said("bob@northgate-fleet.example", large * 200)).startswith("552 5.3.4")
    assert (await said("bob@northgate-fleet.example")).startswith("250")
    answers = [await said(f"bob{n}@oldtown-imports.test") for n in range(12)]
    assert {answer[:9] for answer in answers} == {"550 5.1.1", "250 2.0.0"}


async def test_in_a_process_of_its_own_it_prints_its_url_and_records_before_it_answers(
    post: Post, tmp_path: Path
) -> None:
    record = tmp_path / "mail.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agentflow_tui.demo.catcher", "--record", str(record),
        "--share", "greylist=0.3", "--seed", "7",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        url = (await process.stdout.readline()).decode().strip()
        transport = post.transport(url, connections=4)
        sent = [envelope(f"bob{n}@acme.test", number=n) for n in range(100)]
        results = await send_all(transport, sent)
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        taken = sorted(line["message_id"] for line in lines)
        delivered = [r.envelope.id for r in results if r.verdict is Verdict.DELIVERED]
        assert taken == sorted(f"<{each}@acme.test>" for each in delivered)
        assert 15 < len(sent) - len(delivered) < 50
        assert set(lines[0]) == {
            "at", "message_id", "sender", "recipients", "size", "connection",
        }  # fmt: skip
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
