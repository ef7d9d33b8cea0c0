"""A file read as a report: what it is, its largest table, and what else it holds."""

from collections.abc import Callable, Sequence
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.blocks import Block, blocks_of
from agentflow_tui.reports.delimited import Progress, open_text
from agentflow_tui.reports.errors import OpenQuoteError, ReadingOptions, UnreadableReportError
from agentflow_tui.reports.html_tables import open_html
from agentflow_tui.reports.json_documents import open_json
from agentflow_tui.reports.kinds import FileKind, kind_of
from agentflow_tui.reports.row_store import CAP, NEVER_FITS
from agentflow_tui.reports.sources import Source
from agentflow_tui.reports.spreadsheet_xml import open_spreadsheet_xml
from agentflow_tui.reports.tables import ParsedTable, read_table
from agentflow_tui.reports.workbooks import open_workbook


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReport:
    """A report that was read. ``left_out`` has a sentence for every further table of the file."""

    source: Source
    table: ParsedTable
    left_out: tuple[str, ...]


_OPENERS: dict[FileKind, Callable[[Path, ReadingOptions], Sequence[Source]]] = {
    FileKind.JSON: open_json,
    FileKind.HTML: open_html,
    FileKind.SPREADSHEET_XML: open_spreadsheet_xml,
    FileKind.WORKBOOK: open_workbook,
}


def read_report(
    path: Path,
    options: ReadingOptions | None = None,
    *,
    progress: Progress = lambda _bytes: None,
    cap: int = CAP,
) -> ParsedReport:
    """Read a report file. Raises `UnreadableReportError` for what cannot be read.

    ``progress`` is told how many bytes of a text have been read; ``cap`` is the size in bytes
    above which only a sample of the rows is kept.
    """
    options = options or ReadingOptions()
    try:
        kind = kind_of(path)
        if kind is not FileKind.TEXT:
            return _read(_OPENERS[kind](path, options), options, cap)
        cap = cap if path.stat().st_size <= NEVER_FITS * cap else 0
        try:
            return _read([open_text(path, options, progress, quoted=True)], options, cap)
        except OpenQuoteError:
            return _read([open_text(path, options, progress, quoted=False)], options, cap)
    except OSError as error:
        words = error.strerror or str(error)
        raise UnreadableReportError(f"The file cannot be read: {words}.") from None


def _read(sources: Sequence[Source], options: ReadingOptions, cap: int) -> ParsedReport:
    blocks = [block for source in sources for block in blocks_of(source)]
    if not blocks:
        raise UnreadableReportError("The file holds no table: all of it is blank.")
    largest = max(blocks, key=_size)
    others = tuple(_left_out(block) for block in blocks if block is not largest)
    table = read_table(largest, options, cap=cap)
    return ParsedReport(source=largest.source, table=table, left_out=others)


def _size(block: Block) -> tuple[int, int]:
    return block.rows * len(block.layout.names), len(block.layout.names)


def _left_out(block: Block) -> str:
    names = ", ".join(block.layout.names[:5])
    place = f"sheet or table {block.source.name!r}" if block.source.name else "further table"
    more = " or more" if block.end is None else ""
    return f"{place} from row {block.begin + 1}: {names} (rows: {block.rows}{more})"
