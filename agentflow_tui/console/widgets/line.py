"""A line of text pieces that repaints only where it changed, and knows what was clicked."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentflow_tui.console.theme import style_of
from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import cell_width, fit, plain, safe


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of a line. ``target`` names what a click on it means."""

    text: str
    style: str = ""
    target: str = ""


class Line(Widget):
    """One line: ``left`` pieces from the left edge, ``right`` ones up to the right edge.

    Where there is no room for both, the left ones are cut: what stands right is short and matters.
    """

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    class Picked(Message):
        """A piece with a target was clicked."""

        def __init__(self, target: str) -> None:
            super().__init__()
            self.target = target

    def __init__(self, *, id: str | None = None, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self._left: tuple[Piece, ...] = ()
        self._right: tuple[Piece, ...] = ()
        self._ascii = ascii_only
        self._monochrome = False

    @property
    def monochrome(self) -> bool:
        """Everything in the colour of the line itself, for one with a background of its own."""
        return self._monochrome

    @monochrome.setter
    def monochrome(self, on: bool) -> None:
        if on != self._monochrome:
            self._monochrome = on
            self.refresh()

    def show(self, left: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        """Put these pieces in place; what looks the same is not painted again."""
        if not self.size.width:  # nothing to compare with: what it shows later is all new
            self._left, self._right = tuple(left), tuple(right)
            self.refresh()
            return
        before = self._laid_out(self.size.width)
        self._left, self._right = tuple(left), tuple(right)
        after = self._laid_out(self.size.width)
        changed = _difference(before, after)
        if changed is not None:
            start, end = changed
            self.refresh(Region(start, 0, end - start, 1))

    @property
    def text(self) -> str:
        """What the line says, for tests and for copying."""
        return "".join(piece.text for piece in self._laid_out(self.size.width)).rstrip()

    def _laid_out(self, width: int) -> list[Piece]:
        """The pieces as they are painted: harmless, cut and padded to exactly ``width`` cells."""
        right = [self._clean(piece) for piece in self._right]
        room = max(0, width - sum(cell_width(piece.text) for piece in right))
        result = []
        for piece in map(self._clean, self._left):
            wide = cell_width(piece.text)
            if wide > room:
                cut = fit(piece.text, room)
                text = plain(cut) if self._ascii else cut
                result.append(Piece(text, piece.style, piece.target))
                room = 0
                break
            result.append(piece)
            room -= wide
        if room:
            result.append(Piece(" " * room))
        return [*result, *right]

    def _clean(self, piece: Piece) -> Piece:
        text = safe(piece.text)
        return Piece(plain(text) if self._ascii else text, piece.style, piece.target)

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        segments = [
            Segment(piece.text, base + self._style_of(piece))
            for piece in self._laid_out(self.size.width)
        ]
        return Strip(segments, self.size.width) if y == 0 else Strip.blank(self.size.width, base)

    def _style_of(self, piece: Piece) -> Style:
        style = style_of(self.app.current_theme, piece.style)
        return Style(bold=style.bold) if self._monochrome else style

    def on_click(self, event: Click) -> None:
        at = event.x
        for piece in self._laid_out(self.size.width):
            at -= cell_width(piece.text)
            if at < 0:
                if piece.target:
                    self.post_message(self.Picked(piece.target))
                return


def _difference(before: Sequence[Piece], after: Sequence[Piece]) -> tuple[int, int] | None:
    """The cells that differ, as (first, behind the last), or None when none do."""
    if list(before) == list(after):
        return None
    old, new = _characters(before), _characters(after)
    total = sum(cell_width(p.text) for p in after)
    if len(old) != total or len(new) != total:
        return 0, total
    changed = [place for place in range(total) if old[place] != new[place]]
    return (changed[0], changed[-1] + 1) if changed else None


def _characters(pieces: Sequence[Piece]) -> list[tuple[str, str]]:
    return [(character, piece.style) for piece in pieces for character in piece.text]
