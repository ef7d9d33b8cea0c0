"""Cuts an update of the screen down to the cells it is about.

Textual 8.2 paints a partial update from the left edge of the widget: one changed digit at column
150 costs 150 cells. An app that shows :func:`exact` updates in its ``_display`` pays for the digit.
"""

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from textual._compositor import ChopsUpdate, CompositorUpdate


class ExactUpdate(CompositorUpdate):
    """The same picture as the update it is made of, in fewer bytes."""

    def __init__(self, update: ChopsUpdate) -> None:
        self._update = update

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return self._update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        """The update as it goes to the terminal: to the first changed cell, then what stands there.

        Parts that follow each other without a gap need one such move.
        """
        sequences: list[str] = []
        for y, first, behind in self._update.spans:
            at = -1
            for end, (x, strip) in zip(
                self._update.chop_ends[y], self._update.chops[y].items(), strict=False
            ):
                start, stop = max(x, first), min(end, behind)
                if strip is None or start >= stop:
                    continue
                if start != at:
                    sequences.append(Control.move_to(start, y).segment.text)
                sequences.append(strip.crop(start - x, stop - x).render(console))
                at = stop
        return "".join(sequences)


def exact(renderable: RenderableType | None) -> RenderableType | None:
    """``renderable`` cut down if it is a partial update as this Textual makes them, else itself."""
    return ExactUpdate(renderable) if type(renderable) is ChopsUpdate else renderable
