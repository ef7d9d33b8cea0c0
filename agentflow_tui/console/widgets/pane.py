"""A pane of lines: what a detail shows, whatever it is.

A timeline, a JSON tree, a mail, a journal are all lines of pieces; a line may lead somewhere
(``link``) or be folded (``fold``). One widget scrolls, searches and copies all of them.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentflow_tui.console.theme import style_of
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import cell_width, fit, plain, safe


@dataclass(frozen=True, slots=True)
class Link:
    """A row of another list that a line leads to: by its ``id``, or all that match ``filter``;
    in the ``view`` named, or in the first one of the table."""

    table: str
    id: str = ""
    filter: str = ""
    view: str = ""


@dataclass(frozen=True, slots=True)
class PaneLine:
    """One line. ``fold`` names a node that enter opens and closes; ``key`` tells lines apart
    across refreshes, so that the cursor stays with its line."""

    pieces: tuple[Piece, ...] = ()
    link: Link | None = None
    fold: str = ""
    key: str = ""


def text_line(text: str, style: str = "") -> PaneLine:
    """A line of plain text."""
    return PaneLine((Piece(text, style),))


def heading(text: str) -> PaneLine:
    """A line that begins a part."""
    return PaneLine((Piece(text, "strong"),))


def _key(keys: str, action: str, title: str, tooltip: str, id_: str) -> Binding:
    return Binding(keys, action, title, show=False, tooltip=tooltip, id=id_)


class Pane(Widget, can_focus=True):
    """Lines that can be moved through, searched and followed."""

    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; }"

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pane--cursor"}

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("down,j", "move(1)", "Down", "The next line", "pane.down"),
        _key("up,k", "move(-1)", "Up", "The line before", "pane.up"),
        Binding(
            "pagedown", "page(1)", "Page down", show=False, id="pane.page_down", tooltip="A page on"
        ),
        Binding(
            "pageup", "page(-1)", "Page up", show=False, id="pane.page_up", tooltip="A page back"
        ),
        Binding(
            "ctrl+d",
            "page(0.5)",
            "Half down",
            show=False,
            id="pane.half_down",
            tooltip="Half a page on",
        ),
        Binding(
            "ctrl+u",
            "page(-0.5)",
            "Half up",
            show=False,
            id="pane.half_up",
            tooltip="Half a page back",
        ),
        _key("g,home", "edge(0)", "Top", "The first line", "pane.top"),
        _key("G,end", "edge(1)", "End", "The last line", "pane.end"),
        Binding(
            "enter,d",
            "follow",
            "Follow",
            show=False,
            id="pane.follow",
            tooltip="Go where this leads, or open it",
        ),
        Binding(
            "n",
            "match(1)",
            "Next match",
            show=False,
            id="pane.next_match",
            tooltip="The next place where it is found",
        ),
        Binding(
            "N",
            "match(-1)",
            "Previous match",
            show=False,
            id="pane.previous_match",
            tooltip="The place before where it is found",
        ),
    ]

    class Followed(Message):
        """Enter on a line that leads somewhere."""

        def __init__(self, link: Link) -> None:
            super().__init__()
            self.link = link

    class Folded(Message):
        """Enter on a line that opens or closes a node."""

        def __init__(self, node: str) -> None:
            super().__init__()
            self.node = node

    def __init__(self, *, id: str | None = None, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.lines: Sequence[PaneLine] = ()
        self.top = 0
        self.cursor = 0
        self.sought = ""
        self._ascii = ascii_only

    def show(self, lines: Sequence[PaneLine], *, afresh: bool = False) -> None:
        """Replace the lines. Equal lines are not painted again; the cursor stays with its line's
        key unless the content is another one altogether (``afresh``)."""
        before = self.lines
        self.lines = tuple(lines)
        if afresh:
            self.top = self.cursor = 0
            self.refresh()
            return
        self._follow_key(before[self.cursor].key if self.cursor < len(before) else "")
        unseen = not self.size.height  # what it shows later is all new
        if self._settle() or unseen or len(before) != len(self.lines):
            self.refresh()
            return
        for y in range(self.size.height):
            index = self.top + y
            if index < len(before) and before[index] != self.lines[index]:
                self._refresh_line(index)

    def _follow_key(self, key: str) -> None:
        """Have the cursor, and the view with it, go to where the line of this key stands now."""
        found = next((i for i, line in enumerate(self.lines) if key and line.key == key), None)
        if found is not None:
            self.top = max(0, self.top + found - self.cursor)
            self.cursor = found

    @property
    def current(self) -> PaneLine | None:
        return self.lines[self.cursor] if self.cursor < len(self.lines) else None

    @property
    def text(self) -> str:
        """Everything the pane holds, as text."""
        return "\n".join("".join(p.text for p in line.pieces) for line in self.lines)

    def seek(self, text: str) -> bool:
        """Remember what to look for and go to its first match from the cursor on."""
        self.sought = text.casefold()
        self.refresh()
        return bool(text) and self._go_to_match(1, from_here=True)

    def go_to(self, line: int) -> None:
        """Put the cursor on a line, with what comes before it in view."""
        self._go(line, repaint=True)

    def action_move(self, lines: int) -> None:
        self._go(self.cursor + lines)

    def action_page(self, pages: float) -> None:
        lines = max(1, int(self.size.height * abs(pages)))
        lines = lines if pages > 0 else -lines
        self.top += lines
        self._go(self.cursor + lines, repaint=True)

    def action_edge(self, end: int) -> None:
        self._go(len(self.lines) - 1 if end else 0)

    def action_follow(self) -> None:
        line = self.current
        if line is None:
            return
        if line.link is not None:
            self.post_message(self.Followed(line.link))
        elif line.fold:
            self.post_message(self.Folded(line.fold))

    def action_match(self, direction: int) -> None:
        self._go_to_match(direction, from_here=False)

    def _go_to_match(self, direction: int, *, from_here: bool) -> bool:
        count = len(self.lines)
        first = 0 if from_here else 1
        for distance in range(first, count + first):
            index = (self.cursor + direction * distance) % count
            if self.sought and self.sought in _text(self.lines[index]).casefold():
                self._go(index)
                return True
        return False

    def _go(self, cursor: int, *, repaint: bool = False) -> None:
        before = self.cursor
        self.cursor = cursor
        if self._settle() or repaint:
            self.refresh()
        elif before != self.cursor:
            self._refresh_line(before)
            self._refresh_line(self.cursor)

    def _settle(self) -> bool:
        """Keep the cursor on a line and in view. Whether the view moved."""
        before = self.top
        last, height = len(self.lines) - 1, max(1, self.size.height)
        self.cursor = max(0, min(self.cursor, last))
        self.top = max(0, min(self.top, last + 1 - height))
        self.top = max(min(self.top, self.cursor), self.cursor - height + 1)
        return self.top != before

    def _refresh_line(self, index: int) -> None:
        y = index - self.top
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        self._settle()

    def on_focus(self) -> None:
        self._refresh_line(self.cursor)

    def on_blur(self) -> None:
        self._refresh_line(self.cursor)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.top += 3
        self._go(max(self.cursor, self.top), repaint=True)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.top = max(0, self.top - 3)
        self._go(min(self.cursor, self.top + self.size.height - 1), repaint=True)

    def on_click(self, event: Click) -> None:
        index = self.top + event.y
        if index >= len(self.lines):
            return
        again = index == self.cursor
        self._go(index)
        if again:
            self.action_follow()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        index = self.top + y
        if index >= len(self.lines):
            return Strip.blank(width, base)
        here = index == self.cursor and self.has_focus
        if here:
            base += self.get_component_rich_style("pane--cursor")
        segments = []
        room = width
        line = self.lines[index]
        matched = bool(self.sought) and self.sought in _text(line).casefold()
        for at, piece in enumerate(line.pieces):
            text = _fitted(safe(piece.text, 4 * width + 4), room, line.pieces[at + 1 :])
            style = style_of(self.app.current_theme, "accent" if matched else piece.style)
            segments.append(Segment(plain(text) if self._ascii else text, base + style))
            room -= cell_width(text)
            if room <= 0:
                break
        if room > 0:
            segments.append(Segment(" " * room, base))
        return Strip(segments, width)


def _fitted(text: str, room: int, rest: Sequence[Piece]) -> str:
    """A text in at most ``room`` cells, cut with ``…`` where more than blanks is lost of it and of
    the ``rest``."""
    if cell_width(text) <= room:
        return text
    only_blanks = not any(piece.text.strip() for piece in rest)
    return fit(text.rstrip() if only_blanks else text, room)


def _text(line: PaneLine) -> str:
    return "".join(piece.text for piece in line.pieces)
