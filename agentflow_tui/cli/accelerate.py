"""``agentflow db accelerate``: which indexes, what for, at what price; then, if wanted, made."""

import argparse
import sys

from agentflow_tui.cli.output import say
from agentflow_tui.errors import UsageError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema import accelerators
from agentflow_tui.store.schema.accelerators import ACCELERATORS, PREFIX, Accelerator
from agentflow_tui.text import plural, size


async def accelerate(database: Database, options: argparse.Namespace) -> int:
    """Build what is missing, or with ``--drop`` remove what is there. Returns the exit code."""
    if options.drop:
        return await _drop(database)
    missing = accelerators.buildable(database.binding)
    for accelerator in missing:
        say(f"  {accelerator.index}\n      for {accelerator.purpose}")
        say(f"      {_price(database, accelerator)}")
    if options.notify:
        say(
            "  triggers on " + ", ".join(accelerators.NOTIFYING) + "\n"
            "      consoles and workers hear of other programs' changes at once; "
            "at sixteen writers three quarters of the write throughput go"
        )
    if not missing and not options.notify:
        say("Every index is there.")
        return 0
    if not options.yes and not _agreed(len(missing)):
        return 1
    for place, accelerator in enumerate(missing, 1):
        say(f"[{place}/{len(missing)}] {accelerator.index} …")
        await accelerators.build(database, accelerator)
    for index in accelerators.former(database.binding):
        await accelerators.drop(database, index)
    if options.notify:
        await accelerators.set_notify_triggers(database, enable=True)
    await database.rebind()
    say(f"{plural(len(missing), 'index', 'indexes')} built; --drop removes them.")
    return 0


def _price(database: Database, accelerator: Accelerator) -> str:
    rows = database.binding.tables[accelerator.table].rows
    most = size(int(rows * accelerator.bytes_per_row))
    exact = "about" if accelerator.covers == "all rows" else "at most"
    return f"covers {accelerator.covers}, {exact} {most}, one more index for writers to keep"


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Nothing was built: say --yes where nobody can be asked.")
    say(f"Build {plural(count, 'index', 'indexes')} now, without blocking? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


async def _drop(database: Database) -> int:
    await accelerators.set_notify_triggers(database, enable=False)
    there = [a for a in ACCELERATORS if accelerators.is_built(database.binding, a)]
    for accelerator in there:
        say(f"removing {accelerator.index} …")
        await accelerators.drop(database, accelerator.index)
    for index in accelerators.former(database.binding):
        await accelerators.drop(database, index)
    say(f"{plural(len(there), 'index', 'indexes')} removed; nothing named {PREFIX}… is left.")
    return 0
