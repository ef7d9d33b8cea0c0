"""Something that may take long: shown after a moment, and stopped with escape."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from textual._time import get_time
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from agentflow_tui.console.shell import Shell
from agentflow_tui.console.widgets.line import Line, Piece

ResultT = TypeVar("ResultT")

LOOK_EVERY = 0.1
"""Seconds between two looks at whether it was stopped."""


class Working(ModalScreen[None]):
    """Shows that work takes its time. Escape asks it to stop; `while_working` closes this."""

    DEFAULT_CSS = """
    Working { align: center middle; }
    Working > Vertical {
        width: 60; max-width: 96%; height: 3; background: $surface; border: round $primary;
        padding: 0 1;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", show=False, id="working.stop"),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._heading = title
        self._line = Line()
        self.stopped = False
        self.shown_at = get_time()
        """What is typed from this moment on is meant for this window."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self._line

    def on_mount(self) -> None:
        self.tell("")

    def tell(self, news: str) -> None:
        """Say how far it is."""
        hint = "stopping …" if self.stopped else "esc stops"
        left = [Piece(self._heading, "strong"), Piece(f"  {news}")]
        self._line.show(left, [Piece(f"{hint} ", "dim")])

    def action_stop(self) -> None:
        self.stopped = True
        self.tell("")


async def while_working(
    shell: Shell,
    title: str,
    work: Callable[[Working], Awaitable[ResultT]],
    *,
    cancels: bool = True,
) -> ResultT | None:
    """Do something that may take long. Escape stops it, at once where ``cancels``, else when the
    work itself comes to it. None when it was cancelled.
    """
    working = Working(title)
    task = asyncio.ensure_future(work(working))
    done, _ = await asyncio.wait([task], timeout=shell.env.pace.patience)
    if not done:
        await shell.open_dialog(working)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=LOOK_EVERY)
                if working.stopped and cancels:
                    task.cancel()
                    await asyncio.wait([task])
                    return None
        finally:
            task.cancel()
            working.dismiss(None)
    return task.result()
