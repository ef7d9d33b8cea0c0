"""What the project promises about its own source."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from agentflow_tui.console.catalogue import VIEWS, list_screen, make_view
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.keys import KEYS
from agentflow_tui.console.list.detail import Detail
from agentflow_tui.schema import TABLES
from agentflow_tui.settings import Settings

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "agentflow_tui"
STILL_TWICE: set[str] = set()
"""Public class names that may stand twice. It only shrinks."""
SOURCES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_import_contracts_of_the_project_are_kept() -> None:
    """Layers, rooms, roles, circles, who knows the driver and Textual: see ``pyproject.toml``."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def defined_in(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text()).body


def test_a_public_class_name_stands_for_one_thing() -> None:
    where = defaultdict(list)
    for path in SOURCES:
        for node in defined_in(path):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(str(path.relative_to(PACKAGE)))
    twice = {name: paths for name, paths in where.items() if len(paths) > 1}
    assert twice.keys() <= STILL_TWICE, twice


def test_dataclasses_are_our_own() -> None:
    """Those of the standard library take ten times as long to define."""
    theirs = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)
    others = [str(path) for path in SOURCES if theirs.search(path.read_text())]
    assert not others, f"take it from agentflow_tui.dataclass: {others}"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, modules: Collection[str]) -> set[str]:
    """Our modules that a file imports anywhere in it, for types and inside functions, too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & set(modules) or {node.module}
    return found & set(modules) - {module_of(path)}


def test_no_module_imports_itself_in_a_circle() -> None:
    modules = {module_of(path) for path in SOURCES}
    graph = {module_of(path): imports_of(path, modules) for path in SOURCES}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        raise AssertionError(" imports ".join(reversed(circle.args[1]))) from None


def test_the_first_line_of_a_docstring_speaks_of_things() -> None:
    """A colleague from another project has to understand what it is about."""
    person = re.compile(r"\b(nobody|somebody|such a one)\b", re.IGNORECASE)
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            words = ast.get_docstring(node) if isinstance(node, described) else None
            if words and person.search(words.splitlines()[0]):
                found.add(f"{path.relative_to(PACKAGE)}: {words.splitlines()[0]}")
    assert not found, "\n".join(sorted(found))


def test_colours_are_names_outside_the_theme() -> None:
    for path in [*SOURCES, *(ROOT / "styles").glob("*.tcss")]:
        if path.name != "theme.py":
            assert not re.search(r"[\"' ]#[0-9a-fA-F]{6}\b", path.read_text()), path


def test_sql_stands_in_the_store() -> None:
    statement = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE .+ SET|DELETE FROM)\b")
    for path in SOURCES:
        if part(path) == "store" or path.name in {"questions.py", "keeper.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not statement.search(node.value), f"{path}: {node.value[:60]}"


def test_verbs_are_documented_and_their_ids_and_keys_unique_in_a_scope() -> None:
    ids = [verb.id for verb in KEYS]
    assert len(ids) == len(set(ids))
    assert all(verb.about.endswith(".") and verb.title for verb in KEYS)
    keys = [(verb.scope, key) for verb in KEYS for key in verb.keys.split(",")]
    assert len(keys) == len(set(keys))


def test_every_screen_has_a_view() -> None:
    assert {"overview", "workflows", "mail", "schedules", "reports", "health"} <= set(VIEWS)


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_what_the_catalogue_names_is_there_when_it_is_needed(name: str) -> None:
    entry = VIEWS[name]
    view = make_view(name, Environment(Settings()))
    assert (view.view_name, view.title) == (entry.name, entry.title)
    if entry.table:
        assert list_screen(name).table == entry.table
        assert all(tab.title for tab in Detail(view.env, TABLES[entry.table], "").tabs)
        named = list_screen(name).tabs
        assert all(tab.title for tab in Detail(view.env, TABLES[entry.table], named).tabs)


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


def test_documents_name_only_files_that_exist() -> None:
    rooms = (ROOT, PACKAGE, *(PACKAGE / room for room in ("store", "workers", "console")))
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for named in re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|/))`", document.read_text()):
            assert any((room / named).exists() for room in rooms), f"{document.name}: {named}"
