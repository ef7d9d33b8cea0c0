"""What stands in each cell of the terminal: a character, and the pen that it is drawn with.

Two cells that look the same are equal, however the styles they came from were made: a blank has no
foreground, and what a style says about clicks is no part of a pen.
"""

import unicodedata
from typing import NamedTuple

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.style import Style
from textual.strip import SGR_STYLES, Strip

_STYLES_KEPT = 4096
"""Styles whose pens are remembered; each row under a cursor or a click has styles of its own."""

SEEN_ON_BLANKS = frozenset({"4", "7", "9", "21", "51", "52", "53"})
"""Attributes that show where there is no character: lines, frames, and swapped colours."""

ORNAMENTS = frozenset({"2", "3"})
"""Attributes without which everything can be told apart still: dim and italic."""

_UNPRINTED = frozenset({"Cc", "Cf", "Zl", "Zp"})


class Pen(NamedTuple):
    """How a cell is drawn, as parameters of the terminal's own sequence for it (SGR)."""

    attributes: tuple[str, ...] = ()
    foreground: str = "39"
    """Empty where any will do: in a blank there is nothing to see of it."""
    background: str = "49"


PLAIN = Pen()
"""The pen of a terminal that was just reset."""

Cell = tuple[str, Pen]
"""A character, with the marks that combine with it, and its pen. The second cell of a wide
character has no text of its own."""

BLANK: Cell = (" ", Pen(foreground=""))

Row = list[Cell]


class CellReader:
    """Takes the strips that Textual paints apart into cells, with as many colours as there are.

    It is the last filter in front of the terminal: no character that is a control, or that changes
    the direction of a line, becomes a cell.
    """

    def __init__(self, colors: ColorSystem) -> None:
        self._colors = colors
        self._few = False
        self._pens: dict[Style | None, tuple[Pen, Pen]] = {}
        self._same: dict[Pen, Pen] = {}

    def use_few_colours(self, few: bool) -> None:
        """Whether characters have one of sixteen colours and no `ORNAMENTS`. Backgrounds stay: they
        seldom change within a line, and seldom cost anything."""
        self._few = few
        self._pens.clear()

    def cells(self, strip: Strip) -> Row:
        """As many cells as the strip is long."""
        row: Row = []
        for text, style, control in strip:
            if control:
                continue
            pen, blank = self._pens_of(style)
            if text.isascii() and text.isprintable():
                if text.isspace():
                    row += [(" ", blank)] * len(text)
                else:
                    row += [(c, blank if c == " " else pen) for c in text]
            else:
                _add_wide(row, text, pen, blank)
        missing = strip.cell_length - len(row)
        if missing > 0:
            row += [BLANK] * missing
        return row[: strip.cell_length] if missing < 0 else row

    def _pens_of(self, style: Style | None) -> tuple[Pen, Pen]:
        """The pens for the characters and for the blanks of a style."""
        found = self._pens.get(style)
        if found is None:
            if len(self._pens) >= _STYLES_KEPT:
                self._pens.clear()
            pen = PLAIN if style is None else self._pen(style)
            seen = not SEEN_ON_BLANKS.isdisjoint(pen.attributes)
            blank = pen if seen else Pen(foreground="", background=pen.background)
            same = self._same.setdefault
            found = self._pens[style] = same(pen, pen), same(blank, blank)
        return found

    def _pen(self, style: Style) -> Pen:
        attributes = style._attributes & style._set_attributes
        codes = (code for bit, code in enumerate(SGR_STYLES) if attributes & 1 << bit)
        return Pen(
            tuple(code for code in codes if not (self._few and code in ORNAMENTS)),
            self._codes(style, foreground=True) or "39",
            self._codes(style, foreground=False) or "49",
        )

    def _codes(self, style: Style, *, foreground: bool) -> str:
        color = style.color if foreground else style.bgcolor
        if color is None:
            return ""
        colors = ColorSystem.STANDARD if self._few and foreground else self._colors
        return ";".join(color.downgrade(colors).get_ansi_codes(foreground))


def _add_wide(row: Row, text: str, pen: Pen, blank: Pen) -> None:
    """Add text that may have wide, combining and unprintable characters."""
    for character in text:
        category = unicodedata.category(character)
        if category in _UNPRINTED:
            continue
        width = 1 if category == "Cs" else get_character_cell_size(character)
        if not width:
            if row and row[-1][0]:
                row[-1] = row[-1][0] + character, row[-1][1]
            continue
        shown = "\ufffd" if category == "Cs" else character
        row.append((shown, blank if shown == " " else pen))
        if width == 2:
            row.append(("", pen))
