"""Files as vendors write them: each rule of reading by itself."""

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.reports.reading import ParsedReport, read_report


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.bin"


def _read(file: Path, content: str | bytes, **options: Any) -> ParsedReport:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_report(file, ReadingOptions(**options))


def test_utf16_with_tabs_as_spreadsheets_export_unicode_text(file: Path) -> None:
    report = _read(file, "Stock\tPrice\r\nA1\t1,200.50\r\nŠ2\t90\r\n".encode("utf-16"))
    assert report.table.rows == [["A1", 1200.5], ["Š2", 90]]
    assert _read(file, "Stock\tPrice\nA1\t12.5\n".encode("utf-16-le")).table.rows == [["A1", 12.5]]


def test_an_encoding_that_is_given_overrides(file: Path) -> None:
    data = "Name,Days\nŁódź,1\n".encode("cp1250")
    assert _read(file, data, encoding="cp1250").table.rows == [["Łódź", 1]]
    with pytest.raises(UnreadableReportError, match="no encoding 'klingon'"):
        _read(file, data, encoding="klingon")


def test_the_separator_may_be_declared_in_the_first_line(file: Path) -> None:
    assert _read(file, "sep=|\nA|B\n1,5|2\n").table.columns == ("A", "B")


def test_lines_that_are_each_one_quoted_field_are_unwrapped(file: Path) -> None:
    report = _read(file, '"Name,Note,Days"\n"A,""x, y"",1"\n"B,z,2"\n')
    assert report.table.rows == [["A", "x, y", 1], ["B", "z", 2]]


def test_a_quote_that_is_never_closed_swallows_nothing(file: Path) -> None:
    report = _read(file, 'Size,Name,Days\n"19 wheel,A,1\n20,B,2\n21,C,3\n')
    assert report.table.row_count == 3
    assert any("never closed" in note for note in report.table.notes)


def test_most_rows_decide_how_many_columns_there_are(file: Path) -> None:
    report = _read(file, "A,B\n1,2,3\n4,5,6\n7,8,9\n")
    assert report.table.columns == ("A", "B", "column 3")
    assert report.table.rejected_count == 0


def test_a_file_without_a_header_has_numbered_columns(file: Path) -> None:
    assert _read(file, "1,2\n3,4\n").table.columns == ("column 1", "column 2")


def test_the_largest_of_several_tables_is_read_and_the_others_are_named(file: Path) -> None:
    text = "Source,Leads\nWeb,3\n\nInventory\nStock,Days\nA1,10\nA2,20\nA3,30\n"
    report = _read(file, text)
    assert report.table.columns == ("Stock", "Days")
    assert report.table.row_count == 3
    assert "Source, Leads (rows: 1)" in report.left_out[0]


def test_headers_repeated_on_every_page_are_no_rows(file: Path) -> None:
    report = _read(file, "Stock,Days\nA1,1\n\nStock,Days\nA2,2\n")
    assert report.table.rows == [["A1", 1], ["A2", 2]]


def test_sentences_below_the_table_are_no_rows(file: Path) -> None:
    report = _read(file, "A,B,C\nx,1,2\ny,3,4\n\nPrinted by the system\n")
    assert report.table.row_count == 2
    assert report.table.footers == ("Printed by the system",)


def test_a_total_whose_figures_are_not_the_sums_is_data(file: Path) -> None:
    report = _read(file, "Rep,Sold\nA,1\nB,2\nTotal,9\n")
    assert report.table.row_count == 3
    assert report.table.totals == {}


def test_a_totals_row_may_hold_a_mean_beside_the_sums(file: Path) -> None:
    report = _read(file, "Rep,Sold,Gross,Days\nA,1,10,30\nB,2,20,50\nTotal,3,30,40\n")
    assert report.table.totals == {"Sold": 3, "Gross": 30, "Days": 40}


