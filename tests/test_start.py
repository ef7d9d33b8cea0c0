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
        (("--version",), 12),
        (("--help",), 12),
        (("list", "users"), 86),
        (("show", "users", "some-id"), 76),
        (("retry", "email_queue", "some-id"), 113),
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


FIRST_ROWS = """
import asyncio, importlib, sys
from agentflow_tui.console.environment import Environment
from agentflow_tui.settings import ConsoleSettings, Context, Settings

async def main(url, view):
    app_module = importlib.import_module("agentflow_tui.console.app")
    often, nowhere = ConsoleSettings(refresh=0.1), {"AGENTFLOW_HOME": "/nowhere"}
    settings = Settings(console=often, environ=nowhere).on(Context(database_url=url))
    env = Environment(settings)
    if view != "overview":  # what comes once rows are painted is not counted, however soon that is
        changes = importlib.import_module("agentflow_tui.console.list.list_changes")
        changes.ListChanges.say_shown = lambda view: None
    app = app_module.ConsoleApp(env, app_module.place_called(view))
    async with app.run_test() as pilot:
        while not app.state.looks or app.query_one(f"#view-{view}").read_at is None:
            await pilot.pause()
        ours = [name for name in sys.modules if name.partition(".")[0] == "agentflow_tui"]
    print(*sorted(ours))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(("view", "ceiling"), [("overview", 131), ("mail", 151)])
def test_the_first_rows_wait_for_no_more_than_is_shown(
    database_url: str, view: str, ceiling: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_ROWS, database_url, view], capture_output=True, text=True
    )
    found = done.stdout.split()
    assert found, done.stderr
    assert len(found) <= ceiling, found
    others = "emails" if view == "overview" else "overview"
    for later in (f"screens.{others}", "details.emails", "commands.help", "dialogs.triage"):
        assert f"agentflow_tui.console.{later}" not in found
