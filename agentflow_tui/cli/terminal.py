"""Opening the console in this terminal."""

import os
import sys

from agentflow_tui.cli.first_frame import first_frame
from agentflow_tui.errors import UsageError
from agentflow_tui.gc_pause import gc_paused
from agentflow_tui.settings import Settings


def open_console(
    settings: Settings, *, screen: str | None, workers: bool = False, tour: bool = False
) -> int:
    """Run the console until it is left; ``tour``: offer the one of the sample data, if it has not
    been. Returns the exit code.

    Raises `UsageError` where there is no terminal, or no such screen.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The console needs a terminal; 'agentflow list' prints to a pipe.")
    if not sys.stderr.isatty():  # which is where Textual draws
        raise UsageError("The console draws on stderr; do not redirect it.")
    if os.environ.get("TERM", "") in {"", "dumb"}:
        raise UsageError("The console needs a terminal that can move its cursor; set TERM.")
    with first_frame():
        with gc_paused():
            from agentflow_tui.console.launch import launch

        return launch(settings, screen=screen, workers=workers, tour=tour)
