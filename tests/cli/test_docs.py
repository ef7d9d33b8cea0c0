"""What the documents show works as written: each command of README and docs/ is run."""

import asyncio
import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from agentflow_tui.cli.parser import parse
from agentflow_tui.store.connection.database import Database
from tests.changes.operating import add_mail
from tests.cli.running import PROGRAM, agentflow, environment
from tests.cli.workflow_files import written
from tests.samples import fill, uid
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SERVICE = ROOT / "docs" / "agentflow-worker.service"

OPENS_THE_CONSOLE = {"agentflow", "agentflow demo", "agentflow --workers"}
"""What is tried at a terminal, by other tests."""


KEY, OLD_KEY = "8f" * 32, "7e" * 32
SECRET = '{"username": "ann", "password": "told to nobody"}'


def shown() -> Iterator[str]:
    """Each command that a page shows, inline, in a block, or within another one."""
    for page in PAGES:
        text = page.read_text()
        yield from re.findall(r"`(agentflow(?: [^`]*)?)`", text)
        yield from re.findall(r"\$\((agentflow [^)`]*)\)", text)
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            yield from re.findall(r"^(agentflow(?: [^#\n]*)?)(?:#.*)?$", block, re.MULTILINE)


def commands() -> list[str]:
    """The same, each once, with and without what stands in brackets."""
    found: dict[str, None] = {}
    for command in map(str.strip, shown()):
        if " · " in command or "  " in command:  # a picture of the console
            continue
        found[re.sub(r" \[[^\]]*\]", "", command)] = None
        found[re.sub(r"[\[\]]", "", command)] = None
    return list(found)


def filled_in(command: str, **said: str) -> list[str]:
    """The words of a command, with values for what stands in capitals."""
    named = {"ID": uid(11), "TEXT": "a test", "FILE": "key", "NAME": "password"}
    named |= {"REPORT": uid(31), "INSIGHT": uid(41), "ADDRESS": "carl@customer.test"}
    named |= {"EXPR": "0 7 * * *"} | said
    words = (word.replace(":ID", f":{named['ID']}") for word in shlex.split(command)[1:])
    return [named.get(word.rstrip("…"), word) for word in words]


def test_the_pages_show_commands() -> None:
    assert len(commands()) > 20


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_documents_is_understood(command: str) -> None:
    assert callable(parse(filled_in(command)).run)


NEED_MORE = {"agentflow credential", "agentflow db"}
"""What is told of with the commands below it."""


def runnable() -> list[str]:
    opening = OPENS_THE_CONSOLE | {c for c in commands() if c.startswith("agentflow demo")}
    return [command for command in commands() if command not in opening | NEED_MORE]


@pytest.mark.parametrize("command", runnable())
async def test_a_command_of_the_documents_does_what_it_says(
    database: Database, command: str, tmp_path: Path
) -> None:
    await fill(database)
    if command.startswith("agentflow credential"):
        assert await run_with_a_secret(command, database, tmp_path) == 0
        return
    report = tmp_path / "stock.csv"
    report.write_text("Stock,Price\nA1,100\nB2,200\n")
    makes = {"create", "check"} & set(command.split())
    file = written(tmp_path) if makes else str(report)
    words = filled_in(command, FILE=file, D="2026-11-01")
    words = [file if word == "cars.yaml" else word for word in words]
    if "schedules" in words:
        words = [uid(21) if word == uid(11) else word for word in words]
    if words[0] == "worker" and "--drain" not in words:
        assert await stopped_worker(words, database.url, tmp_path) == 0
        return
    if words[0] == "undo":
        await agentflow("pause", "workflows", "--all", url=database.url)
    if "distribute" in words:
        settings = tmp_path / "agentflow" / "config.toml"
        settings.parent.mkdir()
        settings.write_text('[distribution.recipients]\nexecutive = "ann@acme.test"\n')
    if words[0] == "revoke":
        sess = {"passport": {"user": {"claims": {"sub": uid(11)}}}}
        async with database.session() as session:
            await session.connection.execute(
                "INSERT INTO sessions VALUES ('its-secret-id', $1, now() + interval '1 day')",
                json.dumps(sess),
            )
    if words == ["db", "accelerate"] or words[0] == "revoke":
        words.append("--yes")  # asked for at a terminal
    if words[0] == "edit" and "--set" not in words:
        words = [uid(12) if word == uid(11) else word for word in words]  # that one is running
        done = await agentflow(*words, url=database.url, home=tmp_path, VISUAL="true")
        assert (done.returncode, done.stderr) == (0, "Nothing was changed.\n")
        return
    if words[0] == "retry":
        await add_mail(database, 1)
        async with database.session() as session:
            await session.connection.execute("UPDATE email_queue SET error = '421 timeout'")
    done = await agentflow(*words, url=database.url, home=tmp_path)
    flawed = {"doctor", "export", "--drain"}  # the samples have problems
    allowed = {0, 1} if flawed & set(words) else {0}
    assert done.returncode in allowed, done.stderr
    assert "Traceback" not in done.stderr


