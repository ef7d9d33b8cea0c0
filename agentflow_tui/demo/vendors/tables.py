"""A vendor's table, and the file that it arrives in."""

import csv
import html
import io
import zipfile
from collections.abc import Sequence

from agentflow_tui.dataclass import dataclass

Cell = str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorTable:
    """Rows under their header. ``summed`` names the columns that a last row sums up; amounts of
    money are those of ``money``."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    summed: Sequence[str] = ()
    money: Sequence[str] = ()

    def lines(self) -> list[list[Cell]]:
        """Header, rows and totals, with money as people write it: ``$46,340``."""
        columns = list(self.columns)
        rows = [list(row) for row in self.rows]
        if self.summed:
            rows.append([self._total(at) for at in range(len(columns))])
        places = [columns.index(name) for name in self.money]
        for row in rows:
            for at in places:
                row[at] = dollars(row[at])
        return [[*columns], *rows]

    def _total(self, at: int) -> Cell:
        if at == 0:
            return "Total"
        if self.columns[at] not in self.summed:
            return ""
        return sum(value for row in self.rows if not isinstance(value := row[at], str))


def dollars(amount: Cell) -> Cell:
    """An amount as it stands in a report; a text stays as it is."""
    return amount if isinstance(amount, str) else f"${amount:,}"


def as_csv(table: VendorTable, title: str) -> bytes:
    """The table as CSV, with a title above it, as vendors' exports have it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([title])
    writer.writerow([])
    writer.writerows(table.lines())
    return text.getvalue().encode()


def as_workbook(table: VendorTable, title: str) -> bytes:
    """The table as XLSX of one sheet. The same table gives the same bytes."""
    lines: list[Sequence[Cell]] = [[title], [], *table.lines()]
    rows = "".join(f"<row>{''.join(map(_cell, line))}</row>" for line in lines)
    sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(zipfile.ZipInfo(name), _XML + text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{html.escape(value, quote=False)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
        "</Types>"
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
        f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Detail" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
        f' Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
