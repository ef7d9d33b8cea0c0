"""What is stored of a report that was read: its ``reportData`` and its ``metadata``."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.reports.numbers import as_json_number
from agentflow_tui.reports.reading import ParsedReport
from agentflow_tui.reports.tables import ParsedTable
from agentflow_tui.reports.types import SUMMED

READER = 1
"""The version of the rules of reading, so that a report read by older ones can be told."""

_REPORTS = UUID("0e6a4e5c-8f0d-5f0a-9a3c-6a1b9a0f7d52")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file as it was when it was read."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """A report as the database takes it: ``data`` is JSON text, ``metadata`` plain JSON values."""

    file: FileFacts
    data: str
    metadata: dict[str, Any]

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        count: int = self.metadata["rows"]
        return count


def check_file(path: Path) -> tuple[int, ...]:
    """What tells of a file that it is the same and was not written to. Raises
    `UnreadableReportError` where there is none."""
    try:
        if path.is_file():
            stat = path.stat()
            return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    except OSError as error:
        raise UnreadableReportError(f"The file cannot be read: {error.strerror}.") from None
    raise UnreadableReportError("There is no such file, or it is none that can be read.")


def unread_file(path: Path) -> FileFacts:
    """A file before its size and digest are known."""
    return FileFacts(path=str(path.absolute()), size=0, sha256="")


def file_facts(path: Path) -> FileFacts:
    """Size and digest of a file. Raises `UnreadableReportError`."""
    check_file(path)
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise UnreadableReportError(f"The file cannot be read: {error.strerror}.") from None
    return FileFacts(path=str(path.absolute()), size=size, sha256=digest.hexdigest())


def report_id(file: FileFacts, vendor: str, report_type: str) -> str:
    """The id of a report: the same file of the same vendor and type is the same report, so that it
    is stored once, however often and by however many processes it is brought in."""
    return str(uuid5(_REPORTS, "\0".join((file.sha256, vendor, report_type))))


def report_document(
    report: ParsedReport, file: FileFacts, options: ReadingOptions
) -> ReportDocument:
    """What to store of a report."""
    table = report.table
    columns = json.dumps(list(table.columns), ensure_ascii=False, separators=(",", ":"))
    data = f'{{"columns":{columns},"rows":{table.rows_json}}}'
    metadata = {
        "reader": READER,
        "file": {"name": Path(file.path).name, "size": file.size, "sha256": file.sha256},
        "format": report.source.format,
        "sheet": report.source.name or None,
        **report.source.details,
        "zone": options.zone,
        "types": [str(type_) for type_ in table.types],
        "rows": table.row_count,
        "storedRows": table.stored_rows,
        "reportDate": table.report_date,
        "titles": list(table.titles),
        "footers": list(table.footers),
        "totals": dict(table.totals),
        "subtotals": list(table.subtotals),
        "columns": _columns(table),
        "personal": {"columns": {name: str(kind) for name, kind in table.personal.items()}},
        "rejected": list(table.rejected),
        "rejectedRows": table.rejected_count,
        "leftOut": list(report.left_out),
        "notes": list(table.notes),
    }
    return ReportDocument(file=file, data=data, metadata=metadata)


def _columns(table: ParsedTable) -> list[dict[str, Any]]:
    """Each column with its aggregates, which are those of all rows; the personal ones have none."""
    described: list[dict[str, Any]] = []
    for name, type_ in zip(table.columns, table.types, strict=True):
        summary = table.summaries[name]
        column = {"name": name, "type": str(type_), "empty": summary.empty}
        described.append(column)
        if name in table.personal:
            continue
        if summary.least is not None:
            column |= {"min": summary.least, "max": summary.most}
        if type_ in SUMMED:
            column["sum"] = as_json_number(Decimal(summary.sum).normalize())
    return described
