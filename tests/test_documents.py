"""JSON columns are read whatever they hold, and what is found in them is harmless to show."""

import json
import unicodedata
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentflow_tui.documents import (
    DEPTH,
    LIMIT,
    Document,
    NodeKind,
    Recipient,
    RecipientKind,
    as_attachments,
    as_recipients,
    as_steps,
    headline,
    preview,
    read,
    readable,
    walk,
)

TO, CC, BCC = RecipientKind.TO, RecipientKind.CC, RecipientKind.BCC

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
known_words = st.sampled_from(
    [
        *("steps", "type", "config", "id", "to", "cc", "email", "name", "attachments", "content"),
        *("path", "data", "Buffer", "title", "a@b.c", "maxRetries", "timeout", "recipients"),
    ]
)
shaped = st.recursive(
    known_words | st.none() | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(known_words, inner, max_size=6),
    max_leaves=20,
)
anything = st.text(st.characters(exclude_categories=())) | st.binary()


def stored(value: object) -> Document:
    return read(json.dumps(value))


def use_all(document: Document) -> list[str]:
    """Everything that can be asked of a document; what came out as text to show."""
    for entries in (as_steps(document), as_recipients(document), as_attachments(document)):
        assert entries.problem is None or entries.problem
    shown = [headline(document), preview(document.value)]
    shown += [
        line for part in readable(document) for line in (part.heading, *part.text.split("\n"))
    ]
    for node in islice(walk(document), 200):
        shown += [node.label, node.preview, node.path]
    return shown


@given(anything | values.map(json.dumps) | shaped.map(json.dumps))
@settings(deadline=None, max_examples=300)
@example('{"\\u001b[2J": "\\u202e\\u0000\\ud800"}')
@example("\ufeff[1e999, NaN, -Infinity]")
def test_nothing_that_is_stored_makes_reading_fail(raw: str | bytes) -> None:
    for text in use_all(read(raw)):
        found = {unicodedata.category(character) for character in text}
        assert not found & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(values)
@settings(deadline=None)
def test_what_is_valid_is_read_as_it_is(value: Any) -> None:
    document = stored(value)
    unfit = any(char in json.dumps(value) for char in ("\\u0000", "\\ud"))
    encoded = isinstance(value, str) and value.lstrip()[:1] in ("[", "{", '"')
    if not unfit and not encoded:
        assert document.value == value
        assert document.problem is None


@given(shaped)
@settings(deadline=None)
def test_what_is_read_can_be_stored_again(value: object) -> None:
    read_back = read(json.dumps(value)).value
    json.dumps(read_back, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("raw", "value", "problem"),
    [
        (None, None, None),
        ("", None, None),
        ("  ", None, None),
        ("null", None, None),
        (b"[1]", [1], None),
        ('\ufeff{"a": 1}', {"a": 1}, None),
        ('"[1, 2]"', [1, 2], "encoded twice"),
        (json.dumps(json.dumps(json.dumps({"a": 1}))), {"a": 1}, "encoded 3 times"),
        ('"plain words"', "plain words", None),
        ('"{not json"', "{not json", None),
        ('{"a": 1, "a": 2}', {"a": 2}, None),
        ("[NaN, 1e999]", ["NaN", "1e999"], None),
        (r'"\u0000\ud800\udc00 \ud83d x \\ud800"', "�𐀀 � x \\ud800", None),
        ('"two\nlines"', "two\nlines", None),
    ],
)
def test_odd_documents_have_a_value(raw: str, value: object, problem: str | None) -> None:
    document = read(raw)
    assert document.value == value
    assert document.problem == problem


def test_numbers_of_any_length_are_read() -> None:
    digits = "9" * 5000
    assert read(f"[1, {digits}]").value == [1, digits]


def test_what_cannot_be_parsed_is_given_as_text_with_the_reason() -> None:
    plain = read("all good\nsince noon")
    assert plain.value is None
    assert plain.text == "all good\nsince noon"
    assert plain.problem == "not JSON: expecting value (line 1, column 1)"
    large = read("[" + "1," * LIMIT + "1]")
    assert large.problem == "4.0 MB, shown as text"
    assert large.text.startswith("[1,1")
    assert len(large.text) < 100_000
    assert read("[1, 2]", limit=3).problem == "6 B, shown as text"


@pytest.mark.parametrize("depth", [DEPTH + 1, 5_000, 100_000])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_bottomless_documents_are_text(depth: int, brackets: tuple[str, str]) -> None:
    document = read(brackets[0] * depth + "1" + brackets[1] * depth)
    assert document.value is None
    assert document.problem == f"nested more than {DEPTH} levels, shown as text"
    assert read(brackets[0] * DEPTH + "1" + brackets[1] * DEPTH).problem is None


