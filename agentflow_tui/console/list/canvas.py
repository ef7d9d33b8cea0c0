"""The drawing half of a list: lines of cells, each painted only where it looks different."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import ClassVar, Generic

from rich.style import Style
from textual.color import Color
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from agentflow_tui.console.list.columns import GUTTER, ListColumn, place
from agentflow_tui.console.list.marks import Marks
from agentflow_tui.console.list.row_lines import (
    LOOKS,
    Ground,
    Look,
    Palette,
    RowLine,
    RowLines,
    note_lines,
)
from agentflow_tui.console.list.viewport import RowT
from agentflow_tui.console.list.window import RowWindow
from agentflow_tui.console.theme import cell_styles
from agentflow_tui.dataclass import dataclass
from agentflow_tui.text import fit

HEADER = 1
"""Lines above the rows."""

_REVERSE = Style(reverse=True)
_WHOLE = ((0, sys.maxsize),)


@dataclass(slots=True)
class _Shown(Generic[RowT]):
    """What stands on a line of the screen."""

    line: RowLine[RowT]
    look: Look
    strip: Strip | None = None


class GridCanvas(Widget, Generic[RowT]):
    """Shows what a window holds. Rows are drawn once and kept as strips while they look the same.

    A border or padding is possible, but costs the fast path of painting.
    """

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    GridCanvas {
        height: 1fr;
        width: 1fr;
        &.-stale { text-opacity: 60%; }
        .grid--header { background: $panel; color: $foreground; }
        .grid--header-sorted { background: $panel; color: $primary; text-style: bold; }
        .grid--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        .grid--cursor-blurred { background: $panel; }
        .grid--note { color: $foreground 70%; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--header",
        "grid--header-sorted",
        "grid--cursor",
        "grid--cursor-blurred",
        "grid--note",
    }

    def __init__(
        self,
        columns: Sequence[ListColumn[RowT]],
        *,
        now: Callable[[], datetime],
        ascii_only: bool = False,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.window: RowWindow[RowT] = RowWindow()
        self._marks: Marks[RowT] = Marks()
        self._now = now
        self._at = now()
        self._ascii_only = ascii_only
        self._sorted_by = ("", False)
        self._note = ""
        self._lines: RowLines[RowT] = RowLines()
        self._shown: list[_Shown[RowT]] = []
        self._noted: list[str] = []
        self._palette: Palette | None = None
        self._palette_is_old = True
        self._fixed: dict[int, Strip] = {}

    @property
    def sorted_by(self) -> tuple[str, bool]:
        """The field the rows are sorted by, and whether descending: an arrow shows it."""
        return self._sorted_by

    @sorted_by.setter
    def sorted_by(self, sort: tuple[str, bool]) -> None:
        if sort != self._sorted_by:
            self._sorted_by = sort
            self._fixed.clear()
            self.refresh(Region(0, 0, self.size.width, HEADER))

    def tick(self, now: datetime | None = None) -> None:
        """Time has passed: the cells that show it move on, without a query."""
        self._at = now or self._now()
        self._paint()

    def on_resize(self, _event: Resize) -> None:
        self._lay_out()

    def on_focus(self) -> None:
        self._paint()

    def on_blur(self) -> None:
        self._paint()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._palette_is_old = True

    def _lay_out(self) -> None:
        width, height = self.size
        self.window.resize(height - HEADER)
        self._fixed.clear()
        self._lines.lay_out(place(self.columns, width, self._lines.contents), width)
        self._look_again()
        self._make_room()
        self.refresh()

    def _make_room(self) -> bool:
        """Place the columns anew where rows have come that need more room, if there is any."""
        width = self.size.width
        placed = place(self.columns, width, self._lines.contents) if self._lines.is_cut else ()
        if not placed or placed == self._lines.placed:
            return False
        self._fixed.clear()
        self._lines.lay_out(placed, width)
        self._look_again()
        return True

    # What has changed

    def _look_again(self) -> None:
        """Work out what each line has to look like now."""
        cursor = self.window.cursor - self.window.top
        cursor_ground = Ground.CURSOR if self.has_focus else Ground.BLURRED_CURSOR
        shown = []
        for y, row in enumerate(self.window.visible):
            ground = cursor_ground if y == cursor else Ground.PLAIN
            look = LOOKS[ground, row.key in self._marks]
            line = self._lines.line(row, self._at)
            old = self._shown[y] if y < len(self._shown) else None
            same = old is not None and old.line is line and old.look is look
            shown.append(old if old is not None and same else _Shown(line, look))
        self._shown = shown
        self._noted = [] if self._shown else note_lines(self._note, self.size.width - 2 * GUTTER)

    def _paint(self) -> None:
        """Have the cells repainted that look different from what is on the screen."""
        width = self.size.width
        if not width:
            return
        before, noted = self._shown, self._noted
        self._look_again()
        if self._make_room():
            self.refresh()
            return
        if noted != self._noted:
            self._fixed.clear()
            self.refresh()
            return
        regions = []
        for y, (old, new) in enumerate(zip_longest(before, self._shown), HEADER):
            if old is not new:
                spans = self._changed(old, new) if old and new else _WHOLE
                regions += [Region(x, y, min(end, width) - x, 1) for x, end in spans]
        if regions:
            self.refresh(*regions)

    def _changed(self, old: _Shown[RowT], new: _Shown[RowT]) -> Sequence[tuple[int, int]]:
        """Which cells of a line differ: (first, behind the last)."""
        if old.look.ground is not new.look.ground or old.line.row.key != new.line.row.key:
            return _WHOLE
        mark = [(0, GUTTER)] if old.look is not new.look else []
        return [*mark, *self._lines.spans(old.line, new.line)]

    # Painting

    def render_lines(self, crop: Region) -> list[Strip]:
        if 0 < self._lines.width != self.size.width:
            self._lay_out()  # where something is mounted meanwhile, Textual tells of no resize
        if not self._is_bare:
            return super().render_lines(crop)
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span == (0, self.size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def render_line(self, y: int) -> Strip:
        palette = self._colours()
        if HEADER <= y < HEADER + len(self._shown):
            shown = self._shown[y - HEADER]
            if shown.strip is None:
                shown.strip = self._lines.strip(shown.line, shown.look, palette)
            return shown.strip
        part = 0 if y < HEADER else y if self._noted else -1
        strip = self._fixed.get(part)
        if strip is None:
            strip = self._fixed[part] = self._fixed_strip(y, palette)
        return strip

    def _fixed_strip(self, y: int, palette: Palette) -> Strip:
        width = self.size.width
        if y < HEADER:
            field, descending = self._sorted_by
            return self._lines.header(palette, field, descending=descending)
        line = y - HEADER - 1  # a line is left free between the header and a sentence
        if 0 <= line < len(self._noted):
            text = fit(" " * GUTTER + self._noted[line], width)
            return palette.strip([(text, palette.note)], width)
        return palette.strip([(" " * width, palette.grounds[Ground.PLAIN])], width)

    @property
    def _is_bare(self) -> bool:
        """Whether nothing but lines is to be painted, so that they need no further processing."""
        return not any(self.gutter) and self.opacity == 1

    def _colours(self) -> Palette:
        if self._palette is None or self._palette_is_old:
            self._palette_is_old = False
            palette = self._new_palette()
            if palette != self._palette:
                self._palette = palette
                self._lines.forget()
                self._fixed.clear()
                self._look_again()
        return self._palette

    def _new_palette(self) -> Palette:
        fade = self.styles.text_opacity if self._is_bare else 1.0
        component = self.get_component_rich_style
        cursor = component("grid--cursor")
        if self.app.no_color and self.app.native_ansi_color:
            cursor += _REVERSE  # without colours nothing else would tell the cursor
        background = self.background_colors[1]
        named = cell_styles(self.app.current_theme)
        return Palette(
            grounds={
                Ground.PLAIN: _faded(self.rich_style, fade),
                Ground.CURSOR: _faded(cursor, fade),
                Ground.BLURRED_CURSOR: _faded(component("grid--cursor-blurred"), fade),
            },
            header=_faded(component("grid--header"), fade),
            sorted_header=_faded(component("grid--header-sorted"), fade),
            note=component("grid--note"),
            named={name: _faded(style, fade, background) for name, style in named.items()},
            filters=self.get_line_filters(),
            background=background,
            ascii_only=self._ascii_only,
        )


def _faded(style: Style, share: float, background: Color | None = None) -> Style:
    """The style with its text ``share`` (0 to 1) as strong, on its own or the given background."""
    if share == 1 or style.color is None:
        return style
    behind = Color.from_rich_color(style.bgcolor) if style.bgcolor else background
    if behind is None:
        return style
    colour = behind.blend(Color.from_rich_color(style.color), share)
    return style + Style(color=colour.rich_color)
