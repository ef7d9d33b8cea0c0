"""Small windows over the console: pick one, type something, read something."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane, PaneLine, heading
from agentflow_tui.console.widgets.prompt import Completer, Mistake, Prompt
from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import safe


@dataclass(frozen=True, slots=True)
class Option:
    """Something to pick: what it is called, and a hint beside it. ``part`` is the heading under
    which it stands, with its neighbours that have the same."""

    id: str
    title: str
    hint: str = ""
    style: str = ""
    part: str = ""


class Dialog(ModalScreen[str | None]):
    """A titled window. Escape and q leave it with None."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 50%; }
    Dialog > Vertical {
        width: 76; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    Dialog Pane { height: auto; max-height: 100%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,left", "leave", "Close", show=False, id="dialog.close"),
    ]

    holds_secret: ClassVar[bool] = False
    """Whether a secret is shown or typed in it, of which no picture is taken."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def action_leave(self) -> None:
        self.dismiss(None)


class Choice(Dialog):
    """Pick one of a few, by its place or with enter. ``about`` is said above the options."""

    def __init__(
        self, title: str, options: Sequence[Option], *, first: str = "", about: str = ""
    ) -> None:
        super().__init__(title)
        self._options = list(options)
        self._first = first
        self._about = about

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(id="dialog-title")
            if self._about:
                yield Static(safe(self._about), markup=False)
            yield Pane()

    def on_mount(self) -> None:
        self.query_one(Line).show([Piece(self._title, "strong")])
        wide = max((len(option.title) for option in self._options), default=0)
        pane = self.query_one(Pane)
        lines = list(self._lines(wide))
        pane.styles.height = min(len(lines), max(3, self.app.size.height - 6))
        pane.show(lines, afresh=True)
        first = self._first or (self._options[0].id if self._options else "")
        pane.cursor = next((i for i, line in enumerate(lines) if line.fold == first), 0)
        pane.focus()

    def _lines(self, wide: int) -> Iterator[PaneLine]:
        for option, before in zip(self._options, [None, *self._options], strict=False):
            if option.part and (before is None or option.part != before.part):
                yield heading(option.part)
            pieces = (Piece(f" {option.title:<{wide}}  ", option.style), Piece(option.hint, "dim"))
            yield PaneLine(pieces, fold=option.id, key=option.id)

    def on_pane_folded(self, event: Pane.Folded) -> None:
        event.stop()
        self.dismiss(event.node)


def _filled(text: str) -> str:
    """What is wrong with an empty line."""
    return "" if text else "Type something, or escape."


class AskText(Dialog):
    """Type a line. ``check`` says what is wrong with it, ``""`` for nothing; without one it may be
    anything but empty. ``completer`` gives what ``tab`` puts in its place; it is asked by ``tab``
    only where ``completes_on_tab``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False, id="ask.close"),
    ]

    def __init__(
        self,
        title: str,
        text: str = "",
        placeholder: str = "",
        *,
        check: Callable[[str], str] | None = None,
        completer: Completer = lambda _text, _cursor: (),
        completes_on_tab: bool = False,
    ) -> None:
        super().__init__(title)
        self._text = text
        self._placeholder = placeholder
        self._check = check or _filled
        self._completer = completer
        self._completes_on_tab = completes_on_tab

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(id="dialog-title")
            yield Prompt(
                self._completer,
                placeholder=self._placeholder,
                completes_on_tab=self._completes_on_tab,
            )

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Line).show([Piece(self._title, "strong")])
        self.query_one(Prompt).open(self._text, replaced=True)

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        event.stop()
        text = event.text.strip()
        if mistake := self._check(text):
            event.prompt.explain(Mistake(mistake, 0, len(event.text)))
        else:
            self.dismiss(text)

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        event.stop()
        self.dismiss(None)


class Note(Dialog):
    """Something to read."""

    def __init__(self, title: str, lines: Sequence[PaneLine]) -> None:
        super().__init__(title)
        self._lines = list(lines)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(id="dialog-title")
            yield Pane()

    def on_mount(self) -> None:
        self.query_one(Line).show([Piece(self._title, "strong")])
        pane = self.query_one(Pane)
        pane.styles.height = min(len(self._lines), max(3, self.app.size.height - 6))
        pane.show(self._lines, afresh=True)
        pane.focus()