def test_steps_are_found_in_every_shape() -> None:
    step = {
        "id": "fetch",
        "type": "api",
        "name": "Fetch leads",
        "config": {"url": "x"},
        "maxRetries": "3",
        "backoff_factor": 2,
        "timeout": 30,
        "when": "leads > 0",
    }
    for shape in (
        [step],
        {"steps": [step]},
        step,
        json.dumps([step]),
        {"steps": json.dumps([step])},
    ):
        [found] = as_steps(stored(shape))
        assert (found.id, found.type, found.name) == ("fetch", "api", "Fetch leads")
        assert found.config == {"url": "x"}
        assert (found.max_retries, found.backoff_factor, found.timeout) == (3, 2.0, 30.0)
        assert found.when == "leads > 0"
        assert found.problem is None


def test_wrong_steps_say_what_is_wrong_with_them() -> None:
    found = as_steps(stored([1, None, "api", {"name": "x"}, {"type": "api", "config": [1]}]))
    assert [step.problem for step in found] == [
        "the step is a number, not an object",
        "the step is null, not an object",
        "the step is text, not an object",
        "the step has no type",
        "the step's config is a list, not an object",
    ]
    assert [step.name for step in found] == ["step 1", "step 2", "api", "x", "api"]
    assert as_steps(stored("api")).problem == "the steps are text, not a list"
    assert as_steps(read("{broken")).problem is not None
    assert as_steps(read(None)).problem is None
    assert len(as_steps(stored([{"type": "api"}] * 10_001))) == 10_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@x.test", [("a@x.test", "", TO)]),
        (
            'a@x.test, Bob <b@x.test>; "Foo, Bar" <f@x.test>\nc@x.test',
            [
                *(("a@x.test", "", TO), ("b@x.test", "Bob", TO)),
                *(("f@x.test", "Foo, Bar", TO), ("c@x.test", "", TO)),
            ],
        ),
        (
            ["a@x.test", "A@X.test", {"email": "b@x.test", "name": "B", "type": "cc"}],
            [("a@x.test", "", TO), ("b@x.test", "B", CC)],
        ),
        (
            {"to": "a@x.test", "cc": ["b@x.test"], "bcc": {"address": "c@x.test"}},
            [("a@x.test", "", TO), ("b@x.test", "", CC), ("c@x.test", "", BCC)],
        ),
        ({"email": "a@x.test", "type": "executive"}, [("a@x.test", "", TO)]),
        ({"recipients": ["a@x.test"]}, [("a@x.test", "", TO)]),
        (json.dumps(["a@x.test"]), [("a@x.test", "", TO)]),
        (["Doe, Jane <a@x.test>"], [("a@x.test", "Doe, Jane", TO)]),
        ("Doe, Jane <a@x.test>, b@x.test", [("a@x.test", "Doe, Jane", TO), ("b@x.test", "", TO)]),
        (['"Doe, \\"Joe\\" D." <a@x.test>'], [("a@x.test", 'Doe, "Joe" D.', TO)]),
        ("Team: a@x.test, b@x.test;", [("a@x.test", "", TO), ("b@x.test", "", TO)]),
        ("mailto:a@x.test", [("a@x.test", "", TO)]),
        ([json.dumps({"email": "a@x.test"})], [("a@x.test", "", TO)]),
    ],
)
def test_recipients_are_found_in_every_shape(
    value: object, expected: list[tuple[str, str, RecipientKind]]
) -> None:
    found = as_recipients(stored(value))
    assert list(found) == [Recipient(address=a, name=n, kind=k) for a, n, k in expected]
    assert found.problem is None


@pytest.mark.parametrize(
    ("raw", "addresses", "problem"),
    [
        ("a@x.test, b@x.test", ["a@x.test", "b@x.test"], None),
        ('["a@x.test", 5]', ["a@x.test"], "a recipient is a number, not an address"),
        ('["nobody"]', [], "nobody is not an address"),
        ("nobody, a@x.test", ["a@x.test"], "nobody is not an address"),
        ('[{"name": "x"}]', [], "a recipient has no address"),
        (
            json.dumps(["a@x.test\r\nRCPT TO:<evil@x.test>", "b@x.test\n"]),
            ["b@x.test"],
            "a@x.test↵RCPT TO:<evil@x.test> is not an address",
        ),
        (
            json.dumps([{"email": "a@x.test\nRCPT TO:<evil@x.test>"}]),
            [],
            "a@x.test↵RCPT TO:<evil@x.test> is not an address",
        ),
        ("[]", [], None),
        ("nobody", [], "not JSON: expecting value (line 1, column 1)"),
    ],
)
def test_wrong_recipients_say_what_is_wrong(
    raw: str, addresses: list[str], problem: str | None
) -> None:
    found = as_recipients(read(raw))
    assert [recipient.address for recipient in found] == addresses
    assert found.problem == problem


