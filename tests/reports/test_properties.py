"""Tables in any dialect come back as they were; bytes of any kind are a table or a sentence."""

import csv
import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.reports.errors import UnreadableReportError
from agentflow_tui.reports.numbers import as_json_number, read_number
from agentflow_tui.reports.reading import read_report

_WORDS = st.text(st.sampled_from("abcdefghijkmnopqrvwxyzÄÖéñ"), min_size=3, max_size=12).filter(
    lambda word: not word.startswith(("na", "nil", "non", "nul"))
)
_ROWS = st.lists(
    st.tuples(_WORDS, st.integers(-99_999, 99_999), st.decimals(-9_999, 9_999, places=2)),
    min_size=2,
    max_size=30,
)
_ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"])
_DIALECTS = st.tuples(
    st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()
)


def _read(data: bytes, name: str = "report.csv") -> tuple[list[str], list[list[object]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        table = read_report(path).table
        return list(table.columns), table.rows


@settings(max_examples=60)
@given(rows=_ROWS, encoding=_ENCODINGS, dialect=_DIALECTS)
def test_a_table_in_any_dialect_and_encoding_is_read_back(
    rows: list[tuple[str, int, object]], encoding: str, dialect: tuple[str, str, bool]
) -> None:
    separator, end, quoted = dialect
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=separator,
        lineterminator=end,
        quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
    )
    writer.writerow(["Vehicle", "Days", "Ratio"])
    writer.writerows(rows)
    columns, found = _read(text.getvalue().encode(encoding))
    assert columns == ["Vehicle", "Days", "Ratio"]
    assert found == [[word, number, float(str(ratio))] for word, number, ratio in rows]


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_random_bytes_are_a_table_or_a_sentence(data: bytes) -> None:
    _or_a_sentence(lambda: _read(data))


@settings(max_examples=150)
@given(st.text(st.sampled_from('ab1,;\t|"\n\r =.-$%/()tota{}[]:\0 é<>'), max_size=300))
def test_random_text_is_a_table_or_a_sentence(text: str) -> None:
    _or_a_sentence(lambda: _read(text.encode()))


@settings(max_examples=60)
@given(
    st.sampled_from([b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<html><table>", b"["]),
    st.binary(max_size=200),
)
def test_files_that_only_begin_like_a_report_are_a_table_or_a_sentence(
    head: bytes, rest: bytes
) -> None:
    _or_a_sentence(lambda: _read(head + rest))


def _or_a_sentence(read: Callable[[], tuple[list[str], list[list[object]]]]) -> None:
    with suppress(UnreadableReportError):
        columns, rows = read()
        assert len(set(columns)) == len(columns)
        assert all(len(row) == len(columns) for row in rows)


@given(st.decimals(-(10**9), 10**9, places=2))
def test_a_number_is_the_same_in_both_notations_and_without_binary_noise(number: object) -> None:
    text = f"{number:,.2f}"
    swapped = text.translate(str.maketrans(",.", ".,"))
    point, comma = read_number(text, "."), read_number(swapped, ",")
    assert point is not None
    assert comma is not None
    assert point[0] == comma[0] == number
    assert float(as_json_number(point[0])) == float(str(number))
