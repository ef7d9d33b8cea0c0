"""Draws everything in ASCII, frames included, on terminals that speak nothing else."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from agentflow_tui.text import plain


class AsciiFilter(LineFilter):
    """The last thing that happens to a line: each character that is not ASCII is replaced by one
    that is like it, in as many cells."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(plain(segment.text), segment.style, segment.control)
            for segment in segments
        ]
