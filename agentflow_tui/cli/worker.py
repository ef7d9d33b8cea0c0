"""``agentflow worker``: background workers in this process."""

import argparse

from agentflow_tui.cli.connection import load_settings
from agentflow_tui.errors import UsageError
from agentflow_tui.settings import Settings

ROLES = ("scheduler", "sender", "runner", "monitor")


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """What can be said with it."""
    parser.add_argument("--only", metavar="ROLES", help=",".join(ROLES))
    parser.add_argument("--drain", action="store_true", help="leave when nothing is due")
    parser.add_argument("--log-json", action="store_true", help="log JSON lines")


def run(options: argparse.Namespace) -> int:
    """Run background workers in this process."""
    chosen = load_settings(options)
    return work(chosen, options.only, drain=options.drain, log_json=options.log_json)


def roles(only: str | None) -> tuple[str, ...]:
    """The roles that were asked for, all of them by default. Raises `UsageError`."""
    if only is None:
        return ROLES
    chosen = tuple(name.strip() for name in only.split(",") if name.strip())
    unknown = [name for name in chosen if name not in ROLES]
    if unknown or not chosen:
        raise UsageError(f"--only wants some of {', '.join(ROLES)}, separated by commas.")
    return chosen


def work(settings: Settings, only: str | None, *, drain: bool, log_json: bool) -> int:
    """Work until stopped, or with ``drain`` until nothing is due. Returns the exit code."""
    from agentflow_tui.workers.supervisor import main

    chosen = roles(only)
    if settings.context.read_only:
        raise UsageError("Workers write, and this context is read-only.")
    if not settings.embedded:
        return main(settings, settings.context.database_url, chosen, drain, log_json)
    from agentflow_tui.embedded import postgres

    with postgres.start(settings.home) as server:
        return main(settings, server.url, chosen, drain, log_json)
