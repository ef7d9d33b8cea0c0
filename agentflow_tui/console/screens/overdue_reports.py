"""Screen 5: reports that should have come and did not."""

from collections.abc import Sequence
from datetime import datetime

from agentflow_tui import clock
from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.group_view import GroupScreen
from agentflow_tui.console.screens.cells import age_column, number_column, text_column
from agentflow_tui.console.ways import Way
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.filters.terms import quoted
from agentflow_tui.store.views.overdue_reports import OverdueReport, read_overdue_reports


async def load(env: Environment) -> Sequence[OverdueReport]:
    """The reports that are overdue now, by the workers' clock."""
    zone = clock.zone(env.settings.workers.time_zone)
    return await read_overdue_reports(await env.connected(), zone, env.now())


def _columns(_env: Environment) -> tuple[ListColumn[OverdueReport], ...]:
    def usual(row: OverdueReport, _now: datetime) -> Cell:
        return f"{row.usual:%H:%M}"

    return (
        text_column("Vendor", lambda row: row.vendor, width=14),
        text_column("Report", lambda row: row.report_type, width=20),
        age_column("Overdue", lambda row: row.due),
        ListColumn("Usually", usual, width=7, key="usual"),
        age_column("Last", lambda row: row.last),
        number_column("Missed", lambda row: row.missed, drop=1),
        text_column("Why", lambda row: row.why),
    )


def link(row: OverdueReport) -> Link:
    """The workflow that failed to fetch it, else the reports of this vendor and type."""
    if row.workflow:
        return Link("workflows", id=row.workflow)
    known = (("vendor", row.vendor), ("reportType", row.report_type))
    terms = [f"{name}:{quoted(value)}" for name, value in known if value]
    return Link("reports", filter=" ".join(terms))


OVERDUE_SCREEN = GroupScreen(
    load=load,
    columns=_columns,
    ways=lambda row: [Way(row.title, link(row))],
    empty="No report is overdue. Those that come by a rhythm appear here when they do not come.",
    note=lambda env: f"usual times in {env.settings.workers.time_zone or 'local time'}",
)
