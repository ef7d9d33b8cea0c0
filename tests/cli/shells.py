"""Real shells at a terminal, in which tab is pressed."""

import asyncio
import os
import pty
import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyte
import pytest

from tests.cli.running import PROGRAM, environment
from tests.waiting import until

PROMPT = "> "
SHELLS = ("bash", "zsh", "fish")

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SET_UP = {
    "bash": "PS1='> '; bind 'set bell-style none'; source <(agentflow completion bash); clear\n",
    "zsh": "PS1='> '; unsetopt beep prompt_sp; autoload -Uz compinit; compinit -u -D; "
    "source <(agentflow completion zsh); clear\n",
    "fish": "function fish_prompt; echo -n '> '; end; set -g fish_autosuggestion_enabled 0; "
    "agentflow completion fish | source; clear\n",
}


class Shell:
    """A shell, and the screen of the terminal in which it runs."""

    def __init__(self, keyboard: int) -> None:
        self._keyboard = keyboard
        self._screen = pyte.Screen(160, 50)
        self._stream = pyte.ByteStream(self._screen)
        asyncio.get_running_loop().add_reader(keyboard, self._read)

    def _read(self) -> None:
        try:
            self._stream.feed(os.read(self._keyboard, 65536))
        except OSError:
            asyncio.get_running_loop().remove_reader(self._keyboard)

    @property
    def line(self) -> str | None:
        """What stands behind the prompt, up to the cursor; None where there is no prompt."""
        cursor = self._screen.cursor
        text = self._screen.display[cursor.y][: cursor.x]
        return text.removeprefix(PROMPT) if text.startswith(PROMPT) else None

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def type(self, text: str) -> None:
        os.write(self._keyboard, text.encode())

    async def completes(self, typed: str, wanted: str) -> None:
        """Typed text, and then tab, becomes the wanted line."""
        self.type("\x15")
        await until(lambda: self.line == "", state=lambda: self.text)
        self.type(typed)
        await until(lambda: self.line == typed, state=lambda: self.text)
        self.type("\t")
        await until(
            lambda: self.line == wanted, f"{wanted!r} from {typed!r}", state=lambda: self.text
        )


@asynccontextmanager
async def running_shell(name: str, tmp_path: Path, url: str = "") -> AsyncIterator[Shell]:
    """A shell in which this program is called ``agentflow``, with its completion."""
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} on this machine")
    program = tmp_path / "bin" / "agentflow"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    environ = environment(url, tmp_path, TERM="xterm", HOME=str(tmp_path))
    environ["PATH"] = f"{program.parent}:{environ['PATH']}"
    keyboard, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *START[name], stdin=terminal, stdout=terminal, stderr=terminal, env=environ,
        start_new_session=True, preexec_fn=_control,
    )  # fmt: skip
    os.close(terminal)
    shell = Shell(keyboard)
    try:
        shell.type(SET_UP[name])
        await until(lambda: shell.line == "" and "PS1" not in shell.text, state=lambda: shell.text)
        yield shell
    finally:
        process.kill()
        await process.wait()
        asyncio.get_running_loop().remove_reader(keyboard)
        os.close(keyboard)


def _control() -> None:
    """Make the terminal at stdin the controlling one of the new session."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    termios.tcsetwinsize(0, (50, 160))
