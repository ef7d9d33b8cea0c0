"""A person: what is theirs, and where they are signed in."""

from datetime import UTC

from agentflow_tui.console.details.common import ROW, field
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.widgets.pane import Link, PaneLine, text_line
from agentflow_tui.filters.terms import quoted
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.accounts import SESSION_LIST
from agentflow_tui.text import age, moment

MOST = 50
"""Sessions that are listed."""


async def sessions(opened: DetailRow) -> list[PaneLine]:
    """The sessions of a user, the one that ends last first."""
    database, now = await opened.env.connected(), opened.env.now()
    wanted = f"userId:{quoted(opened.record.id)}"
    found = query(SESSION_LIST, database.binding, wanted, now=now, zone=UTC)
    page = await found.page(database, Window(limit=MOST, count_to=MOST))
    if not page.rows:
        return [text_line("Not signed in anywhere.", "dim")]
    lines = [
        text_line("Enter leads to these sessions, where D signs out one or all of them.", "dim")
    ]
    for row in page.rows:
        ends = row.ends or row.expire
        over = row.is_expired(now)
        until = "" if ends is None else f"{moment(ends, opened.env.zone, now)}"
        state = "over" if over else "" if ends is None else f"for another {age(ends - now)}"
        link = Link("sessions", filter=wanted)
        lines.append(field(row.device or "session", f"until {until}  {state}".rstrip(), "", link))
    return lines


TABS = (ROW, Tab("Sessions", sessions))
