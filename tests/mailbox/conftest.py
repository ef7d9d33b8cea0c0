"""A mailbox on a real IMAP server, and what a step may reach."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mail.certificates import Authority, make_authority
from tests.mailbox.imap_server import ImapServer, imap_server


@pytest.fixture(scope="session")
def imap_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def imap(imap_authority: Authority) -> AsyncIterator[ImapServer]:
    async with imap_server(imap_authority) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
