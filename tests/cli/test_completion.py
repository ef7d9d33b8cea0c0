"""Tab in the real shells, and what it offers."""

from pathlib import Path

import pytest

from agentflow_tui.cli.candidates import candidates
from agentflow_tui.cli.commands import all_commands
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail
from tests.cli.running import agentflow
from tests.cli.shells import SHELLS, running_shell

LINES = (
    ("agentflow li", "agentflow list "),
    ("agentflow list work", "agentflow list workflows "),
    ("agentflow requ", "agentflow requeue "),
    ("agentflow retry em", "agentflow retry email_queue "),
    ("agentflow retry emailQueue --where st", "agentflow retry emailQueue --where status:"),
    ("agentflow list email_q", "agentflow list email_queue "),
    ("agentflow ackn", "agentflow acknowledge "),
    ("agentflow acknowledge e", "agentflow acknowledge errors "),
    ("agentflow list workflows status:pau", "agentflow list workflows status:paused "),
    ("agentflow list email_queue -stat", "agentflow list email_queue -status:"),
    ("agentflow list email_queue doma", "agentflow list email_queue domain:"),
    ("agentflow list email_queue age", "agentflow list email_queue age:"),
    ("agentflow list users --colu", "agentflow list users --columns "),
    ("agentflow reset workflows --t", "agentflow reset workflows --to "),
    ("agentflow edit emails --set sub", "agentflow edit emails --set subject="),
    ("agentflow db acc", "agentflow db accelerate "),
    ("agentflow worker --only sched", "agentflow worker --only scheduler "),
)


@pytest.mark.parametrize("name", SHELLS)
async def test_tab_in_a_real_shell(name: str, tmp_path: Path) -> None:
    async with running_shell(name, tmp_path) as shell:
        for typed, wanted in LINES:
            await shell.completes(typed, wanted)


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize("quote", ['"', "'"])
async def test_tab_inside_quotes(name: str, quote: str, tmp_path: Path) -> None:
    start = f"agentflow retry email_queue --where {quote}"
    async with running_shell(name, tmp_path) as shell:
        await shell.completes(f"{start}prior", f"{start}priority:")
        wanted = f"{start}attempts:>3 status:failed{quote} "
        await shell.completes(f"{start}attempts:>3 status:fai", wanted)


@pytest.mark.parametrize("name", SHELLS)
async def test_tab_completes_ids(name: str, tmp_path: Path, database: Database) -> None:
    (mail,) = await add_mail(database, 1)
    async with running_shell(name, tmp_path, database.url) as shell:
        for command in ("show", "retry"):
            start = f"agentflow {command} email_queue {mail[:6]}"
            await shell.completes(start, f"agentflow {command} email_queue {mail} ")


def test_every_command_is_offered() -> None:
    assert set(candidates([], "")) >= set(all_commands())
    assert "__complete" not in candidates([], "")


@pytest.mark.parametrize("command", [name for name in all_commands() if name != "demo"])
async def test_what_is_offered_is_taken(command: str) -> None:
    """No option is offered where it is an error."""
    offered = candidates([command], "--")
    assert "--screen" not in offered
    help_ = (await agentflow(command, "--help")).stdout
    assert all(option in help_ for option in offered)


@pytest.mark.parametrize("command", ["list", "retry", "hold"])
def test_what_a_filter_may_say_is_offered(command: str) -> None:
    before = [command, "email_queue", *(["--where"] if command != "list" else [])]
    offered = set(candidates(before, ""))
    assert offered >= {"status:", "age:", "domain:", "attempts:"}
    negated = set(candidates([command, "email_queue", "--where"], "status:failed -st"))
    assert command == "list" or "status:failed -status:" in negated


def test_an_option_that_has_its_value_is_not_asked_for_it_again() -> None:
    assert candidates(["list", "users", "--sort", "email"], "--so") == ["--sort"]
    assert "email" in candidates(["list", "users", "--sort"], "em")
    assert "-email" in candidates(["list", "users", "--sort"], "-e")
    assert candidates(["list", "users", "--columns"], "id,em") == ["id,email"]
    assert candidates(["--database", "x", "list"], "usr") == []
    assert candidates(["--database", "x", "list"], "user") == ["users"]
