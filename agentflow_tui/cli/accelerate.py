"""``agentflow db accelerate``: which indexes, what for, at what price; then, if wanted, made."""

import argparse
import sys
from collections.abc import Sequence

from agentflow_tui.cli.output import say
from agentflow_tui.errors import UsageError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema import accelerators
from agentflow_tui.store.schema.accelerators import ACCELERATORS, PREFIX, Accelerator
from agentflow_tui.store.schema.search_indexes import (
    SEARCHED,
    build_search,
    buildable_searches,
    is_searchable,
    name_of,
)
from agentflow_tui.text import plural, size


async def accelerate(database: Database, options: argparse.Namespace) -> int:
    """Build what is missing, or with ``--drop`` remove what is there. Returns the exit code."""
    if options.drop:
        return await _drop(database)
    missing = accelerators.buildable(database.binding)
    searches = buildable_searches(database.binding) if options.search else []
    count = len(missing) + len(searches)
    if not count and not options.notify:
        say("Every index is there.")
        return 0
    _say_prices(database, missing, searches, notify=options.notify)
    if not options.yes and not _agreed(count):
        return 1
    for place, accelerator in enumerate((*missing, *searches), 1):
        say(f"[{place}/{count}] {accelerator.index} …")
        build = build_search if accelerator in searches else accelerators.build
        await build(database, accelerator)
    for name in accelerators.former(database.binding):
        await accelerators.drop(database, name)
    if options.notify:
        await accelerators.set_notify_triggers(database, enable=True)
    await database.rebind()
    say(f"{plural(count, 'index', 'indexes')} built; --drop removes them.")
    return 0


def _say_prices(
    database: Database,
    missing: Sequence[Accelerator],
    searches: Sequence[Accelerator],
    *,
    notify: bool,
) -> None:
    for accelerator in (*missing, *searches):
        say(f"  {accelerator.index}\n      for {accelerator.purpose}")
        say(f"      {_price(database, accelerator)}")
    if searches:
        say(
            "  the extension pg_trgm, if it is not there\n"
            "      every row that is written pays for the search: inserts take many times as long"
        )
    if notify:
        say(
            "  triggers on " + ", ".join(accelerators.NOTIFYING) + "\n"
            "      consoles and workers hear of other programs' changes at once; "
            "at sixteen writers three quarters of the write throughput go"
        )


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
    binding = database.binding
    there = [
        *(a.index for a in ACCELERATORS if accelerators.is_built(binding, a)),
        *(name_of(table) for table in SEARCHED if is_searchable(binding, table)),
        *accelerators.former(binding),
    ]
    for index in there:
        say(f"removing {index} …")
        await accelerators.drop(database, index)
    say(f"{plural(len(there), 'index', 'indexes')} removed; nothing named {PREFIX}… is left.")
    return 0
