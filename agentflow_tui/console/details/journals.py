"""What the journal says about one row."""

from agentflow_tui.console.details.common import wrapped
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.statuses import status_cell
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import Link, PaneLine, heading, text_line
from agentflow_tui.documents import headline, read
from agentflow_tui.store.views.tasks import Mention, mentions
from agentflow_tui.text import duration, moment


def mention_line(opened: DetailRow, entry: Mention) -> PaneLine:
    """One journal entry: when, how it went, what it was, how long it took."""
    now, zone = opened.env.now(), opened.env.zone
    ((status, style),) = status_cell(entry.status)
    when = moment(entry.created_at, zone, now) if entry.created_at else ""
    took = (
        f"  {duration(entry.end_time - entry.start_time)}"
        if (entry.start_time and entry.end_time)
        else ""
    )
    about = entry.error or headline(read(entry.output))
    return PaneLine(
        (
            Piece(f"{when:<17}", "dim"),
            Piece(f"{status:<12}", style),
            Piece(f"{entry.task_type or '':<18}"),
            Piece(f"{took:<9}", "dim"),
            Piece(f" {about}", "failed" if entry.error else "dim"),
        ),
        link=Link("task_logs", entry.id),
        key=entry.id,
    )


def journal_tab(title: str = "Journal", kind: str = "") -> Tab:
    """The journal's entries that name this row, newest first; ``kind`` narrows by task type."""

    async def load(opened: DetailRow) -> list[PaneLine]:
        database = await opened.env.connected()
        found = await mentions(database, opened.record.id, kind)
        if not found.entries:
            looked = "" if found.complete else f" among the newest {found.looked_at:,} entries"
            return [text_line(f"The journal says nothing about this row{looked}.", "dim")]
        return [mention_line(opened, entry) for entry in found.entries]

    return Tab(title, load)


def error_lines(opened: DetailRow, text: str) -> list[PaneLine]:
    """An error in full."""
    if not text:
        return []
    return [heading("Error"), *wrapped(text, opened.width, "failed"), text_line("")]
