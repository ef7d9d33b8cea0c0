"""The child process that takes one message apart: a message's file in, its attachments out.

Standard input holds one JSON object and then stays open: when it ends, whoever asked has gone.
Standard output holds one JSON object; the files that a rule takes are in the folder that was named.
"""

import json
import sys
from email import message_from_binary_file
from pathlib import Path
from typing import Any

from agentflow_tui.mailbox.attachments import AttachmentReader, FoundFile, LeftOutFile
from agentflow_tui.mailbox.limits import AttachmentLimits
from agentflow_tui.mailbox.rules import attachment_patterns
from agentflow_tui.process_limits import bound

MEMORY = 2_000_000_000
"""Bytes of address space: a message takes several times its size."""

SECONDS = 120
"""Seconds of processor time."""


def main() -> int:
    """Take the message apart that standard input names. Returns the exit code."""
    request = json.loads(sys.stdin.readline())
    bound(MEMORY, SECONDS)
    try:
        told = _taken_apart(Path(request["message"]), Path(request["folder"]), request["takers"])
    except (MemoryError, RecursionError):
        told = {"error": "Its parts stand too deep in each other, or are too many."}
    sys.stdout.write(json.dumps(told))
    sys.stdout.flush()
    return 0


def _taken_apart(message: Path, folder: Path, takers: list[str]) -> dict[str, Any]:
    """``takers`` are what each rule says of the names of attachments."""
    patterns = [attachment_patterns(each) for each in takers]
    limits = AttachmentLimits()
    files: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    left_out: list[str] = []
    with message.open("rb") as source:
        parsed = message_from_binary_file(source)
    for found in AttachmentReader(limits).files_in(parsed):
        if isinstance(found, LeftOutFile):
            failed.append({"file": found.name, "reason": found.reason})
            continue
        names = (found.name, *found.within)
        taker = next(
            (at for at, each in enumerate(patterns) if any(map(each.fullmatch, names))), None
        )
        if taker is None:
            left_out.append(found.name)
        else:
            files.append(_kept(found, folder / str(len(files)), taker))
    return {"files": files, "failed": failed[: limits.notes], "leftOut": left_out[: limits.notes]}


def _kept(found: FoundFile, folder: Path, taker: int) -> dict[str, Any]:
    folder.mkdir()
    path = folder / found.name
    path.write_bytes(found.content)
    return {"path": str(path), "within": list(found.within), "taker": taker}


if __name__ == "__main__":
    sys.exit(main())