def test_totals_may_stand_on_top(file: Path) -> None:
    report = _read(file, "Rep,Sold\nTotal,3\nA,1\nB,2\n")
    assert report.table.rows == [["A", 1], ["B", 2]]
    assert report.table.totals == {"Sold": 3}
    assert _read(file, "Rep,Sold\nTotal,4\nA,1\nB,2\n").table.row_count == 3


def test_nested_subtotals_are_all_told_from_the_rows(file: Path) -> None:
    text = (
        "Rep,N\na,1\nb,2\nTotal for X,3\nc,3\nTotal for Y,3\nEast Total,6\nd,4\nTotal for Z,4\n"
        "Grand Total,10\n"
    )
    report = _read(file, text)
    assert [row[0] for row in report.table.rows] == ["a", "b", "c", "d"]
    assert report.table.totals == {"N": 10}


def test_a_cell_far_below_that_does_not_fit_changes_the_type_of_the_whole_column(
    file: Path,
) -> None:
    rows = "".join(f"{n},{n}\n" for n in range(1, 20_001))
    report = _read(file, f"Stock,Days\n{rows}A-7,007\n")
    assert report.table.types == ("text", "id")
    assert report.table.rows[0] == ["1", "1"]
    assert report.table.rows[-1] == ["A-7", "007"]


@pytest.mark.parametrize(
    ("texts", "type_", "values"),
    [
        (["1.234,50", "7,00"], "number", [1234.5, 7]),
        (["1 234,50 €", "-7,00 €"], "money", [1234.5, -7]),
        (["CHF 1'234.50", "CHF 2.00"], "money", [1234.5, 2]),
        (["12,34,567", "1,00,000"], "integer", [1234567, 100000]),
        (["−5", "(6)", "7-"], "integer", [-5, -6, -7]),
        (["£(12.50)", "£1"], "money", [-12.5, 1]),
        (["12.50 DR", "3.00 CR"], "money", [12.5, -3]),
        (["5%", "12.5 %"], "percent", [5, 12.5]),
        (["", "N/A", "-", "3"], "integer", [None, None, 3]),
        (["90210", "02134"], "id", ["90210", "02134"]),
        (["12E45", "13E46"], "text", ["12E45", "13E46"]),
        (["12345678901234567890", "2"], "id", ["12345678901234567890", "2"]),
        (["2026-11-03", "2026/1/4"], "date", ["2026-11-03", "2026-01-04"]),
        (["03-Nov-2026", "4 Dec 26"], "date", ["2026-11-03", "2026-12-04"]),
        (["Nov 3, 2026", "December 4, 2026"], "date", ["2026-11-03", "2026-12-04"]),
        (["13/1/26", "2/1/26"], "date", ["2026-01-13", "2026-01-02"]),
        (["1/13/26", "2/1/26"], "date", ["2026-01-13", "2026-02-01"]),
        (["13/1/2026", "1/13/2026"], "text", ["13/1/2026", "1/13/2026"]),
        (
            ["2026-11-03T10:00:00-05:00", "2026-11-03 10:00"],
            "timestamp",
            ["2026-11-03T15:00:00", "2026-11-03T10:00:00"],
        ),
    ],
)
def test_the_type_of_a_column(
    file: Path, texts: list[str], type_: str, values: list[object]
) -> None:
    lines = "".join(f'row,"{text}"\n' for text in texts)
    report = _read(file, f"Kind,X\n{lines}")
    assert report.table.types[1] == type_
    present = [row[1] for row in report.table.rows if row[1] is not None]
    assert present == [value for value in values if value is not None]


