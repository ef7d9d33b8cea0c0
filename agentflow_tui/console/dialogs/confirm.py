"""The dialog before a change: what, on which and how many, what follows, and how sure one is."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from agentflow_tui.console.widgets.line import Line, Piece
from agentflow_tui.console.widgets.pane import Pane, PaneLine, text_line
from agentflow_tui.console.widgets.prompt import Mistake, Prompt
from agentflow_tui.dataclass import dataclass
from agentflow_tui.operations import undo
from agentflow_tui.operations.command_lines import command_line, database_options, journal_line
from agentflow_tui.operations.operation import Harm, Operation
from agentflow_tui.operations.outcomes import reasons
from agentflow_tui.operations.selection import Selection, Snapshot
from agentflow_tui.operators import operator
from agentflow_tui.schema import TABLES
from agentflow_tui.settings import Context, Settings
from agentflow_tui.store.changes.records import OperationRecord
from agentflow_tui.text import age, number, plural, safe_lines, shorten_id

MANY = 50
"""Rows from which on the count has to be typed."""

SHOWN = 4
"""Rows that are shown in the dialog."""

ROOMY = 24
"""Lines of a terminal from which on a long question may be scrolled."""

WIDTH = 74
"""Cells of a line in the dialog."""


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


def effort(operation: Operation, count: int, context: Context) -> Effort:
    """Effort grows with harm: many rows, production, or no way back want a word typed."""
    if count > MANY or context.production or operation.harm is Harm.IRREVERSIBLE:
        return Effort.TYPE
    return Effort.ENTER if count == 1 and not operation.destroys else Effort.CHOOSE


def word(snapshot: Snapshot) -> str:
    """What has to be typed: the count, or for one row its short id."""
    fit = snapshot.changeable
    secret = snapshot.operation.change.described.primary_key.secret
    return shorten_id(fit[0].id) if len(fit) == 1 and not secret else str(len(fit))


def change_question(
    selection: Selection, snapshot: Snapshot, told: Sequence[str], settings: Settings
) -> Question:
    """The question for a change of frozen rows. ``told`` are its consequences."""
    operation, count, context = snapshot.operation, len(snapshot.changeable), settings.context
    command = _command(selection, snapshot, settings, most=SHOWN)
    action = operation.verb.capitalize()
    noun = operation.change.described.one
    rows = f"this {noun}" if selection.is_one else plural(count, noun)
    field = f" the {operation.field} of" if operation.field else ""
    value = f" to {snapshot.argument}" if snapshot.argument is not None else ""
    lines = [
        text_line(operation.about, "dim"),
        *wrapped_lines([selection.note] if selection.note else [], "warning"),
        *_which(selection, snapshot),
        *_left_alone(snapshot),
        *wrapped_lines(told),
    ]
    if operation.irrevocable:
        lines += wrapped_lines([f"This cannot be taken back: {operation.irrevocable}."], "failed")
    lines += [text_line(""), *wrapped_lines([command], "dim")]
    return Question(
        title=f"{action}{field} {rows}{value}",
        lines=lines,
        go=f"{action} {number(count)}" if count > 1 else action,
        effort=effort(operation, count, context),
        word=word(snapshot),
        alarm="PRODUCTION" if context.production else "",
        command=_command(selection, snapshot, settings, most=None),
    )


def _which(selection: Selection, snapshot: Snapshot) -> list[PaneLine]:
    """Which rows these are, and the first ones by name."""
    secret = snapshot.operation.change.described.primary_key.secret
    fit = {str(row.id) for row in snapshot.changeable}
    seen = [row for row in selection.rows if str(row.key) in fit]
    lines = [] if selection.is_one else [text_line(_words(selection, len(fit)), "accent")]
    lines += [PaneLine((Piece(f"  {row_line(row, secret=secret)}"),)) for row in seen[:SHOWN]]
    rest = len(fit) - min(len(seen), SHOWN)
    if rest > 0 and seen:
        lines.append(text_line(f"  … and {number(rest)} more", "dim"))
    return lines


def _words(selection: Selection, count: int) -> str:
    same = selection.query is None and len(selection.ids) == count
    return selection.words if same else f"{selection.words}: {number(count)}"


def _left_alone(snapshot: Snapshot) -> list[PaneLine]:
    refused = snapshot.refused
    if not refused:
        return []
    said = f"{number(len(refused))} left alone: {reasons(refused)}"
    return wrapped_lines([said], "warning")


def wrapped_lines(sentences: Sequence[str], style: str = "") -> list[PaneLine]:
    """Sentences as lines that fit the dialog, broken at blanks."""
    lines = []
    for sentence in sentences:
        indent = "  " if sentence.startswith("  ") else ""
        current = ""
        for part in (w for line in safe_lines(sentence) for w in line.split()):
            joined = f"{current} {part}" if current else f"{indent}{part}"
            if len(joined) > WIDTH and current:
                lines.append(text_line(current, style))
                joined = f"{indent}  {part}"
            current = joined
        lines.append(text_line(current, style))
    return lines


def _command(
    selection: Selection, snapshot: Snapshot, settings: Settings, *, most: int | None
) -> str:
    """The command line that would do the same; ids beyond ``most`` are left out."""
    where_from = database_options(settings)
    return command_line(
        snapshot.operation,
        ids=selection.ids,
        where=selection.where if selection.query is not None else None,
        argument=snapshot.argument,
        most=most,
        context=where_from.get("context", ""),
        database=where_from.get("database", ""),
    )


def row_line(row: Any, *, secret: bool) -> str:
    """A row on one line: its short id, and what it is."""
    id_ = "••••" if secret else shorten_id(row.key)
    return f"{id_}  {row.title}"


def undo_question(record: OperationRecord, now: datetime, settings: Settings) -> Question:
    """The question before an operation is taken back."""
    ago = f", {age(now - record.at)} ago" if record.at else ""
    again = record.verb == undo.UNDO
    noun = TABLES[record.table].one if record.table in TABLES else "row"
    lines = [
        text_line(f"{record.verb} of {plural(record.applied, noun)}{ago}"),
        text_line(f"by {record.by}", "dim"),
        text_line(f"{undo.what_comes_back(record)}."),
        text_line("Rows that have moved on since stay as they are, and are named.", "dim"),
    ]
    mine = record.by == str(operator(settings.environ))
    return Question(
        title="Do it again?" if again else "Take it back?",
        lines=lines,
        go="Redo" if again else "Undo",
        effort=Effort.ENTER if mine and record.applied == 1 else Effort.CHOOSE,
        alarm="PRODUCTION" if settings.context.production else "",
        command=journal_line("undo", record.id, **database_options(settings)),
    )


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

    def __init__(self, go: str, leave: str, *, going: bool, answer: Callable[[bool], None]) -> None:
        super().__init__()
        self._answer = answer
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
        self._answer(self.going)

    def action_scroll(self, lines: int) -> None:
        self.screen.query_one(Pane).action_move(lines)

    def on_line_picked(self, event: Line.Picked) -> None:
        event.stop()
        self._answer(event.target == "go")


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
        self.question = question
        self._title = Line(id="confirm-title")
        self.set_class(bool(question.alarm), "-alarm")

    def compose(self) -> ComposeResult:
        question = self.question
        with Vertical():
            yield self._title
            yield Pane()
            if question.effort is Effort.TYPE:
                yield Prompt(lambda _text, _cursor: (), placeholder=f"type {question.word}")
            else:
                going = question.effort is Effort.ENTER
                yield _Answers(question.go, question.leave, going=going, answer=self._answered)

    def on_mount(self) -> None:
        self.tell("")
        pane = self.query_one(Pane)
        pane.show(self.question.lines, afresh=True)
        self._fit()
        if self.question.effort is Effort.TYPE:
            self.query_one(Prompt).open("")
        else:
            self.query_one(_Answers).focus()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        room = max(2, self.app.size.height - 7)
        self.query_one(Pane).styles.height = min(len(self.question.lines), room)

    def tell(self, news: str) -> None:
        """Say something beside the title, such as what has come since."""
        left = [Piece(self.question.title, "strong")]
        if self.question.alarm:
            left.insert(0, Piece(f" {self.question.alarm} ", "failed"))
            left.insert(1, Piece(" "))
        self._title.show(left, [Piece(news, "warning")] if news else [])

    def action_leave(self) -> None:
        self.dismiss(False)

    def _answered(self, going: bool) -> None:
        if not going or self._is_whole():
            self.dismiss(going)

    def _is_whole(self) -> bool:
        """Whether all that would be confirmed can be read here; says so where it cannot. A long
        question may be scrolled, unless the terminal is a small one."""
        pane, window = self.query_one(Pane), self.query_one(Vertical)
        room = window.region.intersection(self.region)
        answers = window.children[-1].region
        wide = max(len(text) for text in (self.question.title, *pane.text.splitlines()))
        whole = (
            room.contains_region(answers)
            and pane.size.width >= min(wide, WIDTH)
            and (pane.size.height >= len(pane.lines) or self.app.size.height >= ROOMY)
        )
        if not whole:
            self.tell("too small a window to show it whole ")
        return whole

    def action_copy(self) -> None:
        """The command line, on the operator's clipboard."""
        if self.question.command:
            self.app.copy_to_clipboard(self.question.command)
            self.tell("command copied ")

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()
        event.prompt.explain(None)

    def on_prompt_accepted(self, event: Prompt.Accepted) -> None:
        event.stop()
        if event.text.strip() == self.question.word:
            if self._is_whole():
                self.dismiss(True)
        else:
            event.prompt.explain(
                Mistake(f"Type {self.question.word} to go on, or escape.", 0, len(event.text))
            )

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        event.stop()
        self.dismiss(False)
