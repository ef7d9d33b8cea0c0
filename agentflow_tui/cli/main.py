"""``agentflow``: what was asked for, done, and an exit code that says how it went.

0 done, 1 a problem was found, 2 wrong usage, 3 the database cannot be reached, 130 interrupted.
Data goes to stdout, everything said about it to stderr.
"""

import resource
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from agentflow_tui.cli import INTERRUPTED
from agentflow_tui.cli.output import STDOUT, StdoutError, say
from agentflow_tui.cli.streams import abandon_stdout, reserve_streams
from agentflow_tui.errors import AgentflowError, FilterError
from agentflow_tui.gc_pause import gc_paused
from agentflow_tui.text import cell_width, safe

if TYPE_CHECKING:
    import argparse


def run() -> None:
    """The console script. Leaves the process with the exit code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Carry out one command. Returns the exit code; prints one sentence for what went wrong."""
    reserve_streams()
    try:
        code = _run(arguments)
        STDOUT.flush()
    except StdoutError as error:
        abandon_stdout()
        if error.is_left:
            return 0
        say(f"agentflow: Not all could be printed: {error}.")
        return 1
    return code


def _switch_core_dumps_off() -> None:
    """Leave no core dump, which would hold keys and secrets, of this process and its children."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _run(arguments: Sequence[str]) -> int:
    try:
        _switch_core_dumps_off()
        with gc_paused():
            from agentflow_tui.cli.parser import parse, refuse_empty

            refuse_empty(arguments)
            options = parse(arguments)
        code = _do(options)
    except AgentflowError as error:
        say(f"agentflow: {error}")
        if isinstance(error, FilterError) and error.text:
            say(underlined(error))
        return error.exit_code
    except SystemExit as leaving:  # the parser has printed its help, or the version
        return leaving.code if isinstance(leaving.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _do(options: "argparse.Namespace") -> int:
    """Carry out what was typed, with a profile where one is wanted. Returns the exit code."""
    run: Callable[[argparse.Namespace], int] = options.run
    if options.profile is None:
        return run(options)
    from agentflow_tui.cli.profile import profiled

    with profiled(options.profile):
        return run(options)


def underlined(error: FilterError) -> str:
    """A filter, with its mistake underlined on the next line."""
    text, start, end = error.text, error.start, error.end
    before, mistake, after = safe(text[:start]), safe(text[start:end]), safe(text[end:])
    under = " " * cell_width(before) + "^" * max(1, cell_width(mistake))
    return f"  {before}{mistake}{after}\n  {under}"
