"""Only what a command needs is imported: counted in modules of ours, which no load changes."""

import subprocess
import sys

import pytest

COUNT = """
import sys
from agentflow_tui.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
ours = [name for name in sys.modules if name.partition(".")[0] == "agentflow_tui"]
print(len(ours), *sorted(ours), file=sys.stderr)
"""
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def imported(*arguments: str) -> list[str]:
    """The modules of ours that a command imports, up to a database that does not answer."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *arguments],
        capture_output=True,
        text=True,
        env={"AGENTFLOW_DATABASE_URL": NOWHERE, "HOME": "/nowhere", "PATH": ""},
    )
    _, *names = done.stderr.splitlines()[-1].split()
    return names


@pytest.mark.parametrize(
    ("arguments", "ceiling"),
    [
        (("--version",), 8),
        (("list", "users"), 60),
        (("show", "users", "some-id"), 60),
        (("retry", "email_queue", "some-id"), 92),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_imports_no_more_than_it_needs(arguments: tuple[str, ...], ceiling: int) -> None:
    found = imported(*arguments)
    assert len(found) <= ceiling, found


@pytest.mark.parametrize("command", ["list", "show", "doctor", "worker"])
def test_what_changes_no_rows_builds_no_operation(command: str) -> None:
    found = imported(command, "--help")
    assert not [name for name in found if name.startswith("agentflow_tui.operations")]
