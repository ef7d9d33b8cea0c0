"""``agentflow credential rotate-key``: first what would be done, then the question, then it."""

import argparse
import sys
from collections import Counter

from agentflow_tui.cli.connection import connected, load_writable
from agentflow_tui.cli.outcomes import put_outcome
from agentflow_tui.cli.output import say
from agentflow_tui.cli.progress import progress
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.key_rotation import (
    VERB,
    KeyRotation,
    RotationResult,
    RotationSurvey,
    plan_rotation,
    rotate,
    survey,
)
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.secrets import TABLE
from agentflow_tui.text import number, plural, safe
from agentflow_tui.vault.keys import read_key_file, read_keyring

NAMED = 10
"""Rows that are named one by one; ``--json`` names all of them."""


def run_rotate_key(options: argparse.Namespace) -> int:
    """Write every secret anew. Returns 0 only where none is left under another key."""
    settings = load_writable(options)
    old = read_key_file(options.old_key_file, "--old-key-file") if options.old_key_file else None
    rotation = plan_rotation(
        read_keyring(settings.environ),
        old,
        upgrade=options.upgrade,
        unauthenticated=options.unauthenticated,
    )
    return connected(settings, lambda database: _rotate(database, settings, rotation, options))


async def _rotate(
    database: Database, settings: Settings, rotation: KeyRotation, options: argparse.Namespace
) -> int:
    if refused := database.read_only_reason(TABLE):
        raise AgentflowError(f"Nothing was changed: {refused}.")
    found = await survey(database, rotation)
    _say_plan(found, rotation)
    if options.dry_run or not found.to_do:
        _put(options, found, RotationResult())
        return 1 if found.stuck else 0
    if not options.yes and not _agreed(found):
        say("Nothing was changed.")
        return 1
    total = number(found.to_do)
    with progress(lambda done: f"{number(done)} of {total} written anew …") as told:
        result = await rotate(OperationContext.of(database, settings), rotation, told)
    left = await survey(database, rotation)
    _say_result(result, left)
    _put(options, left, result)
    return 1 if left.remaining else 0


def _say_plan(found: RotationSurvey, rotation: KeyRotation) -> None:
    say(
        f"{plural(found.to_do, 'secret')} will be written anew under {rotation.present_key.name}, "
        f"{number(found.done)} are under it already."
    )
    if rotation.upgrade:
        say("Afterwards only this program can read them; AgentFlow's backend cannot.")
    else:
        say("Each keeps its format: whoever has the new key reads it as before.")
    if found.clear:
        say(f"{plural(found.clear, 'secret')} in the clear stay as they are; --upgrade encrypts.")
    _say_stuck(found.stuck)


def _say_stuck(stuck: list[tuple[str, str]]) -> None:
    if not stuck:
        return
    say(f"{plural(len(stuck), 'secret')} cannot be written anew:")
    for why, count in Counter(why for _, why in stuck).most_common():
        say(f"  {number(count):>7}  {safe(why, 500)}")
    for id_, _ in stuck[:NAMED]:
        say(f"  {safe(id_)}")
    if len(stuck) > NAMED:
        say(f"  … and {number(len(stuck) - NAMED)} more; --json names them all")


def _agreed(found: RotationSurvey) -> bool:
    """Whether it shall be done. Raises `UsageError` without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError("Nothing was changed: nobody can be asked here; say --yes for it.")
    say(f"Type {number(found.to_do)} to go on; anything else leaves all as it is.")
    return sys.stdin.readline().strip().replace(",", "") == str(found.to_do)


def _say_result(result: RotationResult, left: RotationSurvey) -> None:
    say(f"{plural(result.applied, 'secret')} written anew.")
    for id_, why in list(result.refused.items())[:NAMED]:
        say(f"  {safe(id_)}  {safe(why, 500)}")
    if left.remaining:
        _say_stuck(left.stuck)
        say(
            f"Not finished: {plural(left.remaining, 'secret')} left under another key. "
            "Keep the old key, and run this again."
        )
    else:
        say("No secret is left under another key.")


def _put(options: argparse.Namespace, left: RotationSurvey, result: RotationResult) -> None:
    """The contract's object, where it was asked for."""
    if not options.json:
        return
    skipped = dict(left.stuck) | result.refused
    outcome = Outcome(
        verb=VERB,
        table=TABLE,
        past="written anew",
        matched=left.remaining + result.applied,
        applied=result.applied,
        skipped=tuple(skipped.items()),
        journal=result.journal,
    )
    put_outcome(outcome, **({"dry_run": True} if options.dry_run else {}))
