"""A file is read in a process of its own, and what takes that one down is a sentence."""

import zipfile
from pathlib import Path

import pytest

from agentflow_tui.reports.child import read_in_child
from agentflow_tui.reports.documents import report_id
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from tests.reports.test_reading import smallest_workbook, text_cell

OPTIONS = ReadingOptions()


async def test_a_document_comes_back_with_its_data_and_metadata(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("Source,Leads\nWeb,3\nTotal,3\n")
    document = await read_in_child(file, OPTIONS)
    assert document.data == '{"columns":["Source","Leads"],"rows":[["Web",3]]}'
    assert document.metadata["types"] == ["text", "integer"]
    assert document.metadata["totals"] == {"Leads": 3}
    assert document.metadata["columns"][1]["sum"] == 3
    assert document.metadata["file"]["name"] == "leads.csv"


async def test_a_report_is_the_same_by_its_bytes_vendor_and_type(tmp_path: Path) -> None:
    one, same = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_text("A,B\n1,2\n")
    same.write_text("A,B\n1,2\n")
    facts = [(await read_in_child(file, OPTIONS)).file for file in (one, same)]
    ids = [report_id(each, "vAuto", "aging") for each in facts]
    assert ids[0] == ids[1]
    assert report_id(facts[0], "vAuto", "leads") != ids[0]
    assert ids[0][14] == "5"


@pytest.mark.parametrize("name", ["missing.csv", "."])
async def test_what_is_no_file_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableReportError, match="no such file"):
        await read_in_child(tmp_path / name, OPTIONS)


async def test_a_cell_in_the_last_corner_of_a_sheet_is_a_sentence(tmp_path: Path) -> None:
    rows = (
        f'<row r="1">{text_cell("A1", "Stock")}</row>'
        f'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    )
    file = smallest_workbook(tmp_path / "corner.xlsx", rows)
    with pytest.raises(UnreadableReportError, match="far outside"):
        await read_in_child(file, OPTIONS)


async def test_a_part_that_lies_about_its_size_is_a_sentence(tmp_path: Path) -> None:
    file = smallest_workbook(tmp_path / "liar.xlsx", f'<row r="1">{text_cell("A1", "x")}</row>')
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/sharedStrings.xml", b" " * 40_000_000)
    data = file.read_bytes()
    small = (100).to_bytes(4, "little")
    file.write_bytes(data.replace((40_000_000).to_bytes(4, "little"), small))
    with pytest.raises(UnreadableReportError, match=r"\.$"):
        await read_in_child(file, OPTIONS)
