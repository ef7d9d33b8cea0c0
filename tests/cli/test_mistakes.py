"""A script's mistake changes nothing: empty arguments, closed and full streams, ids as typed."""

import asyncio
import json
import shlex
import subprocess
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.cli.commands import all_commands
from agentflow_tui.cli.main import main
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail, states
from tests.cli.running import PROGRAM, agentflow, environment
from tests.samples import fill, uid

LINES = (
    "undo {id}",
    "redo",
    "retry email_queue {id}",
    "retry email_queue {id} --dry-run",
    "priority email_queue {id} --to 5",
    "edit emails {id} --set subject=x",
    "delete workflows --all",
    "retry email_queue --where status:failed",
    "snooze errors {id} --until 2h",
    "acknowledge errors {id}",
    "list users word --sort email",
    "show users {id}",
    "story users {id}",
    "credential reveal {id}",
    "report import {id} --vendor v --type t",
    "create workflow {id} --run",
    "check {id}",
    "insight generate {id}",
    "export workflows {id}",
    "clone workflows {id} --run",
    "steps schema",
    "cron @daily --zone UTC",
    "worker --only sender",
    "demo --scale 100",
    "db uri",
    "completion bash",
    "doctor",
)
"""A line for each way in which words are taken."""


@settings(deadline=None, max_examples=150)
@given(line=st.sampled_from(LINES), place=st.integers(0, 8), empty=st.sampled_from(["", " ", "\t"]))
def test_an_empty_argument_anywhere_is_wrong_usage(line: str, place: int, empty: str) -> None:
    words = line.format(id=uid(71)).split()
    words.insert(min(place, len(words)), empty)
    assert main(["--database", "postgresql://nobody@127.0.0.1:1/none", *words]) == 2


@pytest.mark.parametrize("option", ["--to=", "--set=", "--until=", "--context=", "--sort="])
def test_an_empty_value_behind_an_equals_sign_is_wrong_usage(option: str) -> None:
    assert main(["priority", "email_queue", uid(71), option]) == 2


async def test_an_unset_variable_takes_nothing_back(database: Database) -> None:
    (mail,) = await add_mail(database, 1)
    await agentflow("retry", "email_queue", mail, url=database.url)
    done = await agentflow("undo", "", url=database.url)
    assert (done.returncode, "is empty" in done.stderr) == (2, True)
    assert await states(database) == {"pending": 1}


def test_every_command_stands_in_a_line() -> None:
    """So that a new one is tried with an empty argument, too: those made alike stand for others."""
    alike = {"claim": "acknowledge", "wake": "acknowledge", "list": "list"}
    tried = {line.split()[0] for line in LINES}
    verbs = {name for name, command in all_commands().items() if command.module == "change"}
    assert {alike.get(name, name) for name in all_commands()} - verbs <= tried


async def in_a_shell(line: str, url: str) -> "subprocess.CompletedProcess[str]":
    """A line of a shell, in which ``agentflow`` is this program."""
    program = shlex.join(PROGRAM)
    return await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", f'agentflow() {{ {program} "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        env=environment(url),
        timeout=60,
    )


STREAMS = ("", ">&-", "<&-", "2>&-", ">/dev/full", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-")


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("more", ["", "--json"])
async def test_a_change_is_told_or_not_done_or_exits_by_what_was_done(
    database: Database, streams: str, more: str
) -> None:
    (mail,) = await add_mail(database, 1)
    done = await in_a_shell(f"agentflow retry email_queue {mail} {more} {streams}", database.url)
    changed = await states(database) == {"pending": 1}
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == (0 if changed else 1)
    if "2>" not in streams and not changed:
        assert "Nothing was done" in done.stderr


PRINTING = (
    "list users --json",
    "list users",
    "list users --csv",
    "show users ann",
    "doctor",
    "list errors",
    "--version",
    "--help",
    "db uri",
    "completion zsh",
)


@pytest.mark.parametrize("command", PRINTING)
async def test_what_prints_says_that_it_could_not(database: Database, command: str) -> None:
    await fill(database)
    full = await in_a_shell(f"agentflow {command} >/dev/full", database.url)
    assert (full.returncode, full.stderr) == (
        1,
        "agentflow: Not all could be printed: No space left on device.\n",
    )
    closed = await in_a_shell(f"agentflow {command} >&-", database.url)
    assert "Traceback" not in closed.stderr
    assert closed.returncode in {0, 1}


@pytest.mark.parametrize("streams", ["<&-", "2>&-", "2>/dev/full", "<&- 2>&-"])
async def test_what_is_read_by_a_program_needs_no_other_stream(
    database: Database, streams: str
) -> None:
    await fill(database)
    done = await in_a_shell(f"agentflow list users --json {streams}", database.url)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        lambda id_: id_.replace("-", ""),
        lambda id_: f"{{{id_}}}",
        lambda id_: id_.upper().replace("-", ""),
    ],
)
async def test_an_id_is_compared_as_the_database_compares_it(
    database: Database, spell: "type[str]"
) -> None:
    (mail,) = await add_mail(database, 1)
    done = await agentflow(
        "retry", "email_queue", spell(mail), mail, "--expect", "1", "--json", url=database.url
    )
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["matched"], answer["applied"]) == (0, 1, 1)


async def test_ids_that_are_not_there_are_named_each_once(database: Database) -> None:
    gone = str(uuid4())
    done = await agentflow("retry", "email_queue", gone, gone.upper(), "--json", url=database.url)
    assert json.loads(done.stdout)["skipped"] == [{"id": gone, "reason": "is not there"}]
