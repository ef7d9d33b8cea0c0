"""The lines of a story: when, how it went, and what it was, whole, however long that is."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from agentflow_tui.console.details.common import wrapped
from agentflow_tui.console.statuses import status_cell
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.operations.story.mails import MailStory
from agentflow_tui.operations.story.timeline import StoryEvent
from agentflow_tui.schema import TABLES
from agentflow_tui.text import cell_width, duration, moment


def row_lines(
    events: Sequence[StoryEvent], zone: tzinfo, now: datetime, width: int, own: str = ""
) -> list[PaneLine]:
    """A timeline; what is about the row ``own`` stands out, what comes has a heading."""
    past = [event for event in events if not event.comes]
    coming = [event for event in events if event.comes]
    layout = _Layout(events, zone, now, width)
    lines = [line for event in past for line in layout.lines(event, strong=event.id == own)]
    if coming:
        lines += [text_line(""), heading("What comes next")]
        lines += [line for event in coming for line in layout.lines(event)]
    return lines


def mail_lines(
    stories: Sequence[MailStory], zone: tzinfo, now: datetime, width: int
) -> list[PaneLine]:
    """Mails, each with what became of it and where it came from."""
    layout = _Layout([event for story in stories for event in story.events], zone, now, width)
    lines: list[PaneLine] = []
    for story in stories:
        lines += layout.lines(story.head, strong=True)
        lines += [line for event in story.fate for line in layout.lines(event, depth=1)]
        lines += [line for event in story.origin for line in layout.lines(event, depth=1)]
        lines.append(text_line(""))
    return lines[:-1]


class _Layout:
    """How the lines of one story are laid out: the times as wide as the widest of them."""

    def __init__(
        self, events: Sequence[StoryEvent], zone: tzinfo, now: datetime, width: int
    ) -> None:
        self._zone, self._now, self._width = zone, now, width
        self._times = max((cell_width(self._when(event)) for event in events), default=0)

    def _when(self, event: StoryEvent) -> str:
        return moment(event.at, self._zone, self._now) if event.at else ""

    def lines(
        self, event: StoryEvent, *, strong: bool = False, depth: int = 0
    ) -> Iterator[PaneLine]:
        """The lines of one event, each of which leads to its row."""
        indent = self._times + 2 + 2 * depth
        took = f" ({duration(event.took)})" if event.took is not None else ""
        text = f"{event.text}{took}"
        glyph, style = _look(event)
        shown = "strong" if strong and style != "failed" else style if style == "failed" else ""
        is_secret = TABLES[event.table].primary_key.secret
        link = None if is_secret else Link(event.table, event.id)
        for place, line in enumerate(wrapped(text, self._width - indent - 2)):
            first = place == 0
            start = f"{self._when(event) if first else '':<{self._times}}  {'  ' * depth}"
            yield PaneLine(
                (
                    Piece(start, "dim"),
                    Piece(f"{glyph if first else ' '} ", style),
                    Piece(line.pieces[0].text, shown),
                ),
                link=link,
                key=f"{event.table} {event.id} {event.text[:20]} {place}",
            )


def _look(event: StoryEvent) -> tuple[str, str]:
    """Glyph and style of an event."""
    if not event.status:
        return " ", ""
    ((said, style),) = status_cell(event.status)
    return said[0], style
