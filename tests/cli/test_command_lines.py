"""A command line that stands for an operation is understood as exactly that operation."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.cli.commands import OPERATIONS as ON_ROWS
from agentflow_tui.cli.commands import Command
from agentflow_tui.cli.parser import parse
from agentflow_tui.cli.verbs import ChangeRequest, request, summary
from agentflow_tui.operations.command_lines import command_line, database_options
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.triage.decisions import DECISIONS
from agentflow_tui.operations.verbs import OPERATIONS, VERB_WORDS, find
from agentflow_tui.schema import TABLES
from agentflow_tui.settings_file import load

ANYTHING = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
AWKWARD = st.sampled_from(["-", "--", "-x:1", "--all", "--json", "it's", 'a "b"', "$(x)", "", "#"])
WORDS = ANYTHING | AWKWARD
LINES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
NUMBERS = st.integers(0, 2**31 - 1).map(str)
ARGUMENTS = {
    "": NUMBERS,
    "recipients": st.sampled_from(['["a@b.test"]', '[{"email": "it\'s@b.test"}]']),
    "subject": LINES,
    "label": LINES,
    "workflowId": LINES,
    "cron": st.sampled_from(["*/5 * * * *", "0 7 * * mon-fri"]),
}
SOME: Operation = find("retry", "email_queue")  # type: ignore[assignment]


def test_the_help_says_of_each_verb_what_the_operations_say() -> None:
    said = {verb: Command("change", summary(verb)) for verb in VERB_WORDS}
    said |= {each.verb: Command("triage", each.about) for each in DECISIONS}
    assert said == ON_ROWS


def understood(line: str) -> tuple[ChangeRequest, Any]:
    options = parse(shlex.split(line)[1:])
    return request(options, TABLES[options.table]), options


@st.composite
def asked(draw: st.DrawFn) -> tuple[Operation, dict[str, Any]]:
    operation = draw(st.sampled_from(OPERATIONS))
    said: dict[str, Any] = draw(
        st.one_of(
            st.lists(WORDS, min_size=1, max_size=20).map(lambda ids: {"ids": ids}),
            WORDS.map(lambda where: {"where": where}),
            st.just({"everything": True}),
        )
    )
    if operation.argument is not None:
        said["argument"] = operation.argument.parse(draw(ARGUMENTS[operation.field]))
    said["context"] = draw(WORDS)
    said["expect"] = draw(st.none() | st.integers(0, 10**9))
    return operation, said


@given(asked())
@settings(deadline=None)
def test_a_command_line_leads_back_to_its_operation(
    given: tuple[Operation, dict[str, Any]],
) -> None:
    operation, said = given
    found, options = understood(command_line(operation, **said))
    assert found.operation is operation
    assert found.argument == said.get("argument")
    assert found.ids == tuple(operation.change.public_id(id_) for id_ in said.get("ids", ()))
    assert found.where == said.get("where", "").strip()
    assert options.all is not bool(found.ids or found.where)
    assert found.expect == said["expect"]
    assert (options.context or "") == said["context"]
    assert not found.dry_run
    assert not found.agreed


def test_many_ids_are_cut_and_the_number_of_rows_still_guards_them() -> None:
    ids = [f"id-{n}" for n in range(1_030)]
    line = command_line(SOME, ids=ids, expect=1_030)
    assert line.endswith(" id-19  # … and 1,010 more")
    assert len(understood(line.partition("  #")[0])[0].ids) == 20
    assert understood(line.partition("  #")[0])[0].expect == 1_030
    assert len(understood(command_line(SOME, ids=ids, most=None))[0].ids) == 1_030


@pytest.mark.parametrize("verb", ["revoke", "purge"])
def test_a_secret_id_never_stands_in_a_command_line(verb: str) -> None:
    operation = find(verb, "sessions")
    assert operation is not None
    assert "secret-session" not in command_line(operation, ids=["secret-session"])


def test_the_database_in_use_is_named_where_it_is_not_the_default(tmp_path: Path) -> None:
    config = tmp_path / "agentflow" / "config.toml"
    config.parent.mkdir()
    config.write_text('[contexts.prod]\ndatabase_url = "postgresql://me:hidden@h/db"\n')
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert database_options(load(environ)) == {}
    assert database_options(load(environ, context="prod")) == {"context": "prod"}
    other = load(environ, database_url="postgresql://me:hidden@h/other")
    assert database_options(other) == {"database": "postgresql://me:***@h/other"}
    set_there = {**environ, "DATABASE_URL": "postgresql://me:hidden@h/other"}
    assert database_options(load(set_there)) == {}
    line = command_line(SOME, everything=True, **database_options(other))
    assert line == "agentflow --database 'postgresql://me:***@h/other' retry email_queue --all"
