"""What a file holds, with the place of each value, built of what a parser meets."""

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import safe, storable

DEPTH = 100
"""Levels of nesting that are read."""

VALUES = 100_000
"""Values that a file may come to, its aliases unfolded."""


@dataclass(frozen=True, slots=True, order=True)
class FileMistake:
    """Something in a file that is wrong. ``path`` is where it stands in the document, such as
    ``steps[0].config.url``; ``""`` is the document itself. Lines and columns count from 1."""

    line: int
    column: int
    path: str
    message: str

    @property
    def sentence(self) -> str:
        """Path and message, as they follow the file's name and the line."""
        return f"{safe(self.path)}: {self.message}" if self.path else self.message


class BrokenFileError(Exception):
    """A file cannot be read any further."""

    def __init__(self, line: int, column: int, message: str):
        super().__init__(message)
        self.mistake = FileMistake(line, column, "", message)


@dataclass(frozen=True, slots=True)
class FileNode:
    """A value and its place. ``value`` is text, a number, true, false or None, a list of nodes, or
    a dictionary of `FileMember`. ``size`` counts the values in it, ``height`` its levels."""

    value: Any
    line: int
    column: int
    size: int = field(default=1, compare=False)
    height: int = field(default=0, compare=False)

    @property
    def plain(self) -> Any:
        """The value as JSON has it."""
        if isinstance(self.value, dict):
            return {name: member.node.plain for name, member in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain for node in self.value]
        return self.value

    def place(self, path: str) -> tuple[int, int]:
        """Line and column of what stands at this path, or of the nearest that is there: a member's
        are those of its name."""
        node, rest, at = self, path, (self.line, self.column)
        while rest:
            found = _inner(node, rest)
            if found is None:
                return at
            node, rest, at = found
        return at


@dataclass(frozen=True, slots=True)
class FileMember:
    """A member of an object: its value, and where its name stands."""

    node: FileNode
    line: int
    column: int


def _inner(node: FileNode, path: str) -> tuple[FileNode, str, tuple[int, int]] | None:
    """The value that the first part of a path leads to, the rest of the path, and the place."""
    if isinstance(node.value, list) and path.startswith("["):
        number, _, rest = path[1:].partition("]")
        if number.isdecimal() and int(number) < len(node.value):
            inner = node.value[int(number)]
            return inner, rest, (inner.line, inner.column)
    elif isinstance(node.value, dict):
        path = path.removeprefix(".")
        # names may hold dots and brackets themselves: the longest that fits is meant
        for name in sorted(node.value, key=len, reverse=True):
            rest = path.removeprefix(name)
            if path.startswith(name) and (not rest or rest[0] in ".["):
                member = node.value[name]
                return member.node, rest, (member.line, member.column)
    return None


@dataclass(slots=True)
class _Open:
    """A list or an object whose end has not come."""

    line: int
    column: int
    is_object: bool
    path: str
    anchor: str = ""
    members: dict[str, FileMember] = field(default_factory=dict)
    entries: list[FileNode] = field(default_factory=list)
    name: tuple[str, int, int] | None = None

    @property
    def wants_name(self) -> bool:
        return self.is_object and self.name is None

    @property
    def inner_path(self) -> str:
        """The path of the value that comes next."""
        if not self.is_object:
            return f"{self.path}[{len(self.entries)}]"
        name = self.name[0] if self.name else ""
        return f"{self.path}.{name}" if self.path else name

    def node(self) -> FileNode:
        inner = self.entries or [member.node for member in self.members.values()]
        return FileNode(
            dict(self.members) if self.is_object else list(self.entries),
            self.line,
            self.column,
            size=1 + sum(node.size for node in inner),
            height=1 + max((node.height for node in inner), default=0),
        )


class TreeBuilder:
    """Builds the tree of a file. Its methods raise `BrokenFileError`; mistakes that reading can go
    on after are gathered in ``mistakes``."""

    def __init__(self) -> None:
        self.root: FileNode | None = None
        self.mistakes: list[FileMistake] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, FileNode] = {}
        self._size = 0

    @property
    def wants_name(self) -> bool:
        """Whether what comes next is the name of a member."""
        return bool(self._open) and self._open[-1].wants_name

    @property
    def path(self) -> str:
        """The path of the value that comes next."""
        return self._open[-1].inner_path if self._open else ""

    def report(self, line: int, column: int, message: str) -> None:
        """Take down a mistake about the value that comes next."""
        self.mistakes.append(FileMistake(line, column, self.path, message))

    def begin(self, line: int, column: int, *, is_object: bool, anchor: str = "") -> None:
        """A list or an object begins."""
        if len(self._open) >= DEPTH:
            raise BrokenFileError(line, column, f"this is nested more than {DEPTH} levels deep")
        self._open.append(_Open(line, column, is_object, self.path, anchor))

    def end(self) -> None:
        """The innermost list or object ends."""
        ended = self._open.pop()
        self._add(ended.node(), ended.anchor, counted=True)

    def name(self, text: str, line: int, column: int) -> None:
        """The name of the next member."""
        container = self._open[-1]
        earlier = container.members.get(text)
        container.name = (text, line, column)
        self._check_text(text, line, column)
        if earlier is not None:
            said = f"the name stands here twice, first in line {earlier.line}: take one of them out"
            self.report(line, column, said)

    def scalar(self, value: Any, line: int, column: int, anchor: str = "") -> None:
        """A value without parts."""
        if isinstance(value, str):
            self._check_text(value, line, column)
        self._add(FileNode(value, line, column), anchor)

    def alias(self, anchor: str, line: int, column: int) -> None:
        """What was named before, once more."""
        if any(container.anchor == anchor for container in self._open):
            raise BrokenFileError(line, column, f"*{safe(anchor, 40)} stands inside of itself")
        found = self._anchors.get(anchor)
        if found is None:
            said = f"*{safe(anchor, 40)} was not named before: &{safe(anchor, 40)} names a value"
            raise BrokenFileError(line, column, said)
        if len(self._open) + found.height > DEPTH:
            raise BrokenFileError(line, column, f"this is nested more than {DEPTH} levels deep")
        self._add(found)

    def _check_text(self, text: str, line: int, column: int) -> None:
        if storable(text) != text:
            self.report(line, column, "this has a character that no database can hold")

    def _add(self, node: FileNode, anchor: str = "", *, counted: bool = False) -> None:
        self._size += 1 if counted else node.size
        if self._size > VALUES:
            said = f"the document comes to more than {VALUES:,} values"
            raise BrokenFileError(node.line, node.column, said)
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        container = self._open[-1]
        if container.name is not None:
            name, line, column = container.name
            container.members.setdefault(name, FileMember(node, line, column))
            container.name = None
        else:
            container.entries.append(node)


def members(node: FileNode) -> Iterator[tuple[str, FileMember]]:
    """The members of an object; none of anything else."""
    found: Iterable[tuple[str, FileMember]] = (
        node.value.items() if isinstance(node.value, dict) else ()
    )
    yield from found