def test_times_are_of_the_dealerships_zone_and_stored_in_utc(file: Path) -> None:
    text = "Id,At\nx,2026-07-01 08:00:00\ny,2026-12-01 08:00:00\n"
    report = _read(file, text, zone="America/New_York")
    at = [row[1] for row in report.table.rows]
    assert at == ["2026-07-01T12:00:00", "2026-12-01T13:00:00"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"a": "x", "b": 1}\n{"a": "y", "c": true}\n', [["x", 1, None], ["y", None, True]]),
        ('{"columns": ["a", "b"], "rows": [["x", 1]]}', [["x", 1]]),
        ('[["a", "b"], ["x", 1]]', [["x", 1]]),
        ('{"a": ["x", "y"], "b": [1, 2]}', [["x", 1], ["y", 2]]),
        ('{"result": {"items": [{"a": "x\\u0000", "b": [1]}]}}', [["x", "[1]"]]),
        ('[{"a": "\\ud800x", "b": Infinity}]', [["?x", None]]),
    ],
)
def test_json_in_all_its_shapes(file: Path, text: str, rows: list[list[object]]) -> None:
    assert _read(file, text).table.rows == rows


def test_an_office_2003_workbook_in_xml(file: Path) -> None:
    cell = '<Cell><Data ss:Type="{}">{}</Data></Cell>'
    rows = "".join(
        f"<Row>{cell.format('String', name)}{cell.format(kind, value)}</Row>"
        for name, kind, value in (("Stock", "String", "Days"), ("A1", "Number", "75"))
    )
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    text = f'<?xml version="1.0"?><Workbook xmlns="{space}" xmlns:ss="{space}">{{}}</Workbook>'
    sheet = f'<Worksheet ss:Name="Detail"><Table>{rows}</Table></Worksheet>'
    report = _read(file, text.format(sheet))
    assert report.table.rows == [["A1", 75]]
    with pytest.raises(UnreadableReportError, match="damaged or cut off"):
        _read(file, text.format(sheet)[:-30])
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>' + text.format(sheet)[21:]
    with pytest.raises(UnreadableReportError, match="entities"):
        _read(file, bomb)


_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}'
    "</sheetData></worksheet>"
)


def smallest_workbook(file: Path, rows: str, *, since_1904: bool = False) -> Path:
    """The smallest XLSX with these rows; style 1 is a date."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{kinds}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        package.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{kinds}"><workbookPr date1904="{int(since_1904)}"/>'
            '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        package.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{kinds}/worksheet" '
            'Target="worksheets/s.xml"/></Relationships>',
        )
        package.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
        )
        package.writestr("xl/worksheets/s.xml", _SHEET.format(rows))
    return file


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


@pytest.mark.parametrize("since_1904", [False, True])
def test_dates_of_workbooks_count_from_1900_or_1904(file: Path, *, since_1904: bool) -> None:
    start = dt.date(1904, 1, 1) if since_1904 else dt.date(1899, 12, 30)
    number = (dt.date(2026, 11, 3) - start).days
    rows = (
        f'<row r="1">{text_cell("A1", "Stock")}{text_cell("B1", "Sold")}</row>'
        f'<row r="2">{text_cell("A2", "A1")}<c r="B2" s="1"><v>{number}</v></c></row>'
    )
    table = read_report(smallest_workbook(file, rows, since_1904=since_1904)).table
    assert table.rows == [["A1", "2026-11-03"]]
    assert table.types == ("text", "date")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "is empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (bytes(range(1, 32)) * 20, "neither text nor a workbook"),
        (b"<html><body>Please sign in</body></html>", "login"),
        (b'[{"a": 1}, {"a"', "cut off"),
        (b'"just a text"', None),
    ],
)
def test_what_is_no_report_is_a_sentence(file: Path, content: bytes, words: str | None) -> None:
    if words is None:
        assert _read(file, content).table.row_count == 0
        return
    with pytest.raises(UnreadableReportError, match=words):
        _read(file, content)


def test_above_the_cap_a_sample_is_kept_and_the_sums_are_those_of_all_rows(file: Path) -> None:
    file.write_text("Stock,Days\n" + "".join(f"S{n},{n}\n" for n in range(10_000)))
    table = read_report(file, cap=50_000).table
    assert (table.row_count, table.stored_rows, len(table.rows)) == (10_000, 1_000, 1_000)
    assert table.summaries["Days"].sum == sum(range(10_000))
    assert table.summaries["Days"].most == 9_999
