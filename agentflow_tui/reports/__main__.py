"""The child process that reads one file: options in, progress and a document out.

Standard input holds one JSON object and then stays open: when it ends, whoever asked has gone.
Standard output holds a JSON object a line: ``{"bytes": …}`` now and then, at last ``{"error": …}``
or ``{"metadata": …, "size": …}``, behind which the bytes of ``reportData`` follow.
"""

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

from agentflow_tui.process_limits import bound
from agentflow_tui.reports.documents import FileFacts, report_document
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError
from agentflow_tui.reports.reading import read_report

MEMORY = 1_500_000_000
"""Bytes of address space that reading may take; a text takes some 100 MB, whatever its size, a
workbook several times what it unpacks to."""

SECONDS = 600
"""Seconds of processor time that reading may take."""

EVERY = 0.2
"""Seconds between two words about the progress."""


def main() -> int:
    """Read the file that standard input names. Returns the exit code."""
    gc.disable()  # nothing here refers to itself, and looking for that takes a tenth of the time
    request = json.loads(sys.stdin.readline())
    bound(MEMORY, SECONDS)
    file = FileFacts(**request["file"])
    options = ReadingOptions(**request["options"])
    try:
        report = read_report(Path(file.path), options, progress=_Progress())
        document = report_document(report, file, options)
    except UnreadableReportError as error:
        _tell({"error": str(error)})
        return 1
    except (MemoryError, RecursionError):
        _tell({"error": "Reading the file takes more memory than is allowed."})
        return 1
    data = document.data.encode()
    _tell({"metadata": document.metadata, "size": len(data)})
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


class _Progress:
    """Tells how many bytes have been read, not too often."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last > EVERY:
            self._last = now
            _tell({"bytes": done})


def _tell(words: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(words).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
