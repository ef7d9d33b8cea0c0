"""A text given to the operator's editor, again and again until it is right or given up."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from types import FrameType

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.text import plural, safe
from agentflow_tui.workflow_files.checking import CheckedFile
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile
from agentflow_tui.workflow_files.nodes import FileMistake

FALLBACKS = ("editor", "nano", "vi")
"""Editors that are looked for where none is configured."""

MARK = "#! "
"""The beginning of the lines in which mistakes are told. They are taken out again."""

SAID = 20
"""Mistakes that are told at once."""


class EditorError(AgentflowError):
    """The editor did not do its part. What was written by then is kept where the message says."""


@dataclass(slots=True)
class EditedText:
    """A text in a file of its own, which only its owner can read. ``run`` starts the editor with
    these words and returns its exit code."""

    text: str
    name: str
    environ: Mapping[str, str]
    run: Callable[[Sequence[str]], int] = field(default_factory=lambda: run_editor)
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        # A directory of its own, for editors put their swap files beside the text.
        folder = Path(tempfile.mkdtemp(prefix="agentflow-"))
        self.path = folder / self.name
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.close(descriptor)

    def edit(self, check: Callable[[bytes], CheckedFile]) -> WorkflowFile | ScheduleFile | None:
        """What the text says once it is right; None where it was left as it was, or emptied.

        A text with mistakes comes back with these on top; left so, it is given up and kept.
        Raises `EditorError`.
        """
        given = self.text
        while True:
            self._write(given)
            saved = self._edited(given)
            body = without_mistakes(saved)
            if given is self.text and saved == given:
                self.discard()
                return None
            if not body.strip():
                self.discard()
                return None
            checked = check(body.encode("utf-8", "surrogateescape"))
            if checked.content is not None:
                return checked.content
            if saved == given:
                count = plural(len(checked.mistakes), "mistake")
                raise EditorError(f"Nothing was changed: {count} left. {self.kept}")
            given = with_mistakes(body, checked.mistakes)

    @property
    def kept(self) -> str:
        """Where the text stands, in a sentence."""
        return f"Your text is kept in {self.path}."

    def discard(self) -> None:
        """Take the file away."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def _write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8", errors="surrogateescape")

    def _edited(self, given: str) -> str:
        """The text after the editor has run. Raises `EditorError`."""
        words = editor_words(self.environ)
        try:
            code = self.run([*words, str(self.path)])
        except OSError as error:
            self.discard()
            said = f"The editor ({safe(words[0])}) cannot be started: {error.strerror}."
            raise EditorError(f"{said} Set VISUAL or EDITOR.") from None
        try:
            saved = self.path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise EditorError(f"The editor has left no text: {error.strerror}.") from None
        if code:
            ended = f"The editor ({safe(words[0])}) failed with exit code {code}"
            if saved == given and given is self.text:
                self.discard()
                raise EditorError(f"{ended}; nothing was changed.")
            raise EditorError(f"{ended}; nothing was changed. {self.kept}")
        return saved


def editor_words(environ: Mapping[str, str]) -> list[str]:
    """The command of the operator's editor: ``$VISUAL``, ``$EDITOR``, or one that is there.

    Raises `EditorError` where there is none.
    """
    for name in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(environ.get(name, ""))
        except ValueError as error:
            raise EditorError(f"{name} cannot be understood: {error}.") from None
        if words:
            return words
    path = environ.get("PATH")
    found = next((name for name in FALLBACKS if shutil.which(name, path=path)), None)
    if found is None:
        raise EditorError("There is no editor here: set VISUAL or EDITOR.")
    return [found]


def run_editor(words: Sequence[str]) -> int:
    """Run the editor on this terminal and wait for it. Ctrl+C is the editor's alone meanwhile."""

    def leave_alone(_number: int, _frame: FrameType | None) -> None:
        """A handler, and not ``SIG_IGN``, which the editor would inherit."""

    before = signal.signal(signal.SIGINT, leave_alone)
    try:
        stdout = None if sys.stdout.isatty() else sys.stderr  # the answer of a command goes there
        return subprocess.run(words, stdout=stdout, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def with_mistakes(body: str, mistakes: Sequence[FileMistake]) -> str:
    """The text with its mistakes on top; their lines are those of the whole."""
    count = plural(len(mistakes), "mistake")
    more = len(mistakes) - SAID
    height = 2 + min(len(mistakes), SAID) + (more > 0)
    lines = [f"{count}. Mend and save, or close as it is to give up; these lines go by themselves."]
    lines += [f"line {each.line + height}: {safe(each.sentence)}" for each in mistakes[:SAID]]
    lines += [f"… and {more} more"] if more > 0 else []
    return "".join(f"{MARK}{line}\n" for line in lines) + "\n" + body


def without_mistakes(text: str) -> str:
    """The text without what `with_mistakes` has put on top."""
    lines = text.splitlines(keepends=True)
    told = next((at for at, line in enumerate(lines) if not line.startswith(MARK)), len(lines))
    if told and told < len(lines) and not lines[told].strip():
        told += 1
    return "".join(lines[told:])
