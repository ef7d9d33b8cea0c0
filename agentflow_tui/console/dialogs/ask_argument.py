"""Asking for what goes with a change, with what the value will mean shown while it is typed."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from agentflow_tui.console.dialogs.dialogs import Dialog
from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane, text_line
from agentflow_tui.console.widgets.prompt import Mistake, Prompt
from agentflow_tui.errors import UsageError

ROOM = 7
"""Lines for what the value will mean."""


class AskArgument(Dialog):
    """Type a value; it is checked, and its effect is shown, as it is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False, id="argument.close"),
    ]

    def __init__(
        self,
        title: str,
        text: str,
        parse: Callable[[str], str],
        effect: Callable[[str], Sequence[str]],
    ) -> None:
        super().__init__(title)
        self._text = text
        self._parse = parse
        self._effect = effect

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(id="dialog-title")
            yield Prompt(lambda _text, _cursor: ())
            yield Pane()

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Line).show([Piece(self._title, "strong")])
        self.query_one(Pane).styles.height = 0
        self.query_one(Prompt).open(self._text)
        self._show(self._text)

    def _show(self, text: str) -> None:
        """What the value will mean, or why it cannot be."""
        prompt, pane = self.query_one(Prompt), self.query_one(Pane)
        try:
            lines = list(self._effect(self._parse(text))) if text.strip() else []
        except UsageError as error:
            prompt.explain(Mistake(str(error), 0, len(text)))
            return
        prompt.explain(None)
        if lines:
            pane.styles.height = ROOM
            pane.show([text_line(line, "dim") for line in lines[:ROOM]])

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()
        self._show(event.text)

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        event.stop()
        try:
            self.dismiss(self._parse(event.text))
        except UsageError as error:
            event.prompt.explain(Mistake(str(error), 0, len(event.text)))

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        event.stop()
        self.dismiss(None)
