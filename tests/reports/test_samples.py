"""Every sample file is read as its expected parse says."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.reports.errors import UnreadableReportError
from agentflow_tui.reports.reading import read_report

SAMPLES = Path(__file__).parent.parent / "data" / "reports"
EXPECTED: dict[str, Any] = json.loads((SAMPLES / "expected.json").read_text())
READABLE = [name for name, expected in EXPECTED.items() if expected["rows"] is not None]
UNREADABLE = [name for name, expected in EXPECTED.items() if expected["rows"] is None]


@pytest.mark.parametrize("name", READABLE)
def test_a_sample_is_read_as_expected(name: str) -> None:
    expected = EXPECTED[name]
    report = read_report(SAMPLES / name)
    table = report.table
    found = {
        "columns": list(table.columns),
        "types": list(table.types),
        "rows": table.rows,
        "preamble": list(table.titles),
        "totals": dict(table.totals),
        "rejected": list(table.rejected),
        "reportDate": table.report_date,
        "sheet": report.source.name,
        "encoding": report.source.details.get("encoding"),
        "delimiter": report.source.details.get("separator"),
    }
    said = {key: value for key, value in expected.items() if key in found}
    assert {key: found[key] for key in said} == said


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_sample_that_cannot_be_read_is_a_sentence(name: str) -> None:
    with pytest.raises(UnreadableReportError, match=r"\.$"):
        read_report(SAMPLES / name)
