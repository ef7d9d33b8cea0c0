"""Everything at once, seeded: nothing lost, nothing doubled that could be known."""

import asyncio
import random
from collections import Counter
from functools import partial
from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import RelayFault
from agentflow_tui.mail.answers import SendResult, Verdict
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.smtp.reply_protocol import Timeouts
from tests.mail.sending import send_all
from tests.waiting import until

from .conftest import Post, quick_breaker
from .samples import envelope

TIMEOUTS = Timeouts(connect=5, command=0.5, content=0.5, final=0.5, idle=60, quit=0.1)
SHARES = {
    RelayFault.GREYLIST: 0.05,
    RelayFault.FULL: 0.05,
    RelayFault.REJECT: 0.03,
    RelayFault.UNKNOWN_USER: 0.03,
    RelayFault.CLOSING: 0.02,
    RelayFault.DROP_EARLY: 0.04,
    RelayFault.DROP_BEFORE: 0.04,
    RelayFault.DROP_AFTER: 0.04,
    RelayFault.HANG_UP: 0.04,
    RelayFault.GARBAGE: 0.04,
    RelayFault.STALL: 0.002,
}


@pytest.mark.parametrize(("seed", "offers"), [(1, "PIPELINING"), (2, "PIPELINING"), (3, "HELP")])
async def test_every_mail_ends_and_only_unknown_ones_can_be_doubled(
    post: Post, seed: int, offers: str
) -> None:
    catcher = await post.catcher(seed=seed, shares=SHARES, times=1, offers=(offers,))
    transport = post.transport(
        catcher.url, connections=6, per_connection=40, timeouts=TIMEOUTS, window=12
    )
    open_ = {f"mail-{n}": envelope(f"a{n}@x.test", f"b{n}@x.test", number=n) for n in range(300)}
    unknown: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    while open_:
        await transport.ready()
        sent: list[SendResult] = []
        for each in list(open_.values()):
            transport.submit(each, partial(confirm_and_keep, transport, sent))
        await until(partial(all_there, sent, len(open_)))
        for result in sent:
            accepted.update(result.accepted)
            unknown.update(result.having(Verdict.UNKNOWN))
            if result.open:
                number = int(result.envelope.id.removeprefix("mail-"))
                open_[result.envelope.id] = envelope(*result.open, number=number)
            else:
                del open_[result.envelope.id]
    taken = Counter(each for caught in catcher.record.caught for each in caught.recipients)
    assert all(count == 1 for count in accepted.values())
    for address in taken.keys() | accepted.keys():
        assert accepted[address] <= taken[address] <= accepted[address] + unknown[address]
    assert len(catcher.faults.counts) >= 10


def confirm_and_keep(transport: SmtpTransport, sent: list[SendResult], result: SendResult) -> None:
    transport.confirm([result])
    sent.append(result)


def all_there(sent: list[SendResult], count: int) -> bool:
    return len(sent) == count


REPLIES = [
    b"220 x\r\n", b"250 Ok\r\n", b"250-a\r\n250 b\r\n", b"354 go\r\n", b"451 later\r\n",
    b"550 no\r\n", b"421 bye\r\n", b"250", b" Ok\r\n", b"\r\n", b"\xff\xfe\r\n", b"999 x\r\n",
    b"250-endless\r\n", b"x" * 20_000, b"503 what\r\n", b"2\r\n", b"354-go\r\n354 on\n", b"",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_a_relay_says_each_mail_gets_one_result_and_nothing_crashes(
    post: Post, seed: int
) -> None:
    dice = random.Random(seed)

    class Babbler(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            transport.write(b"220 hello\r\n")
            self.greeted = self.in_data = False

        def data_received(self, data: bytes) -> None:
            if not self.greeted:
                self.greeted = True
                offers = dice.choice([b"250 hello\r\n", b"250-hello\r\n250 PIPELINING\r\n"])
                self.transport.write(offers)
                return
            for line in data.split(b"\r\n"):
                if self.in_data and line != b".":
                    continue
                self.in_data = line == b"DATA"
                proper = b"354 go\r\n" if self.in_data else b"250 Ok\r\n"
                if line:
                    self.transport.write(proper if dice.random() < 0.93 else dice.choice(REPLIES))
            if dice.random() < 0.03:
                self.transport.close()

    crashes: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: crashes.append(context))
    server = await loop.create_server(Babbler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    quick = Timeouts(connect=1, command=0.02, content=0.02, final=0.02, idle=1, quit=0.02)
    transport = post.transport(
        f"smtp://127.0.0.1:{port}", connections=4, timeouts=quick, breaker=quick_breaker()
    )
    results: list[SendResult] = []
    for first in range(0, 150, 10):
        await asyncio.wait_for(transport.ready(), 5)
        numbers = range(first, first + 10)
        batch = [envelope(f"a{n}@x.test", f"b{n}@x.test", number=n) for n in numbers]
        results += await asyncio.wait_for(send_all(transport, batch), 10)
    await transport.close(2)
    server.close()
    loop.set_exception_handler(None)
    assert not crashes
    assert sorted(r.envelope.id for r in results) == sorted(f"mail-{n}" for n in range(150))
    assert all(len(result.outcomes) == 2 for result in results)
    assert len({result.verdict for result in results}) >= 3
