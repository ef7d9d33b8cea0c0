"""One throw-away PostgreSQL server for the whole run, a database of its own for each test."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from agentflow_tui.embedded import postgres
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests import waiting
from tests.namings import make_tables
from tests.secrets_scan import leaks
from tests.server_place import clear, server_place

_numbers = itertools.count(1)
_LETTERS = str.maketrans("0123456789", "bcdfghjklp")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests that take minutes, too")
    parser.addoption("--update-looks", action="store_true", help="take new pictures of screens")


def pytest_configure() -> None:
    hypothesis.settings.register_profile("no timing", deadline=None)
    hypothesis.settings.load_profile("no timing")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what ends in "&"
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    limit = float(config.getini("timeout") or 0) * waiting.FACTOR
    for item in items:
        if waiting.FACTOR != 1 and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(limit))
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_unconfigure() -> None:
    if os.getpid() == _controller():
        asyncio.run(clear(os.getpid()))


def _controller() -> int:
    """The process that hands out the tests of this run."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Once all tests are over, no log, export, recording or report of theirs holds a secret."""
    yield
    found = list(leaks(tmp_path_factory.getbasetemp()))
    assert not found, "\n".join(found)


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The home of the embedded server that all test processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    place = None if pytestconfig.getoption("--long") else server_place(_controller())
    return (place or (base.parent if is_worker else base)) / "server"


@pytest.fixture(scope="session")
def server(server_home: Path) -> Iterator[str]:
    """URL of a running server, for making databases in. It need not outlive the machine."""
    with postgres.start(server_home, linger=0.5) as running:
        asyncio.run(_execute(running.url, "ALTER SYSTEM SET fsync = off"))
        asyncio.run(_execute(running.url, "SELECT pg_reload_conf()"))
        yield running.url


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


@pytest.fixture(scope="session")
async def template(server: str) -> str:
    """Name of a database that has the documented tables, empty."""
    name = f"template_{os.getpid()}"
    await _execute(server, f'CREATE DATABASE "{name}"')
    database = await Database.open(with_database(server, name))
    await create_missing_tables(database)
    database.close()
    return name


@asynccontextmanager
async def fresh_database(server: str, like: str) -> AsyncIterator[str]:
    # in consonants: the name stands on every screen, where tests look for numbers and words
    name = f"test_{os.getpid()}_{next(_numbers)}".translate(_LETTERS)
    for _ in range(100):
        try:
            await _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{like}" STRATEGY file_copy')
            break
        except asyncpg.ObjectInUseError:
            await asyncio.sleep(0.02)
    yield with_database(server, name)
    # at once: a thousand of them would be ten gigabytes
    await _execute(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
async def database_url(server: str, template: str) -> AsyncIterator[str]:
    """A database with the documented tables, empty, for one test."""
    async with fresh_database(server, template) as url:
        yield url


@pytest.fixture
async def empty_url(server: str) -> AsyncIterator[str]:
    """A database without any table, for one test."""
    async with fresh_database(server, "template0") as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """`database_url`, connected."""
    opened = await Database.open(database_url, ConnectionOptions(application="agentflow tests"))
    yield opened
    opened.close()


@pytest.fixture
async def named(request: pytest.FixtureRequest, empty_url: str) -> AsyncIterator[Database]:
    """A database whose names are of one of the kinds in `tests.namings`."""
    made = await make_tables(empty_url, request.param)
    yield made
    made.close()
