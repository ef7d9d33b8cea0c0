"""Ways to send without a database: what a queue is measured against. Each returns messages a
second over ``CONNECTIONS`` connections that are reused."""

import asyncio
import smtplib
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

import aiosmtplib

from agentflow_tui.documents import as_recipients, read
from agentflow_tui.mail.message import addresses
from agentflow_tui.mail.message.messages import OutgoingMail, SenderIdentity, compose
from agentflow_tui.mail.smtp import relays
from agentflow_tui.mail.smtp.pool import SmtpTransport
from benchmarks.peers import postfix_environment

CONNECTIONS = 16
SENDER = "reports@acme.test"
SUBJECT = "Weekly"
BODY = "Dear customer,\nyour weekly figures are ready.\n" + "All is well with the numbers.\n" * 10


def recipient(number: int) -> str:
    return f"to{number}@acme.test"


async def with_aiosmtplib(port: int, count: int) -> float:
    async def send(numbers: Iterator[int]) -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, use_tls=False)
        async with client:
            for number in numbers:
                await client.send_message(email_message(number))

    numbers = iter(range(count))
    began = time.perf_counter()
    await asyncio.gather(*(send(numbers) for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


def email_message(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = recipient(number)
    message["Subject"] = SUBJECT
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{number}@acme.test>"
    message.set_content(BODY)
    return message


def with_smtplib(port: int, count: int) -> float:
    """One connection: it blocks."""
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(count):
            client.send_message(email_message(number))
    return count / (time.perf_counter() - began)


def with_smtp_source(programs: Path, port: int, count: int) -> float:
    words = ["-s", str(CONNECTIONS), "-d", "-m", str(count), "-l", str(len(BODY))]
    words += ["-f", SENDER, "-t", recipient(0), f"127.0.0.1:{port}"]
    began = time.perf_counter()
    environment = dict(postfix_environment(programs))
    subprocess.run([str(programs / "smtp-source"), *words], check=True, env=environment)
    return count / (time.perf_counter() - began)


class _Bare(asyncio.Protocol):
    """The plainest client that pipelines: envelope and the message before it in one piece, replies
    counted and not read."""

    def __init__(self, numbers: Iterator[int], message: bytes) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._numbers = numbers
        self._message = message
        self._transport: asyncio.WriteTransport | None = None
        self._lines = 0
        self._wanted = 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(b"HELO acme.test\r\n")
        self._wanted = 2

    def data_received(self, data: bytes) -> None:
        self._lines += data.count(b"\n")
        if self._lines < self._wanted:
            return
        assert self._transport is not None
        first = self._wanted == 2
        number = next(self._numbers, None)
        message = b"" if first else self._message
        if self._wanted == 1 or number is None:
            self._transport.write(message + b"QUIT\r\n")
            self._wanted = 1 << 30
            return
        self._lines, self._wanted = 0, 3 if first else 4
        self._transport.write(
            message
            + b"MAIL FROM:<%b>\r\nRCPT TO:<to%d@acme.test>\r\nDATA\r\n" % (SENDER.encode(), number)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


async def bare(port: int, count: int) -> float:
    message = email_message(0).as_bytes().replace(b"\n", b"\r\n") + b".\r\n"
    numbers = iter(range(count))
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: _Bare(numbers, message), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return count / (time.perf_counter() - began)


async def our_transport(port: int, count: int) -> float:
    """What the queue sends with: every message composed, every answer judged."""
    transport = SmtpTransport(
        relays.from_url(f"smtp://127.0.0.1:{port}"), connections=CONNECTIONS, per_connection=500
    )
    letterhead = SenderIdentity(sender=addresses.parse(SENDER))
    finished = asyncio.get_running_loop().create_future()
    numbers, left = iter(range(count)), count
    now = datetime.now(UTC)

    def send() -> None:
        number = next(numbers, None)
        if number is not None:
            to = as_recipients(read(f'["{recipient(number)}"]'))
            mail = OutgoingMail(id=str(number), subject=SUBJECT, body=BODY, recipients=to, date=now)
            transport.submit(compose(mail, letterhead), done)

    def done(_result: object) -> None:
        nonlocal left
        left -= 1
        send()
        if not left:
            finished.set_result(None)

    began = time.perf_counter()
    for _ in range(2 * CONNECTIONS):
        send()
    await finished
    took = time.perf_counter() - began
    await transport.close()
    return count / took
