"""What came of a change, as the command line says it: the object to stdout, sentences to stderr."""

import json

from agentflow_tui.cli import INTERRUPTED
from agentflow_tui.cli.output import STDOUT, StdoutError, put, say
from agentflow_tui.cli.streams import abandon_stdout
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.text import number, safe

NAMED = 10
"""Skipped rows that are named one by one; ``--json`` names all of them."""


def put_outcome(outcome: Outcome, **more: object) -> None:
    """The contract's object: to stdout. What cannot be told there is said: the exit code is that
    of what was done."""
    try:
        put(json.dumps({**outcome.as_json(), **more}, ensure_ascii=True))
        STDOUT.flush()
    except StdoutError as error:
        abandon_stdout()
        if not error.is_left:
            say(f"The answer could not be printed: {error}.")


def report(outcome: Outcome, *, as_json: bool, back: str = "") -> int:
    """Say what came of it, and which command line takes it ``back``. Returns the exit code."""
    say(safe(f"{capital(outcome.sentence)}."))
    if as_json:
        put_outcome(outcome)
    else:
        _name_skipped(outcome.skipped)
    if back:
        say(f"To take that back: {back}")
    if outcome.stopped:
        return INTERRUPTED
    return 0 if outcome.matched and outcome.applied == outcome.matched else 1


def _name_skipped(skipped: tuple[tuple[str, str], ...]) -> None:
    for id_, reason in skipped[:NAMED]:
        say(f"  {safe(id_)}  {safe(reason)}")
    if len(skipped) > NAMED:
        say(f"  … and {number(len(skipped) - NAMED)} more; --json names them all")


def capital(words: str) -> str:
    """The words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]
