"""Workflow and schedule files on the command line: read, checked, and their mistakes said."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentflow_tui.cli.output import say
from agentflow_tui.errors import AgentflowError
from agentflow_tui.text import plural, safe
from agentflow_tui.workflow_files.checking import CheckedFile, FileKind, check_file
from agentflow_tui.workflow_files.nodes import FileMistake
from agentflow_tui.workflow_files.reading import LIMIT, read_bytes

STDIN = "-"
"""Stands for stdin, where the name of a file would."""

SAID = 100
"""Mistakes of one file that are said."""


def read_and_check(name: str, zone: str, kind: FileKind | None = None) -> CheckedFile:
    """The file of this name, checked. Raises `AgentflowError` for one that cannot be read."""
    data = sys.stdin.buffer.read(LIMIT + 1) if name == STDIN else read_bytes(Path(name))
    return check_file(data, "" if name == STDIN else name, zone, kind=kind)


def shown_name(name: str) -> str:
    """A file's name as it stands in front of a mistake."""
    return "<stdin>" if name == STDIN else safe(name)


def mistake_lines(name: str, mistakes: Iterable[FileMistake]) -> list[str]:
    """A line for each mistake: file, line, column, path, sentence."""
    return [
        f"{shown_name(name)}:{each.line}:{each.column}: {safe(each.sentence)}" for each in mistakes
    ]


def say_mistakes(name: str, checked: CheckedFile) -> None:
    """Say what is wrong with a file, and what is to be known about it."""
    lines = mistake_lines(name, checked.mistakes)
    for line in lines[:SAID]:
        say(line)
    if len(lines) > SAID:
        say(f"  … and {len(lines) - SAID} more")
    for line in mistake_lines(name, checked.remarks):
        say(line.replace(": ", ": note: ", 1))


def require_right(name: str, checked: CheckedFile) -> Any:
    """What the file says. Raises `AgentflowError` where it has mistakes, which are said."""
    say_mistakes(name, checked)
    if checked.content is None:
        count = plural(len(checked.mistakes), "mistake")
        raise AgentflowError(f"Nothing was written: {count} in {shown_name(name)}.")
    return checked.content


def mistake_json(mistake: FileMistake) -> dict[str, Any]:
    """A mistake as ``--json`` says it."""
    return {
        "line": mistake.line,
        "column": mistake.column,
        "path": mistake.path,
        "message": mistake.message,
    }
