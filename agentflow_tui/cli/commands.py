"""The commands. Each takes the parsed options and returns an exit code.

What a command needs is imported when it runs: ``agentflow list`` never waits for the console.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from agentflow_tui import settings
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.schema import TABLES, Table, find_table
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import ConnectionOptions, Database
from agentflow_tui.store.connection.urls import masked

Options = argparse.Namespace


def say(message: str) -> None:
    """Something about the data: to stderr."""
    print(message, file=sys.stderr, flush=True)


def put(line: str) -> None:
    """Data: to stdout."""
    print(line)


def _settings(options: Options) -> Settings:
    return settings.load(
        context=options.context, database_url=options.database, read_only=options.read_only
    )


@asynccontextmanager
async def _opened(chosen: Settings, *, seconds: float = 60.0) -> AsyncIterator[Database]:
    """The database in use, for one command; the embedded server where none is configured."""
    from agentflow_tui.embedded import postgres

    server = None
    url = chosen.context.database_url
    if not url:
        server = await asyncio.to_thread(postgres.start, chosen.home)
        url = server.url
    options = ConnectionOptions(
        application="agentflow cli",
        connections=2,
        statement_timeout=seconds,
        read_only=chosen.context.read_only,
        because=chosen.read_only_because,
    )
    database = await Database.open(url, options)
    try:
        yield database
    finally:
        database.close()
        if server is not None:
            server.release()


def _connected(
    chosen: Settings, work: Callable[[Database], Awaitable[int]], *, seconds: float = 60.0
) -> int:
    async def run() -> int:
        async with _opened(chosen, seconds=seconds) as database:
            return await work(database)

    return asyncio.run(run())


def _with_settings(options: Options, work: Callable[[Database, Settings], Awaitable[int]]) -> int:
    chosen = _settings(options)
    return _connected(chosen, lambda database: work(database, chosen))


def _table(name: str) -> Table:
    table = find_table(name)
    if table is None:
        raise UsageError(f"There is no table {name!r}; there are {', '.join(TABLES)}.")
    return table


def console(options: Options) -> int:
    """Open the console."""
    from agentflow_tui.cli.terminal import open_console

    return open_console(_settings(options), screen=options.screen, workers=options.workers)


def demo(options: Options) -> int:
    """Fill the embedded database with sample data, and open the console on it."""
    from agentflow_tui.cli import demo

    return demo.demo(options)


def worker(options: Options) -> int:
    """Run background workers in this process."""
    from agentflow_tui.cli.worker import work

    return work(_settings(options), options.only, drain=options.drain, log_json=options.log_json)


def db(options: Options) -> int:
    """Say which database commands there are."""
    options.parser.print_help(sys.stderr)
    return 2


def db_init(options: Options) -> int:
    """Create the documented tables where they are missing."""
    from agentflow_tui.store.schema.ddl import create_missing_tables

    async def init(database: Database) -> int:
        made = await create_missing_tables(database)
        say(f"Created {', '.join(made)}." if made else "All thirteen tables are there.")
        return 0

    return _connected(_settings(options), init)


def db_uri(options: Options) -> int:
    """Print the URL of the database in use."""
    from agentflow_tui.embedded import postgres

    chosen = _settings(options)
    url = chosen.context.database_url
    if not url:
        with postgres.start(chosen.home) as server:
            url = server.url
    put(url if options.show_password else masked(url))
    return 0


def db_accelerate(options: Options) -> int:
    """Build or drop the optional indexes and triggers."""
    from agentflow_tui.cli.accelerate import accelerate

    return _connected(
        _settings(options), lambda database: accelerate(database, options), seconds=24 * 3600.0
    )


def doctor(options: Options) -> int:
    """Check the set-up."""
    from agentflow_tui.cli.doctor import examine

    return asyncio.run(examine(_settings(options), _opened, as_json=options.json))


def list_rows(options: Options) -> int:
    """List a table, or the kinds of errors."""
    from agentflow_tui.cli.attention import TABLE
    from agentflow_tui.cli.list_rows import print_list
    from agentflow_tui.cli.triage import print_errors

    if options.limit is not None and options.limit < 0:
        raise UsageError("--limit wants a number of rows, 0 or more.")
    if options.table == TABLE:
        return _with_settings(options, lambda db, s: print_errors(db, s, options))
    table = _table(options.table)
    return _with_settings(options, lambda db, s: print_list(db, s, table, options))


def attend(options: Options) -> int:
    """Acknowledge, snooze, claim or wake kinds of errors."""
    from agentflow_tui.cli.triage import decide

    return _with_settings(options, lambda db, s: decide(db, s, options))


def show(options: Options) -> int:
    """Show one row and its relations."""
    from agentflow_tui.cli.show import print_row

    table = _table(options.table)
    return _connected(
        _settings(options),
        lambda database: print_row(database, table, options.id, as_json=options.json),
    )


def _may_write(chosen: Settings, options: Options) -> Settings:
    """The settings, where they allow changes. Raises `AgentflowError` where they do not."""
    if chosen.context.read_only:
        why = "--read-only" if options.read_only else f"the context {chosen.context.name!r}"
        raise AgentflowError(f"Nothing was changed: {why} opens the database read-only.")
    return chosen


def change(options: Options) -> int:
    """Do to rows what a verb says."""
    from agentflow_tui.cli import change, verbs

    request = verbs.request(options, _table(options.table))
    chosen = _may_write(_settings(options), options)
    return _connected(
        chosen,
        lambda database: change.change(database, chosen, request),
        seconds=change.SECONDS,
    )


def undo(options: Options) -> int:
    """Take a change back."""
    from agentflow_tui.cli.undo import take_back

    chosen = _may_write(_settings(options), options)
    return _connected(
        chosen, lambda database: take_back(database, chosen, options.journal, as_json=options.json)
    )


def redo(options: Options) -> int:
    """Do again what was taken back."""
    from agentflow_tui.cli.undo import do_again

    chosen = _may_write(_settings(options), options)
    return _connected(chosen, lambda database: do_again(database, chosen, as_json=options.json))


def completion(options: Options) -> int:
    """Print a completion script."""
    from agentflow_tui.cli.completion import script

    put(script(options.shell))
    return 0


def complete(options: Options) -> int:
    """Print what may follow, for the completion scripts."""
    from agentflow_tui.cli.completion import candidates

    with suppress(UsageError):
        for candidate in candidates(options.words):
            put(candidate)
    return 0
