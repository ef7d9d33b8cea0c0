"""In which encoding a text is: a byte order mark, else UTF-8 where that is strictly so, else
Windows-1252. Detectors guess wrong on short files, so none is asked; a setting overrides."""

import codecs
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.reports.errors import UnreadableReportError

_BLOCK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """A codec's name, and what there is to say about it. Bytes that it does not know are read as
    the replacement character."""

    codec: str
    note: str = ""


def encoding_of(path: Path, wanted: str = "") -> TextEncoding:
    """The encoding of a text file. Raises `UnreadableReportError` where ``wanted`` is none."""
    if wanted:
        try:
            return TextEncoding(_text_codec(wanted))
        except LookupError:
            raise UnreadableReportError(
                f"There is no encoding {wanted!r}; try utf-8, cp1252 or utf-16."
            ) from None
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return TextEncoding(codec)
    if head[1::2].count(0) > len(head) // 4:
        return TextEncoding("utf-16-le", "UTF-16 without a byte order mark")
    if head[::2].count(0) > len(head) // 4:
        return TextEncoding("utf-16-be", "UTF-16 without a byte order mark")
    return _utf8_or_cp1252(path)


def _text_codec(name: str) -> str:
    """The codec's own name. Raises LookupError for what turns no bytes into text."""
    try:
        b"".decode(name)
    except (ValueError, TypeError):
        raise LookupError(name) from None
    return codecs.lookup(name).name


def _utf8_or_cp1252(path: Path) -> TextEncoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                if decoder.getstate()[0] or not block.isascii():
                    decoder.decode(block)
    except UnicodeDecodeError:
        return TextEncoding("cp1252")
    if decoder.getstate()[0]:
        return TextEncoding("utf-8", "the last character is cut off: the file may be incomplete")
    return TextEncoding("utf-8")


def read_text(path: Path, wanted: str = "") -> tuple[str, TextEncoding]:
    """All of a text file, and its encoding."""
    encoding = encoding_of(path, wanted)
    return path.read_text(encoding=encoding.codec, errors="replace"), encoding
