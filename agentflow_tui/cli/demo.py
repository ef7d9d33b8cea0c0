"""``agentflow demo``: an embedded database with sample data, workers, a mail catcher, a console."""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow_tui import clock, settings_file
from agentflow_tui.cli.connection import load_writable
from agentflow_tui.cli.output import say
from agentflow_tui.embedded import postgres
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.settings import Context, Settings, config_path
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.text import plural

SMALL = 2_000
"""Rows in the large tables unless --scale says otherwise."""

MOST = 20_000_000

VENDOR_FILES = "vendor-files"
"""The folder of the home in which the vendors' files of the sample are."""


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("--scale", type=int, metavar="N", help="rows in the large tables")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data")
    parser.add_argument("--reset", action="store_true", help="replace what the database holds")
    parser.add_argument("--no-console", action="store_true", help="fill the database only")


def run(options: argparse.Namespace) -> int:
    """Fill, then open the console unless --no-console. Returns the exit code."""
    own = bool(options.database or options.context)
    chosen = load_writable(options) if own else settings_file.load()
    if own and options.reset:
        raise UsageError("--reset works on the embedded database only; empty your own by hand.")
    if own and chosen.context.production:
        raise UsageError(f"The context {chosen.context.name!r} is production; demo keeps off it.")
    if options.scale is not None and not 100 <= options.scale <= MOST:
        raise UsageError(f"--scale wants 100 to {MOST:,} rows.")
    if own:
        context = Context(name="demo", database_url=chosen.context.database_url)
        chosen = replace(chosen, contexts={}).on(context)
        asyncio.run(_fill(chosen.context.database_url, options, chosen.home, own=True))
        return 0 if options.no_console else _console(chosen, options)
    # No way leads from here to another database: workers of this console have the catcher as relay.
    chosen = replace(chosen, contexts={}, read_only=options.read_only).on(Context(name="demo"))
    with postgres.start(chosen.home, say=say) as server:
        asyncio.run(_fill(server.url, options, chosen.home))
        if options.no_console:
            return 0
        return _console(chosen, options)


def _console(chosen: Settings, options: argparse.Namespace) -> int:
    from agentflow_tui.cli.terminal import open_console
    from agentflow_tui.demo.people import DEMO_KEY

    with demo_services(chosen.home) as services:
        environ = {**chosen.environ, "SMTP_URL": services["smtp"], "IMAP_URL": services["imap"]}
        environ.setdefault("ENCRYPTION_KEY", DEMO_KEY)
        # Only workers that are started from here read settings again: they get the demo's.
        environ["XDG_CONFIG_HOME"] = str(worker_settings(chosen.home, services))
        return open_console(
            replace(chosen, environ=environ),
            screen=options.screen,
            workers=not options.read_only,
            tour=True,
        )


def worker_settings(home: Path, services: dict[str, Any]) -> Path:
    """Write the settings of the demo's workers. Returns what XDG_CONFIG_HOME is to be for them."""
    from agentflow_tui.demo.vendors.pipeline import MONTHLY_GROSS

    folder = home / "demo-settings"
    file = config_path({"XDG_CONFIG_HOME": str(folder.absolute())})
    file.parent.mkdir(parents=True, exist_ok=True)
    checks = {
        **services["sites"],
        "imap": services["imap"].replace("imap://reports:demo@", "tcp://"),
    }
    lines = [f"{json.dumps(name)} = {json.dumps(url)}" for name, url in checks.items()]
    text = ["[insights]", f"monthly_gross = {MONTHLY_GROSS}.0", "", "[workers.checks]", *lines, ""]
    file.write_text("\n".join(text), encoding="utf-8")
    return folder.absolute()


@contextmanager
def demo_services(home: Path) -> Iterator[dict[str, Any]]:
    """What the demo's workers talk to, on this machine: URLs of a mail relay (``smtp``) that keeps
    what it is given and misbehaves by domain, of a mailbox (``imap``), of ``sites`` by check.

    All of it ends with this process, even one that is killed.
    """
    record = home / "caught-mail.jsonl"
    with subprocess.Popen(
        [sys.executable, "-m", "agentflow_tui.demo.services", "--record", str(record)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise AgentflowError(f"The demo's mail relay cannot start; look at {record}.")
            yield json.loads(line)
        finally:
            process.terminate()


async def _fill(url: str, options: argparse.Namespace, home: Path, *, own: bool = False) -> None:
    from agentflow_tui.store.schema.ddl import create_missing_tables
    from agentflow_tui.store.schema.loading import tables_with_rows

    database = await Database.open(
        url, ConnectionOptions(application="agentflow demo", statement_timeout=3600)
    )
    try:
        await create_missing_tables(database)
        held = [] if options.reset else await tables_with_rows(database)
        if held:
            if own:
                raise UsageError(
                    f"This database holds rows already, in {', '.join(held)}. Sample data goes "
                    "into an empty one only; nothing was changed."
                )
            if options.scale:
                raise UsageError(
                    "The embedded database holds data already: --scale fills an empty one, "
                    "and --reset replaces what is there."
                )
            return
        await _load(database, options, home / VENDOR_FILES)
    finally:
        database.close()


async def _load(database: Database, options: argparse.Namespace, folder: Path) -> None:
    from agentflow_tui.demo.sample import sample
    from agentflow_tui.store.schema.loading import delete_all_rows, load_rows

    rows = options.scale or SMALL
    say("Filling the database with sample data …")
    if options.reset:
        shutil.rmtree(folder, ignore_errors=True)
    tables = sample(options.seed, clock.now(), min(rows, SMALL), folder=folder)
    if options.reset:
        await delete_all_rows(database)
    filled = await load_rows(database, tables)
    say(f"  {plural(sum(filled.values()), 'row')} in {plural(len(filled), 'table')}")
    if rows > SMALL:
        from agentflow_tui.demo.bulk_rows import bulk_rows
        from agentflow_tui.store.schema.bulk_rows import add_bulk_rows

        owners = [str(user["id"]) for user in tables["users"]]
        await add_bulk_rows(
            database, bulk_rows(options.seed, clock.now(), rows - SMALL, owners), _progress
        )


def _progress(done: int, total: int, what: str) -> None:
    share = 100 * done // total if total else 100
    end = "\n" if done >= total else ""
    say(f"\r\x1b[K  {what}: {done:,} of {total:,} ({share} %)", end=end)
