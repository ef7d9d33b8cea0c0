"""A secret on the screen for seconds, and one that is typed without being shown."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from agentflow_tui.console.dialogs.dialogs import Dialog, Note
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import PaneLine

SHOWN_SECONDS = 30.0
"""How long a secret stays on the screen."""


class ShownSecret(Note):
    """A secret, until a key or the time hides it. No picture is taken meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave", "Hide", show=False, priority=True, id="secret.hide"),
    ]
    holds_secret = True

    def __init__(self, title: str, lines: Sequence[PaneLine], seconds: float = SHOWN_SECONDS):
        super().__init__(title, lines)
        self._seconds = seconds

    def on_mount(self) -> None:
        super().on_mount()
        self.set_timer(self._seconds, self.action_leave)


class AskSecret(Dialog):
    """Type a secret, twice; dots stand for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False, id="ask_secret.close"),
    ]
    holds_secret = True

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._first = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(id="dialog-title")
            yield Input(password=True, id="secret")

    def on_mount(self) -> None:
        self._say(self._title)
        self.query_one(Input).focus()

    def _say(self, words: str) -> None:
        self.query_one("#dialog-title", Line).show([Piece(words, "strong")])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        typed, field = event.value, self.query_one(Input)
        field.clear()
        if not typed:
            self._say(f"{self._title}: type something, or escape")
        elif not self._first:
            self._first = typed
            self._say(f"{self._title}: once more")
        elif typed == self._first:
            self.dismiss(typed)
        else:
            self._first = ""
            self._say(f"{self._title}: that was not the same twice; begin again")
