"""Texts whose fields are separated: CSV and what goes by that name."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path

from agentflow_tui.reports.encodings import TextEncoding, encoding_of
from agentflow_tui.reports.errors import OpenQuoteError, ReadingOptions, UnreadableReportError
from agentflow_tui.reports.separators import Dialect, dialect_of, unwrap
from agentflow_tui.reports.sources import Row, Source

LONGEST_FIELD = 4_000_000
"""Characters that a field may have; a longer one means that the file is no table."""

STRETCH = 384
"""Rows that are taken apart at a time, so few that they stay in the processor's cache."""

_SAMPLE = 1 << 16
_END = "\x03end of the file\x03"
"""Stands behind the last line: where it ends up inside a field, a quote was never closed."""

Progress = Callable[[int], None]
"""Is told how many bytes have been read."""


def open_text(path: Path, options: ReadingOptions, progress: Progress, *, quoted: bool) -> Source:
    """The rows of a delimited text. ``quoted`` False takes quotes for characters like others.

    The rows raise `OpenQuoteError` at the end of the file where a quote is still open, and
    `UnreadableReportError` for what cannot be taken apart.
    """
    encoding = encoding_of(path, options.encoding)
    dialect = dialect_of(_first_lines(path, encoding), options.separator)
    text = _DelimitedText(path, encoding, dialect, progress, quoted=quoted)
    details = {"encoding": encoding.codec, "separator": dialect.separator}
    notes = tuple(filter(None, (encoding.note,)))
    if not quoted:
        notes += ("a quote is never closed, so quotes are read as they stand",)
    return Source(
        rows=text.rows,
        parts=text.parts,
        format="text",
        exact=True,
        details=details,
        notes=notes,
        lines=text.lines,
    )


def _first_lines(path: Path, encoding: TextEncoding) -> list[str]:
    """Whole lines from the beginning of the file."""
    with path.open(encoding=encoding.codec, errors="replace", newline="") as file:
        text = file.read(_SAMPLE)
        cut = bool(file.read(1))
    lines = text.replace("\0", "").splitlines(keepends=True)
    return lines[:-1] if cut and len(lines) > 1 else lines


class _DelimitedText:
    """A text file with its dialect."""

    def __init__(
        self,
        path: Path,
        encoding: TextEncoding,
        dialect: Dialect,
        progress: Progress,
        *,
        quoted: bool,
    ) -> None:
        self._path = path
        self._encoding = encoding
        self._dialect = dialect
        self._progress = progress
        self._quoted = quoted
        self._offset = 1 if dialect.declared else 0

    def rows(self) -> Iterator[Row]:
        for rows in self.parts():
            yield from rows

    def parts(self) -> Iterator[Sequence[Row]]:
        for rows, _ in self._parts(STRETCH):
            yield rows

    def lines(self, rows: Sequence[int]) -> Mapping[int, int]:
        """The line on which each of these rows begins."""
        wanted, found, line = set(rows), {}, self._offset + 1
        for at, (_, last) in enumerate(self._parts(1)):
            if at in wanted:
                found[at] = line
                if len(found) == len(wanted):
                    break
            line = last + self._offset + 1
        return found

    def _parts(self, size: int) -> Iterator[tuple[list[list[str]], int]]:
        """Rows by ``size``, with the number of the last line read."""
        limit = csv.field_size_limit(LONGEST_FIELD)
        with (
            self._path.open("rb") as raw,
            TextIOWrapper(raw, self._encoding.codec, "replace", newline="") as file,
        ):
            reader = csv.reader(
                chain(self._prepared(file), [_END]),
                delimiter=self._dialect.separator,
                quoting=csv.QUOTE_MINIMAL if self._quoted else csv.QUOTE_NONE,
            )
            try:
                while rows := list(islice(reader, size)):
                    self._progress(raw.tell())
                    if reader.line_num and rows[-1] == [_END]:
                        rows.pop()
                    elif rows[-1] and rows[-1][-1].endswith(_END):
                        raise OpenQuoteError
                    yield rows, reader.line_num
            except csv.Error:
                if self._quoted:
                    raise OpenQuoteError from None
                raise UnreadableReportError(
                    f"Line {reader.line_num} is longer than any field of a table may be."
                ) from None
            finally:
                csv.field_size_limit(limit)

    def _prepared(self, lines: Iterable[str]) -> Iterable[str]:
        """The lines of rows: without the one that declares the separator, unwrapped."""
        lines = islice(lines, self._offset, None)
        return map(unwrap, lines) if self._dialect.wrapped else lines
