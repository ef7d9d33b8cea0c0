"""Relays and senders for the tests of the workers, ended with the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.mail.smtp.reply_protocol import Timeouts
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from tests.workers.sending import (
    QUICK,
    SETTINGS,
    Running,
    sending_with,
    smtp,
)

Start = Callable[..., Running]


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The same database, as another process sees it."""
    opened = await Database.open(database_url, ConnectionOptions(application="another runner"))
    yield opened
    opened.close()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def catcher_of(stack: AsyncExitStack) -> Callable[..., Awaitable[Catcher]]:
    async def start(**options: Any) -> Catcher:
        catcher = Catcher(CatcherOptions(**options))
        await catcher.start()
        stack.push_async_callback(catcher.close)
        return catcher

    return start


@pytest.fixture
async def sender_on(database: Database, stack: AsyncExitStack) -> Start:
    def start(url: str, given: Settings = SETTINGS, timeouts: Timeouts = QUICK) -> Running:
        transport = smtp(url, given, timeouts=timeouts)
        running = Running(database, sending_with(transport), given)
        stack.push_async_callback(running.stop)
        return running

    return start
