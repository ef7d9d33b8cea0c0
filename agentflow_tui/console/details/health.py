"""A health check or a worker: what it says, in full."""

from agentflow_tui.console.details.common import ROW, field, tree, wrapped
from agentflow_tui.console.statuses import status_style
from agentflow_tui.console.views.declarations import Opened, Tab
from agentflow_tui.console.widgets.pane import PaneLine, text_line
from agentflow_tui.documents import NodeKind, kind_of, read
from agentflow_tui.text import duration


async def check(opened: Opened) -> list[PaneLine]:
    """State, message and details."""
    record = opened.record
    took = record.values.get("responseTime")
    status = record.text("status")
    lines = [
        field("Service", record.text("name") or record.id, "strong"),
        field("Status", status, status_style(status)),
        field("Response", duration(took / 1000) if isinstance(took, int | float) else ""),
        text_line(""),
        *wrapped(record.text("message"), opened.width),
        text_line(""),
    ]
    details = record.text("details")
    if not details:
        return lines
    if kind_of(read(details).value) in {NodeKind.OBJECT, NodeKind.LIST}:
        return [*lines, *tree(opened, details)]
    return [*lines, *wrapped(details, opened.width, "dim")]


CHECK_TABS = (Tab("Check", check), ROW)
WORKER_TABS = (Tab("Worker", check), ROW)
