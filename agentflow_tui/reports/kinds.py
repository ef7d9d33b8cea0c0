"""What kind of file this is, told by its first bytes and never by its name."""

import re
import zipfile
from enum import StrEnum
from pathlib import Path

from agentflow_tui.reports.errors import UnreadableReportError

HEAD = 65_536
"""Bytes of the beginning that are looked at."""

MOST_UNPACKED = 1_000_000_000
MOST_PARTS = 10_000
LARGE_PART = 10_000_000
MOST_RATIO = 100
"""A part of a workbook that is large and packs better than this is no table of figures: those of
a real one, however regular, stay below a fiftieth."""


class FileKind(StrEnum):
    """How a file is to be read."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    SPREADSHEET_XML = "spreadsheet xml"
    WORKBOOK = "workbook"


_FOREIGN = {
    b"%PDF": "a PDF document: ask the vendor for the report as CSV or XLSX",
    b"\x89PNG": "a picture (PNG), not a report",
    b"\xff\xd8\xff": "a picture (JPEG), not a report",
    b"GIF8": "a picture (GIF), not a report",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"BZh": "compressed with bzip2: unpack it first",
    b"\xfd7zXZ": "compressed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it first",
    b"{\\rtf": "an RTF document: ask the vendor for the report as CSV or XLSX",
    b"\x7fELF": "a program, not a report",
    b"MZ\x90": "a program, not a report",
    b"PAR1": "a Parquet file, which is not read: ask the vendor for the report as CSV or XLSX",
    b"SQLite format 3": "a SQLite database, not a report",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(rb"<(!doctype html|html|head|body|table|meta|style|tr)\b", re.IGNORECASE)
_MAIL = re.compile(rb"\s*(MIME-Version:|From: |Received: )", re.IGNORECASE)


def kind_of(path: Path) -> FileKind:
    """How to read the file. Raises `UnreadableReportError` for what is no report."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip(b"\0 \t\r\n\x0c\xef\xbb\xbf\xff\xfe"):
        raise UnreadableReportError("The file is empty.")
    for magic, words in _FOREIGN.items():
        if head.startswith(magic):
            raise UnreadableReportError(f"The file is {words}.")
    if head.startswith(b"PK"):
        check_package(path)
        return FileKind.WORKBOOK
    if head.startswith(_OLE):
        check_compound(path)
        return FileKind.WORKBOOK
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> FileKind:
    if not head.startswith(_BYTE_ORDER_MARKS):
        _check_is_text(head)
    start = head.removeprefix(_BYTE_ORDER_MARKS[0]).replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    if start[:1] in (b"{", b"["):
        return FileKind.JSON
    if _MAIL.match(start):
        raise UnreadableReportError("The file is a mail, not a report: save its attachment.")
    if start[:1] == b"<":
        if b"urn:schemas-microsoft-com:office:spreadsheet" in start and b"<html" not in start:
            return FileKind.SPREADSHEET_XML
        if _HTML.search(start):
            return FileKind.HTML
        raise UnreadableReportError("The file is XML of a kind that is not known here.")
    return FileKind.TEXT


def _check_is_text(head: bytes) -> None:
    """Control characters are rare in text; NULs are common in one that is UTF-16."""
    controls = sum(
        head.count(code) for code in range(1, 32) if code not in b"\t\n\x0b\x0c\r\x1a\x1b"
    )
    utf16 = max(head[::2].count(0), head[1::2].count(0)) > len(head) // 4
    if controls * 20 > len(head) or (head.count(0) * 20 > len(head) and not utf16):
        raise UnreadableReportError("The file is neither text nor a workbook.")


def check_package(path: Path) -> None:
    """Raises `UnreadableReportError` for a zip file that is no workbook, is cut off, or would
    unpack to more than a workbook of its size does."""
    parts = _parts_of(path)
    if not any(part.filename == "content.xml" or part.filename.startswith("xl/") for part in parts):
        raise UnreadableReportError(
            "The file is a zip archive without a workbook: unpack it first."
        )
    if any(part.flag_bits & 1 for part in parts):
        raise UnreadableReportError("The workbook is protected by a password: save it without one.")
    if _unpack_to_too_much(parts):
        raise UnreadableReportError(
            "The workbook unpacks to far too much for what it is, so it is not read."
        )


def _parts_of(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as package:
            return package.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise UnreadableReportError(
            "The file is not a complete workbook: it was cut off or damaged. Fetch it again."
        ) from None


def _unpack_to_too_much(parts: list[zipfile.ZipInfo]) -> bool:
    """Whether the parts are too many, too large together, or one of them packs too well."""
    return (
        len(parts) > MOST_PARTS
        or sum(part.file_size for part in parts) > MOST_UNPACKED
        or any(
            part.file_size > LARGE_PART and part.file_size > MOST_RATIO * part.compress_size
            for part in parts
        )
    )


def check_compound(path: Path) -> None:
    """Raises `UnreadableReportError` for an OLE file that is encrypted or holds no workbook."""
    data = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise UnreadableReportError("The workbook is protected by a password: save it without one.")
    if not any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        raise UnreadableReportError("The file is protected by a password, or is not a workbook.")
