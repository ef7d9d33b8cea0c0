"""``python -m agentflow_tui.workers``: the workers of the configured database, as the console's
child process and the tests start them."""

import argparse
import sys
from collections.abc import Sequence

from agentflow_tui import settings_file
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.workers.supervisor import ROLES, main


def run(words: Sequence[str]) -> int:
    """Read flags, environment and settings file, and work. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m agentflow_tui.workers")
    parser.add_argument("--only", default="", help=f"of {','.join(ROLES)}; all by default")
    parser.add_argument("--drain", action="store_true", help="end once nothing is due")
    parser.add_argument("--json", action="store_true", help="log JSON lines")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when standard input ends"
    )
    given = parser.parse_args(words)
    try:
        loaded = settings_file.load()
        if loaded.embedded:
            raise UsageError("Set AGENTFLOW_DATABASE_URL to the database to work on.")
    except AgentflowError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return main(
        loaded,
        loaded.context.database_url,
        [name for name in given.only.split(",") if name],
        drain=given.drain,
        log_json=True if given.json else None,
        exit_with_parent=given.exit_with_parent,
    )


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
