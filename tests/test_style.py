"""What the project promises about its own source."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentflow_tui.console.screens.catalogue import VIEWS
from agentflow_tui.operations.registry import VERBS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "agentflow_tui"
SOURCES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    {"cli", "console"},
    {"operations", "workers"},
    {"steps", "mail", "vault", "demo"},
    {"store"},
    {"embedded"},
)
"""From the top down; everything else is at the bottom. A module may use its own layer and below."""

EXCEPTIONS = {
    ("demo", "cli"): "python -m agentflow_tui.demo.catcher is a program of its own",
    ("cli", "console"): "the command line opens the console",
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "agentflow_tui":
                yield from (f"agentflow_tui.{alias.name}" for alias in node.names)


def layer(name: str) -> int:
    return next((place for place, names in enumerate(LAYERS) if name in names), len(LAYERS))


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down_the_layers(path: Path) -> None:
    own = part(path)
    for name in imports(path):
        if not name.startswith("agentflow_tui."):
            continue
        other = name.split(".")[1]
        if other == own or (own, other) in EXCEPTIONS or own == "__main__":
            continue
        assert layer(other) >= layer(own), f"{own} imports {name}"
        assert not (own == "console" and name.startswith("agentflow_tui.workers"))


def test_only_the_console_knows_textual_and_only_the_store_knows_the_driver() -> None:
    for path in SOURCES:
        for name in imports(path):
            if name.split(".")[0] == "textual":
                assert part(path) == "console", path
            if name.split(".")[0] == "asyncpg":
                assert part(path) in {"store", "workers"}, path


def test_colours_are_names_outside_the_theme() -> None:
    for path in [*SOURCES, *(ROOT / "styles").glob("*.tcss")]:
        if path.name != "theme.py":
            assert not re.search(r"[\"' ]#[0-9a-fA-F]{6}\b", path.read_text()), path


def test_sql_stands_in_the_store() -> None:
    statement = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE .+ SET|DELETE FROM)\b")
    for path in SOURCES:
        if part(path) in {"store", "demo"} or path.name in {"menus.py", "keeper.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not statement.search(node.value), f"{path}: {node.value[:60]}"


def test_verbs_are_documented_and_their_ids_and_keys_unique_in_a_scope() -> None:
    ids = [verb.id for verb in VERBS]
    assert len(ids) == len(set(ids))
    assert all(verb.about.endswith(".") and verb.title for verb in VERBS)
    keys = [(verb.scope, key) for verb in VERBS for key in verb.keys.split(",")]
    assert len(keys) == len(set(keys))


def test_every_screen_has_a_view() -> None:
    assert {"overview", "workflows", "mail", "schedules", "reports", "health"} <= set(VIEWS)


@pytest.mark.parametrize("command", [["--version"], ["list", "--help"], ["completion", "bash"]])
def test_the_command_line_starts_without_the_heavy_modules(command: list[str]) -> None:
    code = (
        "import sys; from agentflow_tui.cli.main import main\n"
        f"try: main({command!r})\nexcept SystemExit: pass\n"
        "heavy = {'textual', 'croniter', 'cryptography', 'httpx', 'aiosmtplib', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
