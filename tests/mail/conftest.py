"""Relays on this machine, and transports that talk to them with little patience."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.mail.smtp import relays
from agentflow_tui.mail.smtp.breaker import Breaker
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.smtp.reply_protocol import Timeouts

QUICK = Timeouts(connect=5, command=5, content=5, final=5, idle=60, quit=0.2)


class Post:
    """What a test sends with."""

    def __init__(self, stack: AsyncExitStack):
        self._stack = stack

    async def catcher(self, **options: Any) -> Catcher:
        """A relay that does what `CatcherOptions` says."""
        catcher = Catcher(CatcherOptions(**options))
        await catcher.start()
        self._stack.push_async_callback(catcher.close)
        return catcher

    def transport(self, url: str, **options: Any) -> SmtpTransport:
        options.setdefault("connections", 1)
        options.setdefault("timeouts", QUICK)
        options.setdefault("breaker", quick_breaker())
        transport = SmtpTransport(relays.from_url(url), **options)
        self._stack.push_async_callback(transport.close, 0.2)
        return transport

    def stop(self, server: asyncio.Server) -> None:
        """Have a server closed at the end."""
        self._stack.callback(server.close)

    def defer(self, action: Callable[[], Any]) -> None:
        self._stack.push_async_callback(action)


def quick_breaker() -> Breaker:
    return Breaker(first=0.001, longest=0.05, rng=random.Random(1))


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    async with AsyncExitStack() as stack:
        yield Post(stack)