@pytest.mark.parametrize("unit", ["<", '"', ",", "a@b,", "<a@b>", ">", "@"])
def test_hostile_recipients_are_bounded(unit: str) -> None:
    assert len(as_recipients(stored(unit * 100_000))) <= 10_000


def test_attachments_are_found_in_every_shape() -> None:
    found = as_attachments(
        stored(
            [
                {"filename": "a.pdf", "content": "aGk=", "contentType": "application/pdf"},
                {"path": "/data/reports/b.csv"},
                "c\\d\\e.txt",
                {"reportId": 12},
                {"filename": "f", "content": {"type": "Buffer", "data": [104, 105]}},
                {"filename": "g"},
                7,
            ]
        )
    )
    assert [each.filename for each in found] == ["a.pdf", "b.csv", "e.txt", "", "f", "g", ""]
    assert (found[0].content, found[0].encoding) == ("aGk=", "base64")
    assert found[0].content_type == "application/pdf"
    assert (found[1].path, found[2].path) == ("/data/reports/b.csv", "c\\d\\e.txt")
    assert found[3].report_id == "12"
    assert found[4].content == b"hi"
    assert [each.problem for each in found[5:]] == [
        "the attachment has no content",
        "the attachment is a number, not an object",
    ]
    assert len(as_attachments(stored({"filename": "a", "content": "x"}))) == 1
    nothing: tuple[Any, ...] = ({}, [], "", None)
    assert not any(len(as_attachments(Document(value=value))) for value in nothing)
    assert len(as_attachments(stored({"attachments": [{"path": "a"}]}))) == 1


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"score": 7, "title": "Leads are down\nmore"}, "Leads are down"),
        ({"insight": {"summary": "Deep"}}, "Deep"),
        ([{"title": "One"}, {"title": "Two"}, 3], "One (+2)"),
        ({"id": 42, "items": [1, 2], "who": {"a": 1}}, "{id: 42, items: [2], who: {1}}"),
        ("just text", "just text"),
        (None, "null"),
        ([], "[]"),
    ],
)
def test_a_headline_says_most_in_one_line(value: object, line: str) -> None:
    assert headline(stored([value])) == headline(stored({"data": value})) == line


def test_content_reads_as_headed_paragraphs_what_matters_first() -> None:
    content = {
        "keyMetrics": {"ROI": 1.5, "leadCount": 12, "by_source": [{"name": "web", "n": [1, 2]}]},
        "recommendation": "Call them.\nToday.",
        "title": "Leads are down",
        "flags": [True, None, "x"],
        "empty": {},
    }
    sections = {section.heading: section.text for section in readable(stored(content))}
    assert list(sections) == ["Title", "Recommendation", "Key metrics", "Flags", "Empty"]
    assert sections["Recommendation"] == "Call them.\nToday."
    assert sections["Key metrics"].split("\n") == [
        "ROI: 1.5",
        "Lead count: 12",
        "By source:",
        "  - Name: web",
        "    N:",
        "      - 1",
        "      - 2",
    ]
    assert sections["Flags"] == "- true\n- null\n- x"
    assert [section.text for section in readable(read("no JSON\nat all"))] == ["no JSON\nat all"]
    assert readable(read(None)) == []


def test_a_tree_lists_its_lines_top_down_with_paths_that_lead_back() -> None:
    document = stored({"a": [{"b c": None}, 2], "d": "x"})
    found = [
        (node.depth, node.label, node.kind, node.children, node.path) for node in walk(document)
    ]
    assert found == [
        (0, "a", NodeKind.LIST, 2, "a"),
        (1, "0", NodeKind.OBJECT, 1, "a[0]"),
        (2, "b c", NodeKind.NULL, 0, 'a[0]."b c"'),
        (1, "1", NodeKind.NUMBER, 0, "a[1]"),
        (0, "d", NodeKind.TEXT, 0, "d"),
    ]
    folded = [node.path for node in walk(document, is_open=lambda node: node.depth < 1)]
    assert folded == ["a", "a[0]", "a[1]", "d"]
    assert [node.preview for node in walk(stored("x"))] == ["x"]
    assert list(walk(read(None))) == []


def test_a_tree_of_any_size_and_depth_costs_what_is_taken_from_it() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    *_, last = walk(Document(value=deep))
    assert last.depth == 99_999
    assert last.path.count("[0]") == 100_000
    wide = walk(Document(value={"all": list(range(1_000_000))}))
    assert [node.preview for node in islice(wide, 3)] == ["[0, 1, 2, 3, 4, 5, 6, 7, …]", "0", "1"]
