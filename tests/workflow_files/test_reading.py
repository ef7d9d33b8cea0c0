"""Files of any content are read with their places, or refused with a sentence."""

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentflow_tui.workflow_files.checking import check_file
from agentflow_tui.workflow_files.documents import WorkflowFile
from agentflow_tui.workflow_files.reading import LIMIT, read_tree
from agentflow_tui.workflow_files.writing import write_yaml, written_file
from tests.workflow_files.documents import is_storable, objects, workflow_files

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c, c, *[c - 1] * 9)
    for c in range(ord("b"), ord("k"))
)


@pytest.mark.parametrize(
    ("data", "line", "column", "path", "said"),
    [
        (b"a: 1\na: 2", 2, 1, "a", "stands here twice, first in line 1"),
        (b'{"a": {"b": 1,\n"b": 2}}', 2, 1, "a.b", "stands here twice, first in line 1"),
        (b"a: [1, yes]", 1, 8, "a[1]", "write true or false, or 'yes' in quotes"),
        (b"a: Off", 1, 4, "a", "write true or false, or 'Off' in quotes"),
        (b"a: 017", 1, 4, "a", "a number to others: put it in quotes"),
        (b"a: 1_000", 1, 4, "a", "a number to others: put it in quotes"),
        (b"a: .inf", 1, 4, "a", "JSON has no number .inf"),
        (b'{"a": NaN}', 1, 7, "a", "JSON has no number NaN"),
        (b"a: 1e999", 1, 4, "a", "too large: write it as a text"),
        (b'{"a": ' + b"9" * 5000 + b"}", 1, 7, "a", "too large: write it as a text"),
        (b"a:\n  b: 1\n\tc: 2", 3, 1, "", "a tab cannot stand here: indent with blanks"),
        (b"a:\n\tb: 1", 2, 1, "", "a tab cannot stand here: indent with blanks"),
        (b"a: 'x\nb: 1", 1, 4, "", "a quote is opened and never closed"),
        (b"a: b: c", 1, 5, "", "a ':' cannot stand here"),
        (b"a: {{context.x}}", 1, 5, "", "begins with {{ stands in quotes"),
        (b"a: b\n  url: {{context.x}}/y", 2, 6, "", "begins with {{ stands in quotes"),
        (b"a: @b", 1, 4, "", "no text begins with this character"),
        (b"a: [1, 2", 2, 1, "", "a ',' or the closing bracket is missing"),
        (b'{"a": 1,\n"b" 2}', 2, 5, "", "this is not JSON: expecting ':'"),
        (b"a: !!python/object:os.system x", 1, 4, "a", "is not read: take it out"),
        (b"<<: {a: 1}", 1, 1, "", "<< merges nothing here"),
        (b"a: 1\n--- \nb: 2", 2, 1, "", "a file holds one document"),
        (b"a: *b", 1, 4, "", "*b was not named before"),
        (b"a: &a [*a]", 1, 8, "", "*a stands inside of itself"),
        (BOMB, 5, 4, "", "comes to more than 100,000 values"),
        (b"[" * 100_000, 1, 1, "", "nested more than 100 levels deep"),
        (b"- " * 5_000 + b"a", 1, 201, "", "nested more than 100 levels deep"),
        (b"x: 1\na: \xe4", 2, 4, "", "byte 0xe4 is not UTF-8: save the file as UTF-8"),
        (b"\xff\xfea\0", 1, 1, "", "the file is UTF-16: save it as UTF-8"),
        (b"x: 1\na: \x1b[2J", 2, 4, "", "the character U+001B cannot stand in YAML"),
        (b'{"a": "\\u0000"}', 1, 7, "a", "a character that no database can hold"),
        (b'{"a": "\\ud800"}', 1, 7, "a", "a character that no database can hold"),
        (b"# nothing\n", 1, 1, "", "the file is empty"),
        (b"", 1, 1, "", "the file is empty"),
        (b"a" * (LIMIT + 1), 1, 1, "", "the file is too large"),
    ],
)
def test_a_mistake_is_said_with_its_place(
    data: bytes, line: int, column: int, path: str, said: str
) -> None:
    mistake = read_tree(data).mistakes[0]
    assert (mistake.line, mistake.column, mistake.path) == (line, column, path)
    assert said in mistake.message


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\xef\xbb\xbfa: 1\r\nb: |\r\n  x\r\n  y\r\n", {"a": 1, "b": "x\ny\n"}),
        (b"d: 2026-01-31\nt: 12:30\nz: 2026-01-31T08:00:00Z", {"d": "2026-01-31", "t": "12:30",
                                                             "z": "2026-01-31T08:00:00Z"}),
        (b"[~, null, Null, true, FALSE, '', 'yes', \"017\"]",
         [None, None, None, True, False, "", "yes", "017"]),
        (b"- 0\n- -5\n- 0x1F\n- .5\n- 1e3\n- 1.", [0, -5, 31, 0.5, 1000.0, 1.0]),
        (b"a: &x {k: [1]}\nb: *x", {"a": {"k": [1]}, "b": {"k": [1]}}),
        (b"1: a\nyes: b\nnull: c", {"1": "a", "yes": "b", "null": "c"}),
        (b'{"a":\t"\\ud83d\\ude00\\/"}', {"a": "😀/"}),
    ],
)  # fmt: skip
def test_what_yaml_and_json_agree_on_is_read(data: bytes, value: Any) -> None:
    tree = read_tree(data, "x.yaml")
    assert tree.mistakes == ()
    assert tree.root is not None
    assert tree.root.plain == value


@settings(max_examples=60)
@given(objects)
def test_what_is_written_is_read_as_the_same(value: dict[str, Any]) -> None:
    assume(is_storable(value))
    for data in (write_yaml(value), json.dumps(value)):
        tree = read_tree(data.encode(), "x.yaml")
        assert tree.root is not None, tree.mistakes
        assert json.dumps(tree.root.plain) == json.dumps(value)


@settings(max_examples=60)
@given(workflow_files())
def test_a_workflow_that_is_written_is_right_and_the_same(workflow: WorkflowFile) -> None:
    assume(is_storable(workflow.as_members()))
    checked = check_file(written_file(workflow, "from a test").encode(), "x.yaml", "UTC")
    if checked.content is None:  # odd values are right in a file, though not in every config
        assert all("config" in mistake.path for mistake in checked.mistakes), checked.mistakes
    else:
        assert checked.content == workflow


_signs = st.text(alphabet="{}[]\":,-&*!|>'%@` \n\t#?ab1.\\", max_size=60)


@settings(max_examples=60)
@given(st.binary(max_size=200) | _signs.map(str.encode))
def test_no_content_is_more_than_a_mistake(data: bytes) -> None:
    for name in ("x.yaml", "x.json", ""):
        checked = check_file(data, name, "UTC")
        assert checked.content is None
        assert checked.mistakes
        assert all(each.line >= 1 and each.message for each in checked.mistakes)
