"""Screen 5: reports, the insights found in them, and to whom those went."""

import re
from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import (
    age_column,
    date_column,
    number_column,
    owner_column,
    status_column,
    text_column,
)
from agentflow_tui.documents import headline, read
from agentflow_tui.store.views.reports import (
    DISTRIBUTION_LIST,
    INSIGHT_LIST,
    REPORT_LIST,
    Distribution,
    Insight,
    Report,
)
from agentflow_tui.text import NOTHING, thin_bar

_BAR = 5
GOOD, FAIR = 75, 50
"""Scores from which on an insight is drawn as good, and as fair."""


def score_cell(score: int | None, *, blocks: bool) -> Cell:
    """A score of 0 to 100 as a bar and a number."""
    if score is None:
        return NOTHING
    style = "running" if score >= GOOD else "ok" if score >= FAIR else "dim"
    return ((thin_bar(score / 100, _BAR, blocks=blocks), style), (f" {score:>3}", ""))


def _file_name(path: str | None) -> str | None:
    """The last part of a path, of whichever system: its beginning is the same in every row."""
    return path and re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def _report_columns(env: Environment) -> tuple[ListColumn[Report], ...]:
    return (
        text_column("Vendor", lambda row: row.vendor, width=14, sort="vendor"),
        text_column("Report", lambda row: row.report_type, sort="reportType"),
        date_column("Date", lambda row: row.report_date, sort="reportDate"),
        number_column("Insights", lambda row: row.insight_count),
        text_column("File", lambda row: _file_name(row.file_path), drop=2, style="dim"),
        owner_column(drop=3),
        age_column("Age", lambda row: row.created_at, sort="createdAt", drop=1),
    )


def _insight_columns(env: Environment) -> tuple[ListColumn[Insight], ...]:
    blocks = not env.settings.console.ascii

    def content(row: Insight, _now: datetime) -> Cell:
        return headline(read(row.content))

    return (
        ListColumn(
            "Score",
            lambda row, _now: score_cell(row.score, blocks=blocks),
            width=_BAR + 4,
            sort="score",
            key="score",
        ),
        text_column("Type", lambda row: row.insight_type, width=18, sort="insightType"),
        ListColumn("Insight", content, grows=True, min_width=24, key="insight"),
        text_column("Vendor", lambda row: row.vendor, width=12, drop=1),
        text_column("Report", lambda row: row.report_type, width=20, drop=2),
        age_column("Age", lambda row: row.created_at, sort="createdAt"),
    )


def _distribution_columns(env: Environment) -> tuple[ListColumn[Distribution], ...]:
    return (
        status_column(),
        text_column("To", lambda row: row.recipient_id, sort="recipientId"),
        text_column("As", lambda row: row.recipient_type, width=14, sort="recipientType"),
        text_column("By", lambda row: row.distribution_method, width=8, drop=1),
        text_column("Insight", lambda row: row.insight_type, width=20, drop=2),
        age_column("Sent", lambda row: row.sent_at, sort="sentAt"),
        age_column("Age", lambda row: row.created_at, sort="createdAt"),
    )


REPORTS_SCREEN = ListScreen(
    listing=REPORT_LIST,
    columns=_report_columns,
    empty="No reports. {report.import} imports one from a file; workflows bring others in.",
    tabs="agentflow_tui.console.details.reports:REPORT_TABS",
)

INSIGHTS_SCREEN = ListScreen(
    listing=INSIGHT_LIST,
    columns=_insight_columns,
    empty="No insights. AgentFlow writes them when it has read a report.",
    tabs="agentflow_tui.console.details.reports:INSIGHT_TABS",
)

DISTRIBUTIONS_SCREEN = ListScreen(
    listing=DISTRIBUTION_LIST,
    columns=_distribution_columns,
    faults="status:failed",
    empty="No distributions. They appear when an insight goes to someone.",
    tabs="agentflow_tui.console.details.reports:DISTRIBUTION_TABS",
)