async def run_with_a_secret(command: str, database: Database, tmp_path: Path) -> int:
    """The exit code of a command of the vault, on a credential whose secret is known."""
    async with database.session() as session:
        await session.connection.execute("DELETE FROM credentials")
    file = tmp_path / "key"
    file.write_text(OLD_KEY)
    file.chmod(0o600)

    async def run(words: list[str]) -> CompletedProcess[str]:
        asked = {"add", "edit"} & set(words)  # at a terminal
        return await agentflow(
            *(*words, *(["--stdin"] if asked else [])),
            url=database.url,
            home=tmp_path,
            given=SECRET,
            ENCRYPTION_KEY=KEY,
        )

    added = await run(["credential", "add", "--platform", "vinsolutions", "--label", "Store"])
    assert added.returncode == 0, added.stderr
    (found,) = re.findall(r"[0-9a-f-]{36}", added.stdout)[:1]
    done = await run(filled_in(command, ID=found, FILE=str(file), P="autotrader", L="Other"))
    assert "Traceback" not in done.stderr
    return done.returncode


async def stopped_worker(words: list[str], url: str, home: Path) -> int:
    """The exit code of a worker that is stopped once it works."""
    log = home / "log"
    with log.open("w") as stderr:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, *words, env=environment(url, home), stdout=stderr, stderr=stderr
        )
        await until(lambda: log.read_text().count("\n") > 0, state=log.read_text)
        process.send_signal(signal.SIGTERM)
        return await process.wait()


def test_the_service_file_is_installed_as_it_says(tmp_path: Path) -> None:
    """In a folder that stands for the root, and by this user."""
    lines = re.findall(r"^#   (install .*)$", SERVICE.read_text(), re.MULTILINE)
    assert lines
    for line in lines:
        line = line.replace("/etc/", f"{tmp_path}/etc/").replace(" -o agentflow", "")
        subprocess.run(shlex.split(line), check=True)
    text = SERVICE.read_text()
    for name in re.findall(r"(/etc/agentflow/[\w./]*(?:env|toml))", text):
        assert (tmp_path / name.removeprefix("/")).exists(), name
    start = re.search(r"^ExecStart=\S*/(agentflow .*)$", text, re.MULTILINE)
    assert start is not None
    assert callable(parse(start[1].split()[1:]).run)


PATHS = re.compile(r"`((?:agentflow_tui|docs|tests|styles|benchmarks)/[\w./]*|\w+(?:/\w+)*\.py)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    missing = [
        name
        for name in PATHS.findall(page.read_text())
        if not (ROOT / name).exists() and not (ROOT / "agentflow_tui" / name).exists()
    ]
    assert not missing


async def test_the_example_of_a_workflow_is_made_run_and_found(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "steps.md").read_text()
    example, commands = re.findall(r"^```(?:yaml)?\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[:2]
    (tmp_path / "cars.yaml").write_text(example)
    monkeypatch.chdir(tmp_path)
    said = ""
    for line in commands.splitlines():
        words = shlex.split(line.partition("#")[0])[1:]
        done = await agentflow(*words, url=database.url, home=tmp_path)
        assert done.returncode == 0, done.stderr
        said = done.stdout
    assert "2 cars of North store stay too long" in said
