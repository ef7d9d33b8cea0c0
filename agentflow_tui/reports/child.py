"""A file read in a process of its own, whose memory and time are bounded.

Files come from strangers, and the reader of workbooks is not ours: what takes it down, or too much
memory, costs a sentence and not the worker or the command that asked.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentflow_tui.process_limits import end_child
from agentflow_tui.reports.delimited import Progress
from agentflow_tui.reports.documents import ReportDocument, check_file, file_facts, unread_file
from agentflow_tui.reports.errors import ReadingOptions, UnreadableReportError

LONGEST_LINE = 64_000_000
"""Bytes of metadata that are taken from the child."""

_DIED = (
    "Reading the file took more memory or time than is allowed: "
    "delete what stands far outside the table, or ask the vendor for it as CSV."
)


async def read_in_child(
    path: Path, options: ReadingOptions, progress: Progress = lambda _bytes: None
) -> ReportDocument:
    """Read a report file. Raises `UnreadableReportError`.

    The file must not change meanwhile; that it did not is checked.
    """
    before = check_file(path)
    facts = asyncio.create_task(asyncio.to_thread(file_facts, path))  # while the child reads
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agentflow_tui.reports"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=LONGEST_LINE,
    )
    try:
        request = {"file": asdict(unread_file(path)), "options": asdict(options)}
        answer, data = await _answer(process, request, progress)
        file = await facts
    finally:
        facts.cancel()
        await end_child(process)
    if "error" in answer:
        raise UnreadableReportError(answer["error"])
    answer["metadata"]["file"] |= {"size": file.size, "sha256": file.sha256}
    if check_file(path) != before:
        raise UnreadableReportError("The file changed while it was read: import it once more.")
    return ReportDocument(file=file, data=data.decode(), metadata=answer["metadata"])


async def _answer(
    process: Process, request: dict[str, Any], progress: Progress
) -> tuple[dict[str, Any], bytes]:
    """The child's last word, and what follows it. Raises `UnreadableReportError` where it died."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
    while line := await process.stdout.readline():
        told: dict[str, Any] = json.loads(line)
        if "bytes" in told:
            progress(told["bytes"])
        elif "error" in told:
            return told, b""
        else:
            return told, await process.stdout.readexactly(told["size"])
    raise UnreadableReportError(_DIED)
