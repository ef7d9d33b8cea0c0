"""A file's bytes as a tree, or what is wrong with them. Never raises for what a file holds."""

import json
from pathlib import Path

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.text import safe, size
from agentflow_tui.workflow_files.json_files import read_json
from agentflow_tui.workflow_files.nodes import BrokenFileError, FileMistake, FileNode
from agentflow_tui.workflow_files.yaml_files import read_yaml

LIMIT = 2_000_000
"""Bytes of a file that is read."""

_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


@dataclass(frozen=True, slots=True)
class FileTree:
    """A file as it was read: ``root`` is None where nothing could be made of it."""

    root: FileNode | None
    mistakes: tuple[FileMistake, ...] = ()


def read_bytes(path: Path) -> bytes:
    """What a file holds, a byte more than `LIMIT` of it at most. Raises `AgentflowError` for a file
    that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except OSError as error:
        raise AgentflowError(f"{safe(str(path))} cannot be read: {error.strerror}.") from None


def read_tree(data: bytes, name: str = "") -> FileTree:
    """The tree of a file called ``name``, which says whether it is JSON or YAML; where it does not,
    what begins with a bracket is JSON."""
    try:
        text = _decoded(data)
        builder = read_json(text) if _is_json(text, name) else read_yaml(text)
    except BrokenFileError as error:
        return FileTree(None, (error.mistake,))
    if builder.root is None:
        return FileTree(None, (FileMistake(1, 1, "", "the file is empty"),))
    return FileTree(builder.root, tuple(builder.mistakes))


def _decoded(data: bytes) -> str:
    if len(data) > LIMIT:
        raise BrokenFileError(1, 1, f"the file is too large: {size(LIMIT)} are read")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            raise BrokenFileError(1, 1, f"the file is {encoding}: save it as UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        said = f"byte {data[error.start]:#04x} is not UTF-8: save the file as UTF-8"
        raise BrokenFileError(line, column, said) from None


def _is_json(text: str, name: str) -> bool:
    suffix = Path(name).suffix.lower()
    if suffix == ".json":
        return True
    if not text.lstrip().startswith(("{", "[")):
        return False
    if suffix not in {".yaml", ".yml"}:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
