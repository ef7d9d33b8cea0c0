"""A line to type in, with completion and honest errors: for filters and for commands."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A completion: what replaces the text from ``start`` to ``end``, and how it is offered."""

    start: int
    end: int
    insert: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with the text, and where."""

    message: str
    start: int = 0
    end: int = 0


Completer = Callable[[str, int], Sequence[Candidate]]


class _Underline(Highlighter):
    """Underlines the mistake in what is typed."""

    def __init__(self) -> None:
        self.mistake: Mistake | None = None

    def highlight(self, text: Text) -> None:
        if self.mistake is not None:
            text.stylize("underline", self.mistake.start, max(self.mistake.end, 1))


class _Field(Input):
    """An input without a blinking cursor, which would write to the terminal for ever."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "Complete", show=False, id="prompt.complete"),
        Binding("shift+tab", "complete(-1)", "Complete", show=False, id="prompt.complete_back"),
        Binding("escape", "cancel", "Cancel", show=False, id="prompt.cancel"),
        Binding("up", "recall(-1)", "Older", show=False, id="prompt.older"),
        Binding("down", "recall(1)", "Newer", show=False, id="prompt.newer"),
    ]

    def _on_paste(self, event: events.Paste) -> None:
        """Take all lines, not the first one alone."""
        event.prevent_default()
        event.stop()
        lines = [line.strip() for line in event.text.splitlines() if line.strip()]
        text = self._prompt.join_lines(lines) if len(lines) > 1 else "".join(lines)
        self.replace(text, *self.selection)

    def action_complete(self, direction: int) -> None:
        self._prompt.complete(direction)

    def action_cancel(self) -> None:
        self._prompt.cancel()

    def action_recall(self, direction: int) -> None:
        self._prompt.recall(direction)

    @property
    def _prompt(self) -> "Prompt":
        prompt = self.parent
        assert isinstance(prompt, Prompt)
        return prompt


class Prompt(Vertical):
    """Type, tab to complete, enter to accept, escape to leave. Hidden, and empty, until it is asked
    for. ``completes_on_tab`` is for a completer that may be slow: it is not asked as one types."""

    DEFAULT_CSS = """
    Prompt { height: 2; display: none; }
    Prompt.-open { display: block; }
    Prompt Input { height: 1; border: none; padding: 0; }
    Prompt Input:focus { border: none; }
    """

    class Changed(Message):
        """The text is another one now."""

        def __init__(self, prompt: "Prompt", text: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.text = text

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Prompt.Changed) and message.prompt is self.prompt

    class Accepted(Message):
        """Enter."""

        def __init__(self, prompt: "Prompt", text: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.text = text

    class Cancelled(Message):
        """Escape."""

        def __init__(self, prompt: "Prompt") -> None:
            super().__init__()
            self.prompt = prompt

    def __init__(
        self,
        completer: Completer,
        *,
        placeholder: str = "",
        join_lines: Callable[[Sequence[str]], str] = " ".join,
        completes_on_tab: bool = False,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.join_lines = join_lines
        self._completer = completer
        self._completes_on_tab = completes_on_tab
        self._underline = _Underline()
        self._offered: Sequence[Candidate] = ()
        self._cycle: tuple[str, int, Sequence[Candidate]] | None = None
        self._past: list[str] = []
        self._recalled: int | None = None
        self._before: Widget | None = None
        self._line = Line()
        self.field = _Field(
            placeholder=placeholder,
            highlighter=self._underline,
            select_on_focus=False,
            compact=True,
        )
        self.field.cursor_blink = False

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    def keeps(self, key: str) -> bool:
        """Whether the field has the focus and takes this key."""
        return self.field.has_focus and key in self.field._bindings.key_to_bindings

    def open(self, text: str = "", *, replaced: bool = False) -> None:
        """Show with this text and take the focus. What is ``replaced`` goes when a letter comes."""
        if not self.children:
            self.mount(self.field, self._line)
        self._recalled = None
        self.add_class("-open")
        self.field.value = text
        self.field.cursor_position = len(text)
        if replaced:
            self.field.select_all()
        if not self.field.has_focus:
            self._before = self.screen.focused
        self.screen.set_focus(self.field)  # at once: the next key may be here already
        self._offer()

    def close(self) -> None:
        """Hide, and give the focus back at once."""
        if self.field.has_focus and self._before is not None and self._before.is_attached:
            self.screen.set_focus(self._before)
        if self.children:
            self.remove_class("-open")
            self.explain(None)

    def explain(self, mistake: Mistake | None) -> None:
        """Underline what is wrong and say why; None when all is well."""
        if not self.children:
            return
        if self._underline.mistake != mistake:
            self._underline.mistake = mistake
            self.field.refresh()
        self._say(mistake)

    def complete(self, direction: int) -> None:
        """Put the next candidate in place of what is typed."""
        if self._cycle is None:
            if self._completes_on_tab:
                self._offered = self._completions()
            if not self._offered:
                return
            self._cycle = (self.field.value, -1 if direction > 0 else 0, self._offered)
        text, place, offered = self._cycle
        place = (place + direction) % len(offered)
        candidate = offered[place]
        completed = text[: candidate.start] + candidate.insert + text[candidate.end :]
        with self.prevent(Input.Changed):
            self.field.value = completed
            self.field.cursor_position = candidate.start + len(candidate.insert)
        self._cycle = (text, place, offered)
        self.post_message(self.Changed(self, completed))
        self._say(None)

    def cancel(self) -> None:
        """Leave without accepting."""
        self.close()
        self.post_message(self.Cancelled(self))

    def recall(self, direction: int) -> None:
        """An older or newer text that was accepted."""
        if not self._past:
            return
        last = len(self._past)
        place = (last if self._recalled is None else self._recalled) + direction
        self._recalled = max(0, min(place, last))
        self.field.value = self._past[self._recalled] if self._recalled < last else ""
        self.field.cursor_position = len(self.field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._offer()
        self.post_message(self.Changed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value
        if text and (not self._past or self._past[-1] != text):
            self._past.append(text)
        self.post_message(self.Accepted(self, text))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if self.is_open and not self.field.value:
            self.cancel()

    def _offer(self) -> None:
        self._cycle = None
        self._offered = () if self._completes_on_tab else self._completions()
        self._say(self._underline.mistake)

    def _completions(self) -> Sequence[Candidate]:
        return self._completer(self.field.value, self.field.cursor_position)

    def _say(self, mistake: Mistake | None) -> None:
        line = self._line
        if mistake is not None:
            line.show([Piece(f"  {mistake.message}", "failed")])
            return
        chosen = self._cycle[1] if self._cycle else -1
        pieces = [Piece("  tab ", "dim")] if self._offered else []
        first = max(0, chosen - 3)
        for place, candidate in enumerate(self._offered[first : first + 12], first):
            pieces.append(Piece(candidate.label, "accent" if place == chosen else ""))
            hint = f" {candidate.hint}" if candidate.hint and len(self._offered) <= 4 else ""
            pieces.append(Piece(f"{hint}  ", "dim"))
        line.show(pieces)
