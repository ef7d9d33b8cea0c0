"""``agentflow``: what was asked for, done, and an exit code that says how it went.

0 done, 1 a problem was found, 2 wrong usage, 3 the database cannot be reached, 130 interrupted.
Data goes to stdout, everything said about it to stderr.
"""

import os
import sys
from collections.abc import Sequence

from agentflow_tui.cli import INTERRUPTED
from agentflow_tui.errors import AgentflowError, FilterError
from agentflow_tui.gc_pause import gc_paused
from agentflow_tui.text import cell_width, safe


def run() -> None:
    """The console script. Leaves the process with the exit code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Carry out one command. Returns the exit code; prints one sentence for what went wrong."""
    with gc_paused():
        from agentflow_tui.cli.parser import parse
    try:
        options = parse(arguments)
        code: int = options.run(options)
        sys.stdout.flush()
    except AgentflowError as error:
        print(f"agentflow: {error}", file=sys.stderr)
        if isinstance(error, FilterError) and error.text:
            print(underlined(error), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; what Python still holds goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def underlined(error: FilterError) -> str:
    """A filter, with its mistake underlined on the next line."""
    text, start, end = error.text, error.start, error.end
    before, mistake, after = safe(text[:start]), safe(text[start:end]), safe(text[end:])
    under = " " * cell_width(before) + "^" * max(1, cell_width(mistake))
    return f"  {before}{mistake}{after}\n  {under}"
