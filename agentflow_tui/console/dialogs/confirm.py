"""The dialog before a change: what, on which and how many, what follows, and how sure one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane, PaneLine
from agentflow_tui.console.widgets.prompt import Mistake, Prompt


class Effort(Enum):
    """How much it takes to go on."""

    ENTER = "enter"
    """The focus is on going on."""
    CHOOSE = "choose"
    """The focus is on leaving it."""
    TYPE = "type"
    """A word has to be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. ``go`` and ``leave`` are the answers; ``word`` has to be typed where the
    effort is that. ``alarm`` is said in front of the title, unmistakably. ``command`` does the same
    in a shell, and can be copied."""

    title: str
    lines: Sequence[PaneLine]
    go: str
    leave: str = "Leave it"
    effort: Effort = Effort.CHOOSE
    word: str = ""
    alarm: str = ""
    command: str = ""


class _Answers(Widget, can_focus=True):
    """The two answers, side by side."""

    DEFAULT_CSS = "_Answers { height: 1; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right,tab,shift+tab,h,l", "switch", "Other", show=False, id="confirm.switch"),
        Binding("enter", "answer", "Answer", show=False, id="confirm.answer"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="confirm.down"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="confirm.up"),
        Binding("pagedown,ctrl+d", "scroll(8)", "Down", show=False, id="confirm.page_down"),
        Binding("pageup,ctrl+u", "scroll(-8)", "Up", show=False, id="confirm.page_up"),
    ]

    def __init__(self, go: str, leave: str, *, going: bool) -> None:
        super().__init__()
        self._go, self._leave = go, leave
        self.going = going
        self._line = Line()

    def compose(self) -> ComposeResult:
        yield self._line

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        go, leave = ("▸ ", "  ") if self.going else ("  ", "▸ ")
        self._line.show(
            [
                Piece(f"{go}{self._go}", "accent" if self.going else "dim", "go"),
                Piece("     "),
                Piece(f"{leave}{self._leave}", "dim" if self.going else "accent", "leave"),
            ],
            [Piece("tab ⏎ esc  y copies ", "dim")],
        )

    def action_switch(self) -> None:
        self.going = not self.going
        self._show()

    def action_answer(self) -> None:
        self.screen.dismiss(self.going)

    def action_scroll(self, lines: int) -> None:
        self.screen.query_one(Pane).action_move(lines)

    def on_line_picked(self, event: Line.Picked) -> None:
        event.stop()
        self.screen.dismiss(event.target == "go")


class Confirm(ModalScreen[bool]):
    """Asks a question. True to go on; escape and every other way out is False."""

    DEFAULT_CSS = """
    Confirm { align: center middle; background: $background 50%; }
    Confirm > Vertical {
        width: 78; max-width: 100%; height: auto; max-height: 96%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    Confirm.-alarm > Vertical { border: round $error; }
    Confirm Pane { height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave", show=False, id="confirm.leave"),
        Binding("y", "copy", "Copy", show=False, id="confirm.copy"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question
        self._title = Line(id="confirm-title")
        self.set_class(bool(question.alarm), "-alarm")

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical():
            yield self._title
            yield Pane()
            if question.effort is Effort.TYPE:
                yield Prompt(lambda _text, _cursor: (), placeholder=f"type {question.word}")
            else:
                going = question.effort is Effort.ENTER
                yield _Answers(question.go, question.leave, going=going)

    def on_mount(self) -> None:
        self.tell("")
        pane = self.query_one(Pane)
        pane.show(self._question.lines, afresh=True)
        self._fit()
        if self._question.effort is Effort.TYPE:
            self.query_one(Prompt).open("")
        else:
            self.query_one(_Answers).focus()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        room = max(2, self.app.size.height - 7)
        self.query_one(Pane).styles.height = min(len(self._question.lines), room)

    def tell(self, news: str) -> None:
        """Say something beside the title, such as what has come since."""
        left = [Piece(self._question.title, "strong")]
        if self._question.alarm:
            left.insert(0, Piece(f" {self._question.alarm} ", "failed"))
            left.insert(1, Piece(" "))
        self._title.show(left, [Piece(news, "warning")] if news else [])

    def action_leave(self) -> None:
        self.dismiss(False)

    def action_copy(self) -> None:
        """The command line, on the operator's clipboard."""
        if self._question.command:
            self.app.copy_to_clipboard(self._question.command)
            self.tell("command copied ")

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()
        event.prompt.explain(None)

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        event.stop()
        if event.text.strip() == self._question.word:
            self.dismiss(True)
        else:
            event.prompt.explain(
                Mistake(f"Type {self._question.word} to go on, or escape.", 0, len(event.text))
            )

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        event.stop()
        self.dismiss(False)


class Working(ModalScreen[None]):
    """Something takes its time. Escape asks it to stop; whoever does the work closes this."""

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
