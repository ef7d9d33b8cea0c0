"""Any table is analysed without an error, and in the same way whatever the process."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow_tui.insights.engine import analyse, documents
from agentflow_tui.insights.facts import PastReport, ReportFacts
from agentflow_tui.insights.tables import table_of
from agentflow_tui.reports.errors import UnreadableReportError
from agentflow_tui.reports.reading import read_report
from agentflow_tui.store.journal import as_json

SAMPLES = Path(__file__).parent.parent / "data" / "reports"
DAY = date(2026, 10, 31)

_NAMES = st.sampled_from(
    [
        *("Date", "Sold Date", "Leads", "Sold", "Age", "Price", "Source", "Rep", "VIN", "Stock#"),
        *("Total Gross", "Response Minutes", "Market %", "Cost", "x"),
    ]
)
_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.integers(0, 90),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "Web", "Walk-in", "2026-10-01", "2026-10-02", "2026-13-99", "\x1b[0m"]),
)
_TYPES = st.sampled_from(["text", "integer", "number", "money", "percent", "date", "timestamp"])


@settings(max_examples=80)
@given(
    columns=st.lists(st.tuples(_NAMES, _TYPES, _CELLS), max_size=6),
    cells=st.lists(st.lists(_CELLS, min_size=6, max_size=6), max_size=40),
    typed=st.booleans(),
)
def test_no_table_makes_it_fail(columns: Any, cells: Any, typed: bool) -> None:
    names = [name for name, _, _ in columns]
    rows = [row[: len(names)] for row in cells]
    types = [type_ for _, type_, _ in columns] if typed else None
    table = table_of({"columns": names, "rows": rows}, types)
    past = [PastReport(day=date(2026, 10, day), rows=3, sums={"Leads": 4.0}) for day in (1, 8, 15)]
    facts = ReportFacts(table=table, day=DAY, previous=table, past=past, metadata={"rows": None})
    found, count = analyse(facts)
    for each in documents("report", found, count):
        as_json(each.content)
        as_json(each.metadata)


@pytest.mark.parametrize("data", [None, [], {}, {"rows": 3}, {"leads": 41}, [1, "x"], "text"])
def test_what_is_no_table_has_nothing_to_tell(data: Any) -> None:
    assert analyse(ReportFacts(table=table_of(data), day=DAY))[0] == []


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("[0-9]*")), ids=lambda path: path.name)
def test_files_of_vendors_are_analysed(path: Path) -> None:
    try:
        report = read_report(path).table
    except UnreadableReportError:
        return
    table = table_of(
        {"columns": list(report.columns), "rows": report.rows}, [str(t) for t in report.types]
    )
    found, candidates = analyse(ReportFacts(table=table, day=DAY))
    assert len({each.id for each in documents("report", found, candidates)}) == len(found)


_PROGRAM = """
import json, random
from tests.insights.reports import PLANTED, found_in
from agentflow_tui.insights.engine import documents
planted = PLANTED[0]
rng = random.Random(9)
rows = planted.shape.rows(rng)
planted.plant(rng, rows)
found = documents("report", found_in(planted.shape, rows), 1)
print(json.dumps([[each.id, each.score, each.content, each.metadata] for each in found]))
"""


def test_no_order_of_a_set_and_no_locale_has_a_say() -> None:
    said = []
    for seed, locale in (("1", "C"), ("2", "de_DE.UTF-8")):
        environ = os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": "Asia/Tokyo"}
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            env=environ,
            cwd=Path(__file__).parent.parent.parent,
        )
        said.append(json.loads(done.stdout))
    assert said[0] == said[1]
    assert said[0]
