"""Homes for the embedded server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentflow_tui.embedded.account import account_for
from agentflow_tui.embedded.postgres import keeper_pid, start
from tests.embedded.processes import (
    copy_to,
    new_home,
)
from tests.stopping import stop_now
from tests.waiting import until_sync


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A home whose cluster was made once for all tests here."""
    with new_home() as home:
        start(home, linger=0).release()
        until_sync(lambda: keeper_pid(home) is None)
        yield home


@pytest.fixture
def home(cluster: Path) -> Iterator[Path]:
    """That home, with nothing running."""
    yield cluster
    stop_now(cluster)


@pytest.fixture
def copy(cluster: Path) -> Iterator[Path]:
    """A home of its own with a copy of that cluster, to be moved or spoiled."""
    with new_home() as home:
        copy_to(home, cluster, account_for(cluster))
        yield home


@pytest.fixture
def fresh() -> Iterator[Path]:
    with new_home() as home:
        yield home
