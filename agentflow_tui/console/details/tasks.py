"""An entry of the journal: what went in, what came out, what went wrong."""

from agentflow_tui.console.details.common import ROW, field, tree, tree_tab
from agentflow_tui.console.details.journals import error_lines
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.statuses import status_cell
from agentflow_tui.console.widgets.pane import PaneLine, heading, text_line
from agentflow_tui.text import duration


async def entry(opened: DetailRow) -> list[PaneLine]:
    """The whole entry on one page."""
    record = opened.record
    ((status, style),) = status_cell(record.text("status"))
    start, end = record.values.get("startTime"), record.values.get("endTime")
    took = duration(end - start) if start and end else ""  # type: ignore[operator]
    return [
        field("Task", record.text("taskType"), "strong"),
        field("Status", status, style),
        field("Took", took),
        text_line(""),
        *error_lines(opened, record.text("error")),
        heading("Input"),
        *tree(opened, record.text("input")),
        text_line(""),
        heading("Output"),
        *tree(opened, record.text("output")),
    ]


TABS = (Tab("Entry", entry), ROW, tree_tab("Input", "input"), tree_tab("Output", "output"))
