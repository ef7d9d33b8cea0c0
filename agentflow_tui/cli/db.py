"""``agentflow db``: look after the database."""

import argparse
import sys
from typing import Any

from agentflow_tui.cli.connection import connected, load_settings
from agentflow_tui.cli.output import put, say
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.urls import masked

A_DAY = 24 * 3600.0


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """The commands below this one, and their options."""
    parser.set_defaults(run=run, parser=parser)
    below = parser.add_subparsers(title="commands", metavar="")
    _add(below, "init", init, "Create the documented tables where they are missing.")
    shown = _add(below, "uri", uri, "Print the URL of the database in use.")
    shown.add_argument("--show-password", action="store_true", help="do not mask the password")
    built = _add(below, "accelerate", accelerate, "Build optional indexes, after saying which.")
    built.add_argument("--drop", action="store_true", help="remove them again")
    built.add_argument("--search", action="store_true", help="indexes that find words, too")
    built.add_argument("--notify", action="store_true", help="triggers that announce changes")
    built.add_argument("--yes", action="store_true", help="do not ask")


def _add(below: Any, name: str, command: Any, about: str) -> argparse.ArgumentParser:
    from agentflow_tui.cli.parser import add_shared

    parser: argparse.ArgumentParser = below.add_parser(name, help=about, description=about)
    parser.set_defaults(run=command)
    add_shared(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Say which database commands there are."""
    options.parser.print_help(sys.stderr)
    return 2


def init(options: argparse.Namespace) -> int:
    """Create the documented tables where they are missing."""
    from agentflow_tui.store.schema.ddl import create_missing_tables

    async def create(database: Database) -> int:
        made = await create_missing_tables(database)
        say(f"Created {', '.join(made)}." if made else "All thirteen tables are there.")
        return 0

    return connected(load_settings(options), create)


def uri(options: argparse.Namespace) -> int:
    """Print the URL of the database in use."""
    from agentflow_tui.embedded import postgres

    chosen = load_settings(options)
    url = chosen.context.database_url
    if not url:
        with postgres.start(chosen.home) as server:
            url = server.url
    put(url if options.show_password else masked(url))
    return 0


def accelerate(options: argparse.Namespace) -> int:
    """Build or drop the optional indexes and triggers."""
    from agentflow_tui.cli import accelerate as indexes

    return connected(
        load_settings(options),
        lambda database: indexes.accelerate(database, options),
        seconds=A_DAY,
    )
